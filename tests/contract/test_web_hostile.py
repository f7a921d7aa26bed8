"""Whatever arrives, every answer is strict, bounded and tells nothing it should not."""

import asyncio
import logging
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.web.one_case import BrokenCase, OneCase, facts
from tests.web.packets import hostile_packet
from tests.web.serve import served

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>'\"></textarea></style>\u202egnp\u200b"
)

STRICT = {
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
    "connection": "close",
}

REQUESTS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "front page": ("GET", "/", {}, 200),
    "health": ("GET", "/healthz", {}, 200),
    "decision": ("GET", "/d/ada", {}, 200),
    "HEAD": ("HEAD", "/d/ada", {}, 200),
    "receipt": ("GET", "/r/r-ada", {}, 200),
    "bad link": ("GET", "/d/eve", {}, 404),
    "unknown path": ("GET", "/wp-login.php", {}, 404),
    "slash": ("GET", "/d/ada/", {}, 404),
    "method": ("PUT", "/d/ada", {}, 405),
    "form": ("POST", "/d/ada", {}, 400),
    "too large": ("POST", "/d/eve", {"content": b"x" * 70_000}, 413),
    "foreign": ("POST", "/d/ada", {"headers": {"sec-fetch-site": "cross-site"}}, 403),
    "decided": ("POST", "/d/ada", {"data": {"verb": "approve", "seen": OneCase().revision}}, 303),
    "stale": ("POST", "/d/ada", {"data": {"verb": "approve", "seen": "x"}}, 409),
}


def strict_part(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name in STRICT}


def policy(response: httpx.Response) -> dict[str, str]:
    """The directives of the answer's CSP."""
    directives = response.headers["content-security-policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_answer_has_the_strict_headers(name: str) -> None:
    method, path, more, status = REQUESTS[name]
    async with served(OneCase()) as client:
        response = await client.request(method, path, **more)
    assert (response.status_code, strict_part(response)) == (status, STRICT)


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_answer_lets_nothing_be_loaded_framed_or_posted_elsewhere(name: str) -> None:
    method, path, more, _ = REQUESTS[name]
    async with served(OneCase()) as client:
        found = policy(await client.request(method, path, **more))
    style = found.pop("style-src")
    assert (found, style.startswith("'sha256-")) == (
        {
            "default-src": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
        },
        True,
    )


async def test_no_answer_names_the_server_software_or_sets_a_cookie() -> None:
    async with served(OneCase()) as client:
        response = await client.get("/d/ada")
    assert {"server", "set-cookie"} & set(response.headers) == set()


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"]
)
async def test_what_is_not_http_gets_a_strict_answer_too(garbage: bytes) -> None:
    async with served(OneCase()) as client:
        port = client.base_url.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        answer = (await reader.read()).decode().lower()
        writer.close()
        await writer.wait_closed()
    assert [
        f"{name}: {value}" for name, value in STRICT.items() if f"{name}: {value}" not in answer
    ] == []


async def test_a_fault_shows_no_detail(caplog: pytest.LogCaptureFixture) -> None:
    async with served(BrokenCase()) as client:
        response = await client.get("/d/secret-token")
    assert (response.status_code, "hunter2" in response.text, strict_part(response)) == (
        500,
        False,
        STRICT,
    )


async def test_a_fault_is_logged_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    async with served(BrokenCase()) as client:
        await client.post("/d/secret-token", data={"verb": "approve", "seen": "x"})
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["A page failed: POST /d/…"]


async def test_nothing_is_logged_of_a_visit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with served(OneCase()) as client:
        await client.get("/d/ada")
    assert [
        r.getMessage() for r in caplog.records if "/d/" in r.getMessage() and "httpx" not in r.name
    ] == []


class _Tags(HTMLParser):
    """Which tags a page really opens."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]


def opened_by(page: str) -> tuple[set[str], list[str]]:
    parser = _Tags()
    parser.feed(page)
    return set(parser.opened), parser.handlers


HOSTILE_PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "open": ("/d/ada", {}),
    "decided": ("/d/ada", {"status": "executed", "closed_at": 1.0, "detail": HOSTILE}),
    "receipt": ("/r/r-ada", {"detail": HOSTILE}),
}


@pytest.mark.parametrize("name", HOSTILE_PAGES)
async def test_hostile_text_opens_no_tag(name: str) -> None:
    path, changes = HOSTILE_PAGES[name]
    names = dict.fromkeys(("case", "id", "agent", "kind", "title", "run_id"), HOSTILE)
    pages = OneCase(shown=hostile_packet(HOSTILE), case=facts(**names, **changes))
    async with served(pages) as client:
        tags, handlers = opened_by((await client.get(path)).text)
    assert (tags & {"script", "img"}, handlers) == (set(), [])


@pytest.mark.parametrize("name", HOSTILE_PAGES)
async def test_hostile_text_cannot_hide_or_turn_characters(name: str) -> None:
    path, changes = HOSTILE_PAGES[name]
    names = dict.fromkeys(("case", "id", "agent", "kind", "title", "run_id"), HOSTILE)
    pages = OneCase(shown=hostile_packet(HOSTILE), case=facts(**names, **changes))
    async with served(pages) as client:
        page = (await client.get(path)).text
    assert {"\u202e", "\u200b"} & set(page) == set()


async def test_a_reviewers_note_opens_no_tag() -> None:
    pages = OneCase()
    async with served(pages) as client:
        data = {"verb": "approve", "seen": pages.revision, "note": HOSTILE}
        page = await client.post("/d/ada", data=data, follow_redirects=True)
    assert opened_by(page.text)[0] & {"script", "img"} == set()


async def test_nobody_may_ask_without_end() -> None:
    async with served(OneCase(), rate=0.5, burst=3, clock=lambda: 0.0) as client:
        answers = [await client.get("/d/ada") for _ in range(4)]
    assert ([a.status_code for a in answers], answers[3].headers["retry-after"]) == (
        [200, 200, 200, 429],
        "3",
    )


async def test_waiting_gives_the_allowance_back() -> None:
    now = [0.0]
    async with served(OneCase(), rate=0.5, burst=1, clock=lambda: now[0]) as client:
        await client.get("/")
        now[0] = 2.0
        response = await client.get("/")
    assert response.status_code == 200


async def test_a_post_over_the_allowance_decides_nothing() -> None:
    pages = OneCase()
    async with served(pages, burst=1, clock=lambda: 0.0) as client:
        await client.get("/")
        data = {"verb": "approve", "seen": pages.revision}
        response = await client.post("/d/ada", data=data)
    assert (response.status_code, pages.facts.decisions, strict_part(response)) == (429, (), STRICT)


async def test_health_is_answered_beyond_the_allowance() -> None:
    async with served(OneCase(), burst=1, clock=lambda: 0.0) as client:
        answers = [(await client.get("/healthz")).status_code for _ in range(5)]
    assert answers == [200] * 5


@pytest.mark.parametrize(("status", "code"), [("ok", 200), ("stopping", 503), ("storage", 503)])
async def test_health_says_how_the_daemon_is(status: str, code: int) -> None:
    pages = OneCase()
    pages.status = status
    async with served(pages) as client:
        response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (code, {"status": status})
