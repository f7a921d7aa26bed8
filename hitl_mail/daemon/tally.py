"""What happened since this daemon's start, counted: for metrics.

Counting is adding to numbers that are there already: it costs a microsecond an event and never
more, whatever agents write. Each set of labels is known before the first event; nothing that an
agent, a mail or a visitor can choose is one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import get_args

from hitl_mail.core.case import FINAL, Case, Moment
from hitl_mail.core.events import Event, Verb, Via
from hitl_mail.core.verdict import Gate
from hitl_mail.errors import StorageFailed
from hitl_mail.ports import (
    Handler,
    Inbox,
    Letter,
    MailDoubt,
    MailPermanent,
    MailTemporary,
    Outbox,
    Pulse,
)

EVENTS: tuple[str, ...] = tuple(sorted(str(e.__struct_config__.tag) for e in get_args(Event)))

_ENDS = {"succeeded": "executed"} | {name: name for name in FINAL - {"executed"}}
"""The status in which each event that ends a case leaves it."""

_ASKED = (0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 3600.0)
_DECIDED = (10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 86400.0)


class Durations:
    """How many took how long: by `bounds`, in seconds, with one more class for what is longer."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """One more. A clock that went back makes none shorter than nothing."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


def _decisions() -> dict[tuple[str, str], int]:
    return {(verb, via): 0 for verb in get_args(Verb) for via in get_args(Via)}


@dataclass
class Tally:
    """Counts since the start. `asked` is from an action's receipt to each mail that asks about it;
    `decided` from there to the last word of people."""

    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EVENTS, 0))
    actions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(get_args(Gate), 0))
    decisions: dict[tuple[str, str], int] = field(default_factory=_decisions)
    ended: dict[str, int] = field(default_factory=lambda: dict.fromkeys(sorted(FINAL), 0))
    mails: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("sent", "refused", "deferred", "doubt"), 0)
    )
    letters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("done", "kept"), 0))
    asked: Durations = field(default_factory=lambda: Durations(_ASKED))
    decided: Durations = field(default_factory=lambda: Durations(_DECIDED))

    def count(self, case: Case, moment: Moment) -> None:
        """A listener of `News`."""
        event = moment.event
        self.events[event] += 1
        if event in _ENDS:
            self.ended[_ENDS[event]] += 1
        if event == "received":
            self.actions[case.verdict.gate] += 1
        elif event == "decided":
            self.decisions[moment.detail["verb"], moment.detail["via"]] += 1
        elif event in ("approved", "rejected") and case.decisions:
            self.decided.add(moment.at - case.received_at)
        elif event == "mail_sent" and _is_first_question(case, moment):
            self.asked.add(moment.at - case.received_at)


def _is_first_question(case: Case, moment: Moment) -> bool:
    """Who is asked later, when somebody handed it on, tells nothing of how fast mail is."""
    return bool(moment.detail["about"] == "ask" and case.history[-1].event == "received")


@dataclass
class CountedOutbox:
    """An outbox, and what became of each mail that was offered to it."""

    inner: Outbox
    tally: Tally

    async def send(
        self, mail_from: str, rcpt_to: list[str], message: bytes, name: str
    ) -> list[str]:
        """See `ports.Outbox.send`."""
        try:
            refused = await self.inner.send(mail_from, rcpt_to, message, name)
        except MailPermanent:
            self.tally.mails["refused"] += 1
            raise
        except MailTemporary:
            self.tally.mails["deferred"] += 1
            raise
        except (MailDoubt, OSError):
            self.tally.mails["doubt"] += 1
            raise
        self.tally.mails["sent"] += 1
        return refused

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class CountedInbox:
    """An inbox, and whether each letter that came could be put away."""

    inner: Inbox
    tally: Tally

    @property
    def pulse(self) -> Pulse:
        """See `ports.Inbox`."""
        return self.inner.pulse

    @pulse.setter
    def pulse(self, pulse: Pulse) -> None:
        self.inner.pulse = pulse

    async def poll(self, handle: Handler) -> int:
        """See `ports.Inbox.poll`."""
        return await self.inner.poll(self._counted(handle))

    async def run(self, handle: Handler) -> None:
        """See `ports.Inbox.run`."""
        await self.inner.run(self._counted(handle))

    async def close(self) -> None:
        await self.inner.close()

    def _counted(self, handle: Handler) -> Handler:
        async def counted(letter: Letter) -> None:
            try:
                await handle(letter)
            except StorageFailed:
                raise
            except Exception:
                self.tally.letters["kept"] += 1
                raise
            self.tally.letters["done"] += 1

        return counted
