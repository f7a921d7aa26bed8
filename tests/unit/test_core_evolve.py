"""What an event changes of a case, what it leaves alone, and where it is impossible."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import Case, ReceiptRef
from hitl_mail.core.evolve import evolve
from hitl_mail.core.verdict import Escalation
from hitl_mail.errors import Impossible
from tests.factories import (
    after,
    begin,
    by,
    case_after,
    code,
    decide_,
    executor_ref,
    finish,
    quorum,
    receive,
    sampled,
    target,
    verdict,
)

REVIEW = (receive(verdict_=sampled()), begin(), finish())
FILED = cmd.FiledAs(1, "sha256:r")
AGENT = executor_ref(type="agent")
SECOND_RECEIPT = "a receipt of a case that is executed, or a second one"
NO_REVIEW = "a receipt of a review not over, or a second one, or one before the case's"

IMPOSSIBLE: dict[str, tuple[Case | None, ev.Event, str]] = {
    "an answer about nothing": (
        None,
        ev.Answered(0.0, "ada", "help"),
        "Answered about no case",
    ),
    "an approval of nothing": (
        None,
        ev.Approved(0.0),
        "Approved cannot happen to a case that is None",
    ),
    "a start of what waits for people": (
        case_after(),
        ev.Started(0.0, 1),
        "Started cannot happen to a case that is pending",
    ),
    "a start beside a permit": (
        case_after(receive(executor=AGENT), by("ada"), begin(AGENT)),
        ev.Started(0.0, 2),
        "Started cannot happen to a case that holds a permit",
    ),
    "an outcome without an attempt": (
        case_after(by("ada")),
        ev.Succeeded(0.0, {}),
        "Succeeded cannot happen to a case that holds no permit",
    ),
    "a review of what is not drawn": (
        case_after(by("ada"), begin(), finish()),
        ev.Reviewed(0.0, "ok"),
        "Reviewed cannot happen to a case that is not in review",
    ),
    "a receipt of what is open": (
        case_after(),
        ev.Filed(0.0, 1, "sha256:r"),
        "a receipt of a case that is pending, or a second one",
    ),
    "a second receipt": (case_after(*REVIEW, FILED), ev.Filed(0.0, 2, "sha256:s"), SECOND_RECEIPT),
    "a receipt of no review": (
        case_after(by("ada"), begin(), finish(), FILED),
        ev.ReviewFiled(0.0, 2, "sha256:s"),
        NO_REVIEW,
    ),
    "a receipt of an open review": (
        case_after(*REVIEW, FILED),
        ev.ReviewFiled(0.0, 2, "sha256:s"),
        NO_REVIEW,
    ),
    "a receipt of a review before the case's": (
        case_after(*REVIEW, by("ada", "ok")),
        ev.ReviewFiled(0.0, 2, "sha256:s"),
        NO_REVIEW,
    ),
    "a second receipt of a review": (
        case_after(*REVIEW, FILED, by("ada", "ok"), cmd.FiledAs(2, "sha256:s", "review")),
        ev.ReviewFiled(0.0, 3, "sha256:t"),
        NO_REVIEW,
    ),
    "a mail that is not owed": (
        case_after(),
        ev.MailSent(0.0, "m99", "sha256:m"),
        "the case owes no Mail m99",
    ),
    "a result that is not owed": (
        case_after(),
        ev.ResultWritten(0.0, "m1"),
        "the case owes no Result m1",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_happen_says_what_and_to_which_case(name: str) -> None:
    case, event, expected = IMPOSSIBLE[name]
    with pytest.raises(Impossible) as found:
        evolve(case, event)
    assert str(found.value) == expected


def test_an_open_case_is_not_closed() -> None:
    assert (case_after().closed_at, case_after(by("ada")).closed_at) == (None, None)


def test_other_settings_of_the_executor_leave_the_title() -> None:
    case = case_after(by("ada"), begin(executor_ref(digest="sha256:b")))
    assert (case.revision.number, case.title) == (2, "Refund 49 EUR to Ada")


def test_a_second_permit_is_a_second_attempt() -> None:
    permit = (begin(AGENT), 30, cmd.Tick(), by("ada", "retry"), begin(AGENT))
    case = case_after(receive(executor=AGENT), by("ada"), *permit)
    assert (case.attempts, case.permit is not None) == (2, True)


def test_only_mails_are_remembered_so_that_they_count_once() -> None:
    mailed = case_after(lambda c: decide_(c, message_id="<1@x>"))
    assert (len(mailed.seen), case_after(by("ada", via="link")).seen) == (1, ())


def test_a_retry_that_somebody_wants_settles_the_doubt() -> None:
    idempotent = finish("doubt", retries=1, idempotent=True)
    moved = begin(executor_ref(digest="sha256:b"))
    case = case_after(by("ada"), begin(), idempotent, 2, moved, by("ada", "retry"))
    assert (case.status, case.doubtful) == ("approved", False)


def to_bob(case: Case) -> cmd.Decide:
    return decide_(case, "ada", "route", target=target("bob"))


def test_a_policy_that_wants_two_asks_who_has_handed_it_on_again() -> None:
    two = verdict(quorums=(quorum(approvals=2),))
    case = case_after(to_bob, cmd.Rejudge(two))
    assert [(q.reviewers, q.approvals) for q in case.quorums] == [(("ada", "bob"), 2)]


def test_a_policy_that_closes_a_door_closes_it_for_those_it_was_handed_to() -> None:
    fewer = verdict(quorums=(quorum(doors=("mail", "cli")),))
    case = case_after(to_bob, cmd.Rejudge(fewer))
    assert case.quorums[0].reviewers == ("bob",)
    assert code(case, decide_(case, "bob", via="link")) == "door"


def test_a_question_that_was_handed_on_is_still_escalated() -> None:
    escalate = Escalation(30, ("cleo",), ("cleo",))
    case = case_after(receive(verdict_=verdict(quorums=(quorum(escalate=escalate),))), to_bob)
    assert case.quorums[0].escalate == escalate
    assert after(case, cmd.Tick(), 30.0).quorums[0].escalate is None


def test_only_the_rules_that_were_handed_on_ask_others() -> None:
    rules = (quorum("money"), quorum("large", "ada", "bob", approvals=2))
    case = case_after(receive(verdict_=verdict(quorums=rules)), to_bob)
    assert [q.reviewers for q in case.quorums] == [("bob",), ("ada", "bob")]


@pytest.mark.parametrize(
    ("so_far", "closed"),
    [
        ((), False),
        ((FILED,), False),
        ((FILED, by("ada", "ok")), False),
        ((FILED, by("ada", "ok"), cmd.FiledAs(2, "sha256:s", "review")), True),
    ],
    ids=["executed", "filed", "reviewed", "review filed"],
)
def test_a_drawn_case_is_closed_when_it_owes_nothing_more(so_far: Any, closed: bool) -> None:
    case = case_after(*REVIEW, *so_far)
    for effect in list(case.pending.values()):
        if effect.what == "mail":
            case = after(case, cmd.MailWas(effect.id, "sent", digest="sha256:m"))
        elif effect.what == "result":
            case = after(case, cmd.ResultWas(effect.id))
    assert case.closed is closed


def test_receipts_are_kept_with_their_number_and_digest() -> None:
    case = case_after(*REVIEW, FILED, by("ada", "ok"), cmd.FiledAs(2, "sha256:s", "review"))
    assert case.review is not None
    assert (case.receipt, case.review.receipt, case.review.status) == (
        ReceiptRef(1, "sha256:r"),
        ReceiptRef(2, "sha256:s"),
        "ok",
    )
