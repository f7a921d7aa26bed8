"""One mail over one SMTP connection (RFC 5321), and what each fault of it means.

Driven command by command, because it matters where a fault struck: before the content went out
nothing was sent; between the content and its reply nobody knows. After a fault the connection is
closed, after a refusal it is fit for the next mail. Knows nothing of logins and of other mails.
"""

from __future__ import annotations

import re

import aiosmtplib

from hitl_mail.core.text import one_line
from hitl_mail.errors import HitlError
from hitl_mail.ports import MailDoubt, MailPermanent, MailTemporary

FAULTS = (aiosmtplib.SMTPException, OSError, TimeoutError)
"""What aiosmtplib raises where connection or server fail."""

CLOSING = 421
"""The server hangs up (RFC 5321 section 3.8), whatever it was asked."""

_START_INPUT = 354
_MOST_WORDS = 500
_MAILBOX_FULL = "4.2.2"
"""RFC 3463, section 3.3."""
_FOR_THE_ADMIN = frozenset({530, 534, 535, 538})
"""Refusals for want of a (better) login: somebody can mend it, so the mail waits."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_LEADING_DOT = re.compile(rb"(?m)^\.")


async def open_envelope(
    client: aiosmtplib.SMTP, mail_from: str, rcpt_to: list[str], message: bytes
) -> None:
    """MAIL. Raises what aiosmtplib raises, and `MailPermanent` where no server could take it."""
    for address in (mail_from, *rcpt_to):
        _check(address)
    await _greet(client)
    options = []
    if client.supports_extension("size"):
        options.append(f"SIZE={len(message)}")
    if not message.isascii() and client.supports_extension("8bitmime"):
        options.append("BODY=8BITMIME")
    if not all(address.isascii() for address in (mail_from, *rcpt_to)):
        if not client.supports_extension("smtputf8"):
            raise MailPermanent(
                f"{_place(client)} takes no address beyond ASCII: {', '.join(rcpt_to)}"
            )
        options.append("SMTPUTF8")
    await client.mail(mail_from, options=options, encoding="utf-8")


async def name_recipients(client: aiosmtplib.SMTP, rcpt_to: list[str]) -> list[str]:
    """RCPT for each. The refused ones, if not all; else raises as the mildest refusal says."""
    refusals: list[aiosmtplib.SMTPRecipientRefused] = []
    for address in rcpt_to:
        try:
            await client.rcpt(address, encoding="utf-8")
        except aiosmtplib.SMTPRecipientRefused as refusal:
            refusals.append(refusal)
        except FAULTS as error:
            raise broken(client, f"at the recipient {address}", error) from error
    if len(refusals) < len(rcpt_to):
        return [refusal.recipient for refusal in refusals]
    await reset(client)
    errors = [
        refused(client, f"refused {refusal.recipient}", refusal.code, refusal.message)
        for refusal in refusals
    ]
    raise next((error for error in errors if isinstance(error, MailTemporary)), errors[0])


async def hand_over(client: aiosmtplib.SMTP, message: bytes) -> None:
    """DATA, the content, and its reply, waited for as long as for any reply."""
    try:
        response = await client.execute_command(b"DATA")
    except FAULTS as error:
        raise broken(client, "before the mail was handed over", error) from error
    if response.code != _START_INPUT or client.protocol is None:
        await reset(client)
        raise refused(client, "refused the mail", response.code, response.message)
    try:
        client.protocol.write(_on_the_wire(message))
        response = await client.protocol.read_response(timeout=client.timeout)
    except FAULTS as error:
        client.close()
        raise MailDoubt(
            f"{_place(client)} got the mail and did not answer: {words(error)}"
        ) from error
    if not 200 <= response.code < 300:
        await reset(client)
        raise refused(client, "refused the mail", response.code, response.message)


async def reset(client: aiosmtplib.SMTP) -> None:
    """RSET; a connection that does not take it is closed."""
    try:
        await client.rset()
    except FAULTS:
        client.close()


def refused(
    client: aiosmtplib.SMTP, what: str, code: int, message: str, *, server: bool = False
) -> HitlError:
    """The error for a reply that is a refusal: 5xx is permanent, all else temporary.

    `server`: it was said before anything of one mail but its sender was known.
    """
    text = f"{_place(client)} {what}: {_one_line(f'{code} {message}')}"
    if 500 <= code < 600 and code not in _FOR_THE_ADMIN:
        return MailPermanent(text)
    for_all = server or code == CLOSING or code in _FOR_THE_ADMIN
    return MailTemporary(text, server=for_all, full=message.startswith(_MAILBOX_FULL))


def broken(client: aiosmtplib.SMTP, where: str, error: BaseException) -> MailTemporary:
    """The error for a connection that failed before the content; closes it."""
    client.close()
    return MailTemporary(f"{_place(client)}: connection failed {where}: {words(error)}")


def words(error: BaseException) -> str:
    """What the server said, or what happened to the connection, on one line."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _one_line(f"{error.code} {error.message}")
    return _one_line(str(error)) or type(error).__name__


async def _greet(client: aiosmtplib.SMTP) -> None:
    # Without TLS and login, connecting has not said EHLO yet.
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()


def _on_the_wire(message: bytes) -> bytes:
    """RFC 5321 section 4.5.2. Lone CR and LF become CRLF, so that no mail can hold a second."""
    lines = _LINE_END.sub(b"\r\n", message)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return _LEADING_DOT.sub(b"..", lines) + b".\r\n"


def _check(address: str) -> None:
    # aiosmtplib would send what it can make of such an address.
    if not address.isprintable() or set(address) & set(" <>"):
        raise MailPermanent(f"{address!r} is no address that SMTP can carry")


def _place(client: aiosmtplib.SMTP) -> str:
    return f"{client.hostname}:{client.port}"


def _one_line(text: str) -> str:
    """The words of a server, which may say anything: for a log and a terminal."""
    return one_line(" ".join(text.encode("utf-8", "replace").decode().split()), _MOST_WORDS)
