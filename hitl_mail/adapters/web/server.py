"""Listens: uvicorn inside a loop that belongs to somebody else.

It takes no signals, writes no access log (paths hold tokens), and gives each visitor one request
a connection and `LIFETIME` seconds for it, so that nobody can hold a connection by being slow. A
port that cannot be had is not the daemon's end: the reason stands in `WebServer.error` while the
server keeps trying.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from hitl_mail.adapters.web.headers import strict_headers

LIFETIME = 60.0
CONNECTIONS = 256
_GRACE = 5

_log = logging.getLogger("hitl_mail.web")


class WebServer:
    """One application on one address, `HOST:PORT` (IPv6 in brackets; port 0 means any free one).

    `port` is the one in use, None while there is none; `error` says why there is none: what
    happened, where, and what to do.
    """

    def __init__(self, app: ASGIApp, bind: str, *, retry: float = 5.0) -> None:
        self.port: int | None = None
        self.error: str | None = None
        self._app = app
        self._bind = bind
        self._retry = retry
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when the server answers, or when the first attempt failed (see `error`)."""
        tried = asyncio.Event()
        self._task = asyncio.create_task(self._keep_serving(tried), name="web")
        await tried.wait()

    async def stop(self) -> None:
        """Take no new request, let those under way end (at most five seconds), close the port."""
        task, self._task = self._task, None
        if task is None:
            return
        if self._server is None:
            task.cancel()
        else:
            self._server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _keep_serving(self, tried: asyncio.Event) -> None:
        while True:
            try:
                listener = await _listen(self._bind)
            except (OSError, ValueError) as error:
                self._fail(_explain(self._bind, error))
            else:
                await self._serve(listener, tried)
                if self._task is None:
                    return
                self._fail(f"The web server on {self._bind} ended by itself; it is started again.")
            tried.set()
            await asyncio.sleep(self._retry)

    async def _serve(self, listener: socket.socket, tried: asyncio.Event) -> None:
        server = _Server(_config(self._app), tried.set)
        self.port, self.error, self._server = listener.getsockname()[1], None, server
        try:
            await server.serve(sockets=[listener])
        except Exception:  # noqa: BLE001 - whatever broke it, it is started again
            _log.exception("The web server on %s failed", self._bind)
        finally:
            listener.close()
            self.port = self._server = None

    def _fail(self, error: str) -> None:
        if error != self.error:
            _log.error("%s", error)
        self.error = error


class _Server(uvicorn.Server):
    """Leaves SIGTERM and SIGINT to the daemon."""

    def __init__(self, config: uvicorn.Config, when_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_started = when_started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_started()


class _Connection(H11Protocol):
    """One request, in a bounded time, among a bounded number of others."""

    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end = self.loop.call_later(LIFETIME, transport.abort)
        if len(self.connections) > CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """To what is not HTTP at all no application answers; the headers are strict even so."""
        body = b"This is not a request that can be answered here.\n"
        headers = [*strict_headers(), (b"content-type", b"text/plain; charset=utf-8")]
        headers.append((b"content-length", str(len(body)).encode()))
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
    )


async def _listen(bind: str) -> socket.socket:
    """A listening socket. Raises `OSError`, or `ValueError` for a bad `bind`."""
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("it is not HOST:PORT")
    found = await asyncio.get_running_loop().getaddrinfo(
        host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets may be bound to one port; only listening shows that it is taken.
        listener.listen(128)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(bind: str, error: OSError | ValueError) -> str:
    why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return (
        f"The pages cannot be served on {bind}: {why}. Free that port, or set another [web] bind "
        "in hitl-mail.toml; until then links in mails do not work, replies and the command line do."
    )
