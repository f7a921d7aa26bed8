"""Which of our mails came back undelivered: delivery reports (RFC 3464), and what servers wrote
before there was a form for it, as `flufl.bounce` knows it.

Never raises, whatever the mail. A report that a mail is late, or was delivered, is none of these.
What is found is a claim: whoever acts on it checks its token.
"""

from __future__ import annotations

import email
import email.policy
import logging
import re
from collections.abc import Iterator
from email.message import Message
from itertools import islice

import msgspec

from hitl_mail.review.body import BROKEN, MOST_MESSAGE
from hitl_mail.review.headers import addresses, message_ids
from hitl_mail.review.tokens import Claim, Tokens

_MOST_PARTS = 50
_MOST_WHY = 300
_MOST_TEXT = 256 * 1024
_MOST_LINES = 1500
_MOST_COLUMNS = 1000
_MOST_RECIPIENTS = 20
_ANSWERED = ("In-Reply-To", "References")
_NAMES_US = ("Reply-To", "To", "Cc", "X-Original-To", "Delivered-To")
_REASON = re.compile(r"^.{0,200}\b5(?:\d\d[ -]|\.\d{1,3}\.\d{1,3}\b).{0,200}$", re.MULTILINE)


class Returned(msgspec.Struct, frozen=True):
    """A mail of ours as its Message-ID, or the reply address in it, claims, unchecked; what the
    server said of it; and the addresses it could not reach, in lower case, as far as it says."""

    claim: Claim
    why: str
    recipients: tuple[str, ...] = ()


def read_bounce(message: bytes, tokens: Tokens) -> Returned | None:
    """The mail that a report says has failed for good; None where it says no such thing."""
    try:
        parsed = _parse(message)
        parts = list(islice(parsed.walk(), _MOST_PARTS))
        blocks = [block for part in parts for block in _blocks(part)]
        claim = next(filter(None, _claims(parsed, parts, tokens)), None)
        if claim is None:
            return None
        if any(block["Action"] for block in blocks):
            failed = [block for block in blocks if _says(block, "Action") == "failed"]
            return Returned(claim, _why(failed[0]), _recipients(failed)) if failed else None
        found = _failures(message)
        return Returned(claim, _reason(parts), found) if found else None
    except BROKEN:
        return None


def is_bounce(message: bytes) -> bool:
    """Whether a mail's text says that another could not be delivered, now or for good."""
    try:
        return bool(_failures(message, temporary=True))
    except BROKEN:
        return False


def _parse(message: bytes) -> Message:
    return email.message_from_bytes(
        message[:MOST_MESSAGE].lstrip(b"\r\n"), policy=email.policy.compat32
    )


def _failures(message: bytes, *, temporary: bool = False) -> tuple[str, ...]:
    """The addresses that flufl.bounce finds in the beginning of a mail (it takes 30 µs a line),
    sorted. Those that will be tried again count only if `temporary`."""
    from flufl.bounce import all_failures

    logging.getLogger("flufl.bounce").setLevel(logging.WARNING)
    lines = message[:_MOST_TEXT].lstrip(b"\r\n").splitlines()[:_MOST_LINES]
    late, lost = all_failures(_parse(b"\n".join(line[:_MOST_COLUMNS] for line in lines)))
    found = {*lost, *(late if temporary else ())}
    names = {
        (name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)).lower()
        for name in found
    }
    return tuple(sorted(names)[:_MOST_RECIPIENTS])


def _blocks(part: Message) -> list[Message]:
    """The blocks of a part that is a delivery report: one of the mail, one of each recipient."""
    if part.get_content_type() != "message/delivery-status" or not part.is_multipart():
        return []
    blocks: object = part.get_payload()
    return [one for one in blocks if isinstance(one, Message)] if isinstance(blocks, list) else []


def _says(block: Message, name: str) -> str:
    return str(block[name] or "").strip().lower()


def _why(block: Message) -> str:
    said = block["Diagnostic-Code"] or block["Status"] or "no reason given"
    return " ".join(str(said).split())[:_MOST_WHY]


def _recipients(blocks: list[Message]) -> tuple[str, ...]:
    """Whom it did not reach: first whom we wrote to, then where that was sent on."""
    found = [
        address.lower()
        for name in ("Original-Recipient", "Final-Recipient")
        for block in blocks
        for address in addresses(_says(block, name))
    ]
    return tuple(dict.fromkeys(found))[:_MOST_RECIPIENTS]


def _reason(parts: list[Message]) -> str:
    """The line of the report that looks like the other server's answer."""
    for part in parts:
        if part.get_content_type() == "text/plain" and (match := _REASON.search(_text(part))):
            return " ".join(match[0].split())[:_MOST_WHY]
    return "it came back undelivered"


def _claims(parsed: Message, parts: list[Message], tokens: Tokens) -> Iterator[Claim | None]:
    """What may be ours in it, best first: the mail given back, what the report says that it
    answers, and the text, where old servers put the header of the mail."""
    returned = [header for part in parts for header in _returned(part)]
    for header in returned:
        yield from map(tokens.parse_message_id, message_ids(str(header["Message-ID"])))
    for name in _ANSWERED:
        yield from map(tokens.parse_message_id, message_ids(str(parsed[name])))
    texts = [_text(part) for part in parts if part.get_content_maintype() == "text"]
    for text in texts:
        yield from map(tokens.parse_message_id, message_ids(text))
    for header in (*returned, parsed):
        for name in _NAMES_US:
            yield from map(tokens.parse_address, addresses(str(header[name])))
    for text in texts:
        yield from map(tokens.parse_address, addresses(text))


def _returned(part: Message) -> list[Message]:
    """The header of the mail that this part gives back."""
    kind = part.get_content_type()
    content: object = part.get_payload()
    if kind == "message/rfc822" and isinstance(content, list):
        return [one for one in content[:1] if isinstance(one, Message)]
    if kind == "text/rfc822-headers":
        return [email.message_from_string(_text(part), policy=email.policy.compat32)]
    return []


def _text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    return raw[:_MOST_TEXT].decode("utf-8", "replace") if isinstance(raw, bytes) else ""
