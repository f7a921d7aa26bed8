"""A reviewer changes what would run, or hands the question on, from the mail or a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.deciding_home import DecidingHome, decided, text
from tests.acceptance.home import body, until
from tests.servers.process import free_port


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecidingHome]:
    made = DecidingHome(tmp_path_factory.mktemp("deciding") / "home", free_port())
    made.start()
    yield made
    if made.daemon is not None:
        made.stop()


def test_an_edit_by_mail_is_shown_as_a_diff_and_approved_then(home: DecidingHome) -> None:
    one = home.ask()
    home.say("ada", one, "edit\namount = 40\n\nAda")
    again = home.mail("ada", one, 2)
    assert "Refund 40 to" in str(again["Subject"])
    assert '-  "amount": 49' in body(again)
    assert '+  "amount": 40' in body(again)
    # Who saw the first payload has approved nothing.
    home.say("bob", one, "approve")
    assert "changed since" in text(home.mail("bob", one, 3))
    home.say("ada", one, "approve", 2)
    result = home.ended(one)
    assert (result["status"], result["edited"], result["payload"]["amount"]) == (
        "executed",
        True,
        40,
    )
    assert decided(result) == [("ada", "edit", "mail"), ("ada", "approve", "mail")]
    assert [r["payload"]["amount"] for r in home.ran() if r["payload"]["customer"] == one] == [40]


def test_a_fenced_object_is_the_whole_new_payload(home: DecidingHome) -> None:
    one = home.ask()
    home.say("bob", one, f'edit\n```json\n{{"amount": 12.5,\n "customer": "{one}"}}\n```')
    home.say("bob", one, "approve", 2)
    assert home.ended(one)["payload"] == {"amount": 12.5, "customer": one}


BAD = {
    "amuont = 40": "amount",
    "amount = forty": "amount",
    "amount = 0": "less than the minimum",
    "amount = 49": "leaves the payload as it is",
    "colour = 1": "colour",
    "amount = 9500": "Never so much",
}


@pytest.mark.parametrize("line", BAD)
def test_an_edit_that_cannot_be_is_answered_with_what_is_wrong(
    home: DecidingHome, line: str
) -> None:
    one = home.ask()
    home.say("ada", one, f"edit\n{line}")
    answer = text(home.mail("ada", one, 2))
    assert "Nothing was decided" in answer
    assert BAD[line] in answer
    assert home.result(home.actions[one]) is None
    assert len(home.mails("bob@example.com", one)) == 1


def test_an_edit_that_reaches_a_stricter_rule_needs_its_people(home: DecidingHome) -> None:
    one = home.ask()
    home.say("ada", one, "edit\namount = 5000")
    assert "Refund 5000" in str(home.mail("cleo", one)["Subject"])
    home.say("ada", one, "approve", 2)
    assert "1 more for the rule large" in text(home.mail("ada", one, 3))
    home.say("cleo", one, "approve")
    assert home.ended(one)["status"] == "executed"


def test_an_edit_at_the_command_line(home: DecidingHome, tmp_path: Path) -> None:
    one = home.ask()
    home.mail("bob", one)
    action = home.actions[one]
    assert "nearest key is amount" in home.refused("edit", action, "amuont=40")
    assert "less than the minimum" in home.refused("edit", action, "amount=0")
    assert "Never so much" in home.refused("edit", action, "amount=9500")
    assert "say what to change" in home.refused("edit", action)
    assert "no-such-file" in home.refused("edit", action, "--payload", "no-such-file")
    (tmp_path / "latin").write_bytes(b'{"amount": "\xe4"}')
    assert "UTF-8" in home.refused("edit", action, "--payload", str(tmp_path / "latin"))
    case = home.json("show", action)["case"]
    typo = home.refused("edit", action, "amount", "=", "five")
    assert f"hitl-mail edit {case} 'amount = " in typo
    assert f"hitl-mail edit {case} 'amount = 49'" in home.refused("edit", action, "make", "less")
    answer = home.json("edit", action, "amount=40", "--note", "agreed by phone")
    assert (answer["status"], answer["by"]) == ("pending", "ada")
    assert (answer["revision"], answer["waiting_for"]) == (2, ["ada", "bob", "gus"])
    assert "Refund 40" in str(home.mail("bob", one, 2)["Subject"])
    home.json("approve", action)
    result = home.ended(one)
    assert (result["edited"], result["payload"]["amount"]) == (True, 40)
    assert result["decisions"][0]["note"] == "agreed by phone"


def test_an_edit_that_the_shell_has_split_is_understood_and_says_what_comes_next(
    home: DecidingHome,
) -> None:
    one = home.ask()
    home.mail("bob", one)
    said = home.cli("edit", home.actions[one], "amount", "=", "40").stdout
    assert "it is now revision 2; it waits for ada, bob, gus" in said


def test_a_question_is_handed_on_by_mail_with_a_note(home: DecidingHome) -> None:
    one = home.ask()
    home.say("ada", one, "Route Cleo: you know this customer")
    packet = text(home.mail("cleo", one))
    assert "you know this customer" in packet
    assert "ada" in packet
    assert "handed on" in text(home.mail("ada", one, 2))
    assert home.row(one)["waiting_for"] == ["bob", "cleo", "gus"]
    home.say("cleo", one, "approve")
    result = home.ended(one)
    assert decided(result) == [("ada", "route", "mail"), ("cleo", "approve", "mail")]
    receipt = home.json("receipts", "show", result["case"])
    [handed] = [moment for moment in receipt["events"] if moment["event"] == "handed"]
    assert (handed["why"], handed["by"], handed["to"]) == ("route", "ada", ["cleo"])


def test_a_question_is_handed_on_at_the_command_line(home: DecidingHome) -> None:
    one = home.ask()
    home.mail("bob", one)
    action = home.actions[one]
    for name, words in {
        "zoe": "no person and no group is called zoe; you can hand it to: bob",
        "eve": "the rule does not let you hand it to eve; it may go to: bob",
        "ada": "it is with you already",
    }.items():
        assert words in home.refused("route", action, name)
    assert home.json("route", action, "owner:", "please", "look")["status"] == "pending"
    assert "please look" in text(home.mail("cleo", one))
    home.say("cleo", one, "reject because no")
    assert home.ended(one)["status"] == "rejected"


def test_a_route_to_nobody_is_answered_with_who_there_is(home: DecidingHome) -> None:
    one = home.ask()
    home.say("ada", one, "route zoe")
    answer = text(home.mail("ada", one, 2))
    assert "no person and no group is called zoe" in answer
    assert "owner" in answer
    assert home.row(one)["waiting_for"] == ["ada", "bob", "gus"]


def test_an_edit_and_a_route_wait_for_a_daemon_that_is_down(home: DecidingHome) -> None:
    one, other = home.ask(), home.ask()
    for customer in (one, other):
        home.mail("bob", customer)
    home.stop()
    assert "queued" in home.cli("edit", home.actions[one], "amount=41").stdout
    assert "queued" in home.cli("route", home.actions[other], "owner").stdout
    assert "amount" in home.refused("edit", home.actions[one], "amuont=40")
    home.start()
    assert "Refund 41" in str(home.mail("bob", one, 2)["Subject"])
    home.mail("cleo", other)
    until(lambda: home.show(one)["payload"]["amount"] == 41, "the edit in force")
