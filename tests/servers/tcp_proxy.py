"""A TCP proxy between a client and a server on loopback, for everything a network does to them.

It runs in the test's own event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tests.servers.process import LOOPBACK, free_port


@dataclass
class TcpProxy:
    """A running proxy. `said` is all that clients sent."""

    target: int
    port: int = field(default_factory=free_port)
    said: bytearray = field(default_factory=bytearray)
    connections: int = 0
    rewrite: Callable[[bytes], bytes] = bytes
    """What clients get in place of what the server said."""
    frozen: bool = False
    """Takes bytes and hands none on: a connection that died without a word."""
    clients: list[asyncio.StreamWriter] = field(default_factory=list)
    servers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def cut(self) -> None:
        """Reset all connections that are open now."""
        for writer in (*self.clients, *self.servers):
            writer.transport.abort()
        self.clients.clear()
        self.servers.clear()

    def tell_clients(self, words: bytes) -> None:
        """Send something as if the server had."""
        for writer in self.clients:
            writer.write(words)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Accept connections until the block ends; outside of it they are refused."""
        server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        try:
            yield
        finally:
            server.close()
            self.cut()
            while self.tasks:
                await asyncio.wait(self.tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            to_server = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        self.clients.append(writer)
        self.servers.append(to_server[1])
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._pump(reader, to_server[1], self._hear),
                self._pump(to_server[0], writer, self.rewrite),
            )

    def _hear(self, data: bytes) -> bytes:
        self.said += data
        return data

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        through: Callable[[bytes], bytes],
    ) -> None:
        while data := await source.read(65536):
            handed_on = through(data)
            if not self.frozen:
                sink.write(handed_on)
                await sink.drain()
        sink.close()


@contextlib.asynccontextmanager
async def tcp_proxy_to(port: int) -> AsyncIterator[TcpProxy]:
    """Run a proxy to `port` until the block ends."""
    proxy = TcpProxy(port)
    async with proxy.listening():
        yield proxy
