"""Signed links: who may look at, and decide about, which revision of which case; and whose queue.

A link is a bearer's: who has it, may use it, and the receipt says `link`. It does not lapse by
itself; its case does. Knows neither pages nor clocks: the time of signing is an argument, so that
the same mail has the same link.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec
from itsdangerous import BadData, BadSignature, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from hitl_mail.errors import HitlError

Purpose = Literal["decide", "receipt", "queue"]

_PATHS: dict[Purpose, str] = {"decide": "d", "receipt": "r", "queue": "q"}
_LONGEST = 2000


class BadLink(HitlError):
    """Not one of our links: cut off, changed, or signed with a key that has been retired."""


class LinkClaim(msgspec.Struct, frozen=True):
    """What a link that verified is for. `seen` is the digest of the revision it showed; `at` is
    when it was made, in whole seconds since the epoch. A queue is a person's: its `case` and
    `seen` are empty."""

    purpose: Purpose
    case: str
    seen: str
    person: str
    at: int


class Links:
    """Makes and reads link tokens. `keys` are secrets, newest first: the first signs, all
    verify."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.rekey(keys)

    def rekey(self, keys: Sequence[bytes], since: Sequence[float] = ()) -> None:
        """Take these keys from now on, newest first; `since` is when each was made, in seconds
        since the epoch: a link made at a moment is signed by the key of that moment."""
        if not keys:
            raise ValueError("no key to sign links with")
        # itsdangerous takes the newest key last.
        self._keys = list(reversed(keys))
        self._since = list(reversed(since))

    def make(self, purpose: Purpose, case: str, seen: str, person: str, at: float) -> str:
        """A token for one purpose, made at `at`."""
        there = sum(since <= at for since in self._since) or 1
        keys = self._keys[:there] if self._since else self._keys
        return str(self._serializer(purpose, int(at), keys).dumps([case, seen, person]))

    def read(self, purpose: Purpose, token: str) -> LinkClaim:
        """What a token is for. Raises `BadLink`."""
        if len(token) > _LONGEST or not token.isascii():
            raise BadLink("this link is not one of ours")
        try:
            said, signed = self._serializer(purpose, 0, self._keys).loads(
                token, return_timestamp=True
            )
            _check_spelling(token.rpartition(".")[2])
            case, seen, person = msgspec.convert(said, tuple[str, str, str])
        except (BadData, msgspec.ValidationError, ValueError):
            raise BadLink("this link is cut off, changed, or no longer valid") from None
        return LinkClaim(purpose, case, seen, person, int(signed.timestamp()))

    def _serializer(self, purpose: Purpose, at: int, keys: list[bytes]) -> URLSafeTimedSerializer:
        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return at

        return URLSafeTimedSerializer(
            keys,
            salt=f"hitl-mail {purpose}",
            signer=Signer,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )


def _check_spelling(signature: str) -> None:
    """Raises `BadSignature` unless the signature is spelled as we spell it. Base64 leaves bits over
    at its end that decode to nothing, and the library takes padding: one link would have several
    texts."""
    if base64_encode(base64_decode(signature)).decode("ascii") != signature:
        raise BadSignature("another spelling of a signature")


def link_url(base_url: str, purpose: Purpose, token: str) -> str:
    """Where a token leads: `BASE/d/TOKEN`, `BASE/r/TOKEN` or `BASE/q/TOKEN`."""
    return f"{base_url.rstrip('/')}/{_PATHS[purpose]}/{token}"
