"""An SMTP server that keeps what it gets and behaves as it is told, one message after the other.

    with smtp_sink_at(tmp_path) as sink:
        sink.then(TEMPORARY, refusing("bob@example.test"), ACCEPT)

The script is data: each new message takes the next `Behaviour`, and when the script is used up all
messages are accepted.
"""

import asyncio
import collections
import contextlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.certificate import Certificate, make_certificate
from tests.servers.process import LOOPBACK, free_port, wait_until
from tests.servers.thread import in_thread

OK = "250 2.0.0 taken"
Tls = Literal["none", "starttls", "implicit"]


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one message; without arguments it accepts it."""

    connect: str = ""
    """Said instead of the greeting, then the connection is closed."""
    sender: str = ""
    """The reply to MAIL, if it is a refusal."""
    recipients: tuple[tuple[str, str], ...] = ()
    """The reply to RCPT, for each address that is refused."""
    data: str = OK
    """The reply to the message itself. The message is kept if it is a 250."""
    drop: Literal["never", "at data", "before answer", "after answer"] = "never"
    """When the connection is cut: `at data` loses the message, the other two keep it."""
    delay: float = 0.0
    """Seconds before the reply to the message."""


ACCEPT = Behaviour()
TEMPORARY = Behaviour(data="451 4.3.0 try again later")
PERMANENT = Behaviour(data="550 5.7.1 not wanted here")
SENDER_REFUSED = Behaviour(sender="553 5.1.8 sender not known")
REFUSE_CONNECTION = Behaviour(connect="421 4.3.2 too busy")
DROP_AT_DATA = Behaviour(drop="at data")
DROP_BEFORE_ANSWER = Behaviour(drop="before answer")
DROP_AFTER_ANSWER = Behaviour(drop="after answer")


def refusing(*addresses: str, reply: str = "550 5.1.1 no such mailbox") -> Behaviour:
    """Refuse these recipients and accept the others."""
    return Behaviour(recipients=tuple((address, reply) for address in addresses))


def slow(seconds: float) -> Behaviour:
    """Accept, but answer only after `seconds`."""
    return Behaviour(delay=seconds)


@dataclass(frozen=True)
class Received:
    """One message that was taken."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    content: bytes


@dataclass
class SmtpSink:
    """A running sink; `received` grows, `then` scripts what comes next."""

    port: int
    certificate: Certificate
    tls: Tls = "none"
    login: tuple[str, str] | None = None
    """User and password that a client has to give before MAIL; None asks for nothing."""
    host: str = LOOPBACK
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    """How many were accepted so far, refused ones too."""
    script: collections.deque[Behaviour] = field(default_factory=collections.deque)

    current: weakref.WeakKeyDictionary[SMTP, Behaviour] = field(
        default_factory=weakref.WeakKeyDictionary, repr=False
    )
    """What each connection does with the message it is at."""

    def then(self, *behaviours: Behaviour) -> None:
        """Append to the script."""
        self.script.extend(behaviours)

    def wait_for(self, messages: int, seconds: float = 10.0) -> list[Received]:
        """The first `messages` received, waited for at most `seconds`."""
        wait_until(lambda: len(self.received) >= messages, f"{messages} messages", seconds)
        return self.received[:messages]

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen for as long as the block lasts; outside of it, connections are refused by TCP."""
        tls = None if self.tls == "none" else self.certificate.server_context()

        def connection() -> SMTP:
            return _Smtp(
                self,
                tls_context=tls if self.tls == "starttls" else None,
                require_starttls=self.tls == "starttls",
                enable_SMTPUTF8=True,
                hostname="sink.example.test",
                auth_require_tls=False,
                authenticator=self._authenticate if self.login else None,
                auth_exclude_mechanism=() if self.login else ("LOGIN", "PLAIN"),
                loop=asyncio.get_running_loop(),
            )

        implicit = tls if self.tls == "implicit" else None
        with in_thread(connection, self.port, implicit):
            yield

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.login, handled=False)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook: a message begins, so it takes its behaviour from the script."""
        if self.login and not session.authenticated:
            return "530 5.7.0 authentication required"
        behaviour = self.script.popleft() if self.script else ACCEPT
        self.current[server] = behaviour
        if behaviour.connect:
            _hang_up_soon(server)
            return behaviour.connect
        if behaviour.sender:
            return behaviour.sender
        envelope.mail_from = address
        return "250 2.1.0 sender noted"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook."""
        refusal = dict(self.current[server].recipients).get(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient noted"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """aiosmtpd's hook: the whole message is here."""
        behaviour = self.current[server]
        await asyncio.sleep(behaviour.delay)
        if behaviour.drop != "at data" and behaviour.data.startswith("250"):
            assert isinstance(envelope.original_content, bytes)
            self.received.append(
                Received(
                    envelope.mail_from or "", tuple(envelope.rcpt_tos), envelope.original_content
                )
            )
        if behaviour.drop == "after answer":
            _hang_up_soon(server)
        elif behaviour.drop != "never":
            _transport(server).abort()
        return behaviour.data


class _Smtp(SMTP):
    """aiosmtpd's server, which may refuse a connection instead of greeting."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sink: SmtpSink = self.event_handler
        after_starttls = self._original_transport is not None
        super().connection_made(transport)
        if after_starttls:
            return
        sink.connections += 1
        if sink.script and sink.script[0].connect:
            self.refusal = sink.script.popleft().connect

    async def _handle_client(self) -> None:
        refusal = getattr(self, "refusal", None)
        if refusal is None:
            await super()._handle_client()
            return
        await self.push(refusal)
        _transport(self).close()


def _hang_up_soon(server: SMTP) -> None:
    """Close the connection once the reply that is about to be returned has been written."""
    asyncio.get_running_loop().call_soon(_transport(server).close)


def _transport(server: SMTP) -> asyncio.WriteTransport:
    transport = server.transport
    assert isinstance(transport, asyncio.WriteTransport)
    return transport


@contextlib.contextmanager
def smtp_sink_at(
    directory: Path, *, tls: Tls = "none", login: tuple[str, str] | None = None
) -> Iterator[SmtpSink]:
    """Run a sink whose certificate is written into `directory`, until the block ends."""
    sink = SmtpSink(free_port(), make_certificate(directory), tls, login)
    with sink.listening():
        yield sink
