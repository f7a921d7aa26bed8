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

from hitl_mail.review.automatic import find_sign
from hitl_mail.review.body import BROKEN, parse_mail
from hitl_mail.review.headers import addresses, message_ids, read_fields
from hitl_mail.review.tokens import Claim, Tokens

_MOST_PARTS = 50
_MOST_WHY = 300
_MOST_TEXT = 256 * 1024
_MOST_SCANNED = 64 * 1024
_MOST_LINES = 1500
_MOST_COLUMNS = 400
_MOST_RECIPIENTS = 20
_ANSWERED = ("In-Reply-To", "References")
_NAMES_US = ("Reply-To", "To", "Cc", "X-Original-To", "Delivered-To")
_REASON = re.compile(r"^.{0,200}\b5(?:\d\d[ -]|\.\d{1,3}\.\d{1,3}\b).{0,200}$", re.MULTILINE)

_ACTION = re.compile(rb"^[ \t>]{0,10}Action:[ \t]{0,10}([A-Za-z]+)", re.MULTILINE | re.IGNORECASE)
_LATE = (
    "delayed", "warning", "will retry", "will be retried", "keep trying", "still trying",
    "temporary problem", "temporary failure", "not need to resend", "not yet been delivered",
    "has not been delivered yet", "continue to try", "will try again",
)  # fmt: skip


class Returned(msgspec.Struct, frozen=True):
    """A mail of ours as its Message-ID, or the reply address in it, claims, unchecked; what the
    server said of it; and the addresses it could not reach, in lower case, as far as it says."""

    claim: Claim
    why: str
    recipients: tuple[str, ...] = ()


def read_bounce(message: bytes, tokens: Tokens) -> Returned | None:
    """The mail that a report says has failed for good; None where it says no such thing."""
    try:
        parsed = parse_mail(message)
        parts = list(islice(parsed.walk(), _MOST_PARTS))
        claim = next(filter(None, _claims(message, parsed, parts, tokens)), None)
        if claim is None:
            return None
        blocks = [block for part in parts for block in _blocks(part)]
        if any(block["Action"] for block in blocks):
            failed = [block for block in blocks if _says(block, "Action").startswith("fail")]
            return Returned(claim, _why(failed[0]), _recipients(failed)) if failed else None
        # A report whose form is broken still has these lines.
        actions = [one.lower() for one in _ACTION.findall(message[:_MOST_TEXT])]
        if actions and not any(action.startswith(b"fail") for action in actions):
            return None
        found = _failures(message)
        if not (found or actions or _is_returned_for_good(message)):
            return None
        return Returned(claim, _reason(parts), found)
    except BROKEN:
        return None


def is_bounce(message: bytes) -> bool:
    """Whether a mail's text says that another could not be delivered, now or for good."""
    try:
        return bool(_failures(message, temporary=True))
    except BROKEN:
        return False


def _is_returned_for_good(message: bytes) -> bool:
    """Whether a mail daemon sent this and does not say that it goes on trying: the forms that no
    library knows. To think it lost when it is late is the smaller error: somebody else is asked."""
    sign = find_sign(read_fields(message))
    if sign is None or sign.class_ != "bounce" or not sign.strong:
        return False
    text = message[:_MOST_TEXT].decode("utf-8", "replace").lower()
    return not any(word in text for word in _LATE)


def _failures(message: bytes, *, temporary: bool = False) -> tuple[str, ...]:
    """The addresses that flufl.bounce finds in the beginning of a mail, sorted. Those that will be
    tried again count only if `temporary`."""
    lines = message[:_MOST_SCANNED].lstrip(b"\r\n").splitlines()[:_MOST_LINES]
    start = b"\n".join(line[:_MOST_COLUMNS] for line in lines)
    found = _scan(start, temporary)
    # One of its patterns takes any address between commas, as in a person's signature, for one
    # that failed: what it finds without commas is due to another.
    head, empty, body = start.partition(b"\n\n")
    if not found or not _scan(head + empty + body.replace(b",", b" "), temporary):
        return ()
    return tuple(sorted(found)[:_MOST_RECIPIENTS])


def _scan(message: bytes, temporary: bool) -> set[str]:
    from flufl.bounce import all_failures

    logging.getLogger("flufl.bounce").setLevel(logging.WARNING)
    late, lost = all_failures(parse_mail(message))
    return {
        (name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)).lower()
        for name in (*lost, *(late if temporary else ()))
    }


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


def _claims(
    message: bytes, parsed: Message, parts: list[Message], tokens: Tokens
) -> Iterator[Claim | None]:
    """What may be ours in it, best first: the mail given back, what the report says that it
    answers, and any text, where old servers put the header of the mail, or broken forms left it."""
    returned = [header for part in parts for header in _returned(part)]
    for header in returned:
        yield from map(tokens.parse_message_id, message_ids(str(header["Message-ID"])))
    for name in _ANSWERED:
        yield from map(tokens.parse_message_id, message_ids(str(parsed[name])))
    texts = [_text(part) for part in parts if part.get_content_maintype() == "text"]
    texts.append(message[:_MOST_TEXT].decode("utf-8", "replace"))
    for text in texts:
        yield from map(tokens.parse_message_id, message_ids(text, _MOST_TEXT))
    for header in (*returned, parsed):
        for name in _NAMES_US:
            yield from map(tokens.parse_address, addresses(str(header[name])))
    tagged = tokens.address.partition("@")[0].lower() + "+"
    for text in texts:
        if tagged in text.lower():
            yield from map(tokens.parse_address, addresses(text, _MOST_TEXT))


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
