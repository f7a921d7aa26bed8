"""An asyncio server in a thread of its own, beside the test's event loop."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator

from tests.servers.process import LOOPBACK


@contextlib.contextmanager
def in_thread(
    connection: Callable[[], asyncio.BaseProtocol], port: int, tls: ssl.SSLContext | None = None
) -> Iterator[None]:
    """Listen on `port` of loopback until the block ends, one `connection()` a client."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(connection, LOOPBACK, port, ssl=tls))
    thread = threading.Thread(target=loop.run_forever, name=f"server on port {port}")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(_end_all(loop))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    others = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)
