"""Which cases are looked at afterwards: a draw that an auditor can repeat and no agent can steer.

Case ids are made by the daemon and the key is only its own, so a draw cannot be chosen.
"""

from __future__ import annotations

import hmac


def draw(key: bytes, case_id: str) -> float:
    """A number in [0, 1) for a case: HMAC-SHA256 (RFC 2104) of its id, the first 53 bits of it.

    A sample rule takes the case where this is below its rate.
    """
    sealed = hmac.digest(key, case_id.encode(), "sha256")
    # 53 bits are what a double holds: dividing 64 bits could round up to 1.
    return (int.from_bytes(sealed[:8], "big") >> 11) / 2**53
