"""Attempts: what is made again, what is in doubt, what a permit allows (design 3.2)."""

from __future__ import annotations

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.evolve import evolve
from hitl_mail.errors import Impossible, NotAllowed
from tests.factories import (
    EXPIRES,
    after,
    begin,
    by,
    case_after,
    code,
    decide_,
    executor_ref,
    finish,
    receive,
    verdict,
)


def doubtful() -> Case:
    """An idempotent attempt is in doubt and will be made again."""
    return case_after(decide_, begin(), finish("doubt", retries=1, idempotent=True))


def test_an_idempotent_attempt_in_doubt_is_made_again() -> None:
    case = after(doubtful(), begin(), 1.0)
    assert (case.status, case.attempts) == ("executing", 2)


@pytest.mark.parametrize("command", [cmd.Tick(), begin()], ids=["tick", "begin"])
def test_what_may_have_run_does_not_expire_but_is_in_doubt(command: cmd.Command) -> None:
    assert after(doubtful(), command, EXPIRES).status == "in_doubt"


def test_what_may_have_run_is_not_run_by_an_executor_with_other_settings() -> None:
    changed = begin(executor_ref(digest="sha256:b"))
    assert after(doubtful(), changed, 1.0).status == "in_doubt"


def test_what_may_have_run_has_not_failed_because_it_could_not_be_tried_again() -> None:
    case = after(doubtful(), begin(), 1.0)
    assert after(case, finish("temporary", 2, retries=1, idempotent=True)).status == "in_doubt"


def test_a_failure_of_the_idempotent_executor_answers_for_earlier_attempts() -> None:
    case = after(doubtful(), begin(), 1.0)
    assert after(case, finish("failed", 2, retries=1, idempotent=True)).status == "failed"


def test_a_crash_over_an_idempotent_attempt_leaves_doubt_until_it_is_made_again() -> None:
    crashed = case_after(decide_, begin(), finish("doubt", idempotent=True, crashed=True))
    assert after(crashed, cmd.Tick(), EXPIRES).status == "in_doubt"


def test_a_person_who_asks_for_a_retry_has_settled_the_doubt() -> None:
    case = after(doubtful(), cmd.Tick(), EXPIRES)
    asked = after(case, decide_(case, verb="retry"), EXPIRES)
    assert after(asked, cmd.Tick(), 2 * EXPIRES).status == "expired"


def test_a_clean_temporary_failure_leaves_no_doubt() -> None:
    case = case_after(decide_, begin(), finish("temporary", retries=1))
    assert after(case, cmd.Tick(), EXPIRES).status == "expired"


def permitted() -> Case:
    agent = executor_ref(type="agent")
    return case_after(receive(executor=agent), decide_, begin(agent))


