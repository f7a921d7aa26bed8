"""The benchmarks measure what they say: the same work for everybody, and what is told was found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import main, replies, work
from benchmarks.contender import ROOT
from benchmarks.figures import percentile, ratio, told
from benchmarks.goals import goals
from benchmarks.policy import AGENT, CRITERIA, DOCUMENT, SITE, WORST, Criterion, plain, rules_text
from benchmarks.report import figures_of, goals_of, goals_table, results_page, with_figures
from benchmarks.with_sqlite import ByHand
from hitl_mail.core.action import Action, read_message
from hitl_mail.policy.conditions import compile_condition
from hitl_mail.policy.load import load_policy
from hitl_mail.settings import Executor, Person, Site, SiteTable

SITE_OF_WORK = Site(
    site=SiteTable(admins=("ada",)),
    people={"ada": Person(mail="ada@example.com")},
    executors={"refund": Executor(type="command", argv=("/bin/true",))},
)


def traced() -> dict[str, bool]:
    policy = load_policy(rules_text(len(CRITERIA)), SITE, "rules.toml", lambda _: b"")
    action = read_message(DOCUMENT, "x")
    assert isinstance(action, Action)
    verdict = policy.judge(action, AGENT, frozenset())
    return {trace.rule: trace.matched for trace in verdict.trace if trace.error is None}


@pytest.mark.parametrize(("number", "criterion"), list(enumerate(CRITERIA)))
def test_a_criterion_says_the_same_in_cel_and_in_python(number: int, criterion: Criterion) -> None:
    assert traced()[f"r{number}"] is criterion.python(plain())


@pytest.mark.parametrize("source", WORST)
def test_the_worst_conditions_still_load(source: str) -> None:
    assert compile_condition(source).source == source


def test_the_replies_are_told_in_tables() -> None:
    row = {"median": 100.0, "worst": 200.0}
    bad = [{"mail": "rules", "bytes": 9, "worst": 300.0}]
    told = replies.told({"programs": [{"program": "mutt", **row}], **row, "bad": bad})
    assert [line.split() for line in told.splitlines() if line.startswith(("mutt", "rules"))] == [
        ["mutt", "100", "200"],
        ["rules", "9", "300"],
    ]


def found(**changes: Any) -> dict[str, Any]:
    """What a run may find: every promise kept, unless changed."""
    rate = {"rate": 1000.0, "p50": 1.0, "p99": 2.0, "of": 10}
    row = {"count": 0, "start": 0.8, "memory": 60.0, "submit": 1.0, "approve": 1.0, "away": 0.0}
    ours = {"submit": rate, "approve": rate, "decide_together": rate}
    return {
        "command": "python -m benchmarks",
        "date": "2026-11-25",
        "machine": {"cores": "2"},
        "versus": {
            "rounds": 3,
            "table": {"hitl-mail": ours, "sqlite3 by hand": {"decide": rate}},
            "ratios": {
                "approvals to LangGraph": 5.2,
                "approvals to LangGraph, least graph": 2.7,
                "decisions to sqlite3": 3.0,
            },
            "disk": {"1": 4000.0},
        },
        "delivery": {
            "mail": {"p50": 6.0, "p99": 30.0, "of": 9},
            "reply": None,
            "control": {"p50": 8.0, "p99": 9.0, "of": 9, "dropped": 1000.0, "approved": 300.0},
            "denied": {"seconds": 2.5, "of": 3000},
        },
        "growth": {
            "open": [row, {**row, "count": 100_000, "start": 2.9, "memory": 900.0}],
            "receipts": [row, {**row, "count": 100_000, "approve": 1.2}],
            "erase": {"of": 100_000, "seconds": 9.0, "waited": 8.0},
        },
        **changes,
    }


def test_the_rules_by_hand_say_what_our_rules_say() -> None:
    policy = load_policy(work.RULES, SITE_OF_WORK, "rules.toml", lambda _: b"")
    documents = [json.loads(work.document(number)) for number in range(60)]
    documents.append({**documents[0], "payload": {**documents[0]["payload"], "amount": 20_000}})
    gates = []
    for document in documents:
        action = read_message(document, "x")
        assert isinstance(action, Action)
        gates.append(policy.judge(action, "default", frozenset()).gate)
    assert gates == [work.gate(document) for document in documents]
    assert {"hard", "deny"} == set(gates)


def test_by_hand_every_action_is_decided_and_run_once(tmp_path: Path) -> None:
    program = ByHand(tmp_path / "cases.sqlite")
    program.submit(5)
    assert len(program.approve(3)["each"]) == 3
    assert len(program.decide(9)["each"]) == 2
    assert program.approve(1)["each"] == []


def test_what_was_not_reached_or_not_measured_is_said() -> None:
    assert {goal.reached for goal in goals(found()) if goal.wanted} == {True}
    changed = found()
    changed["versus"]["ratios"] = {"decisions to sqlite3": 0.9}
    changed["delivery"]["mail"]["p99"] = 61.0
    reached = {goal.what: goal.reached for goal in goals(changed) if goal.wanted}
    assert [value for value in reached.values() if value is not True] == [None, False, False]
    assert goals_table(changed).count("**no**") == 2
    assert goals_table(changed).count("not measured") == 1


def test_what_is_told_beside_a_promise_is_neither_reached_nor_missed() -> None:
    (line,) = (line for line in goals_table(found()).splitlines() if "least graph" in line)
    assert [cell.strip() for cell in line.split("|")[2:-1]] == ["", "2.7 ×", ""]


def test_the_figures_of_the_docs_are_put_between_their_marks() -> None:
    page = f"before\n{with_figures('', 'old')}after\n"
    once = with_figures(page, goals_table(found()))
    assert figures_of(once) == goals_table(found())
    assert with_figures(once, "old") == page


def test_the_goals_in_the_docs_are_those_of_the_results() -> None:
    figures = figures_of(main.DOCS.read_text())
    assert figures == goals_of(main.RESULTS.read_text())
    assert figures.count("\n") >= 9


def test_the_page_of_results_has_all_that_was_found() -> None:
    page = results_page(found())
    assert goals_of(page) == goals_table(found())
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## Goals",
        "## Against others",
        "## The whole daemon",
        "## Growth",
    ]
    assert "| reply delivered to Dovecot to executor started | not measured |" in page


def test_rates_are_medians_of_rounds_and_ratios_of_each_round() -> None:
    rounds = [{"seconds": s, "each": [s / 10] * 10} for s in (1.0, 4.0, 2.0)]
    assert told(rounds, 10)["rate"] == 5.0
    assert (told(rounds, 10)["of"], round(told(rounds, 10)["p99"])) == (30, 400)
    assert ratio([10.0, 1.0, 6.0], [1.0, 1.0, 2.0]) == 3.0
    assert (percentile([3.0, 1.0, 2.0], 0.5), percentile([1.0], 0.99)) == (2.0, 1.0)


def test_a_quick_run_measures_everything_and_writes_nothing() -> None:
    before = (main.RESULTS.read_bytes(), main.DOCS.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| hitl-mail |") == 5
    assert "approval dropped into control/ to result file" in done.stdout
    assert (main.RESULTS.read_bytes(), main.DOCS.read_bytes()) == before
