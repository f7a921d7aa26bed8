"""Mail out and in over the real servers, with one mail to ourselves that has to come back."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ipaddress
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import format_datetime, localtime

import msgspec

from hitl_mail.adapters.imap.session import ImapFault, ImapSession, port
from hitl_mail.adapters.smtp.outbox import SmtpOutbox
from hitl_mail.doctor.finding import Finding, fault, note, ok
from hitl_mail.errors import HitlError
from hitl_mail.home import Home
from hitl_mail.settings import Imap, Site

_PATIENCE = 60.0
"""Seconds that a mail to ourselves may take."""

_QUICK = 20
"""Seconds that a server has for one answer, at most."""

_LOOK = 1.0
_RECENT = 50
"""How many of the newest mails are looked at for it."""

_LARGE = 64 * 1024
_IDLE = 30.0

_SUBJECT = "hitl-mail doctor: a mail to ourselves"
_TEST_SUBJECT = "hitl-mail: please answer this test"


async def check_mail(home: Home, site: Site, patience: float = _PATIENCE) -> list[Finding]:
    """Logins, IDLE, and a mail to our own address with a tag, which the servers have to keep."""
    if site.mail.transport == "maildir":
        what = f"files under {home.root / 'mail'}: no mail leaves this machine"
        return [note("mail", what, 'transport = "smtp" under [mail] sends real mail')]
    found: list[Finding] = []
    password = _password(home, site.mail.smtp.password_file, "smtp", found)
    secret = _password(home, site.mail.imap.password_file, "imap", found)
    if found:
        return found
    mark = secrets.token_hex(8)
    sent = await _send(site, password, mark)
    read = await _look_in(site, secret or "")
    found = [*_in_clear(site), sent, *read]
    if all(finding.level != "fault" for finding in found):
        found += await _come_back(site, secret or "", mark, patience)
    return found


def _in_clear(site: Site) -> list[Finding]:
    """Servers elsewhere that are told a password, or given mails with secrets, without TLS."""
    found = []
    for name, table in (("smtp", site.mail.smtp), ("imap", site.mail.imap)):
        if table.tls == "none" and not _is_here(table.host):
            what = "our password and the mails" if table.username else "the mails"
            mend = f'Set tls under [mail.{name}]; "none" is for this machine.'
            found.append(fault(name, f"{table.host} gets {what} in clear", mend))
    return found


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _password(home: Home, file: str | None, table: str, found: list[Finding]) -> str | None:
    from hitl_mail.bootstrap.secrets import read_password

    try:
        return read_password(home, file, f"mail.{table}")
    except HitlError as error:
        found.append(fault(table, str(error), f"Mend password_file under [mail.{table}]."))
        return None


def _own_address(site: Site, mark: str) -> str:
    local, _, domain = site.mail.address.rpartition("@")
    return f"{local}+doctor-{mark}@{domain}" if site.mail.subaddressing else site.mail.address


def _message(site: Site, mark: str) -> bytes:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = site.mail.address
    message["To"] = _own_address(site, mark)
    message["Subject"] = _SUBJECT
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<doctor-{mark}@{site.mail.address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("hitl-mail doctor sent this to see that mail comes back. Nothing to do.\n")
    return message.as_bytes()


async def _send(site: Site, password: str | None, mark: str) -> Finding:
    return await _hand_over(site, password, _own_address(site, mark), _message(site, mark), mark)


async def _hand_over(
    site: Site, password: str | None, to: str, message: bytes, mark: str
) -> Finding:
    settings = site.mail.smtp
    quick = msgspec.structs.replace(settings, timeout=min(settings.timeout, _QUICK))
    outbox = SmtpOutbox(quick, password)
    try:
        await outbox.send(site.mail.address, [to], message, mark)
    except HitlError as error:
        return fault("smtp", str(error), "Mend [mail.smtp] in hitl-mail.toml, then ask again.")
    finally:
        await outbox.close()
    return ok("smtp", f"{settings.host} takes our mail")


@asynccontextmanager
async def _session(settings: Imap, password: str) -> AsyncIterator[ImapSession]:
    quick = msgspec.structs.replace(settings, timeout=min(settings.timeout, _QUICK))
    session = ImapSession(quick)
    try:
        await session.open(password)
        yield session
        await session.close()
    finally:
        session.abandon()


async def _look_in(site: Site, password: str) -> list[Finding]:
    settings = site.mail.imap
    place = f"{settings.host}:{port(settings)}"
    try:
        async with _session(settings, password) as session:
            idle = session.has("IDLE")
            if idle:
                await session.idle(0.2)
    except (ImapFault, OSError) as error:
        return [
            fault(
                "imap", f"{place}: {error}", "Mend [mail.imap] in hitl-mail.toml, then ask again."
            )
        ]
    if idle:
        return [ok("imap", f"{place} lets us in, and tells of new mail at once (IDLE)")]
    return [note("imap", f"{place} has no IDLE: replies are read every {settings.poll} s")]


async def _come_back(site: Site, password: str, mark: str, patience: float) -> list[Finding]:
    """Wait for the mail in the mailbox, or where a running daemon has put it."""
    end = time.monotonic() + patience
    boxes = (site.mail.imap.mailbox, site.mail.imap.processed)
    while True:
        for mailbox in boxes:
            settings = msgspec.structs.replace(site.mail.imap, mailbox=mailbox)
            try:
                async with _session(settings, password) as session:
                    message = await _find(session, mark)
            except (ImapFault, OSError):
                # The folder of handled mails is made with the first.
                continue
            if message is not None:
                return [_tag(site, message, mark), _results(site, message)]
        if time.monotonic() >= end:
            return [
                fault(
                    "round trip",
                    f"a mail to {_own_address(site, mark)} was taken and did not come into"
                    f" {boxes[0]} within {patience:.0f} s",
                    "Does that address lead to this mailbox, with a +tag? Else set subaddressing"
                    " = false under [mail]; look into the junk folder, too.",
                )
            ]
        await asyncio.sleep(_LOOK)


async def _find(session: ImapSession, mark: str) -> bytes | None:
    wanted = f"<doctor-{mark}@".encode()
    return next((message for message in await _newest(session) if wanted in message), None)


async def _newest(session: ImapSession) -> list[bytes]:
    """The newest mails that are not large, newest first."""
    found = []
    for uid in reversed((await session.search(0))[-_RECENT:]):
        size = await session.size(uid)
        message = await session.fetch(uid, size) if size and size < _LARGE else None
        if message is not None:
            found.append(message)
    return found


def _tag(site: Site, message: bytes, mark: str) -> Finding:
    if not site.mail.subaddressing:
        return ok("round trip", "a mail to ourselves came back")
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    if f"+doctor-{mark}@" in str(parsed["To"] or ""):
        return ok("round trip", "a mail to ourselves came back, its +tag in the address")
    return fault(
        "round trip",
        f"a mail to ourselves came back without its +tag (To: {parsed['To']})",
        "Set subaddressing = false under [mail].",
    )


def _results(site: Site, message: bytes) -> Finding:
    """Which Authentication-Results our server writes, beside those we are told to believe."""
    from hitl_mail.review.headers import read_fields

    believed = site.mail.authentication.authserv_id
    values = [v for name, v in read_fields(message) if name.lower() == "authentication-results"]
    ids = [value.strip().partition(";")[0].split()[0] for value in values if value.strip()]
    if site.mail.authentication.require == "token":
        return ok("authentication", "not required: the secret in the address alone vouches")
    if believed is None:
        return ok("authentication", "the daemon checks DKIM signatures itself")
    if ids and ids[0].lower() == believed.lower():
        return ok("authentication", f"{believed} writes Authentication-Results on top")
    seen = f"the topmost is of {ids[0]}" if ids else "there are none on a mail to ourselves"
    return note(
        "authentication",
        f"authserv_id is {believed}, and {seen}; servers may leave out mail from their own users",
        "hitl-mail mail explain FILE on a mail from outside says it for certain",
    )


async def ask_person(
    home: Home, site: Site, to: str, patience: float, on_sent: Callable[[], None]
) -> Finding:
    """Send a mail to a person, and wait for their answer to come into our mailbox. `on_sent` is
    called once a server has taken it."""
    found: list[Finding] = []
    password = _password(home, site.mail.smtp.password_file, "smtp", found)
    secret = _password(home, site.mail.imap.password_file, "imap", found)
    if found:
        return found[0]
    mark = secrets.token_hex(8)
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = site.mail.address
    message["To"] = to
    message["Reply-To"] = _own_address(site, mark)
    message["Subject"] = f"{_TEST_SUBJECT} {mark[:4]}"
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<doctor-{mark}@{site.mail.address.rpartition('@')[2]}>"
    message.set_content(
        "This is the mailbox that will ask you for decisions. Answer this mail with any word, to"
        " see that your answers arrive.\n"
    )
    sent = await _hand_over(site, password, to, message.as_bytes(), mark)
    if sent.level == "fault":
        return sent
    on_sent()
    return await _answer(site, secret or "", to, mark, patience)


async def _answer(site: Site, password: str, to: str, mark: str, patience: float) -> Finding:
    end = time.monotonic() + patience
    try:
        async with _session(site.mail.imap, password) as session:
            while time.monotonic() < end:
                for message in await _newest(session):
                    if mark.encode() in message and to.lower().encode() in message.lower():
                        return ok("answer", f"your answer came into {site.mail.imap.mailbox}")
                if session.has("IDLE"):
                    await session.idle(min(_IDLE, max(0.1, end - time.monotonic())))
                else:
                    await asyncio.sleep(_LOOK)
    except (ImapFault, OSError) as error:
        return fault("imap", str(error), "Mend [mail.imap]: host, port, tls, mailbox.")
    return fault(
        "answer",
        f"no answer came into {site.mail.imap.mailbox} within {patience:.0f} s",
        "hitl-mail doctor tells whether mail to the approvals' own address arrives.",
    )
