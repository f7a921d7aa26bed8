"""Mail servers are outside, too: what they answer is shown, and is nobody's to trust."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.home import TestHome, refund, until
from tests.acceptance.post import PASSWORD_FILE, plain_imap, plain_smtp, site
from tests.security.hostile import forged_lines, marked, raw
from tests.servers.process import free_port
from tests.servers.smtp_sink import Behaviour, smtp_sink_at
from tests.servers.thread import in_thread

HOSTILE = marked("server")
REFUSED = Behaviour(recipients=(("reviewer@example.test", f"550 5.1.1 {marked('refused')}"),))


class Imap(asyncio.Protocol):
    """Greets, and answers every command with a refusal that commands a terminal."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self.transport.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")

    def data_received(self, data: bytes) -> None:
        for line in data.splitlines():
            tag, _, rest = line.partition(b" ")
            if rest.upper().startswith(b"CAPABILITY"):
                self.transport.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
            else:
                self.transport.write(tag + b" NO " + marked("imap").encode() + b"\r\n")


@pytest.fixture(scope="module")
def shown(
    make_home: Callable[..., TestHome], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, bytes]]:
    port = free_port()
    with smtp_sink_at(tmp_path_factory.mktemp("sink")) as sink, in_thread(Imap, port):
        later = Behaviour(data=f"451 4.3.0 {HOSTILE}")
        sink.then(*[later, REFUSED] * 20)
        home = make_home(
            site=site(plain_smtp(sink.port), plain_imap(port), finance='["ada", "bob"]')
        )
        (home.root / PASSWORD_FILE).write_text("pw\n")
        (home.root / PASSWORD_FILE).chmod(0o600)
        home.start()
        actions = [home.drop(refund()) for _ in range(3)]
        for action in actions:
            home.case_of(action)

        def told() -> dict[str, bytes] | None:
            words = [("status",), ("status", "--json"), ("queue",), ("queue", "--json")]
            words += [("show", action) for action in actions]
            found = {}
            for one in words:
                done = home.cli(*one)
                found[" ".join(one)] = (done.stdout + done.stderr).encode()
            found["log"] = home.log().encode("utf-8", "surrogateescape")
            found["health"] = (home.root / "state/health.json").read_bytes()
            everything = b"".join(found.values())
            return found if all(m in everything for m in (b"Mserver", b"Mimap")) else None

        yield until(told, lambda: f"the servers' words are shown\n{home.log()}", 30)


def test_what_a_server_answers_is_shown_without_its_tricks(shown: dict[str, bytes]) -> None:
    """Terminal escapes, bidi and zero-width in an answer of SMTP or IMAP, wherever it is told."""
    assert {place: found for place, data in shown.items() if (found := raw(data))} == {}
    assert {place: found for place, data in shown.items() if (found := forged_lines(data))} == {}
