"""Sampled reviews: ok, flag, lapsed, what is mailed and filed; and a journal that replays it."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.desk import DeskEvent, RuleRelaxed, RuleTightened
from hitl_mail.core.documents import receipt_body, review_body, waiting_for
from hitl_mail.core.records import Record, State, encode, replay
from hitl_mail.core.timing import due
from hitl_mail.errors import Impossible
from tests.factories import (
    CASE,
    REVIEW,
    after,
    begin,
    by,
    case_after,
    code,
    decide_,
    finish,
    quorum,
    receive,
    sampled,
    verdict,
)

RAN = (receive(verdict_=sampled()), begin(), finish())
FILED = cmd.FiledAs(1, "sha256:r")
REVIEW_FILED = cmd.FiledAs(2, "sha256:v", "review")


def ran(*more: Any) -> Case:
    """A sampled case that ran, and what came after."""
    return case_after(*RAN, *more)


def test_a_sampled_case_runs_at_once_and_then_waits_for_its_reviewers() -> None:
    case = ran()
    assert (case.status, waiting_for(case)) == ("executed", ("ada", "bob"))


def test_reviewers_are_written_to_when_the_receipt_is_there() -> None:
    asked = [[m.to for m in case.mails if m.what == "review"] for case in (ran(), ran(FILED))]
    assert asked == [[], ["ada", "bob"]]


def test_a_case_that_was_not_drawn_has_no_review() -> None:
    case = case_after(receive(verdict_=sampled(sampled=False, reviews=())), begin(), finish())
    assert case.review is None


def test_what_failed_has_no_review() -> None:
    assert case_after(*RAN[:2], finish("failed")).review is None


def test_what_a_person_settled_has_no_review() -> None:
    case = case_after(
        receive(verdict_=sampled(on_failure="review")),
        begin(),
        finish("failed"),
        by("cleo", "done"),
    )
    assert (case.status, case.review) == ("executed", None)


@pytest.mark.parametrize(("verb", "status"), [("ok", "ok"), ("flag", "flagged")])
def test_one_word_ends_a_review(verb: str, status: str) -> None:
    case = ran(FILED, by("bob", verb))
    assert case.review is not None
    assert (case.status, case.review.status) == ("executed", status)


def test_a_review_that_nobody_answers_lapses_at_its_expiry() -> None:
    case = ran(FILED)
    before, at = decide(case, cmd.Tick(), REVIEW - 1.0), after(case, cmd.Tick(), REVIEW)
    assert at.review is not None
    assert (before, due(case), at.review.status) == ([], float(REVIEW), "lapsed")


def test_after_its_expiry_nothing_is_said() -> None:
    case = ran()
    assert code(case, decide_(case, verb="ok"), REVIEW) == "expired"


def test_a_second_word_comes_too_late() -> None:
    case = ran(by("ada", "ok"))
    assert code(case, decide_(case, "bob", "flag")) == "closed"


@pytest.mark.parametrize(("person", "why"), [("dora", "own_request"), ("eve", "not_reviewer")])
def test_owners_and_strangers_review_nothing(person: str, why: str) -> None:
    case = ran()
    assert code(case, decide_(case, person, "flag")) == why


def test_a_review_takes_the_doors_of_its_rule() -> None:
    case = case_after(receive(verdict_=sampled(reviews=(quorum(doors=("cli",)),))), *RAN[1:])
    assert code(case, decide_(case, verb="ok", via="link")) == "door"


def test_the_receipt_of_a_case_is_the_same_before_and_after_its_review() -> None:
    assert receipt_body(ran(by("ada", "flag"))) == receipt_body(ran())


def test_the_receipt_of_a_review_names_the_case_s() -> None:
    body = review_body(ran(FILED, by("ada", "flag")))
    said = (body["status"], body["decided_by"], body["reviews"])
    assert said == ("flagged", ["ada"], {"seq": 1, "digest": "sha256:r"})


def test_a_lapsed_review_was_decided_by_nobody() -> None:
    body = review_body(ran(FILED, REVIEW, cmd.Tick()))
    assert (body["status"], body["decided_by"]) == ("lapsed", [])


def test_a_review_has_no_receipt_before_its_case_has() -> None:
    case = ran(by("ada", "ok"))
    with pytest.raises(Impossible):
        review_body(case)
    assert code(case, REVIEW_FILED) == "not_now"


def test_a_case_is_closed_when_its_review_is_filed_and_all_is_sent() -> None:
    case, closed = ran(FILED), []
    for command in (cmd.ResultWas("r2"), cmd.Tick(), REVIEW_FILED):
        case = after(case, command, REVIEW)
        closed.append(case.closed)
    for key in case.pending:
        case = after(case, cmd.MailWas(key, "sent"), REVIEW)
    assert (closed, case.closed) == ([False, False, False], True)


Line = tuple[Literal["snapshot", "record"], bytes]


def lived(commands: list[Any]) -> tuple[list[Record], State]:
    """The records of a case's commands, with a rule tightened and another relaxed on the way."""
    state, records = State(), []
    notes: dict[int, tuple[DeskEvent, ...]] = {
        2: (RuleTightened(0.0, "labels", 3, 20), RuleTightened(0.0, "notes", 1, 5)),
        4: (RuleRelaxed(0.0, "notes", "cleo"),),
    }
    for number, command in enumerate(commands):
        case = state.cases.get(CASE)
        asked = command(case) if callable(command) else command
        events = tuple(decide(case, asked, float(number)))
        records.append(Record(((CASE, events),), notes.get(number, ())))
        state.apply(records[-1])
    return records, state


LIVES: dict[str, list[Any]] = {
    "sampled and flagged": [*RAN, FILED, by("ada", "flag"), REVIEW_FILED],
    "judged again and approved": [
        receive(),
        by("ada"),
        cmd.Rejudge(verdict(quorums=(quorum(approvals=2),))),
        by("bob"),
        begin(),
        finish(),
        FILED,
    ],
    "judged again and denied": [
        receive(),
        by("ada"),
        cmd.Rejudge(verdict("deny")),
        FILED,
        cmd.Answer("ada", "help"),
    ],
}


@pytest.mark.parametrize("life", LIVES)
def test_a_journal_adds_up_to_the_same_wherever_its_snapshot_is(life: str) -> None:
    records, state = lived(LIVES[life])
    for cut in range(len(records) + 1):
        before = State()
        for record in records[:cut]:
            before.apply(record)
        lines: list[Line] = [("snapshot", line) for line in before.lines()]
        lines += [("record", encode(record)) for record in records[cut:]]
        again = replay(lines)
        assert (again.cases, again.desk) == (state.cases, state.desk)
