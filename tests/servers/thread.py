"""An asyncio server in a thread of its own, beside the test's event loop."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from tests.servers.process import LOOPBACK

T = TypeVar("T")


@contextlib.contextmanager
def in_thread(
    connection: Callable[[], asyncio.BaseProtocol], port: int, tls: ssl.SSLContext | None = None
) -> Iterator[None]:
    """Listen on `port` of loopback until the block ends, one `connection()` a client.

    The block may be in a test's own event loop.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"server on port {port}")
    thread.start()
    try:
        server = _run(loop, loop.create_server(connection, LOOPBACK, port, ssl=tls))
        try:
            yield
        finally:
            _run(loop, _end(server))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(30)


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.get_running_loop().shutdown_default_executor()
