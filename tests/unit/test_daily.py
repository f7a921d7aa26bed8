"""The admins are told once a day: on every day, also by late daemons and changing clocks."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import msgspec
import pytest

from hitl_mail.core.desk import Desk
from hitl_mail.core.records import replay
from hitl_mail.daemon.daily import Daily, is_news, last_due, words
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.world import World
from hitl_mail.errors import Damaged
from tests.factories import case_after, quorum, receive, verdict
from tests.rulebook import SITE

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
HEAD = (118, "sha256:" + "ab" * 32)


def at(text: str, zone: dt.tzinfo = BERLIN) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-25T07:59:59", "2026-11-24"),
        ("2026-11-25T08:00:00", "2026-11-25"),
        ("2026-11-25T23:59:59", "2026-11-25"),
        ("2026-11-26T00:00:00", "2026-11-25"),
    ],
)
def test_a_day_is_due_from_its_time_on(now: str, day: str) -> None:
    assert last_due(at(now), "08:00", BERLIN) == day


@pytest.mark.parametrize("time", ["02:30", "02:00", "03:00", "00:00", "23:59", "08:00"])
@pytest.mark.parametrize("start", ["2026-03-27", "2026-10-23"])
def test_while_clocks_change_every_day_comes_once_and_in_order(time: str, start: str) -> None:
    begin = at(f"{start}T12:00")
    days = [last_due(begin + 600 * step, time, BERLIN) for step in range(6 * 144)]
    seen = list(dict.fromkeys(days))
    first = dt.date.fromisoformat(seen[0])
    assert days == sorted(days)
    assert seen == [(first + dt.timedelta(days=n)).isoformat() for n in range(len(seen))]
    assert len(seen) in (6, 7)


def test_a_clock_that_was_far_ahead_silences_nothing() -> None:
    assert is_news("2026-11-25", "2030-01-01")
    assert not is_news("2026-11-25", "2026-11-26")
    assert not is_news("2026-11-25", "2026-11-25")
    assert is_news("2026-11-25", "")


@dataclass
class Clock:
    time: float

    def now(self) -> float:
        return self.time


@dataclass
class Memory:
    """A journal that remembers, for a daemon that starts again."""

    lines: list[bytes] = field(default_factory=list)
    records = 0

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        self.lines.append(payload)

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return (("record", line) for line in self.lines)


class Receipts:
    """Two cases were closed, and 118 in all."""

    def head(self) -> tuple[int, str]:
        return HEAD

    def rows(self, *, since: str) -> list[Any]:
        return [SimpleNamespace(status="executed"), SimpleNamespace(status="rejected")]


class Broken(Receipts):
    def head(self) -> tuple[int, str]:
        raise Damaged("2026-11.jsonl", 7, "torn", "Restore it.")


def daily(journal: Memory, clock: Clock, receipts: Receipts, time: str | None = "08:00") -> Daily:
    """As a daemon has it that starts now."""
    engine = Engine(journal, clock)
    engine.recover()
    table = msgspec.structs.replace(SITE.site, daily=time, timezone="Europe/Berlin")
    site = msgspec.structs.replace(SITE, site=table)
    nothing: Any = None
    world = World(site, nothing, lambda: engine.desk, lambda case: 0.5, clock.now)
    return Daily(engine, world, receipts)


def told(journal: Memory) -> list[Any]:
    return list(replay(("record", line) for line in journal.lines).desk.pending.values())


async def test_every_admin_is_told_once_however_often_it_is_looked_and_started() -> None:
    journal, clock = Memory(), Clock(at("2026-11-25T08:00"))
    for _ in range(3):
        one = daily(journal, clock, Receipts())
        await one.look()
        clock.time += 60
        await one.look()
    assert sorted(notice.to for notice in told(journal)) == sorted(SITE.site.admins)


async def test_days_that_were_missed_are_told_of_once() -> None:
    journal, clock = Memory(), Clock(at("2026-11-20T08:00"))
    await daily(journal, clock, Receipts()).look()
    clock.time = at("2026-11-25T11:00")
    await daily(journal, clock, Receipts()).look()
    notices = told(journal)
    assert len(notices) == 2 * len(SITE.site.admins)
    assert notices[-1].paragraphs[0].startswith("Since 2026-11-20 07:00 UTC: 1 executed, 1 rej")


async def test_without_a_time_nobody_is_told() -> None:
    journal = Memory()
    await daily(journal, Clock(at("2026-11-25T09:00")), Receipts(), None).look()
    assert journal.lines == []


async def test_receipts_that_cannot_be_read_are_told_of() -> None:
    journal = Memory()
    await daily(journal, Clock(at("2026-11-25T09:00")), Broken()).look()
    assert told(journal)[0].paragraphs[0].startswith("The receipts cannot be read: 2026-11.jsonl")


def test_the_mail_names_the_head_and_who_is_waited_for() -> None:
    case = case_after()
    subject, paragraphs = words(0.0, ["executed"], [case], Desk(), HEAD)
    assert subject == "Daily: 1 ran, 1 waiting"
    assert f"The newest receipt is #118, {HEAD[1]}" in paragraphs
    assert f"{case.id}: payment.refund of billing, pending, waits for ada, bob" in paragraphs


def test_what_nobody_could_be_asked_about_is_told_too() -> None:
    asks = verdict(quorums=[msgspec.structs.replace(quorum(), reviewers=())])
    subject, paragraphs = words(0.0, [], [case_after(receive(verdict_=asks))], Desk(), HEAD)
    assert subject == "Daily: 0 ran, 1 waiting"
    assert "waits for nobody who could be asked" in " ".join(paragraphs)


def test_many_that_wait_are_counted() -> None:
    cases = [case_after()] * 14
    _, paragraphs = words(0.0, [], cases, Desk(), HEAD)
    assert "And 4 more: hitl-mail queue" in paragraphs
