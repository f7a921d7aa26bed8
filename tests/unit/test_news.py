"""What is told of a case, each time it is shown, is exactly what its record says has happened."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import Case, Moment
from hitl_mail.core.decide import decide
from hitl_mail.core.effects import Mail
from hitl_mail.core.evolve import evolve
from hitl_mail.daemon.news import News
from tests import walk as walking
from tests.factories import action, begin, by, case_after, finish, receive, sampled, verdict
from tests.unit.test_core_states import WORLDS
from tests.walk import walk

NOW = 7.0


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.news = News(lambda: NOW)
        self.news.listeners.append(lambda case, moment: self.told.append(moment))
        self.told: list[Moment] = []

    def events(self) -> list[str]:
        """What it was told since the last time."""
        told, self.told = self.told, []
        return [moment.event for moment in told]


def tags(events: list[ev.Event]) -> list[str]:
    return [str(event.__struct_config__.tag) for event in events]


@pytest.mark.parametrize(
    "name",
    ["one of two, a person looks at failures", "sampled, by permit", "auto, by permit", "deny"],
)
def test_in_every_state_and_after_every_command_it_is_what_the_record_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, heard, compared = walking._step, Heard(), 0

    def listening(case: Case | None, watch: Any, command: cmd.Command, now: int, *rest: Any) -> Any:
        nonlocal compared
        following = step(case, watch, command, now, *rest)
        if following is not None:
            heard.news.begin([case] if case else [])
            heard.news.watch(following.case)
            told = tags(decide(case, command, walking.TIMES[now]))
            assert sorted(heard.events()) == sorted(told)
            compared += 1
        return following

    monkeypatch.setattr(walking, "_step", listening)
    walk(WORLDS[name])
    assert compared > 20


def shown(heard: Heard, case: Case, *commands: cmd.Command) -> Case:
    """The case after each of these, shown each time; what is told has to be what was recorded."""
    for command in commands:
        recorded = decide(case, command, NOW)
        for event in recorded:
            case = evolve(case, event)
        heard.news.watch(case)
        assert sorted(heard.events()) == sorted(tags(recorded))
    return case


def owed(case: Case) -> list[str]:
    return [effect.id for effect in case.pending.values() if isinstance(effect, Mail)]


def test_what_became_of_each_mail_is_told() -> None:
    heard = Heard()
    case = case_after(receive())
    heard.news.begin([case])
    first, second = owed(case)
    shown(
        heard,
        case,
        cmd.MailWas(first, "deferred", error="busy", next_at=9.0),
        cmd.MailWas(first, "deferred", error="busy", next_at=99.0),
        cmd.MailWas(first, "sent", "sha256:1"),
        cmd.MailWas(second, "failed", error="no such mailbox"),
        cmd.MailWas(first, "failed", error="it came back"),
    )


def test_whom_a_mail_was_for_is_told_and_nothing_that_a_server_said() -> None:
    heard = Heard()
    case = case_after(receive())
    heard.news.begin([case])
    heard.news.watch(evolve(case, ev.MailFailed(1.0, owed(case)[0], "password=hunter2")))
    (moment,) = heard.told
    assert moment == Moment(NOW, "mail_failed", {"about": "ask", "to": "ada"})


def test_receipts_results_and_reviews_are_told() -> None:
    heard = Heard()
    case = case_after(receive(verdict_=sampled()), begin(), finish())
    heard.news.begin([case])
    case = shown(heard, case, cmd.FiledAs(1, "sha256:1"))
    (result,) = [key for key, effect in case.pending.items() if effect.what == "result"]
    case = shown(heard, case, cmd.ResultWas(result), by("ada", "ok")(case))
    shown(heard, case, cmd.FiledAs(2, "sha256:2", "review"))


def test_a_result_that_is_told_with_its_receipt_is_told_once() -> None:
    heard = Heard()
    case = case_after(receive(verdict_=verdict("deny")))
    heard.news.begin([case])
    case = shown(heard, case, cmd.FiledAs(1, "sha256:1", result=True))
    assert case.closed


def test_what_had_happened_before_the_start_is_no_news() -> None:
    heard = Heard()
    case = case_after(receive(), by("ada"))
    heard.news.begin([case])
    heard.news.watch(case)
    assert heard.events() == []


def test_a_case_shown_twice_tells_nothing_the_second_time() -> None:
    heard = Heard()
    case = case_after(receive())
    heard.news.watch(case)
    heard.news.watch(case)
    assert heard.events() == ["received"]


def test_a_closed_case_is_not_remembered() -> None:
    heard = Heard()
    for number in range(3):
        denied = receive(action(id=f"a{number}"), verdict("deny"), case=f"261122-{number:06d}")
        case = case_after(denied)
        heard.news.watch(case)
        heard.news.watch(case_after(denied, cmd.FiledAs(1, "sha256:1", result=True)))
    assert heard.news._last == {}
