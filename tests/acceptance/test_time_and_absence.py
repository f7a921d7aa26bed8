"""What time brings about, though the daemon was down, and what happens when people cannot be
reached. Instants are waited for by the clock, never guessed."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.deciding_home import DecidingHome, decided, text
from tests.acceptance.home import until
from tests.servers.process import free_port


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecidingHome]:
    made = DecidingHome(tmp_path_factory.mktemp("deciding") / "home", free_port())
    made.start()
    yield made
    made.stop()


def await_moment(moment: float) -> None:
    until(lambda: time.time() >= moment, "that moment")


def received_at(home: DecidingHome, customer: str) -> float:
    return dt.datetime.fromisoformat(home.row(customer)["created_at"]).timestamp()


def events(home: DecidingHome, customer: str) -> list[str]:
    """The names of what happened to a case, or how it was handed on, in order."""
    return [
        event.get("why", event["event"]) if event["event"] == "handed" else event["event"]
        for event in home.show(customer)["events"]
    ]


def test_all_happens_at_its_instant_while_the_daemon_runs(home: DecidingHome) -> None:
    one = home.ask("pay.slow")
    result = home.ended(one)
    assert result["status"] == "expired"
    # On a busy machine one reminder may do for both.
    [first, *between, last] = events(home, one)
    reminders = between.count("reminded")
    assert (first, sorted({*between}), last) == ("received", ["escalation", "reminded"], "expired")
    assert (home.count("bob", one), home.count("cleo", one)) == (1 + reminders, 1)


def test_a_daemon_that_was_down_makes_up_for_it_with_one_mail_each(
    make_home: Callable[..., DecidingHome],
) -> None:
    home = make_home(DecidingHome)
    one, other = home.ask("pay.later"), home.ask("pay.slow", expires="6s")
    home.once()
    assert (home.count("bob", one), home.count("cleo", one)) == (1, 0)
    await_moment(received_at(home, one) + 6)
    # Approved in time, read too late: nothing runs after its expiry.
    home.say("bob", other, "approve")
    home.once()
    assert (home.count("bob", one), home.count("cleo", one)) == (2, 1)
    assert home.ended(other)["status"] == "expired"
    assert events(home, other) == ["received", "answered", "expired"]
    assert "it has expired" in text(home.mail("bob", other, 2))
    assert home.count("cleo", other) == 0
    home.once()
    assert (home.count("bob", one), home.count("cleo", one)) == (2, 1)
    home.say("cleo", one, "approve")
    home.once()
    assert decided(home.ended(one)) == [("cleo", "approve", "mail")]
    assert len(home.ran()) == 1


def test_who_is_away_has_a_stand_in(home: DecidingHome) -> None:
    one = home.ask("pay.away")
    home.say("eve", one, "approve")
    result = home.ended(one)
    assert decided(result) == [("eve", "approve", "mail")]
    assert home.count("ivy", one) == 0
    shown = home.json("receipts", "show", result["case"])
    assert shown["verdict"]["quorums"][0]["reviewers"] == ["eve"]


def test_an_automatic_reply_brings_the_escalation_forward(home: DecidingHome) -> None:
    one = home.ask("pay.relay")
    home.say("gus", one, "I am on holiday until June.", Auto_Submitted="auto-replied")
    home.mail("cleo", one)
    row = home.row(one)
    assert (row["waiting_for"], row["unreached"]) == (["cleo", "gus"], {"gus": "away"})
    assert "gus (away)" in home.cli("queue").stdout
    home.say("gus", one, "Still on holiday.", Auto_Submitted="auto-replied")
    home.read_all()
    assert (home.count("gus", one), home.count("cleo", one)) == (1, 1)
    home.say("cleo", one, "approve")
    case = home.ended(one)["case"]
    receipt = home.json("receipts", "show", case)
    [first, _] = [e for e in receipt["events"] if e["event"] == "unreached"]
    assert (first["person"], first["why"]) == ("gus", "away")
    assert "on holiday until June" in first["detail"]
    assert "escalation" in [e.get("why") for e in receipt["events"]]


def test_a_bounce_brings_the_escalation_forward(home: DecidingHome) -> None:
    one = home.ask("pay.relay")
    home.bounce(home.mail("gus", one))
    packet = home.await_mail("cleo@example.com", f"] Refund 49 to {one}")
    row = home.row(one)
    assert row["unreached"] == {"gus": "undelivered"}
    assert "550 5.1.1" in text(
        home.await_mail("cleo@example.com", f"Not delivered: Refund 49 to {one}")
    )
    home.reply(packet, "reject because of it", "cleo@example.com")
    case = home.ended(one)["case"]
    receipt = home.json("receipts", "show", case)
    assert [e["why"] for e in receipt["events"] if e["event"] == "unreached"] == ["undelivered"]
    missed = [p for p in receipt["packets"] if p["error"]]
    assert [(p["to"], p["status"]) for p in missed] == [("gus", "failed")]


def test_an_escalated_question_that_comes_back_is_known_by_its_reply_address(
    home: DecidingHome,
) -> None:
    one = home.ask("pay.relay")
    home.say("gus", one, "On holiday.", Auto_Submitted="auto-replied")
    home.bounce(home.mail("cleo", one), "Reply-To")
    home.await_mail("cleo@example.com", f"Nobody can be reached: Refund 49 to {one}")
    assert home.row(one)["unreached"] == {"cleo": "undelivered", "gus": "away"}
    home.json("cancel", home.actions[one])


def unreachable(home: DecidingHome, case: str) -> list[str]:
    """What `status` says of people who cannot be reached about a case."""
    faults: list[str] = json.loads(home.cli("status", "--json").stdout)["faults"]
    return [fault for fault in faults if fault.startswith(case) and "can be reached" in fault]


def test_when_nobody_can_be_reached_the_admins_are_told(home: DecidingHome) -> None:
    one = home.ask("pay.gone")
    home.say("hal", one, "I have left the company.", Auto_Submitted="auto-replied")
    told = home.await_mail("cleo@example.com", f"Nobody can be reached: Refund 49 to {one}")
    assert "hal (away)" in text(told)
    case = home.row(one)["case"]
    faults = until(lambda: unreachable(home, case), "the fault in status")
    assert ["hal (away)" in fault for fault in faults] == [True]
    # One who answers after all is reached.
    home.say("hal", one, "approve")
    assert home.ended(one)["status"] == "executed"
    until(lambda: not unreachable(home, case), "a clean status")


def test_a_handing_is_there_after_a_restart(home: DecidingHome) -> None:
    one = home.ask("pay.money")
    home.say("bob", one, "route owner: please")
    home.mail("cleo", one)
    home.stop()
    rules = (home.root / "rules.toml").read_text()
    (home.root / "rules.toml").write_text(
        rules.replace("payload.amount > 1000", "payload.amount > 40")
    )
    home.start()
    row = until(lambda: home.row(one), "the row")
    assert row["waiting_for"] == ["ada", "cleo", "gus"]
    home.say("cleo", one, "approve")
    assert home.ended(one)["status"] == "executed"
