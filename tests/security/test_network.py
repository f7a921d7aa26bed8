"""The network between: servers that are not who they say, and who stands in front of them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hitl_mail.adapters.execute.http import HttpExecutor
from hitl_mail.adapters.smtp.outbox import SmtpOutbox
from hitl_mail.ports import MailPermanent, MailTemporary, Order
from hitl_mail.settings import Executor, Smtp
from tests.servers.certificate import make_certificate
from tests.servers.webhook import receiver

PASSWORD = "correct horse battery staple"
MAIL = b"From: a@example.test\r\nSubject: secret words\r\n\r\napprove\r\n"
OFFERED = b"250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"
BARE = b"250-mx\r\n250 AUTH PLAIN LOGIN\r\n"


@dataclass
class Middle:
    """An SMTP server under an attacker's hand; `heard` is every line it was told."""

    ehlo: bytes = OFFERED
    starttls: bytes = b"220 go ahead\r\n"
    tls: ssl.SSLContext | None = None
    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    secure: list[bytes] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = self.heard
        writer.write(b"220 mx ESMTP\r\n")
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while line := await reader.readline():
                heard.append(line)
                word = line[:4].upper()
                if word == b"STAR":
                    writer.write(self.starttls)
                    if self.tls is not None:
                        await writer.start_tls(self.tls)
                        heard = self.secure
                elif word == b"EHLO":
                    writer.write(self.ehlo if heard is self.heard else BARE)
                elif word == b"AUTH":
                    writer.write(b"235 welcome\r\n")
                elif word == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 taken\r\n")
                else:
                    writer.write(b"250 ok\r\n")
        writer.close()


@contextlib.asynccontextmanager
async def listening(middle: Middle) -> AsyncIterator[Middle]:
    server = await asyncio.start_server(middle.talk, "127.0.0.1", 0)
    middle.port = server.sockets[0].getsockname()[1]
    async with server:
        yield middle


async def send(middle: Middle, ca: Path, *to: str) -> list[str]:
    settings = Smtp(
        host="localhost",
        port=middle.port,
        tls="starttls",
        username="approvals",
        ca_file=str(ca),
        timeout=5,
    )
    outbox = SmtpOutbox(settings, PASSWORD, hostname="client.example.test")
    try:
        recipients = list(to or ["ada@example.test"])
        return await outbox.send("a@example.test", recipients, MAIL, "m1")
    finally:
        await outbox.close()


STRIPPED = {
    "not offered": Middle(ehlo=BARE),
    "refused": Middle(starttls=b"454 TLS not available\r\n"),
    "answered without TLS": Middle(),
}


@pytest.mark.parametrize("how", STRIPPED)
async def test_without_tls_no_login_and_no_mail_is_sent(how: str, tmp_path: Path) -> None:
    """Whoever takes STARTTLS out of the dialogue gets neither the password nor a mail."""
    certificate = make_certificate(tmp_path)
    async with listening(STRIPPED[how]) as middle:
        with pytest.raises(MailTemporary):
            await send(middle, certificate.ca)
    said = b"".join(middle.heard)
    told = {line[:4] for line in middle.heard if line[:4].isalpha()} - {b"QUIT", b"RSET"}
    assert told <= {b"EHLO", b"STAR"}, said
    assert b"secret words" not in said


async def test_what_was_said_before_tls_is_not_taken_for_what_was_said_within(
    tmp_path: Path,
) -> None:
    """Answers put behind the 220 of STARTTLS (RFC 3207, 4.2) count for nothing."""
    certificate = make_certificate(tmp_path)
    middle = Middle(tls=certificate.server_context())
    middle.starttls = b"220 go ahead\r\n535 5.7.8 your password is wrong\r\n550 no such user\r\n"
    async with listening(middle):
        refused = await send(middle, certificate.ca)
    assert (refused, [line[:4].upper() for line in middle.secure[:3]]) == (
        [],
        [b"EHLO", b"AUTH", b"MAIL"],
    )


async def test_a_server_with_a_certificate_of_somebody_else_learns_nothing(tmp_path: Path) -> None:
    """The certificate is checked, by name and by authority, before anything is said."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir(), theirs.mkdir()
    ca, other = make_certificate(ours).ca, make_certificate(theirs)
    async with listening(Middle(tls=other.server_context())) as middle:
        with pytest.raises(MailTemporary, match="certificate verify failed"):
            await send(middle, ca)
    assert (middle.secure, [line[:4] for line in middle.heard]) == ([], [b"EHLO", b"STAR"])


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.test>\r\nRCPT TO:<eve@evil.example",
        "ada@example.test\r\nDATA",
        "ada@example.test\nX: y",
        "ada@example.test> SIZE=1",
        "ada\x00@example.test",
        "ada\u202e@example.test",
    ],
)
async def test_no_address_becomes_a_second_command(address: str, tmp_path: Path) -> None:
    """CRLF in an address never reaches the dialogue."""
    certificate = make_certificate(tmp_path)
    async with listening(Middle(tls=certificate.server_context())) as middle:
        with pytest.raises((MailPermanent, MailTemporary)):
            await send(middle, certificate.ca, address)
    commands = [line[:4].upper() for line in middle.secure]
    assert set(commands) <= {b"EHLO", b"AUTH", b"MAIL", b"RSET", b"QUIT"}


# Executors


ORDER = Order("261122-k3f9ma", 1, 1, {"amount": 1}, (), "261122-k3f9ma.1")


def hook(url: str, home: Path) -> HttpExecutor:
    (home / "secret").write_text("whsec_c2VjcmV0")
    settings = Executor(type="http", url=url, secret_file="secret", timeout=5)
    return HttpExecutor(settings, home)


async def test_a_hook_with_a_certificate_of_somebody_else_gets_nothing(tmp_path: Path) -> None:
    """The payload and its signature go to the host that the admin named, or nowhere."""
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    context = make_certificate(tmp_path).server_context()
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        done = await hook(f"https://localhost:{port}/", tmp_path).run(ORDER)
    assert (done.result, b"".join(heard)) == ("doubt", b"")
    assert "certificate verify failed" in done.outcome["error"]


async def test_no_answer_of_a_hook_sends_the_payload_anywhere_else(tmp_path: Path) -> None:
    """Redirects are not followed: the signed payload never reaches another address."""
    with receiver() as first:
        done = await hook(f"{first.url}/redirect", tmp_path).run(ORDER)
    assert (done.result, [one.path for one in first.received]) == ("failed", ["/redirect"])


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
async def test_the_environment_leads_no_payload_through_a_proxy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the daemon's environment moves no hook."""
    with receiver() as wanted, receiver() as proxy:
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
        done = await hook(f"{wanted.url}/status/200", tmp_path).run(ORDER)
    assert (done.result, len(wanted.received), proxy.received) == ("ok", 1, [])
