"""Carries an order out by sending the payload's `{to, cc, subject, text}` as a mail.

The mail is the agent's, from the executor's own address: nothing in it speaks of approvals. What
the payload does not say plainly (two readings of an address, a line break in the subject, a field
we would have to leave out) is refused before anything is sent: what the reviewer saw is what goes.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
import unicodedata
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from typing import Any

import msgspec

from hitl_mail.adapters.clock import SYSTEM_CLOCK
from hitl_mail.adapters.execute.outcome import attempt
from hitl_mail.errors import Refused
from hitl_mail.ports import Attempt, Clock, MailDoubt, MailPermanent, MailTemporary, Order, Outbox
from hitl_mail.settings import Executor

# Seven bits everywhere: not every server on the way takes eight.
_POLICY = policy.SMTP.clone(cte_type="7bit")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SPEC = rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)"
_BARE = re.compile(_SPEC)
_NAMED = re.compile(rf'(?:"(?P<quoted>[^"\\<>@]*)"|(?P<plain>[^"\\<>@,;:()\[\]]*?))\s*<{_SPEC}>')
_FIELDS = ("to", "cc", "subject", "text")
_NOT_ID = re.compile(r"[^A-Za-z0-9_-]+")


class Draft(msgspec.Struct, frozen=True):
    """A mail ready to go: the envelope, the bytes, and the Message-ID in them."""

    sender: str
    recipients: list[str]
    message: bytes
    message_id: str


class MailExecutor:
    """`ports.Executor` for `type = "mail"`.

    Ok is: the next hop has it for all recipients. Some refused is doubt, as some took it.
    """

    def __init__(self, settings: Executor, outbox: Outbox, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        self._outbox = outbox
        self._clock = clock

    async def run(self, order: Order) -> Attempt:
        begun = time.monotonic()
        try:
            draft = compose(self._settings, order, self._clock.now())
        except Refused as error:
            where = f"{error.field}: " if error.field else ""
            return attempt("failed", begun, {}, f"nothing was sent: {where}{error.detail}")
        facts: dict[str, Any] = {"message_id": draft.message_id}
        try:
            async with asyncio.timeout(self._settings.timeout):
                refused = await self._outbox.send(
                    draft.sender, draft.recipients, draft.message, f"execute-{_plain_key(order)}"
                )
        except MailTemporary as error:
            return attempt("temporary", begun, facts, str(error))
        except MailPermanent as error:
            return attempt("failed", begun, facts, str(error))
        except MailDoubt as error:
            return attempt("doubt", begun, facts, str(error))
        except TimeoutError:
            error_text = f"timeout after {self._settings.timeout} s: it may have been sent"
            return attempt("doubt", begun, facts, error_text)
        facts["accepted"] = [one for one in draft.recipients if one not in refused]
        facts["refused"] = refused
        if refused:
            text = f"{len(refused)} of {len(draft.recipients)} recipients were refused"
            return attempt("doubt", begun, facts, text)
        return attempt("ok", begun, facts)


def compose(settings: Executor, order: Order, now: float) -> Draft:
    """The mail an order asks for, with its attachments; `now` is its Date.

    Raises `Refused` with the payload's (or, after `executor.`, the settings') field.
    """
    payload = order.payload
    for field in payload:
        if field not in _FIELDS:
            raise Refused("unknown_field", "a mail is made of to, cc, subject and text", field)
    sender = _address(settings.from_, "executor.from")
    to, cc = _addresses(payload.get("to"), "to"), _addresses(payload.get("cc", []), "cc")
    if not to:
        raise Refused("missing_field", "a mail needs somebody to go to", "to")
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = to
    if cc:
        message["Cc"] = cc
    if settings.reply_to is not None:
        message["Reply-To"] = _address(settings.reply_to, "executor.reply_to")
    message["Subject"] = _line(payload.get("subject"), "subject")
    message["Date"] = dt.datetime.fromtimestamp(now, dt.UTC)
    message_id = f"<execute.{_plain_key(order)}@{sender.domain}>"
    message["Message-ID"] = message_id
    recipients = list(dict.fromkeys(one.addr_spec for one in (*to, *cc)))
    data = _with_bodies(message, _text(payload.get("text")), order)
    return Draft(sender.addr_spec, recipients, data, message_id)


def _with_bodies(message: EmailMessage, text: str, order: Order) -> bytes:
    """Add text and attachments, and flatten; the header must come out as it went in."""
    try:
        message.set_content(text)
        for name, content_type, content in order.attachments:
            maintype, _, subtype = content_type.lower().partition("/")
            if maintype in ("message", "multipart"):
                # RFC 2046: such parts may not be encoded, and we cannot vouch for their lines.
                maintype, subtype = "application", "octet-stream"
            filename = _line(name, "attachments")
            message.add_attachment(content, maintype, subtype, filename=filename)
        data = message.as_bytes()
    except (MessageError, ValueError, LookupError) as error:
        raise Refused("bad_value", f"no mail can be made of it: {error}") from None
    # The last word on header injection, whatever the email package makes of a value.
    if BytesHeaderParser(policy=policy.compat32).parsebytes(data).keys() != message.keys():
        raise Refused("bad_value", "no mail can be made of it: a field breaks the header")
    return data


def _addresses(value: object, field: str) -> list[Address]:
    if value is None:
        return []
    if isinstance(value, list):
        return [_address(one, f"{field}[{index}]") for index, one in enumerate(value)]
    return [_address(value, field)]


def _address(value: object, field: str) -> Address:
    """`ada@example.com` or `Ada <ada@example.com>`, one, with only one way to read it."""
    text = _line(value, field).strip()
    match = _BARE.fullmatch(text) or _NAMED.fullmatch(text)
    if match is None or len(match["local"]) > 64 or len(match["domain"]) > 253:
        raise Refused(
            "bad_value",
            "must be one mail address such as ada@example.com or Ada <ada@example.com>; "
            "several go in a list",
            field,
        )
    found = match.groupdict()
    name = (found.get("quoted") or found.get("plain") or "").strip()
    return Address(name, match["local"], match["domain"])


def _line(value: object, field: str) -> str:
    """One line of text that means the same in a header as here."""
    if not isinstance(value, str):
        raise Refused("bad_value", "must be text", field)
    if any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in value):
        raise Refused("bad_value", "must be one line without control characters", field)
    if "=?" in value:
        raise Refused("bad_value", "must not hold =?, which mail programs decode", field)
    if len(value) > 900:
        raise Refused("bad_value", "must be at most 900 characters", field)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refused("bad_value", "must be text", "text")
    if any(one < " " and one not in "\t\r\n" for one in value):
        raise Refused("bad_value", "must not hold control characters", "text")
    return value


def _plain_key(order: Order) -> str:
    """The order's key as it may stand in a Message-ID and a file name."""
    return _NOT_ID.sub("-", order.key)
