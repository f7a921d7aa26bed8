"""Only a POST of the page's own form decides, once, on what it showed."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from hitl_mail.pages import LookUp, Said
from tests.web.one_case import NOON, OneCase, facts
from tests.web.serve import served


def form(pages: OneCase, verb: str = "approve", **changes: str) -> dict[str, str]:
    """What the page's form posts."""
    return {"verb": verb, "seen": pages.revision, "note": "", **changes}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/d/ada", "/d/ada?verb=approve", "/r/r-ada", "/", "/healthz"])
async def test_what_is_no_post_changes_nothing(method: str, path: str) -> None:
    pages = OneCase()
    before = pages.state()
    async with served(pages) as client:
        await client.request(method, path)
    assert pages.state() == before


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_an_unknown_method_is_answered_with_the_known_ones(method: str) -> None:
    async with served(OneCase()) as client:
        response = await client.request(method, "/d/ada")
    assert (response.status_code, set(response.headers["allow"].split(", "))) == (
        405,
        {"GET", "HEAD", "POST"},
    )


async def test_the_form_on_the_page_is_all_that_a_decision_needs() -> None:
    pages = OneCase()
    async with served(pages) as client:
        page = (await client.get("/d/ada")).text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        await client.post("/d/ada", data={**fields, "verb": "approve", "note": "fine"})
    assert [(said.by, said.verb, said.note) for said in pages.facts.decisions] == [
        ("ada", "approve", "fine")
    ]


async def test_a_decision_leads_to_a_page_that_is_safe_to_reload() -> None:
    pages = OneCase()
    async with served(pages) as client:
        posted = await client.post("/d/ada", data=form(pages))
        after = pages.state()
        page = await client.get(str(posted.url.join(posted.headers["location"])))
        await client.get("/d/ada")
    assert (posted.status_code, page.status_code, pages.state()) == (303, 200, after)


async def test_the_page_after_a_decision_says_who_decided() -> None:
    pages = OneCase()
    async with served(pages) as client:
        page = await client.post("/d/ada", data=form(pages, note="fine"), follow_redirects=True)
    assert "<strong>ada</strong> approved by link" in page.text


async def test_a_decision_carries_where_it_came_from() -> None:
    pages = OneCase()
    async with served(pages) as client:
        headers = {"user-agent": "Phone\t1", "x-forwarded-for": "203.0.113.9"}
        await client.post("/d/ada", data=form(pages), headers=headers)
    assert pages.evidence == [{"address": "127.0.0.1", "user_agent": "Phone?1"}]


async def test_posting_twice_decides_once() -> None:
    pages = OneCase()
    async with served(pages) as client:
        first = await client.post("/d/ada", data=form(pages))
        second = await client.post("/d/ada", data=form(pages))
    assert (first.status_code, second.status_code, len(pages.facts.decisions)) == (303, 409, 1)


async def test_the_second_post_is_told_what_the_first_did() -> None:
    pages = OneCase()
    async with served(pages) as client:
        await client.post("/d/ada", data=form(pages))
        second = await client.post("/d/ada", data=form(pages, "reject"))
    assert "<strong>ada</strong> approved by link" in second.text


async def test_while_others_still_have_to_agree_the_page_says_who() -> None:
    pages = OneCase(needed=2, case=facts(waiting_for=("bob",)))
    async with served(pages) as client:
        page = await client.post("/d/ada", data=form(pages), follow_redirects=True)
    assert "Waiting for: <strong>bob</strong>" in page.text


async def test_a_page_loaded_before_a_change_decides_nothing() -> None:
    pages = OneCase()
    before = form(pages)
    pages.revision = pages.sent_for = "sha256:" + "d" * 64
    async with served(pages) as client:
        response = await client.post("/d/ada", data=before)
    assert (response.status_code, pages.facts.decisions) == (409, ())


