"""`stats` at the command line and as a page, over the receipts of a real home."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.core.documents import iso
from tests.acceptance.home import TestHome, label, refund, until
from tests.support.history import write_history
from tests.unit.test_policy_economics import case
from tests.web.browser import chromium

NAME = "pay <b>$x$</b>"
NOW = time.time()


def history(rule: str = NAME) -> list[dict[str, Any]]:
    """Sixty approvals that nobody read, then ten questions that nobody answered."""
    asked = [
        case(n, ("ada", "approve", 30.0 + n), rules=(rule,), at=NOW - 86400 * 9, text="y" * 900)
        for n in range(60)
    ]
    lapsed = [
        case(60 + n, status="expired", rules=(rule,), at=NOW - 86400 * (8 - n // 2))
        for n in range(10)
    ]
    made = [{key: value for key, value in one.items() if key != "seq"} for one in asked + lapsed]
    return [{**one, "title": "Pay"} for one in made]


@pytest.fixture
def told(quiet_home: TestHome) -> TestHome:
    write_history(quiet_home.root / "state", history())
    return quiet_home


def test_a_home_without_receipts_says_so(quiet_home: TestHome, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = quiet_home.cli("stats", "--html", str(page))
    assert (done.returncode, "nothing to tell yet" in done.stdout) == (0, True)
    assert "nothing to tell yet" in page.read_text()


def test_cases_of_a_daemon_are_counted(home: TestHome) -> None:
    asked, alone = home.drop(refund()), home.drop(label())
    home.reply(home.await_mail("ada@example.com"), "approve", "ada@example.com")
    for action in (asked, alone):
        home.await_result(action)
    found = home.json("stats")
    rules = {row["rule"]: row for row in found["rules"]}
    assert (rules["money"]["approved"], rules["labels"]["ran_alone"]) == (1, 1)
    assert 0 <= rules["money"]["median_seconds"] < 60
    [ada] = [row for row in found["reviewers"] if row["reviewer"] == "ada"]
    assert (ada["answered"], ada["median_by_size"]["short"]) == (1, ada["median_seconds"])


def test_status_is_one_screen_on_what_waits(home: TestHome) -> None:
    home.case_of(home.drop(refund()))
    home.await_result(home.drop(label()))

    def told() -> str | None:
        shown = home.cli("status", env={"COLUMNS": "200"}).stdout
        return shown if "#1 sha256:" in shown else None

    shown = until(told, "the receipt in status")
    for words in ("1 pending", "under 1h 1", "ada 1, bob 1", "default 2 in the last hour"):
        assert words in shown, shown
    assert "in 3h 59m: Refund 49 EUR to Ada" in shown
    assert home.json("status")["queue"]["reviewers"] == {"ada": 1, "bob": 1}


def test_people_see_the_rule_and_the_mend(told: TestHome) -> None:
    done = told.cli("stats", env={"COLUMNS": "400"})
    assert done.returncode == 0, done.stderr
    for words in ("70 (100 %)", "60 approved, 10 expired", "warning: ", "mend: ", "asked by day"):
        assert words in done.stdout
    codes = {warning["code"] for warning in told.json("stats")["warnings"]}
    assert codes == {"asks_too_much", "never_refused", "expires_unread", "too_fast"}


def test_only_the_time_that_is_asked_for_counts(told: TestHome) -> None:
    found = told.json("stats", "--since", "156h")
    assert found["since"] >= iso(NOW - 8 * 86400)
    assert (found["all"]["actions"], found["all"]["approved"]) == (6, 0)
    done = told.cli("stats", "--since", "week")
    assert (done.returncode, "--since: 'week' is not a duration" in done.stderr) == (2, True)


async def test_the_page_is_whole_and_quotes_what_it_shows(told: TestHome, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert told.cli("stats", "--html", str(page)).returncode == 0
    text = page.read_text()
    assert "<b>" not in text
    assert not any(words in text for words in (" src=", "@import", "url(http", "<script", "<link"))
    async with chromium(tmp_path / "profile") as tab:
        await tab.go(page.as_uri())
        drawn = "[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)"
        heights = await tab.ask(drawn)
        assert len(heights) == 3
        assert min(heights) > 100
        assert NAME in await tab.ask("document.body.textContent")
        assert await tab.ask("document.documentElement.scrollWidth <= innerWidth")
        assert tab.complaints == []


def test_without_a_library_for_plots_it_says_which(told: TestHome, tmp_path: Path) -> None:
    program = "import sys; sys.modules['matplotlib'] = None\nfrom hitl_mail.cli import main; main()"
    words = ["--home", str(told.root), "stats", "--html", str(tmp_path / "page.html")]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "pip install '.[plots]'" in done.stderr) == (1, True)
    assert "ran alone" in done.stdout
    assert "Traceback" not in done.stderr