@pytest.mark.parametrize(
    "event",
    [
        ev.Started(0.0, 2),
        ev.Permitted(0.0, "sha256:x", 1.0),
        ev.Revised(0.0, ev.Revision(2, "sha256:x", executor_ref(), 0.0, "salt")),
        ev.Expired(0.0),
        ev.Canceled(0.0, "billing"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_beside_a_permit_nothing_else_may_happen(event: ev.Event) -> None:
    with pytest.raises(Impossible):
        evolve(permitted(), event)


@pytest.mark.parametrize(
    "event",
    [ev.Succeeded(0.0, {}), ev.Failed(0.0, {}), ev.Held(0.0, {}), ev.Doubted(0.0, {})],
    ids=lambda event: type(event).__name__,
)
def test_without_a_permit_or_an_attempt_there_is_no_outcome(event: ev.Event) -> None:
    with pytest.raises(Impossible):
        evolve(case_after(decide_), event)


@pytest.mark.parametrize("attempt", [0, 2])
def test_the_outcome_of_another_attempt_is_nothing(attempt: int) -> None:
    assert decide(case_after(by("ada"), begin()), finish("ok", attempt), 0.0) == []


def test_an_outcome_told_twice_is_recorded_once() -> None:
    assert decide(case_after(by("ada"), begin(), finish()), finish("ok"), 0.0) == []


def test_what_has_started_cannot_be_withdrawn() -> None:
    case = case_after(by("ada"), begin(), finish("temporary", retries=1))
    assert code(case, cmd.Withdraw("billing")) == "started"


def test_an_attempt_in_doubt_is_not_made_again_unless_idempotent() -> None:
    assert case_after(by("ada"), begin(), finish("doubt", retries=5)).status == "in_doubt"


def test_an_attempt_lost_in_a_crash_is_in_doubt_unless_idempotent() -> None:
    crashed = finish("doubt", retries=5, crashed=True)
    assert case_after(by("ada"), begin(), crashed).status == "in_doubt"


def test_a_permit_that_ran_out_is_in_doubt() -> None:
    assert after(permitted(), cmd.Tick(), 20.0).status == "in_doubt"


def test_a_report_after_the_permit_is_too_late() -> None:
    assert code(permitted(), cmd.Tell({"ok": True}), 20.0) == "late"
    in_doubt = after(permitted(), cmd.Tick(), 20.0)
    assert code(in_doubt, cmd.Tell({"ok": True}), 21.0) == "late"


def test_a_denied_action_is_closed_at_once() -> None:
    assert case_after(receive(verdict_=verdict("deny"))).status == "denied"


FORGED = {"attempts": 99, "settled_by": "ada", "settled_as": "done"}


def test_what_an_agent_reports_is_its_own_but_for_what_only_we_say() -> None:
    told = cmd.Tell({"ok": True, "note": "paid", **FORGED})
    assert decide(permitted(), told, 9.0) == [
        ev.Succeeded(9.0, {"ok": True, "note": "paid", "attempts": 1})
    ]


def test_a_failure_that_an_agent_reports_is_one() -> None:
    told = cmd.Tell({"ok": False, "error": "refused", **FORGED})
    outcome = {"ok": False, "error": "refused", "attempts": 1}
    agent = executor_ref(type="agent")
    looked_at = receive(verdict_=verdict(on_failure="review"), executor=agent)
    assert decide(permitted(), told, 9.0) == [ev.Failed(9.0, outcome)]
    assert decide(case_after(looked_at, decide_, begin(agent)), told, 9.0) == [
        ev.Held(9.0, outcome)
    ]


def test_an_outcome_says_how_many_attempts_it_took() -> None:
    case = case_after(decide_, begin(), finish("temporary", retries=1), 1, begin())
    error = {"ok": False, "error": "no"}
    assert decide(case, finish("failed", 2, outcome=error), 9.0) == [
        ev.Failed(9.0, {**error, "attempts": 2})
    ]
    assert decide(case, finish("ok", 2), 9.0) == [ev.Succeeded(9.0, {"ok": True, "attempts": 2})]


@pytest.mark.parametrize(("retries", "attempts"), [(0, 3), (2, 5)])
def test_the_daemon_may_die_three_times_over_an_idempotent_executor(
    retries: int, attempts: int
) -> None:
    case = case_after(decide_)
    for attempt in range(1, attempts + 1):
        case = after(case, begin(), float(attempt))
        crash = finish("doubt", attempt, retries=retries, idempotent=True, crashed=True)
        [event] = decide(case, crash, attempt + 0.5)
        outcome = {"ok": False, "attempts": attempt}
        again = attempt + 0.5
        assert event == ev.AttemptFailed(again, attempt, outcome, again, doubt=True)
        case = after(case, crash, again)
    case = after(case, begin(), 20.0)
    last = finish("doubt", attempts + 1, retries=retries, idempotent=True, crashed=True)
    assert after(case, last, 20.5).status == "in_doubt"


def test_what_ends_before_it_begins_ends_at_that_moment() -> None:
    late, moved = EXPIRES + 5, begin(executor_ref(digest="sha256:b"))
    assert [e.at for e in decide(case_after(decide_), begin(), late)] == [late]
    assert [e.at for e in decide(doubtful(), begin(), late)] == [late]
    assert [e.at for e in decide(doubtful(), moved, 9.0)] == [9.0]


def test_how_long_the_next_attempt_is_off_is_told() -> None:
    case = case_after(decide_, 10, begin(), finish("temporary", retries=1))
    with pytest.raises(NotAllowed) as refused:
        decide(case, begin(), 10.0)
    assert refused.value.detail == "next attempt in 1s"
