"""Requests into calls of `Pages`, and what it answers into responses.

GET and HEAD only ever call `look`, `receipt`, `queue`, `health` and `metrics`, which change
nothing; POST on a decision link is the one door to `decide` (design 1.5). The link's token is the
secret, so there is no cookie and nothing that a foreign page could make a browser add; a POST that
says itself to come from a foreign page is refused all the same.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import get_args
from urllib.parse import quote, urlsplit

import h11
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitl_mail.adapters.web.headers import strict_headers
from hitl_mail.adapters.web.limits import (
    BODY_BYTES,
    EDIT_BYTES,
    Allowance,
    NotAForm,
    TooLarge,
    is_large,
    read_form,
)
from hitl_mail.adapters.web.local import is_local
from hitl_mail.adapters.web.render import Renderer
from hitl_mail.core.events import Verb
from hitl_mail.errors import StorageFailed
from hitl_mail.pages import LookUp, Outcome, Pages, PageState, Posted
from hitl_mail.review.templates import OnBroken, ignore

TOKEN_LENGTH = 2048
NOTE_LENGTH = 2000
_FIELD = "p:"
"""What the names of the fields of a payload begin with (`review.forms`)."""
_USER_AGENT_LENGTH = 200
_VERBS: frozenset[str] = frozenset(get_args(Verb))
_STATUS: dict[PageState, int] = {
    "bad_link": 404,
    "not_reviewer": 403,
    "own_request": 403,
    "elsewhere": 403,
}

_MONITORING = ("/healthz", "/metrics")
"""Asked by machines again and again, and cheap: they take nothing of anybody's allowance."""

_log = logging.getLogger("hitl_mail.web")


def web_app(
    pages: Pages,
    templates: Sequence[Path],
    *,
    site: str = "hitl-mail",
    timezone: dt.tzinfo = dt.UTC,
    base_url: str | None = None,
    on_broken: OnBroken = ignore,
    metrics: Callable[[str], Awaitable[tuple[bytes, str]]] | None = None,
    rate: float = 5.0,
    burst: int = 60,
    clock: Callable[[], float] = time.monotonic,
) -> ASGIApp:
    """The whole door as one ASGI application.

    `templates` are directories, the first that has a file wins; the last ships, and stands in for
    a broken file of another, of which `on_broken` is told. `site` and `timezone` are shown;
    `base_url` is what the outside calls us. `metrics` gives a body and its type for an Accept
    header: for whoever asks from this machine, and nobody else. Each client address may make
    `burst` requests at once and `rate` a second after that.
    """
    door = _Door(pages, Renderer(templates, site, timezone, on_broken), base_url, metrics)
    app = Starlette(
        routes=[
            Route("/", door.about, methods=["GET"]),
            Route("/healthz", door.health, methods=["GET"]),
            Route("/metrics", door.metrics, methods=["GET"]),
            Route("/d/{token}", door.decision, methods=["GET", "POST"]),
            Route("/r/{token}", door.receipt, methods=["GET"]),
            Route("/q/{token}", door.queue, methods=["GET"]),
        ],
        middleware=[
            Middleware(_Guard, render=door.render, allowance=Allowance(rate, burst), clock=clock)
        ],
        exception_handlers={HTTPException: door.http_error},
    )
    app.router.redirect_slashes = False
    return app


