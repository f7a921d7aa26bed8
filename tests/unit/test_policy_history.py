"""A past case, read from its receipt, and what was typical of its kind."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import documents
from hitl_mail.policy.history import Medians, Past, Review, read_entry, walk
from tests.factories import by, case_after, receive, verdict
from tests.rulebook import KINDS, policy, rule
from tests.support.history import case, entries
from tests.support.receipts import body

ASKED = policy(KINDS + rule("labels", 'kind == "crm.label"'))
RUNS = policy(KINDS + rule("labels", 'kind == "crm.label"', "auto"))


def past(**changes: Any) -> Past:
    entry = read_entry({"seq": 1, **body(**changes)})
    assert isinstance(entry, Past)
    return entry


def typical(*cases: Any) -> dict[str, float]:
    medians = Medians()
    for entry in entries(cases, RUNS):
        assert isinstance(entry, Past)
        medians.add(entry)
    return dict(medians.of("crm.label"))


def test_a_case_that_lived_is_read_as_it_was() -> None:
    lived = case_after(receive(), 7.0, by("ada", "reject"))
    entry = read_entry({**documents.receipt_body(lived), "seq": 4})
    assert isinstance(entry, Past)
    assert (entry.asked, entry.refused, entry.waited, entry.asking) == (True, True, 7.0, ("money",))


def test_a_case_that_ran_by_policy_was_not_approved_by_anybody() -> None:
    lived = case_after(receive(verdict_=verdict("auto")))
    document = {**documents.case_document(lived), "status": "executed"}
    entry = read_entry({**document, "seq": 4, "closed_at": "2026-11-22T13:00:00.000Z"})
    assert isinstance(entry, Past)
    assert (entry.ran_alone, entry.approved) == (True, False)


def test_an_approval_counts_where_the_case_was_withdrawn_before_it_ran() -> None:
    lived = case_after(receive(), by("ada"))
    document = {**documents.case_document(lived), "status": "canceled"}
    entry = read_entry({**document, "seq": 4, "closed_at": "2026-11-22T13:00:00.000Z"})
    assert isinstance(entry, Past) and entry.approved


def test_one_approval_of_two_is_none() -> None:
    assert not past(status="expired", events=[]).approved


@pytest.mark.parametrize("said", ["reject", "edit"])
def test_whoever_rejects_or_edits_disagrees(said: Any) -> None:
    (entry,) = entries([case(said=said)], ASKED)
    assert isinstance(entry, Past)
    assert (entry.refused, entry.approved) == (True, False)


def test_an_edit_is_seen_in_the_revisions_too() -> None:
    assert past(revisions=[{"by": None}, {"by": "ada"}]).edited


def test_a_decision_is_timed_from_the_mail_that_asked() -> None:
    packets = [{"about": "ask", "at": "2026-11-22T12:00:10.000Z"}]
    decisions = [{"by": "ada", "verb": "approve", "at": "2026-11-22T12:00:30.000Z"}]
    received = "2026-11-22T12:00:00.000Z"
    timed = past(packets=packets, decisions=decisions, received_at=received)
    untold = past(packets=[], decisions=decisions, received_at=received)
    assert (timed.waited, untold.waited) == (20.0, 30.0)


def test_an_erased_case_keeps_what_people_said_and_loses_its_action() -> None:
    (entry,) = entries([case(said="reject", erased=True)], ASKED)
    assert isinstance(entry, Past)
    assert (entry.action, entry.erased, entry.refused) == (None, True, True)


def test_an_action_of_another_version_is_not_guessed_at() -> None:
    entry = past(action={"kind": "a.b", "payload": {}, "summary": "x", "mood": "good"})
    assert (entry.action, entry.erased) == (None, False)


@pytest.mark.parametrize("result", ["ok", "flagged", "lapsed"])
def test_the_receipt_of_a_review_is_no_case_of_its_own(result: str) -> None:
    document = body(status=result, about="261122-k3f9ma/review", decisions=[])
    entry = read_entry({"seq": 2, **document})
    assert isinstance(entry, Review)
    assert (entry.case, entry.result) == ("261122-k3f9ma", result)


def test_nothing_is_typical_under_ten_cases() -> None:
    assert typical(*(case(cost=1.0) for _ in range(9))) == {}


def test_a_typical_value_is_the_median_of_the_last_fifty() -> None:
    dear = [case(cost=1000.0) for _ in range(40)]
    cheap = [case(cost=float(n)) for n in range(50)]
    assert typical(*dear, *cheap) == {"cost": 24.5, "seconds": 0.1}


def test_cases_without_a_cost_leave_the_cost_untold() -> None:
    given = [case(latency=2.0) for _ in range(10)]
    assert typical(*given) == {"latency": 2.0, "seconds": 0.1}


def test_only_executed_cases_of_the_kind_count() -> None:
    medians = Medians()
    refused = entries([case(said="reject", cost=1.0) for _ in range(20)], ASKED)
    for entry in refused:
        assert isinstance(entry, Past)
        medians.add(entry)
    assert dict(medians.of("crm.label")) == {}


def test_what_is_typical_is_what_was_known_before_the_case() -> None:
    seen = [dict(found) for _, found in walk(entries([case(cost=1.0)] * 11, RUNS))]
    assert seen == [{}] * 10 + [{"cost": 1.0, "seconds": 0.1}]


def test_cases_before_the_window_only_count_towards_what_is_typical() -> None:
    history = entries([case(cost=1.0)] * 11, RUNS)
    ((entry, found),) = walk(history, history[-1].closed_at)
    assert (entry.seq, dict(found)) == (11, {"cost": 1.0, "seconds": 0.1})
