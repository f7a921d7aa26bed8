"""What stands in for Postfix where the tests do not run as root: SMTP in, LMTP to Dovecot out."""

import asyncio
import contextlib
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.certificate import Certificate
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot
from tests.servers.process import LOOPBACK, free_port
from tests.servers.thread import in_thread


@dataclass(frozen=True)
class Relay:
    """A running relay, reached and trusted as a `Postfix` is."""

    dovecot: Dovecot
    port: int
    certificate: Certificate
    host: str = LOOPBACK
    lines: list[str] = field(default_factory=list)

    def log(self) -> str:
        """What it handed on, one line a message."""
        return "\n".join(self.lines)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook: only mail for example.test is relayed."""
        if not address.lower().endswith("@example.test"):
            return "554 5.7.1 relay access denied"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """aiosmtpd's hook: the message is answered once Dovecot has it."""
        return await asyncio.to_thread(self._hand_on, envelope)

    def _hand_on(self, envelope: Envelope) -> str:
        content = envelope.original_content
        assert isinstance(content, bytes)
        try:
            with smtplib.LMTP(self.dovecot.host, self.dovecot.lmtp_port) as lmtp:
                refused = lmtp.sendmail(envelope.mail_from or "", envelope.rcpt_tos, content)
        except smtplib.SMTPRecipientsRefused as error:
            self.lines.append(f"to={envelope.rcpt_tos} refused: {error}")
            return "550 5.1.1 no such mailbox"
        except (smtplib.SMTPException, OSError) as error:
            self.lines.append(f"to={envelope.rcpt_tos} failed: {error}")
            return "451 4.3.0 not delivered"
        self.lines.append(f"to={envelope.rcpt_tos} refused={refused}")
        return "250 2.0.0 delivered"


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    known = data.login.decode() in (APPROVALS, REVIEWER)
    return AuthResult(success=known and data.password.decode() == PASSWORD, handled=False)


@contextlib.contextmanager
def relay_to(dovecot: Dovecot) -> Iterator[Relay]:
    """Run a relay to `dovecot` until the block ends."""
    relay = Relay(dovecot, free_port(), dovecot.certificate)
    tls = dovecot.certificate.server_context()

    def connection() -> SMTP:
        return SMTP(
            relay,
            tls_context=tls,
            hostname="mx.example.test",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_authenticate,
            loop=asyncio.get_running_loop(),
        )

    with in_thread(connection, relay.port):
        yield relay
