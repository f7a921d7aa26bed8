"""Replies, quorums, doubt and waiting: what each leads to, from outside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.home import RULES, SITE, TestHome, label, refund, until

PEOPLE = SITE.replace(
    "[groups]",
    """[people.dan]
mail = "dan@example.com"
[agents.dans]
spool = "spool/dans"
owner = "dan"
[executors.hangs]
type = "command"
argv = ["/bin/sleep", "30"]
timeout = "1s"
[groups]
security = ["bob", "dan"]""",
)

ASKING = (
    RULES.replace("unmatched", 'unknown_kind = "deny"\nunmatched', 1)
    + """
[kinds."two.rules"]
executor = "refund"
[kinds."two.people"]
executor = "refund"
[kinds."err.kind"]
executor = "refund"
reversible = true
[kinds."conf.kind"]
executor = "refund"
reversible = true
[kinds."hangs.kind"]
executor = "hangs"
reversible = true

[[rules]]
name = "one-circle"
when = 'kind == "two.rules"'
gate = "hard"
reviewers = ["finance"]
expires = "2h"
[[rules]]
name = "another-circle"
when = 'kind == "two.rules"'
gate = "hard"
reviewers = ["security"]
expires = "3h"
[[rules]]
name = "two-of-three"
when = 'kind == "two.people"'
gate = "hard"
reviewers = ["ada", "bob", "dan"]
approvals = 2
[[rules]]
name = "errs"
when = 'kind == "err.kind" && payload.missing > 1.0'
gate = "auto"
[[rules]]
name = "errs-not"
when = 'kind in ["err.kind", "hangs.kind"]'
gate = "auto"
[[rules]]
name = "sure"
when = 'kind == "conf.kind" && has(action.confidence) && 2.0 * confidence >= 1.8'
gate = "auto"
"""
)


@pytest.fixture
def home(make_home: Callable[..., TestHome]) -> TestHome:
    """A running home with overlapping circles of reviewers."""
    home = make_home(site=PEOPLE, rules=ASKING)
    home.start()
    return home


def act(kind: str, **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "payload": {"x": 1}, "summary": "s"} | changes


def _says(home: TestHome, person: str, case: str, text: str) -> None:
    address = f"{person}@example.com"
    home.reply(home.await_mail(address, case), text, address)
    until(lambda: not list((home.root / "mail/in/new").iterdir()), "all mail read")


def _verdict(home: TestHome, action: dict[str, Any], spool: str = "spool") -> dict[str, Any]:
    name = home.drop(action, spool=spool)
    found: dict[str, Any] = until(lambda: _of(home, name), f"case of {name}")
    return found


def _of(home: TestHome, name: str) -> dict[str, Any] | None:
    done = home.cli("show", name, "--json")
    return json.loads(done.stdout) if done.returncode == 0 else None


def test_every_reply_that_decides_nothing_is_answered(home: TestHome) -> None:
    texts = ("ok", "approve, but make it 20", "👍", "> approve", "help", "approve?")
    # One such answer a case and hour.
    cases = [home.case_of(home.drop(refund())) for _ in texts]
    for case, text in zip(cases, texts, strict=True):
        home.reply(home.await_mail("ada@example.com", case), text, "ada@example.com")
    for case in cases:
        home.await_mail("ada@example.com", case, count=2)
        shown = home.json("show", case)
        assert (shown["status"], shown["decisions"]) == ("pending", [])


def test_overlapping_quorums_are_met_by_those_who_are_in_them(home: TestHome) -> None:
    first, second = (_verdict(home, act("two.rules")) for _ in range(2))
    assert first["verdict"]["quorums"] == [
        {"rule": "another-circle", "reviewers": ["bob", "dan"], "approvals": 1},
        {"rule": "one-circle", "reviewers": ["ada", "bob"], "approvals": 1},
    ]
    assert first["verdict"]["expires"] == 7200
    _says(home, "bob", first["case"], "approve")
    assert home.await_result(first["id"])["status"] == "executed"
    _says(home, "ada", second["case"], "approve")
    _says(home, "ada", second["case"], "approve!")
    until(lambda: home.json("show", second["case"])["waiting_for"] == ["bob", "dan"], "ada's word")
    assert home.json("show", second["case"])["status"] == "pending"
    _says(home, "dan", second["case"], "APPROVE: seen")
    result = home.await_result(second["id"])
    assert [(said["by"], said["note"]) for said in result["decisions"]] == [
        ("ada", ""),
        ("dan", "seen"),
    ]


def test_who_asked_never_counts_and_no_quorum_is_lowered(home: TestHome) -> None:
    asked = [
        (act("two.people", requested_by="ADA@example.com"), "spool"),
        (act("two.people", requested_by="ada@personal.example"), "spool"),
        (act("two.people"), "spool/dans"),
        (act("two.people", requested_by="ada@example.com"), "spool/dans"),
    ]
    cases = [_verdict(home, action, spool) for action, spool in asked]
    assert [case["waiting_for"] for case in cases] == [
        ["bob", "dan"],
        ["bob", "dan"],
        ["ada", "bob"],
        ["bob", "cleo"],
    ]
    assert {case["verdict"]["quorums"][0]["approvals"] for case in cases} == {2}


def test_what_cannot_be_told_asks_and_says_why(home: TestHome) -> None:
    erring = _verdict(home, act("err.kind"))["verdict"]
    assert (erring["gate"], erring["rules"], erring["conflict"]) == ("hard", ["errs"], True)
    assert [bool(line.get("error")) for line in erring["trace"] if line["rule"] == "errs"] == [True]
    assert _verdict(home, act("conf.kind"))["verdict"]["rules"] == ["unmatched"]
    assert _verdict(home, act("conf.kind", confidence=1))["verdict"]["gate"] == "auto"
    unknown = home.await_result(home.drop(act("no.such.kind")))
    assert (unknown["status"], unknown["verdict"]["rules"]) == ("denied", ["unknown_kind"])


def test_a_result_holds_the_whole_verdict_as_explain_prints_it(home: TestHome) -> None:
    result = home.await_result(home.drop(label()))
    assert result["verdict"] == home.json("rules", "explain", result["case"])
    assert result["verdict"] == home.json("receipts", "show", result["case"])["verdict"]
    assert sorted(result["verdict"]) == [
        "asks",
        "conflict",
        "expires",
        "gate",
        "policy",
        "quorums",
        "reasons",
        "rules",
        "sampled",
        "trace",
    ]


def test_doubt_ends_waiting_at_once_and_a_person_settles_it(home: TestHome) -> None:
    file = home.root.parent / "doubt.json"
    file.write_text(json.dumps(act("hangs.kind")))
    submitted = home.cli("submit", str(file), "--wait", "--json")
    printed = json.loads(submitted.stdout)
    assert (submitted.returncode, printed["status"]) == (8, "in_doubt")
    assert home.cli("wait", "doubt").returncode == 8
    assert home.result("doubt") is None
    until(lambda: "1 in_doubt: nobody knows whether" in home.cli("status").stdout, "the note")
    _says(home, "cleo", printed["case"], "approve")
    assert home.json("show", "doubt")["status"] == "in_doubt"
    _says(home, "cleo", printed["case"], "Done.")
    assert home.await_result("doubt")["status"] == "executed"
    assert home.cli("wait", "doubt").returncode == 0


def test_a_permit_that_ran_out_is_waited_for_no_longer(home: TestHome) -> None:
    name = home.drop(act("self.run", expires="1s"))
    assert home.await_result(name)["status"] == "approved"
    until(lambda: home.json("show", name)["status"] == "in_doubt" or None, "doubt")
    assert home.cli("wait", name).returncode == 8


def test_waiting_for_a_closed_case_needs_no_result_file(home: TestHome) -> None:
    name = home.drop(label())
    first = home.await_result(name)
    (home.root / f"spool/results/{name}.json").unlink()
    waited = home.cli("wait", name, "--timeout", "20", "--json")
    assert (waited.returncode, json.loads(waited.stdout)) == (0, first)


def test_the_action_only_shortens_the_time_it_may_wait(home: TestHome) -> None:
    def seconds(**changes: Any) -> int:
        start = time.time()
        case = _verdict(home, refund(**changes))
        found = int(case["verdict"]["expires"])
        assert case["created_at"] < case["expires_at"]
        assert time.time() - start < 20
        return found

    assert (seconds(expires="9d"), seconds(expires="90m")) == (4 * 3600, 90 * 60)