async def test_a_page_refused_for_a_change_shows_what_there_is_now() -> None:
    pages = OneCase()
    before = form(pages)
    pages.revision = pages.sent_for = "sha256:" + "d" * 64
    async with served(pages) as client:
        response = await client.post("/d/ada", data=before)
    assert pages.revision in response.text


def _changed(pages: OneCase) -> None:
    pages.revision = "sha256:" + "d" * 64


def _removed(pages: OneCase) -> None:
    pages.reviewers.discard("ada")


def _become(pages: OneCase, status: Any) -> None:
    pages.facts = msgspec.structs.replace(pages.facts, status=status, closed_at=1.0)


SITUATIONS: dict[str, tuple[Callable[[OneCase], None], int, str]] = {
    "executed": (lambda pages: _become(pages, "executed"), 200, "Done"),
    "failed": (lambda pages: _become(pages, "failed"), 200, "It failed"),
    "rejected": (lambda pages: _become(pages, "rejected"), 200, "Rejected"),
    "canceled": (lambda pages: _become(pages, "canceled"), 200, "Withdrawn"),
    "expired": (lambda pages: _become(pages, "expired"), 200, "It expired"),
    "changed": (_changed, 200, "It changed since this link was sent"),
    "not a reviewer": (_removed, 403, "This is not yours to decide"),
}


@pytest.mark.parametrize("name", SITUATIONS)
async def test_a_link_that_decides_nothing_any_more_says_why(name: str) -> None:
    change, status, headline = SITUATIONS[name]
    pages = OneCase()
    change(pages)
    async with served(pages) as client:
        response = await client.get("/d/ada")
    assert (response.status_code, f"<h1>{headline}</h1>" in response.text) == (status, True)


@pytest.mark.parametrize("name", SITUATIONS)
async def test_a_post_to_such_a_link_changes_nothing(name: str) -> None:
    change, _, _ = SITUATIONS[name]
    pages = OneCase()
    posted = form(pages)
    change(pages)
    before = pages.state()
    async with served(pages) as client:
        response = await client.post("/d/ada", data=posted)
    assert (response.status_code in (403, 409), pages.state()) == (True, before)


@pytest.mark.parametrize("token", ["eve", "%00", "ad%61x", "a" * 3000])
async def test_a_bad_link_decides_nothing(token: str) -> None:
    pages = OneCase()
    before = pages.state()
    async with served(pages) as client:
        answers = [
            await client.get(f"/d/{token}"),
            await client.post(f"/d/{token}", data=form(pages)),
        ]
        answers.append(await client.get(f"/r/{token}"))
    assert ([answer.status_code for answer in answers], pages.state()) == ([404] * 3, before)


class Shows(OneCase):
    """Shows one thing, whatever the link."""

    def __init__(self, found: LookUp) -> None:
        super().__init__()
        self._found = found

    def look(self, token: str) -> LookUp:
        return self._found


REVISED = facts(revised=("bob edited it", NOON))
STATES: dict[str, tuple[LookUp, int, tuple[str, ...]]] = {
    "changed": (
        LookUp(state="changed", facts=REVISED),
        200,
        ("<h1>It changed since this link was sent</h1>", "bob edited it", "A newer mail"),
    ),
    "changed by oneself": (
        LookUp(state="changed", facts=REVISED, newer="ada-2"),
        200,
        ("It was you who changed it", 'href="./ada-2"'),
    ),
    "not by link": (
        LookUp(state="elsewhere", facts=facts(), doors=("mail", "cli")),
        403,
        (
            "<h1>This is not decided by link</h1>",
            "answer the mail about this case, or use the command line: "
            "<code>hitl-mail show 261122-k3f9ma</code>",
        ),
    ),
    "own request": (
        LookUp(state="own_request"),
        403,
        ("<h1>This is your own request</h1>", "nobody approves their own", "others have been"),
    ),
    "review over": (
        LookUp(state="expired", facts=facts(status="executed")),
        200,
        ("<h1>The time to look at it is over</h1>", "tell an admin"),
    ),
    "handed on": (
        LookUp(
            state="under_way",
            facts=facts(decisions=(Said("ada", "route", "link", NOON, "", "bob"),)),
        ),
        200,
        ("<strong>ada</strong> handed it on to bob by link",),
    ),
}


