"""What waits for one reviewer: a page that only leads on."""

import re
from typing import Any

import pytest

from hitl_mail.pages import QueueRow, QueueView
from tests.contract.test_web_hostile import STRICT, opened_by, policy, strict_part
from tests.web.one_case import BrokenCase, OneCase, row
from tests.web.serve import served

HOSTILE = "<script>alert(1)</script><img src=x onerror=a>'\"\u202e\u200b"


async def page(*rows: QueueRow, **view: Any) -> str:
    shown = QueueView(**{"state": "open", "reader": "ada", "rows": rows, **view})
    async with served(OneCase(queue=shown)) as client:
        return (await client.get("/q/q-ada")).text


async def test_each_case_is_told_by_what_it_would_do_and_how_long_it_waits() -> None:
    html = await page(row())
    parts = ("Refund 49 EUR to Ada Lovelace", "Expires in 4h", "billing", "payment.refund")
    assert [part in html for part in parts] == [True] * 4


async def test_each_case_leads_to_its_readers_own_page() -> None:
    html = await page(row(token="one"), row(token="two"))
    assert re.findall(r'href="([^"]*)"', html) == ["../d/one", "../d/two"]


@pytest.mark.parametrize(
    ("rows", "headline"),
    [((), "Nothing waits for you"), ((row(),), "1 case waits for you")],
)
async def test_the_headline_counts(rows: tuple[QueueRow, ...], headline: str) -> None:
    assert f"<h1>{headline}</h1>" in await page(*rows)


async def test_those_that_are_not_shown_are_counted() -> None:
    html = await page(row(), row(), more=12)
    assert ("<h1>14 cases wait for you</h1>" in html, "12 more" in html) == (True, True)


async def test_what_takes_no_link_says_how_it_is_decided() -> None:
    html = await page(row(token=None, doors=("mail", "cli")))
    assert "answer the mail about this case, or use the command line" in html
    assert ("<code>hitl-mail show 261122-k3f9ma</code>" in html, "href" in html) == (True, False)


async def test_what_waits_without_a_deadline_says_so() -> None:
    html = await page(row(status="held", verbs=("retry", "done", "abandon"), expires_in=""))
    assert ("Waits until somebody decides" in html, "What now?" in html) == (True, True)


async def test_nothing_can_be_decided_there() -> None:
    html = await page(row(), row(token=None))
    assert re.findall("<form|<button|<input", html) == []


@pytest.mark.parametrize(
    ("state", "status", "headline"),
    [
        ("nobody", 403, "You are not one of the people of this site"),
        ("lapsed", 200, "This list is no longer shown by this link"),
    ],
)
async def test_a_link_that_shows_nothing_any_more_says_why(
    state: Any, status: int, headline: str
) -> None:
    async with served(OneCase(queue=QueueView(state=state, reader="ada"))) as client:
        response = await client.get("/q/q-ada")
    assert (response.status_code, f"<h1>{headline}</h1>" in response.text) == (status, True)


@pytest.mark.parametrize("token", ["eve", "ada", "r-ada", "a" * 3000, "%00"])
async def test_a_bad_link_shows_nothing(token: str) -> None:
    async with served(OneCase()) as client:
        response = await client.get(f"/q/{token}")
    assert (response.status_code, "Refund" in response.text) == (404, False)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_asking_for_it_changes_nothing(method: str) -> None:
    pages = OneCase()
    before = pages.state()
    async with served(pages) as client:
        response = await client.request(method, "/q/q-ada", data={"verb": "approve"})
    assert (response.status_code, pages.state()) == (
        200 if method in ("GET", "HEAD") else 405,
        before,
    )


async def test_it_is_as_strict_as_any_other_page() -> None:
    async with served(OneCase()) as client:
        response = await client.get("/q/q-ada")
    assert (strict_part(response), policy(response)["default-src"]) == (STRICT, "'none'")


async def test_nobody_may_ask_for_it_without_end() -> None:
    async with served(OneCase(), rate=0.5, burst=2, clock=lambda: 0.0) as client:
        answers = [(await client.get("/q/q-ada")).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


async def test_a_fault_shows_no_detail() -> None:
    async with served(BrokenCase()) as client:
        response = await client.get("/q/secret-token")
    assert (response.status_code, "hunter2" in response.text) == (500, False)


async def test_hostile_text_opens_no_tag_and_hides_nothing() -> None:
    names = dict.fromkeys(("title", "agent", "kind", "case", "expires", "expires_in"), HOSTILE)
    html = await page(row(**names), row(**names, token=None, doors=("cli",)), reader="ada")
    tags, handlers = opened_by(html)
    assert (tags & {"script", "img"}, handlers, {"\u202e", "\u200b"} & set(html)) == (
        set(),
        [],
        set(),
    )


@pytest.mark.parametrize(
    ("waiting", "said"), [(1, "1 more waits for you"), (3, "3 more wait for you")]
)
async def test_a_decision_page_says_how_many_more_wait(waiting: int, said: str) -> None:
    async with served(OneCase(waiting=waiting)) as client:
        html = (await client.get("/d/ada")).text
    assert re.findall(r'<a class="go" href="../q/q-ada">([^<]*)</a>', html) == [said]


async def test_the_page_after_a_decision_says_it_too() -> None:
    pages = OneCase(waiting=2)
    async with served(pages) as client:
        data = {"verb": "approve", "seen": pages.revision}
        response = await client.post("/d/ada", data=data, follow_redirects=True)
    assert "2 more wait for you" in response.text
