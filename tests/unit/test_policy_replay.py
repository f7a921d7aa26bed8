"""What other rules would have done: planted cases are named, and no others."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hitl_mail.core.verdict import Verdict
from hitl_mail.policy import replay as module
from hitl_mail.policy.history import Entry, Past
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.replay import Judge, replay
from tests.rulebook import KINDS, policy, rule
from tests.support.history import Case, case, entries, name

ASKS = policy(KINDS + rule("labels", 'kind == "crm.label"') + rule("money", '"money" in effects'))
RUNS = policy(
    KINDS + rule("labels", 'kind == "crm.label"', "auto") + rule("money", '"money" in effects')
)
DENIES = policy(KINDS + rule("all", "true", "deny"))


def by(policy: Policy) -> Judge:
    def judge(past: Past, typical: Mapping[str, float]) -> Verdict:
        assert past.action is not None
        return policy.judge(past.action, past.agent, frozenset(), past.case)

    return judge


def report(before: Policy, after: Policy, cases: Iterable[Case], **more: Any) -> dict[str, Any]:
    return replay(entries(cases, before), by(after), **more).report()


def named(found: dict[str, Any]) -> set[str]:
    assert found["count"] == len(found["cases"])
    return {row["case"] for row in found["cases"]}


def seeded(count: int = 2000) -> tuple[list[Case], set[str]]:
    """A history in which people refused some labels, and which of them."""
    chance, cases, refused = random.Random(7), [], set()
    for number in range(count):
        kind = chance.choice(["crm.label", "payment.refund"])
        said = chance.choices(["approve", "reject", "edit", "nothing"], [90, 4, 3, 3])[0]
        if kind == "crm.label" and said in ("reject", "edit"):
            refused.add(name(number))
        cases.append(case(kind, said))  # type: ignore[arg-type]
    return cases, refused


def test_the_cases_that_would_have_run_alone_although_refused_are_the_planted_ones() -> None:
    cases, refused = seeded()
    found = report(ASKS, RUNS, cases)
    assert named(found["alone_though_refused"]) == refused
    assert named(found["denied_though_approved"]) == set()
    assert named(found["asked_though_ran_alone"]) == set()


def test_the_same_rules_change_nothing() -> None:
    cases, _ = seeded()
    found = report(ASKS, ASKS, cases)
    assert found["asks"]["change"] == 0
    assert found["gates"] == {"hard": {"hard": 2000}}
    assert named(found["alone_though_refused"]) == set()


def test_what_would_have_been_denied_although_approved_is_named() -> None:
    found = report(ASKS, DENIES, [case(), case(said="reject"), case(said="nothing")])
    assert named(found["denied_though_approved"]) == {name(0)}
    assert named(found["alone_though_refused"]) == set()


def test_what_ran_alone_and_would_be_asked_about_is_named() -> None:
    found = report(RUNS, ASKS, [case(), case("payment.refund")])
    assert named(found["asked_though_ran_alone"]) == {name(0)}


def test_asks_and_minutes_are_counted_at_the_median_of_observed_decisions() -> None:
    cases = [case(seconds=30), case(seconds=60), case(seconds=600), case(said="nothing")]
    found = report(ASKS, RUNS, cases)
    assert found["asks"] == {"before": 4, "after": 0, "change": -4}
    assert (found["seconds_per_ask"], found["decisions_timed"]) == (60.0, 3)
    assert found["minutes"] == {"before": 4.0, "after": 0.0, "change": -4.0}


def test_without_a_timed_decision_no_minutes_are_made_up() -> None:
    found = report(RUNS, ASKS, [case()])
    assert found["seconds_per_ask"] is None
    assert found["minutes"] == {"before": None, "after": None, "change": None}


def test_gates_stand_in_a_matrix_of_before_and_after() -> None:
    found = report(RUNS, ASKS, [case(), case(), case("payment.refund")])
    assert found["gates"] == {"auto": {"hard": 2}, "hard": {"hard": 1}}


def test_an_exception_that_nothing_triggered_is_quiet() -> None:
    calm = rule(
        "labels", 'kind == "crm.label"', "exception", "exceptions = [{ when = 'untrusted' }]"
    )
    found = report(ASKS, policy(KINDS + calm), [case(), case("payment.refund")])
    assert found["gates"] == {"hard": {"quiet": 1, "hard": 1}}


def test_cases_to_look_at_afterwards_are_counted_and_those_without_a_draw_are_unknown() -> None:
    drawn = rule("labels", 'kind == "crm.label"', "sample", "rate = 1")
    samples = policy(KINDS + drawn + rule("money", '"money" in effects'))
    history = entries([case(), case(), case("payment.refund")], ASKS)
    assert replay(history, by(samples)).report()["reviews"] == {
        "before": 0,
        "after": 0,
        "unknown": 2,
    }

    def draws(past: Past, typical: Mapping[str, float]) -> Verdict:
        verdict = by(samples)(past, typical)
        return msgspec.structs.replace(verdict, sampled=past.kind == "crm.label" or None)

    seen = [msgspec.structs.replace(past, sampled=True) for past in history[:1]]
    assert replay([*seen, *history[1:]], draws).report()["reviews"] == {
        "before": 1,
        "after": 2,
        "unknown": 0,
    }


def test_erased_cases_are_counted_and_named_and_not_replayed() -> None:
    found = report(ASKS, RUNS, [case(), case(said="reject", erased=True)])
    assert (found["receipts"], found["replayed"]) == (2, 1)
    assert found["erased"] == {"count": 1, "cases": [name(1)]}
    assert named(found["alone_though_refused"]) == set()


def test_only_the_time_asked_for_is_replayed() -> None:
    history = entries([case(), case(), case()], ASKS)
    found = replay(history, by(RUNS), since=history[1].closed_at).report()
    assert (found["receipts"], found["asks"]["before"]) == (2, 2)


def test_no_history_is_nothing() -> None:
    found = report(ASKS, RUNS, [])
    assert (found["receipts"], found["asks"]["change"], found["gates"]) == (0, 0, {})


def test_cases_of_a_finding_are_counted_beyond_those_that_are_named(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_NAMED", 2)
    found = report(RUNS, ASKS, [case()] * 5)["asked_though_ran_alone"]
    assert (found["count"], len(found["cases"])) == (5, 2)


def test_cases_are_taken_one_at_a_time() -> None:
    alive = 0

    def counted() -> Iterable[Entry]:
        nonlocal alive
        for entry in entries([case()] * 20, ASKS):
            alive += 1
            yield entry

    seen = []

    def judge(past: Past, typical: Mapping[str, float]) -> Verdict:
        seen.append(alive)
        return by(RUNS)(past, typical)

    replay(counted(), judge)
    assert seen == list(range(1, 21))