@pytest.mark.parametrize("name", STATES)
async def test_a_link_says_what_happened_by_whom_and_what_to_do(name: str) -> None:
    found, status, parts = STATES[name]
    async with served(Shows(found)) as client:
        response = await client.get("/d/ada")
    text = re.sub(r"\s+", " ", response.text)
    assert (response.status_code, [part for part in parts if part not in text]) == (status, [])


FOREIGN: dict[str, dict[str, str]] = {
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "origin": {"origin": "https://evil.example"},
    "origin that begins like ours": {"origin": "https://approve.example.com.evil.example"},
}
OURS: dict[str, dict[str, str]] = {
    "browser": {"sec-fetch-site": "same-origin", "origin": "null"},
    "browser without Sec-Fetch": {"origin": "null"},
    "behind a proxy": {"origin": "https://approve.example.com"},
    "program": {},
}


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_post_from_another_sites_page_is_refused(name: str) -> None:
    pages = OneCase()
    async with served(pages, base_url="https://approve.example.com/x") as client:
        response = await client.post("/d/ada", data=form(pages), headers=FOREIGN[name])
    assert (response.status_code, pages.facts.decisions) == (403, ())


@pytest.mark.parametrize("name", OURS)
async def test_a_post_from_our_own_page_is_taken(name: str) -> None:
    pages = OneCase()
    async with served(pages, base_url="https://approve.example.com/x") as client:
        response = await client.post("/d/ada", data=form(pages), headers=OURS[name])
    assert response.status_code == 303


async def test_a_post_from_the_address_it_was_made_to_is_taken() -> None:
    pages = OneCase()
    async with served(pages) as client:
        origin = str(client.base_url).rstrip("/")
        response = await client.post("/d/ada", data=form(pages), headers={"origin": origin})
    assert response.status_code == 303


BAD_FORMS: dict[str, dict[str, Any]] = {
    "no body": {},
    "no verb": {"data": {"seen": "x"}},
    "no seen": {"data": {"verb": "approve"}},
    "unknown verb": {"data": {"verb": "aprove", "seen": "x"}},
    "json": {"json": {"verb": "approve", "seen": "x"}},
    "multipart": {"files": {"verb": "approve"}},
    "not utf-8": {"content": b"verb=approve&seen=%ff"},
    "not ascii": {"content": b"verb=approve&seen=\xff"},
    "two verbs": {"content": b"verb=approve&seen=x&verb=reject"},
    "many fields": {"content": b"verb=approve&seen=x" + b"&a=1" * 100},
}


@pytest.mark.parametrize("name", BAD_FORMS)
async def test_a_damaged_form_decides_nothing(name: str) -> None:
    pages = OneCase()
    posted = BAD_FORMS[name]
    if "content" in posted:
        posted = {**posted, "headers": {"content-type": "application/x-www-form-urlencoded"}}
    async with served(pages) as client:
        response = await client.post("/d/ada", **posted)
    assert (response.status_code, pages.facts.decisions) == (400, ())


@pytest.mark.parametrize("length", [2001, 70_000, 900_000])
async def test_a_note_or_body_that_is_too_long_decides_nothing(length: int) -> None:
    pages = OneCase()
    async with served(pages) as client:
        response = await client.post("/d/ada", data=form(pages, note="x" * length))
    assert (response.status_code, pages.facts.decisions) == (413, ())


async def test_a_body_without_end_is_cut_off() -> None:
    pages = OneCase()

    async def endless() -> Any:
        while True:
            yield b"x" * 65_536

    async with served(pages) as client:
        try:
            status = (await client.post("/d/ada", content=endless())).status_code
        except httpx.TransportError:
            status = 413
    assert (status, pages.facts.decisions) == (413, ())
