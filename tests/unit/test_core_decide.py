"""Single steps of a case that the walk over all states does not spell out."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import Case, evolve
from hitl_mail.core.decide import decide
from hitl_mail.core.effects import File, Mail, Result
from hitl_mail.errors import Impossible, NotAllowed
from tests.factories import (
    EXPIRES,
    after,
    begin,
    case_after,
    decide_,
    executor_ref,
    finish,
    quorum,
    receive,
    verdict,
)


def code(case: Case, command: cmd.Command, now: float = 0.0) -> str:
    """The code with which `command` is not allowed."""
    with pytest.raises(NotAllowed) as refused:
        decide(case, command, now)
    return refused.value.code


def owed(case: Case, kind: type[Any]) -> list[Any]:
    return [effect for effect in case.pending.values() if isinstance(effect, kind)]


def executed() -> Case:
    return case_after(decide_, begin(), finish("ok"))


def test_an_open_case_has_no_receipt() -> None:
    assert code(case_after(), cmd.FiledAs(1, "sha256:r")) == "not_now"


def test_an_event_that_files_an_open_case_is_impossible() -> None:
    with pytest.raises(Impossible):
        evolve(case_after(), ev.Filed(0.0, 1, "sha256:r"))


def test_an_event_that_files_a_case_twice_is_impossible() -> None:
    filed = case_after(decide_, begin(), finish("ok"), cmd.FiledAs(1, "sha256:r"))
    with pytest.raises(Impossible):
        evolve(filed, ev.Filed(0.0, 2, "sha256:s"))


def test_a_receipt_told_twice_is_recorded_once() -> None:
    filed = after(executed(), cmd.FiledAs(1, "sha256:r"))
    assert decide(filed, cmd.FiledAs(1, "sha256:r"), 0.0) == []


def test_a_written_result_settles_no_mail() -> None:
    case = case_after()
    (mail, *_) = owed(case, Mail)
    assert decide(case, cmd.ResultWas(mail.id), 0.0) == []


def test_a_written_result_settles_no_receipt() -> None:
    case = executed()
    (receipt,) = owed(case, File)
    assert decide(case, cmd.ResultWas(receipt.id), 0.0) == []


def test_a_written_result_settles_its_effect_once() -> None:
    case = after(executed(), cmd.FiledAs(1, "sha256:r"))
    (result,) = owed(case, Result)
    done = after(case, cmd.ResultWas(result.id))
    assert (owed(done, Result), decide(done, cmd.ResultWas(result.id), 0.0)) == ([], [])


@pytest.mark.parametrize(
    "note",
    [
        ev.MailSent(0.0, "m99", "sha256:m"),
        ev.MailDeferred(0.0, "m99", 1, 1.0, "451"),
        ev.MailFailed(0.0, "m99", "550"),
        ev.ResultWritten(0.0, "m99"),
        ev.ResultWritten(0.0, "m1"),
    ],
    ids=lambda note: f"{type(note).__name__} {note.effect}",
)
def test_a_note_about_what_is_not_owed_is_impossible(note: ev.Note) -> None:
    with pytest.raises(Impossible):
        evolve(case_after(), note)


def test_a_note_about_no_case_is_impossible() -> None:
    with pytest.raises(Impossible):
        evolve(None, ev.Answered(0.0, "ada", "help"))


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
        ev.Revised(0.0, ev.Revision(2, "sha256:x", executor_ref(), 0.0)),
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
