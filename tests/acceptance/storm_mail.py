"""How mail goes between the home under a storm and its reviewers: by Maildirs, or by an SMTP
server that refuses and breaks off and a real IMAP server."""

from __future__ import annotations

import email
import email.policy
import random
import smtplib
import uuid
from dataclasses import dataclass, field
from email.message import EmailMessage

from tests.acceptance.home import TestHome
from tests.acceptance.storm_site import site
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot
from tests.servers.smtp_sink import (
    DROP_AFTER_ANSWER,
    DROP_AT_DATA,
    DROP_BEFORE_ANSWER,
    REFUSE_CONNECTION,
    TEMPORARY,
    SmtpSink,
    refusing,
    slow,
)

_SERVERS = """
transport = "smtp"
[mail.smtp]
host = "127.0.0.1"
port = {smtp}
tls = "none"
timeout = "2s"
[mail.imap]
host = "127.0.0.1"
port = {imap}
tls = "none"
username = "{user}"
password_file = "state/password"
timeout = "5s"
"""

_FAULTS = (
    TEMPORARY,
    DROP_AT_DATA,
    DROP_BEFORE_ANSWER,
    DROP_AFTER_ANSWER,
    REFUSE_CONNECTION,
    slow(0.3),
    refusing("ada@example.com", reply="451 4.7.1 greylisted, come back later"),
    refusing("bob@example.com", reply="452 4.2.2 mailbox full"),
)


@dataclass
class Maildirs:
    """The embedded transport."""

    home: TestHome
    _read: set[str] = field(default_factory=set)

    def unread(self) -> list[EmailMessage]:
        new = [
            path
            for path in (self.home.root / "mail/out/new").iterdir()
            if path.name not in self._read
        ]
        self._read.update(path.name for path in new)
        return [self.home.read(path) for path in new]

    def sent(self) -> list[bytes]:
        """Every mail that was handed over, however often."""
        return [path.read_bytes() for path in (self.home.root / "mail/out/new").iterdir()]

    def deliver(self, message: bytes) -> None:
        name = uuid.uuid4().hex
        aside = self.home.root / "mail/in/tmp" / name
        aside.write_bytes(message)
        aside.rename(self.home.root / "mail/in/new" / name)

    def left(self) -> list[str]:
        """Replies that were not taken up yet."""
        return [path.name for path in (self.home.root / "mail/in/new").iterdir()]

    def lost(self) -> list[str]:
        """Replies that the daemon gave up."""
        return [path.name for path in (self.home.root / "mail/in/failed").iterdir()]

    def misbehave(self, chance: random.Random) -> None:
        """A directory does as it is told."""


@dataclass
class Servers:
    """SMTP out to a sink, IMAP in from a Dovecot."""

    sink: SmtpSink
    dovecot: Dovecot
    _read: int = 0

    def site(self) -> str:
        ports = {"smtp": self.sink.port, "imap": self.dovecot.imap_port}
        return site(APPROVALS, _SERVERS.format(**ports, user=APPROVALS))

    def prepare(self, home: TestHome) -> None:
        secret = home.root / "state/password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)

    def unread(self) -> list[EmailMessage]:
        new = self.sent()[self._read :]
        self._read += len(new)
        return [email.message_from_bytes(data, policy=email.policy.default) for data in new]

    def sent(self) -> list[bytes]:
        return [mail.content for mail in list(self.sink.received)]

    def deliver(self, message: bytes) -> None:
        with smtplib.LMTP(self.dovecot.host, self.dovecot.lmtp_port) as lmtp:
            lmtp.sendmail(REVIEWER, [APPROVALS], message)

    def left(self) -> list[str]:
        import imaplib

        with imaplib.IMAP4(self.dovecot.host, self.dovecot.imap_port, timeout=10) as imap:
            imap.login(APPROVALS, PASSWORD)
            _, [count] = imap.select("INBOX", readonly=True)
            return [f"{count!r} in INBOX"] if count != b"0" else []

    def lost(self) -> list[str]:
        return []

    def misbehave(self, chance: random.Random) -> None:
        self.sink.then(chance.choice(_FAULTS))


Post = Maildirs | Servers
