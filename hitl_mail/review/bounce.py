"""Which of our mails came back undelivered: delivery reports (RFC 3464), read for that alone.

Never raises, whatever the mail. A report that a mail is late, or was delivered, is none of these.
"""

from __future__ import annotations

import email
import email.policy
from email.message import Message
from itertools import islice

import msgspec

from hitl_mail.review.body import BROKEN, MOST_MESSAGE
from hitl_mail.review.headers import message_ids
from hitl_mail.review.tokens import Claim, Tokens

_MOST_PARTS = 50
_MOST_WHY = 300


class Returned(msgspec.Struct, frozen=True):
    """A mail of ours as its Message-ID claims, unchecked, and what the server said of it."""

    claim: Claim
    why: str


def read_bounce(message: bytes, tokens: Tokens) -> Returned | None:
    """The mail that a report says has failed for good; None where it says no such thing."""
    try:
        parsed = email.message_from_bytes(
            message[:MOST_MESSAGE].lstrip(b"\r\n"), policy=email.policy.compat32
        )
        parts = list(islice(parsed.walk(), _MOST_PARTS))
        why = next(filter(None, map(_failure, parts)), "")
        claims = (tokens.parse_message_id(one) for part in parts for one in _original(part))
        claim = next(filter(None, claims), None)
    except BROKEN:
        return None
    return Returned(claim, why) if claim is not None and why else None


def _failure(part: Message) -> str:
    """Why delivery failed, where this part is a report that says so of one recipient."""
    if part.get_content_type() != "message/delivery-status" or not part.is_multipart():
        return ""
    blocks: object = part.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, Message) and str(block["Action"]).strip().lower() == "failed":
            said = block["Diagnostic-Code"] or block["Status"] or "no reason given"
            return " ".join(str(said).split())[:_MOST_WHY]
    return ""


def _original(part: Message) -> list[str]:
    """The Message-IDs of the mail that this part gives back."""
    kind = part.get_content_type()
    content: object = part.get_payload()
    if kind == "message/rfc822" and isinstance(content, list):
        return message_ids(str(content[0]["Message-ID"]))
    if kind == "text/rfc822-headers" and isinstance(content, str):
        return message_ids(str(email.message_from_string(content)["Message-ID"]))
    return []
