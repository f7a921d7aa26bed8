"""The machine's clock jumps, forward and back, under a running daemon: what was put off for a time
comes when the clock says so, and nothing is lost or runs after its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.failing_daemon import Zygote
from tests.acceptance.home import TestHome, label, refund, until

HOUR = 3600.0


class Clocked:
    """A home whose daemon believes the clock of the test."""

    def __init__(self, home: TestHome, zygote: Zygote) -> None:
        self.home, self._zygote = home, zygote
        self._file = home.root.parent / "clock"
        self.ahead(0)

    def ahead(self, seconds: float) -> None:
        aside = self._file.with_suffix(".new")
        aside.write_text(str(seconds))
        aside.rename(self._file)

    def start(self) -> None:
        log = Path(self.home.root.parent / f"{self.home.root.name}-daemon.log")
        self.home.daemon = self._zygote.begin(  # type: ignore[assignment]
            self.home.root, "run", output=log, clock=str(self._file), look=0.1
        )
        until(lambda: self.home.health() is not None, "the daemon's health")


@pytest.fixture
def clocked(quiet_home: TestHome, zygote: Zygote) -> Clocked:
    made = Clocked(quiet_home, zygote)
    made.start()
    return made


def test_what_expires_does_so_as_soon_as_the_clock_jumps_over_its_end(clocked: Clocked) -> None:
    home = clocked.home
    action = home.drop(refund())
    packet = home.await_mail("ada@example.com")
    clocked.ahead(4 * HOUR + 1)
    assert home.await_result(action)["status"] == "expired"
    home.reply(packet, "approve", "ada@example.com")
    until(lambda: not any((home.root / "mail/in/new").iterdir()), "the reply is read")
    assert (home.ran(), home.json("receipts", "verify")["ok"]) == ([], True)


def test_after_a_jump_back_of_days_all_goes_on_and_the_chain_holds(clocked: Clocked) -> None:
    home = clocked.home
    home.await_result(home.drop(label(), "first.json"))
    waiting = home.drop(refund(), "waiting.json")
    packet = home.await_mail("ada@example.com")
    clocked.ahead(-40 * 24 * HOUR)
    assert home.await_result(home.drop(label(), "second.json"))["status"] == "executed"
    home.reply(packet, "approve", "ada@example.com")
    assert home.await_result(waiting)["status"] == "executed"
    home.stop()
    clocked.start()
    assert home.await_result(home.drop(label(), "third.json"))["status"] == "executed"
    rows = home.json("receipts", "list")
    assert [row["id"] for row in rows] == ["first", "second", "waiting", "third"]
    assert home.json("receipts", "verify")["count"] == 4
    assert "Traceback" not in home.log()


def test_a_retry_that_a_jump_back_would_put_off_for_hours_comes_at_once(clocked: Clocked) -> None:
    home = clocked.home
    action = home.drop(label(kind="crm.flaky"))
    until(lambda: len(home.ran()) == 1, "the first attempt")
    until(lambda: home.json("queue")[0]["status"] == "approved", "the wait for the second")
    clocked.ahead(-2 * HOUR)
    until(lambda: len(home.ran()) == 2, "the second attempt")
    until(lambda: home.json("queue")[0]["status"] == "approved", "the wait for the third")
    clocked.ahead(-4 * HOUR)
    result = home.await_result(action)
    assert (result["status"], result["outcome"]["attempts"]) == ("failed", 3)


def test_a_clock_that_was_years_ahead_for_a_while_leaves_no_case_behind(clocked: Clocked) -> None:
    home = clocked.home
    clocked.ahead(400 * 24 * HOUR)
    home.await_result(home.drop(label(), "future.json"))
    clocked.ahead(0)
    waiting = home.drop(refund(), "now.json")
    packet = home.await_mail("ada@example.com")
    home.reply(packet, "approve", "ada@example.com")
    assert home.await_result(waiting)["status"] == "executed"
    assert json.loads(home.cli("status", "--json").stdout)["faults"] == []
    assert home.json("receipts", "verify")["count"] == 2
