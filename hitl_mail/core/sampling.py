"""Which cases are looked at afterwards: a draw that an auditor can repeat and no agent can steer.

Case ids are made by the daemon and the key is only its own, so a draw cannot be chosen.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any


def draw(key: bytes, case_id: str) -> float:
    """A number in [0, 1) for a case: HMAC-SHA256 (RFC 2104) of its id, the first 53 bits of it.

    A sample rule takes the case where this is below its rate.
    """
    sealed = hmac.digest(key, case_id.encode(), "sha256")
    # 53 bits are what a double holds: dividing 64 bits could round up to 1.
    return (int.from_bytes(sealed[:8], "big") >> 11) / 2**53


def share(rate: float) -> str:
    """A rate for people: `one in 20`, `3 in 10`, `every one`."""
    if rate <= 0 or rate >= 1:
        return "none" if rate <= 0 else "every one"
    if abs(1 / rate - round(1 / rate)) < 1e-6:
        return f"one in {round(1 / rate)}"
    parts = Fraction(rate).limit_denominator(1000)
    return f"{parts.numerator} in {parts.denominator}" if parts else f"{rate:g}"


def check_draws(receipt: Mapping[str, Any], keys: Iterable[bytes]) -> str | None:
    """What is wrong with the draws a receipt tells of, or None; under any of the keys."""
    told = [
        (trace["values"]["draw"], trace["values"].get("rate"))
        for trace in receipt["verdict"].get("trace", ())
        if "draw" in trace["values"]
    ]
    right = {draw(key, receipt["case"]) for key in keys}
    for drawn, _ in told:
        if drawn not in right:
            return f"its sample was drawn as {drawn}, which is not what the key gives"
    sampled = receipt["verdict"].get("sampled")
    if sampled is not None and told:
        # What a person decides before it runs is not looked at after, whatever was drawn.
        by_sample = receipt["verdict"]["gate"] == "sample"
        due = by_sample and any(rate is not None and drawn < rate for drawn, rate in told)
        if due != sampled:
            return "whether it was sampled contradicts its draw"
    return None
