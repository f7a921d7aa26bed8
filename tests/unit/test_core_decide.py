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
