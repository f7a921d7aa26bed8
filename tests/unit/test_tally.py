"""What happened is counted, under labels that are all known before anything happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hitl_mail.core.case import Case, Moment
from hitl_mail.daemon.news import News
from hitl_mail.daemon.tally import CountedInbox, CountedOutbox, Durations, Tally
from hitl_mail.errors import StorageFailed
from hitl_mail.ports import Letter, MailDoubt, MailPermanent, MailTemporary, Pulse
from tests.factories import action, after, by, case_after, receive, verdict


def counted(*steps: Any, first: Any = None, at: float = 0.0) -> Tally:
    """The counts of a new case after these steps, which happen at this time."""
    tally, news = Tally(), News(lambda: at)
    news.listeners.append(tally.count)
    case = case_after(first or receive())
    news.watch(case)
    for step in steps:
        case = after(case, step(case) if callable(step) else step, at)
        news.watch(case)
    return tally


def more_than_none(counts: dict[Any, int]) -> dict[Any, int]:
    return {name: count for name, count in counts.items() if count}


def test_a_decision_is_counted_by_its_verb_and_door() -> None:
    tally = counted(by("ada", via="link"))
    assert more_than_none(tally.decisions) == {("approve", "link"): 1}
    assert more_than_none(tally.events) == {"received": 1, "decided": 1, "approved": 1}


def test_an_end_is_counted_by_its_status_and_an_action_by_its_gate() -> None:
    tally = counted(by("ada", "reject"))
    assert (more_than_none(tally.ended), more_than_none(tally.actions)) == (
        {"rejected": 1},
        {"hard": 1},
    )


def test_a_denied_action_is_one_of_its_gate() -> None:
    tally = counted(first=receive(verdict_=verdict("deny")))
    assert (more_than_none(tally.ended), more_than_none(tally.actions)) == (
        {"denied": 1},
        {"deny": 1},
    )


def test_the_time_to_decide_is_that_of_people_alone() -> None:
    assert counted(by("ada"), at=40.0).decided.sum == 40.0
    assert counted(first=receive(verdict_=verdict("auto"))).decided.counts == [0] * 9


def test_the_time_to_ask_is_that_of_the_first_question() -> None:
    tally = Tally()
    case = case_after(receive())
    tally.count(case, Moment(0.2, "mail_sent", {"about": "ask", "to": "ada"}))
    tally.count(case, Moment(9.0, "mail_sent", {"about": "remind", "to": "ada"}))
    later = case_after(receive(), by("ada"))
    tally.count(later, Moment(9.0, "mail_sent", {"about": "ask", "to": "bob"}))
    assert tally.asked.sum == 0.2


def test_durations_lie_at_or_under_their_bound_and_a_clock_that_went_back_counts_as_none() -> None:
    durations = Durations((1.0, 10.0))
    for seconds in (-5.0, 1.0, 1.1, 10.0, 11.0):
        durations.add(seconds)
    assert (durations.counts, durations.sum) == ([2, 2, 1], 23.1)


def test_what_an_agent_writes_makes_no_new_count() -> None:
    strange = action("no.such_kind", id="x", labels={"event": "new"}, effects=["new"], run_id='"')
    before = Tally()
    tally = counted(by("ada"), first=receive(strange, agent='a"b', case="261122-k3f9ma"))
    assert list(tally.events) == list(before.events)
    assert (list(tally.actions), list(tally.decisions), list(tally.ended)) == (
        list(before.actions),
        list(before.decisions),
        list(before.ended),
    )


def test_counting_an_event_costs_microseconds() -> None:
    """Twenty times what it takes on an idle machine, so that a busy one passes, too."""
    tally, news = Tally(), News(lambda: 0.0)
    news.listeners.append(tally.count)
    cases: list[Case] = [
        case_after(receive(case=f"261122-{number:06d}"), by("ada")) for number in range(1000)
    ]
    begun = time.process_time()
    for case in cases:
        news.watch(case)
    each = (time.process_time() - begun) / sum(tally.events.values())
    assert each < 20e-6


class Server:
    """An outbox that says this of a mail."""

    def __init__(self, says: Exception | None) -> None:
        self.says = says

    async def send(
        self, mail_from: str, rcpt_to: list[str], message: bytes, name: str
    ) -> list[str]:
        if self.says is not None:
            raise self.says
        return []

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("says", "result"),
    [
        (None, "sent"),
        (MailPermanent("no such mailbox"), "refused"),
        (MailTemporary("busy"), "deferred"),
        (MailDoubt("it broke off"), "doubt"),
        (OSError("it broke off"), "doubt"),
    ],
)
async def test_a_mail_is_counted_by_what_the_server_said(
    says: Exception | None, result: str
) -> None:
    tally = Tally()
    outbox = CountedOutbox(Server(says), tally)
    told = await asyncio.gather(outbox.send("a", ["b"], b"", "n"), return_exceptions=True)
    assert (told, more_than_none(tally.mails)) == ([says or []], {result: 1})


class Mailbox:
    """An inbox with one letter."""

    def __init__(self) -> None:
        self.pulse = Pulse()

    async def poll(self, handle: Callable[[Letter], Awaitable[None]]) -> int:
        await handle(Letter(b"", "1"))
        return 1

    run: Any = poll

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("error", "counts"),
    [(None, {"done": 1}), (ValueError(), {"kept": 1}), (StorageFailed("disk"), {})],
)
async def test_a_letter_is_counted_by_whether_it_could_be_put_away(
    error: Exception | None, counts: dict[str, int]
) -> None:
    async def handle(letter: Letter) -> None:
        if error is not None:
            raise error

    tally = Tally()
    inbox = CountedInbox(Mailbox(), tally)
    for doing in (inbox.poll, inbox.run):
        tally.letters.update(done=0, kept=0)
        await asyncio.gather(doing(handle), return_exceptions=True)
        assert more_than_none(tally.letters) == counts


def test_an_inbox_that_is_counted_has_the_pulse_of_the_one_inside() -> None:
    inside = Mailbox()
    inbox = CountedInbox(inside, Tally())
    inbox.pulse = Pulse(last_ok=5.0)
    assert inside.pulse == inbox.pulse == Pulse(last_ok=5.0)
