"""A TCP proxy between a client and a server on loopback, for everything a network does to them.

It runs in the test's own event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.servers.process import LOOPBACK, free_port


@dataclass
class TcpProxy:
    """A running proxy. `said` is all that clients sent."""

    target: int
    port: int = field(default_factory=free_port)
    said: bytearray = field(default_factory=bytearray)
    connections: int = 0
    frozen: bool = False
    """Takes bytes and hands none on: a connection that died without a word."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        """Reset all connections that are open now."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self.connections += 1
        try:
            to_server = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        self.writers += [writer, to_server[1]]
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._pump(reader, to_server[1], self.said),
                self._pump(to_server[0], writer, bytearray()),
            )

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: bytearray
    ) -> None:
        while data := await source.read(65536):
            record += data
            if not self.frozen:
                sink.write(data)
                await sink.drain()
        sink.close()


@contextlib.asynccontextmanager
async def tcp_proxy_to(port: int) -> AsyncIterator[TcpProxy]:
    """Run a proxy to `port` until the block ends."""
    proxy = TcpProxy(port)
    server = await asyncio.start_server(proxy.serve, LOOPBACK, proxy.port)
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
