"""A mailbox of a test's own on a Dovecot, looked at with the standard library's client."""

import contextlib
import imaplib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.servers.dovecot import APPROVALS, PASSWORD, Dovecot

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Mailbox:
    """`name` is where mail arrives, `processed` where it is to go; only `name` exists."""

    server: Dovecot
    name: str
    processed: str
    user: str = APPROVALS

    @contextlib.contextmanager
    def connection(self) -> Iterator[imaplib.IMAP4]:
        """Logged in, nothing selected."""
        with imaplib.IMAP4(self.server.host, self.server.imap_port, timeout=10) as imap:
            imap.login(self.user, PASSWORD)
            yield imap

    def create(self) -> None:
        """Make it, empty, with a new UIDVALIDITY."""
        with self.connection() as imap:
            imap.create(self.name)

    def delete(self) -> None:
        """Remove it and its mail."""
        with self.connection() as imap:
            imap.delete(self.name)

    def deliver(self, message: bytes) -> None:
        """Let a mail arrive."""
        with self.connection() as imap:
            kind, words = imap.append(self.name, "", "", message)
            assert kind == "OK", words

    def mails(self, name: str) -> list[bytes]:
        """All mails of the mailbox `name`; none if there is no such mailbox."""
        with self.connection() as imap:
            kind, counted = imap.select(name, readonly=True)
            if kind != "OK" or counted == [b"0"]:
                return []
            _, parts = imap.fetch("1:*", "(BODY.PEEK[])")
            return [part[1] for part in parts if isinstance(part, tuple)]

    @property
    def waiting(self) -> list[bytes]:
        """What is in it now."""
        return self.mails(self.name)

    @property
    def put_away(self) -> list[bytes]:
        """What was moved out of it."""
        return self.mails(self.processed)


def new_mailbox(server: Dovecot) -> Mailbox:
    """A mailbox that no other test uses."""
    name = f"box{next(_numbers)}"
    box = Mailbox(server, name, f"{name}-done")
    box.create()
    return box
