"""The pages of a whole home: from the link in a mail to what runs and what the receipt says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.conftest import make_home  # noqa: F401 - a fixture
from tests.acceptance.home import RULES, TestHome, link, refund
from tests.contract.test_web_edit import Forms
from tests.web.packets import SCHEMA

WITH_SCHEMA = RULES.replace(
    '[kinds."payment.refund"]', '[kinds."payment.refund"]\nschema = "refund.json"'
)


@pytest.fixture
def visitor() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        yield client


@pytest.fixture
def home(make_home: object) -> TestHome:  # noqa: F811 - the fixture of that name
    made: TestHome = make_home(rules=WITH_SCHEMA)  # type: ignore[operator]
    (made.root / "refund.json").write_text(json.dumps(SCHEMA))
    made.start()
    return made


def test_what_was_edited_on_the_page_runs_after_its_approval_and_not_before(
    home: TestHome, visitor: httpx.Client
) -> None:
    name = home.drop(refund())
    case = home.case_of(name)
    adas = link(home.await_mail("ada@example.com", case))
    bobs = link(home.await_mail("bob@example.com", case))
    form = Forms(visitor.get(adas).text).form("p:amount")

    page = visitor.post(adas, data={**form, "verb": "edit", "p:amount": "40", "note": "half"})
    assert ("Your change is saved, and not approved yet." in page.text, home.ran()) == (True, [])
    assert "ada edited it" in visitor.get(bobs).text

    new = str(page.url.copy_with(fragment=None))
    seen = Forms(page.text).forms[0]["seen"]
    visitor.post(new, data={"verb": "approve", "seen": seen})
    result = home.await_result(name)
    assert (result["status"], result["edited"], [run["payload"] for run in home.ran()]) == (
        "executed",
        True,
        [{"amount": 40, "currency": "EUR", "customer": "Ada"}],
    )
    said = [(d["by"], d["verb"], d["via"], d["note"]) for d in result["decisions"]]
    assert said == [("ada", "edit", "link", "half"), ("ada", "approve", "link", "")]


def test_the_link_in_a_mail_lists_what_else_waits_and_leads_to_it(
    home: TestHome, visitor: httpx.Client
) -> None:
    first = home.drop(refund())
    home.await_mail("ada@example.com", home.case_of(first))
    second = home.drop(refund(payload={"amount": 7, "currency": "EUR", "customer": "Eve"}))
    mail = home.await_mail("ada@example.com", home.case_of(second))

    page = visitor.get(link(mail, "/q/"))
    assert "<h1>2 cases wait for you</h1>" in page.text
    to = page.text.split('href="', 1)[1].split('"')[0]
    assert home.case_of(first) in visitor.get(page.url.join(to)).text
    assert home.json("show", home.case_of(first))["decisions"] == []
