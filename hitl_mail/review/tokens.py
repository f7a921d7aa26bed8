"""Secrets that bind a reply or a report to a case: short HMAC tokens, derived and never stored.

A reply address is `LOCAL+CASE-REVISION-TOKEN@DOMAIN`; a Message-ID of ours is
`<CASE.REVISION.MAIL.TOKEN@DOMAIN>`, so that a reply can also be matched by what it answers. Each
token is 80 bits of HMAC-SHA256 in lower-case base32, over the case, the digest of the revision
that was shown and the person it was shown to: a local part holds 64 characters (RFC 5321,
4.5.3.1.1), and a guess has to come by mail. Permits have 160 bits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

import msgspec

from hitl_mail.core.action import CASE_ID
from hitl_mail.core.canonical import canonical

_LONGEST_LOCAL = 64
_SUFFIX = 1 + 13 + 1 + 4 + 1 + 16
"""`+CASE-REVISION-TOKEN`, with a revision of four digits."""

_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,190}")
_TAG = re.compile(rf"({CASE_ID.pattern})-([1-9][0-9]{{0,3}})-([a-z2-7]{{16}})")
_MESSAGE_ID = re.compile(
    rf"<({CASE_ID.pattern})\.([1-9][0-9]{{0,3}})\.(m[1-9][0-9]{{0,5}})\.([a-z2-7]{{16}})@([^<>\s@]+)>"
)
_NOTICE_ID = re.compile(r"<notice\.[a-z2-7]{16}@([^<>\s@]+)>")


class Claim(msgspec.Struct, frozen=True):
    """What a token says it is for, before anybody has checked it. `mail` is the effect id of the
    mail whose Message-ID it was, None where it was an address."""

    case: str
    revision: int
    token: str
    mail: str | None = None


class Tokens:
    """The site's reply addresses and Message-IDs.

    `keys` are secrets, newest first: the first signs, all verify. Raises `ValueError` where the
    address is no plain `local@domain`, or leaves a reply token no room.
    """

    def __init__(self, address: str, keys: Sequence[bytes]) -> None:
        self.rekey(keys)
        if not _PLAIN_ADDRESS.fullmatch(address):
            raise ValueError(f"{address!r} is not a plain local@domain without a +")
        self.address = address
        self._local, _, self._domain = address.rpartition("@")
        if len(self._local) + _SUFFIX > _LONGEST_LOCAL:
            longest = _LONGEST_LOCAL - _SUFFIX
            raise ValueError(
                f"{address!r} leaves no room for a reply token: its part before the @ may have at "
                f"most {longest} characters"
            )

    def rekey(self, keys: Sequence[bytes], since: Sequence[float] = ()) -> None:
        """Take these keys from now on, newest first; `since` is when each was made, in seconds
        since the epoch: a mail that was owed at a moment is signed by the key of that moment."""
        if not keys:
            raise ValueError("no key to sign reply addresses with")
        self._keys = tuple(keys)
        self._since = tuple(since)

    def reply_address(
        self, case: str, revision: int, seen: str, person: str, at: float | None = None
    ) -> str:
        """Where this person's reply about this revision goes; `seen` is its digest."""
        token = self._sign(self._key_at(at), "reply", case, seen, person)
        return f"{self._local}+{case}-{revision}-{token}@{self._domain}"

    def parse_address(self, address: str) -> Claim | None:
        """The claim in an address of ours, without regard to case; None for any other."""
        local, _, domain = address.lower().rpartition("@")
        if domain != self._domain.lower() or not local.startswith(self._local.lower() + "+"):
            return None
        match = _TAG.fullmatch(local[len(self._local) + 1 :])
        return Claim(match[1], int(match[2]), match[3]) if match else None

    def message_id(
        self,
        case: str,
        revision: int,
        mail: str,
        seen: str,
        person: str,
        at: float | None = None,
    ) -> str:
        """The Message-ID of one mail (`mail` is its effect id) to one person."""
        token = self._sign(self._key_at(at), f"mail {mail}", case, seen, person)
        return f"<{case}.{revision}.{mail}.{token}@{self._domain}>"

    def notice_id(self, key: str, person: str, at: float | None = None) -> str:
        """The Message-ID of a mail about no open case; it is matched to nothing."""
        token = self._sign(self._key_at(at), "notice", key, "", person)
        return f"<notice.{token}@{self._domain}>"

    def parse_message_id(self, message_id: str) -> Claim | None:
        """The claim in a Message-ID of ours, without regard to case; None for any other."""
        match = _MESSAGE_ID.fullmatch(message_id.lower())
        if match is None or match[5] != self._domain.lower():
            return None
        return Claim(match[1], int(match[2]), match[4], match[3])

    def is_ours(self, address: str) -> bool:
        """Whether mail to this address comes back to us: the plain address or any tag of it."""
        local, _, domain = address.lower().rpartition("@")
        return domain == self._domain.lower() and local.partition("+")[0] == self._local.lower()

    def is_our_message(self, message_id: str) -> bool:
        """Whether a Message-ID has the shape of ours, whatever its token is worth."""
        notice = _NOTICE_ID.fullmatch(message_id.lower())
        return self.parse_message_id(message_id) is not None or (
            notice is not None and notice[1] == self._domain.lower()
        )

    def find_person(self, claim: Claim, seen: str, people: Iterable[str]) -> str | None:
        """Whose token it is; `seen` is the digest of the claimed revision. Compares everyone
        under every key, in constant time each."""
        purpose = "reply" if claim.mail is None else f"mail {claim.mail}"
        given = claim.token.encode()
        found = None
        for person in people:
            for key in self._keys:
                wanted = self._sign(key, purpose, claim.case, seen, person).encode()
                if hmac.compare_digest(wanted, given):
                    found = person
        return found

    def _key_at(self, at: float | None) -> bytes:
        """The newest key there was at a moment: a mail that is sent again is the same mail."""
        if at is None or not self._since:
            return self._keys[0]
        made = zip(self._keys, self._since, strict=True)
        return next((key for key, since in made if since <= at), self._keys[-1])

    @staticmethod
    def _sign(key: bytes, purpose: str, case: str, seen: str, person: str) -> str:
        return _token(key, [purpose, case, seen, person], 10)


def permit_token(key: bytes, case: str, attempts: int, payload: str) -> str:
    """The 32 characters by which an agent proves its permit; `payload` is the payload's digest."""
    return _token(key, ["permit", case, attempts, payload], 20)


def permit_matches(
    token: str, keys: Sequence[bytes], case: str, attempts: int, payload: str
) -> bool:
    """Whether a report's token is this permit's, under any of the keys."""
    given = token.encode("utf-8", "replace")
    found = False
    for key in keys:
        found |= hmac.compare_digest(permit_token(key, case, attempts, payload).encode(), given)
    return found


def _token(key: bytes, what: list[str | int], size: int) -> str:
    """Canonical JSON keeps the parts apart: no two lists of parts have the same bytes."""
    sealed = hmac.new(key, canonical(what), hashlib.sha256).digest()
    return base64.b32encode(sealed[:size]).decode("ascii").lower()
