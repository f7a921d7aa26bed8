"""The listening part, on real sockets: a port that is taken, visitors who are slow, an end."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest

from hitl_mail.adapters.web import server as listening
from hitl_mail.adapters.web.app import web_app
from hitl_mail.adapters.web.server import WebServer
from tests.web.one_case import OneCase
from tests.web.serve import TEMPLATES


@asynccontextmanager
async def running(bind: str) -> AsyncIterator[WebServer]:
    server = WebServer(web_app(OneCase(), [TEMPLATES]), bind, retry=0.05)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextmanager
def taken_port() -> Iterator[tuple[socket.socket, int]]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other, other.getsockname()[1]


async def health(port: int | None, host: str = "127.0.0.1") -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://{host}:{port}/healthz")).status_code


async def until(true: object) -> None:
    """Wait until a callable holds, five seconds at most."""
    async with asyncio.timeout(5):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_it_answers_as_soon_as_it_is_started() -> None:
    async with running("127.0.0.1:0") as server:
        assert (await health(server.port), server.error) == (200, None)


async def test_a_name_can_be_bound() -> None:
    async with running("localhost:0") as server:
        assert await health(server.port, "localhost") == 200


async def test_a_port_in_use_is_said_and_kills_nobody() -> None:
    with taken_port() as (_, port):
        async with running(f"127.0.0.1:{port}") as server:
            found = (server.port, server.error)
    assert found == (
        None,
        f"The pages cannot be served on 127.0.0.1:{port}: Address already in use. Free that port, "
        "or set another [web] bind in hitl-mail.toml; until then links in mails do not work, "
        "replies and the command line do.",
    )


async def test_a_port_that_becomes_free_is_taken() -> None:
    with taken_port() as (other, port):
        async with running(f"127.0.0.1:{port}") as server:
            other.close()
            await until(lambda: server.port is not None)
            assert (await health(port), server.error) == (200, None)


@pytest.mark.parametrize("bind", ["8025", "127.0.0.1:http", "127.0.0.1:70000", ""])
async def test_an_address_that_is_none_is_said(bind: str) -> None:
    async with running(bind) as server:
        assert "it is not HOST:PORT" in (server.error or "")


async def test_the_port_is_free_again_after_the_end() -> None:
    async with running("127.0.0.1:0") as first:
        port = first.port
        await health(port)
    async with running(f"127.0.0.1:{port}") as second:
        assert second.port == port


async def test_it_can_be_stopped_before_it_ever_had_a_port() -> None:
    with taken_port() as (_, port):
        async with running(f"127.0.0.1:{port}") as server:
            pass
    assert server.port is None


async def test_signals_stay_with_the_daemon() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    async with running("127.0.0.1:0"):
        during = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert during == before


async def read_all(port: int | None, said: bytes) -> bytes:
    """What a visitor gets who says this and then nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /d/ada HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /d/ada HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nverb=",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_slow_visitor_is_cut_off(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LIFETIME", 0.2)
    async with running("127.0.0.1:0") as server:
        assert await read_all(server.port, said) == b""


async def test_a_body_that_is_no_http_is_cut_off_and_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    async with running("127.0.0.1:0") as server:
        assert (await read_all(server.port, said)).startswith(b"HTTP/1.1 400 ")
        assert await health(server.port) == 200
    told = [record for record in caplog.records if record.name == "hitl_mail.web"]
    assert [record.getMessage().partition(":")[0] for record in told] == ["A page was not sent"]
    assert [record for record in caplog.records if record.exc_info] == []


async def test_visitors_beyond_the_bound_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "CONNECTIONS", 1)
    async with running("127.0.0.1:0") as server:
        _, first = await asyncio.open_connection("127.0.0.1", server.port)
        answer = await read_all(server.port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        first.close()
    assert answer == b""


async def test_stopping_waits_for_no_idle_visitor() -> None:
    async with running("127.0.0.1:0") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(2):
            await server.stop()
            assert await reader.read() == b""
        writer.close()
