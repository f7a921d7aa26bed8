"""A home whose mail goes through real servers, and the people who read and answer it there.

What `TestHome` does with files of a Maildir, this does as a mail program would: read by IMAP, send
by SMTP. The site's name is unique, so that one mailbox serves many tests.
"""

from __future__ import annotations

import email
import email.policy
import imaplib
import json
import smtplib
import uuid
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.acceptance.home import SITE, TestHome, until
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot
from tests.servers.postfix import Postfix
from tests.servers.relay import Relay

Submission = Postfix | Relay
PASSWORD_FILE = "state/password"
AUTHSERV_ID = "mx.example.test"


def site(
    smtp: dict[str, Any],
    imap: dict[str, Any],
    *,
    require: str = "token",
    name: str = "",
    finance: str = '["ada"]',
) -> str:
    """`hitl-mail.toml` over real servers: ada reads as `REVIEWER`, bob and cleo nowhere."""
    mail = f"""
[mail]
transport = "smtp"
address = "{APPROVALS}"
[mail.smtp]
{_lines(smtp)}
[mail.imap]
{_lines(imap)}
[mail.authentication]
require = "{require}"
authserv_id = "{AUTHSERV_ID}"

[web]
"""
    head, _, rest = SITE.partition("[mail]")
    text = head + mail + rest.partition("[web]")[2]
    for old, new in (
        ("Test approvals", name or f"Approvals {uuid.uuid4().hex}"),
        ("ada@example.com", REVIEWER),
        ("bob@example.com", "bob@example.test"),
        ("cleo@example.com", "cleo@example.test"),
        ('["ada", "bob"]', finance),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


def _lines(table: dict[str, Any]) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())


def submission(server: Submission) -> dict[str, Any]:
    """[mail.smtp] as a submission server offers it: STARTTLS and a login."""
    return {
        "host": "localhost",
        "port": server.port,
        "username": APPROVALS,
        "password_file": PASSWORD_FILE,
        "ca_file": str(server.certificate.ca),
        "timeout": "10s",
    }


def plain_smtp(port: int) -> dict[str, Any]:
    """[mail.smtp] of a server without TLS and login."""
    return {"host": "127.0.0.1", "port": port, "tls": "none", "timeout": "2s"}


def imaps(server: Dovecot) -> dict[str, Any]:
    """[mail.imap] with implicit TLS."""
    return {
        "host": "localhost",
        "port": server.imaps_port,
        "username": APPROVALS,
        "password_file": PASSWORD_FILE,
        "ca_file": str(server.certificate.ca),
        "timeout": "10s",
    }


def plain_imap(port: int) -> dict[str, Any]:
    """[mail.imap] without TLS."""
    return {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "username": APPROVALS,
        "password_file": PASSWORD_FILE,
        "timeout": "5s",
    }


class PostHome(TestHome):
    """A home on `dovecot`; the answers go through `server`. `stamp` is what the receiving server
    puts on top of each: an Authentication-Results header, or nothing."""

    def __init__(
        self,
        root: Path,
        port: int,
        *,
        dovecot: Dovecot,
        site: str,
        server: Submission | None = None,
        stamp: bytes = b"",
        password: str = PASSWORD,
    ) -> None:
        super().__init__(root, port, site=site)
        self.dovecot, self.server, self.stamp = dovecot, server, stamp
        self.name = site.partition('name = "')[2].partition('"')[0]
        secret = root / PASSWORD_FILE
        secret.write_text(password + "\n")
        secret.chmod(0o600)

    def mails(self, to: str | None = None, subject: str = "") -> list[EmailMessage]:
        """Those of this home in the mailbox of `to`, oldest first."""
        return [
            mail
            for mail in mailbox(self.dovecot, to or REVIEWER, "INBOX")
            if self.name in str(mail["From"]) and subject in str(mail["Subject"])
        ]

    def deliver(self, message: bytes) -> None:
        """Send a mail to whom its To names, as a mail program does."""
        assert self.server is not None
        parsed = email.message_from_bytes(message, policy=email.policy.default)
        with smtplib.SMTP("localhost", self.server.port, timeout=20) as smtp:
            smtp.starttls(context=self.server.certificate.client_context())
            smtp.sendmail(REVIEWER, [str(parsed["To"])], self.stamp + message)

    def put_away(self, message_id: str) -> list[EmailMessage]:
        """The mails of this Message-ID that the daemon has moved to the processed mailbox."""
        return [
            mail
            for mail in mailbox(self.dovecot, APPROVALS, "Processed")
            if str(mail["Message-ID"]) == message_id
        ]

    def status(self) -> tuple[int, dict[str, Any]]:
        """What `status --json` exits with and says."""
        done = self.cli("status", "--json")
        return done.returncode, json.loads(done.stdout)

    def await_fault(self, words: str) -> str:
        """The first fault in `status` with these words; the status is then 1."""

        def look() -> str | None:
            code, report = self.status()
            found = [fault for fault in report["faults"] if words in fault]
            assert code == (1 if report["faults"] else 0)
            return found[0] if found else None

        return until(look, f"the fault {words!r} in status\n{self.log()}")

    def await_health(self) -> None:
        """Until `status` has nothing to complain of."""
        until(lambda: self.status()[0] == 0, f"a clean status\n{self.status()}\n{self.log()}")


def mailbox(server: Dovecot, user: str, name: str) -> list[EmailMessage]:
    """All mails of one mailbox, oldest first."""
    with imaplib.IMAP4_SSL(
        "localhost", server.imaps_port, ssl_context=server.certificate.client_context(), timeout=10
    ) as imap:
        imap.login(user, PASSWORD)
        kind, counted = imap.select(name, readonly=True)
        if kind != "OK" or counted == [b"0"]:
            return []
        _, parts = imap.fetch("1:*", "(BODY.PEEK[])")
        return [
            email.message_from_bytes(part[1], policy=email.policy.default)
            for part in parts
            if isinstance(part, tuple)
        ]
