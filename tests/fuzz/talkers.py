"""A server on loopback that answers from a script, whatever it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable


class Last(bytes):
    """An answer after which the server hangs up."""


Answer = Callable[[bytes], bytes]
"""From a line of the client's to what it gets."""


class _Talk(asyncio.Protocol):
    def __init__(self, greeting: bytes, answer: Answer) -> None:
        self._greeting = greeting
        self._answer = answer
        self._rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self.transport is None or self.transport.is_closing():
                return
            said = self._answer(line)
            self.transport.write(said)
            if isinstance(said, Last):
                self.transport.close()


@contextlib.asynccontextmanager
async def talker(greeting: bytes, answer: Answer) -> AsyncIterator[int]:
    """Its port. Says `greeting`, then `answer` of each line that comes."""
    talks: list[_Talk] = []

    def made() -> _Talk:
        talks.append(_Talk(greeting, answer))
        return talks[-1]

    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for talk in talks:
            if talk.transport is not None:
                talk.transport.abort()
        await server.wait_closed()
