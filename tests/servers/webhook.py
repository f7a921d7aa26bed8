"""A real HTTP server on loopback, in a thread of its own, that receives an executor's posts."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`/status/N` answers N, `/slow` nothing at all, `/endless` for ever, `/said` 500, `says`."""

    url: str = ""
    says: str = ""
    received: list[Received] = field(default_factory=list)
    waiting: int = 0

    def app(self) -> Starlette:
        routes = [
            Route("/status/{status:int}", self._status, methods=["GET", "POST"]),
            Route("/slow", self._slow, methods=["POST"]),
            Route("/endless", self._endless, methods=["POST"]),
            Route("/redirect", self._redirect, methods=["POST"]),
            Route("/bytes", self._bytes, methods=["POST"]),
            Route("/said", self._said, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _note(self, request: Request) -> None:
        body = await request.body()
        self.received.append(Received(request.url.path, dict(request.headers), body))

    async def _status(self, request: Request) -> Response:
        await self._note(request)
        return Response(b"seen", request.path_params["status"])

    async def _slow(self, request: Request) -> Response:
        await self._note(request)
        self.waiting += 1
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.waiting -= 1
        return Response()

    async def _endless(self, request: Request) -> Response:
        await self._note(request)

        async def body() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 4096
                await asyncio.sleep(0)

        return StreamingResponse(body())

    async def _redirect(self, request: Request) -> Response:
        await self._note(request)
        return RedirectResponse("/status/200", 307)

    async def _said(self, request: Request) -> Response:
        await self._note(request)
        return Response(self.says, 500, media_type="text/plain")

    async def _bytes(self, request: Request) -> Response:
        await self._note(request)
        return Response(b"\xff\xed\xa0\x80 caf\xc3\xa9", media_type="text/plain")


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver at `url` until the block ends."""
    found = Receiver()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(found.app(), log_level="critical", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        listener.listen()
        thread.start()
        try:
            yield found
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join()