class _Door:
    """The routes."""

    def __init__(
        self,
        pages: Pages,
        render: Renderer,
        base_url: str | None,
        metrics: Callable[[str], Awaitable[tuple[bytes, str]]] | None,
    ) -> None:
        self._pages = pages
        self._metrics = metrics
        self.render = render
        self._origin = _origin(base_url) if base_url else None

    async def about(self, _request: Request) -> Response:
        return self._page(self.render.message("about"))

    async def health(self, _request: Request) -> Response:
        found = self._pages.health()
        return JSONResponse(found, 200 if found.get("status") == "ok" else 503)

    async def metrics(self, request: Request) -> Response:
        if self._metrics is None or not is_local(request.scope):
            raise HTTPException(404)
        body, content_type = await self._metrics(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def decision(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method == "POST":
            return await self._decide(request, token)
        found = self._look(token)
        return self._page(self.render.decision(found), _STATUS.get(found.state, 200))

    async def receipt(self, request: Request) -> Response:
        token = request.path_params["token"]
        found = self._pages.receipt(token) if len(token) <= TOKEN_LENGTH else None
        if found is None:
            return self._page(self.render.decision(LookUp(state="bad_link")), 404)
        return self._page(self.render.receipt(found))

    async def queue(self, request: Request) -> Response:
        token = request.path_params["token"]
        found = self._pages.queue(token) if len(token) <= TOKEN_LENGTH else None
        if found is None:
            return self._page(self.render.decision(LookUp(state="bad_link")), 404)
        return self._page(self.render.queue(found), 403 if found.state == "nobody" else 200)

    async def http_error(self, _request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        name = {404: "not_found", 405: "method"}.get(error.status_code, "not_understood")
        response = self._page(self.render.message(name), error.status_code)
        response.headers.update(error.headers or {})
        return response

    async def _decide(self, request: Request, token: str) -> Response:
        if _is_foreign(request.headers, self._origin):
            return self._page(self.render.message("foreign"), 403)
        try:
            form = await read_form(request, self._most(request, token))
            posted = _posted(form)
        except TooLarge:
            return self._page(self.render.message("too_large"), 413)
        except NotAForm:
            return self._page(self.render.message("not_understood"), 400)
        if len(token) > TOKEN_LENGTH:
            return self._page(self.render.decision(LookUp(state="bad_link")), 404)
        outcome = await self._pages.decide(token, posted, _evidence(request))
        if outcome.decided:
            # Seeing what became of it is a GET again: reloading that page posts nothing. Relative,
            # because a proxy may serve us under a path of its own; with a fragment, because a
            # browser would keep that of the form and go to the part of the page it names.
            return RedirectResponse(f"./{quote(outcome.next or token, safe='')}#top", 303)
        return self._refused(token, outcome, posted)

    def _most(self, request: Request, token: str) -> int:
        """How large a body may be: who may edit here posts a payload."""
        if is_large(request) and "edit" in self._look(token).verbs:
            return EDIT_BYTES
        return BODY_BYTES

    def _refused(self, token: str, outcome: Outcome, posted: Posted) -> Response:
        found = self._look(token)
        status = _STATUS.get(found.state, 409)
        return self._page(self.render.decision(found, outcome, posted), status)

    def _look(self, token: str) -> LookUp:
        if len(token) > TOKEN_LENGTH:
            return LookUp(state="bad_link")
        return self._pages.look(token)

    def _page(self, html: str, status: int = 200) -> Response:
        return HTMLResponse(html, status)


class _Guard:
    """Around every request: the allowance, the strict headers, and no detail of what broke."""

    def __init__(
        self, app: ASGIApp, render: Renderer, allowance: Allowance, clock: Callable[[], float]
    ) -> None:
        self._app = app
        self._render = render
        self._allowance = allowance
        self._clock = clock
        self._headers = strict_headers(render.style)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def strictly(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        wait = 0.0
        if scope["path"] not in _MONITORING:
            wait = self._allowance.take(_address(scope), self._clock())
        try:
            app = self._too_many(wait) if wait else self._app
            await app(scope, receive, strictly)
        except StorageFailed as error:
            # What would be shown may never have become durable.
            _log.error("A page was not shown: %s", error)
            if started:
                raise
            await HTMLResponse(self._render.message("unwell"), 503)(scope, receive, strictly)
        except h11.LocalProtocolError as error:
            # The visitor's doing: of a request that turns out to be no HTTP nothing is answered.
            where = f"{scope['method']} {scope['path'][:3]}…"
            _log.warning("A page was not sent: %s: %s", where, error)
        except Exception:
            # The path holds a token, so only its first letters are said.
            _log.exception("A page failed: %s %s…", scope["method"], scope["path"][:3])
            if started:
                raise
            await HTMLResponse(self._render.message("broken"), 500)(scope, receive, strictly)

    def _too_many(self, wait: float) -> Response:
        response = HTMLResponse(self._render.message("too_many"), 429)
        response.headers["Retry-After"] = str(int(wait) + 1)
        return response


def _posted(form: dict[str, str]) -> Posted:
    """What a form of a decision page says. Raises `NotAForm` or `TooLarge`."""
    lines = {name: text.replace("\r\n", "\n") for name, text in form.items()}
    verb, note = lines.get("verb", ""), lines.get("note", "").strip()
    if verb not in _VERBS or not lines.get("seen"):
        raise NotAForm
    if len(note) > NOTE_LENGTH:
        raise TooLarge
    return Posted(
        verb=verb,  # type: ignore[arg-type]
        seen=lines["seen"],
        note=note,
        to=lines.get("to", "").strip(),
        fields={name: text for name, text in lines.items() if name.startswith(_FIELD)},
        document=lines.get("json"),
    )


def _is_foreign(headers: Headers, ours: str | None) -> bool:
    """Whether a browser says that another site's page posts here.

    Our own pages send no referrer, and then a browser may give their origin as `null` (Fetch
    standard, "serializing a request origin"): so `null` says nothing, and only a named foreign
    origin is one. Sec-Fetch-Site, where sent, is the browser's own judgement.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None or origin == "null":
        return False
    if origin == ours:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:
        # No address at all: no browser and no page of ours says such a thing.
        return True


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _evidence(request: Request) -> dict[str, str]:
    agent = "".join(c if c.isprintable() else "?" for c in request.headers.get("user-agent", ""))
    return {"address": _address(request.scope), "user_agent": agent[:_USER_AGENT_LENGTH]}


def _address(scope: Scope) -> str:
    """The socket's peer. Headers that name another are anyone's to write."""
    client = scope.get("client")
    return str(client[0]) if client else ""
