"""What nobody foresaw goes wrong over one case, one file or one chore: it stops no other, is tried
again, and is told."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from hitl_mail.core.attempts import is_due
from hitl_mail.core.case import Case
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.faults import FIRST, LONGEST, Faults
from hitl_mail.daemon.intake import Intake
from hitl_mail.daemon.timers import Timers
from hitl_mail.daemon.world import Rules, World
from hitl_mail.errors import StorageFailed, SyncFailed
from tests.factories import action, begin, finish, receive, verdict
from tests.rulebook import SITE
from tests.support.spools import dropped, made, names, reason, spool
from tests.waiting import eventually

ODD = RuntimeError("nobody thought of this")


@dataclass
class Clock:
    """`readings` are given out first, one a call; then it stands at `at`."""

    at: float = 1000.0
    readings: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.readings.pop(0) if self.readings else self.at


class Memory:
    """A journal that keeps nothing."""

    records = 0

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        pass

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise SyncFailed("00000002.snapshot", OSError(5, "Input/output error"))

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


@dataclass
class Office:
    """An engine and its timers, the clock in the test's hand; `woken` would run now."""

    clock: Clock = field(default_factory=Clock)
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Engine(Memory(), self.clock)
        nothing: Any = None
        rules: Rules = nothing
        self.world = World(
            SITE, rules, lambda: self.engine.desk, lambda case: 0.5, lambda: self.clock.at
        )
        self.timers = Timers(self.engine, self.wake, self.world)
        self.engine.watchers.append(self.timers.watch)

    def wake(self, case: Case) -> None:
        """As the runner does: what is not due by the clock is the timers'."""
        if is_due(case, self.clock.now()):
            self.woken.append(case.id)

    async def ask(self, case: str, expires_at: float = 2000.0) -> None:
        document = action(id=case.partition("-")[2])
        await self.engine.handle(case, receive(document, case=case, expires_at=expires_at))

    def statuses(self) -> dict[str, str]:
        return {case.id: case.status for case in self.engine.cases.values()}


@pytest.fixture
def office() -> Office:
    return Office()


def test_the_wait_between_two_tries_grows_to_a_bound_and_begins_anew_when_it_works() -> None:
    faults = Faults()
    waits = [faults.broke("x", "the thing", ODD) for _ in range(12)]
    assert (waits[0], waits[-1], sorted(waits)) == (FIRST, LONGEST, waits)
    faults.works("x")
    assert faults.now == {}
    assert faults.broke("x", "the thing", ODD) == FIRST


async def test_a_chore_that_breaks_is_told_and_begun_again_until_it_works() -> None:
    faults, tries = Faults(first=0.01), []

    async def work() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ODD

    chores = Chores(faults)
    chores.start("it", work)
    await chores.settle()
    assert list(faults.now.values()) == ["it failed: RuntimeError: nobody thought of this"]
    await eventually(lambda: len(tries) == 3, "the third try")
    await chores.settle()
    assert faults.now == {}


async def test_a_chore_that_waits_for_its_next_try_keeps_nobody_from_ending() -> None:
    async def work() -> None:
        raise ODD

    chores = Chores(Faults())
    chores.start("it", work)
    await chores.settle()
    assert len(chores) == 0
    await chores.stop()


async def test_a_failed_disk_is_handed_on_and_not_tried_again() -> None:
    failed: list[StorageFailed] = []

    async def work() -> None:
        raise StorageFailed("no disk")

    faults = Faults()
    chores = Chores(faults, failed.append)
    chores.start("it", work)
    await chores.settle()
    assert ([str(error) for error in failed], faults.now) == (["no disk"], {})


async def test_a_watcher_that_breaks_over_a_case_keeps_it_from_no_other_and_sees_it_again(
    office: Office,
) -> None:
    office.engine.faults.first = 0.01
    seen: list[str] = []
    calls = itertools.count()

    def breaks(case: Case) -> None:
        if next(calls) == 0:
            raise ODD
        seen.append("again")

    office.engine.watchers += [breaks, lambda case: seen.append("the next")]
    await office.ask("261122-first")
    assert seen == ["the next"]
    assert "261122-first" in " ".join(office.engine.faults.now.values())
    await eventually(lambda: seen == ["the next", "again"], "a second look")
    assert office.engine.faults.now == {}


async def test_a_snapshot_that_cannot_be_synced_stops_the_daemon(office: Office) -> None:
    await office.ask("261122-first")
    with pytest.raises(Exception, match="could not be synced"):
        await office.engine.forget_closed()
    assert office.engine.failed.is_set()
    with pytest.raises(StorageFailed):
        await office.ask("261122-other")


# Timers


async def test_a_clock_that_goes_back_between_timer_and_runner_loses_no_retry(
    office: Office,
) -> None:
    case = "261122-first"
    await office.engine.handle(case, receive(verdict_=verdict("auto"), case=case, expires_at=9e9))
    await office.engine.handle(case, begin())
    await office.engine.handle(case, finish("temporary", retries=1))
    due = office.engine.cases[case].retry_at
    assert due is not None
    office.clock.at, office.clock.readings = due - 100, [due]
    assert (await office.timers.fire(), office.woken) == (1, [])
    office.clock.at = due
    assert (await office.timers.fire(), office.woken) == (1, [case])


async def test_a_retry_that_a_clock_far_ahead_put_off_comes_when_it_is_right_again(
    office: Office,
) -> None:
    case, right = "261122-first", office.clock.at
    office.clock.at = right + 365 * 86400
    await office.engine.handle(case, receive(verdict_=verdict("auto"), case=case, expires_at=9e9))
    await office.engine.handle(case, begin())
    await office.engine.handle(case, finish("temporary", retries=1))
    assert (await office.timers.fire(), office.woken) == (0, [])
    office.clock.at = right
    assert (await office.timers.fire(), office.woken) == (1, [case])
    await office.engine.handle(case, begin())
    assert office.statuses() == {case: "executing"}


async def test_a_clock_that_goes_back_between_timer_and_record_loses_no_expiry(
    office: Office,
) -> None:
    await office.ask("261122-first", expires_at=2000.0)
    office.clock.at, office.clock.readings = 1900.0, [2000.0]
    assert await office.timers.fire() == 1
    assert office.statuses() == {"261122-first": "pending"}
    office.clock.at = 2000.0
    assert await office.timers.fire() == 1
    assert office.statuses() == {"261122-first": "expired"}


async def test_what_waits_for_a_slot_when_its_timer_fires_is_looked_at_again(
    office: Office,
) -> None:
    case = "261122-first"
    await office.engine.handle(case, receive(verdict_=verdict("auto"), case=case, expires_at=9e9))
    await office.engine.handle(case, begin())
    await office.engine.handle(case, finish("temporary", retries=1))
    office.clock.at = office.engine.cases[case].retry_at or 0.0
    assert (await office.timers.fire(), await office.timers.fire()) == (1, 0)
    office.clock.at += 31
    assert (await office.timers.fire(), office.woken) == (1, [case, case])


async def test_a_timer_that_breaks_over_one_case_stops_no_other_and_fires_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.ask("261122-first")
    await office.ask("261122-second")
    real = World.away

    def away(self: World, case: Case) -> dict[str, str]:
        if case.id == "261122-first":
            raise ODD
        return real(self, case)

    office.clock.at = 2000.0
    with monkeypatch.context() as patched:
        patched.setattr(World, "away", away)
        await office.timers.fire()
    assert office.statuses() == {"261122-first": "pending", "261122-second": "expired"}
    assert "261122-first" in " ".join(office.engine.faults.now.values())
    office.clock.at += FIRST
    await office.timers.fire()
    assert office.statuses() == {"261122-first": "expired", "261122-second": "expired"}
    assert office.engine.faults.now == {}


# Files


@dataclass
class Spools:
    """The spools of two agents and their intake. Only what cancels is dropped."""

    root: Path
    office: Office

    def __post_init__(self) -> None:
        nothing: Any = None
        self.spools = {name: spool(made(self.root / name)) for name in ("billing", "crm")}
        self.intake = Intake(
            self.office.engine, nothing, self.office.world, self.spools, *[nothing] * 5
        )

    async def ask(self, agent: str) -> str:
        case = f"261122-{agent}"
        command = receive(action(id=agent), case=case, agent=agent, expires_at=9e9)
        await self.office.engine.handle(case, command)
        return case

    def cancel(self, agent: str) -> None:
        dropped(self.root / agent, "c.json", json.dumps({"cancel": agent}).encode())

    @property
    def faults(self) -> str:
        return " ".join(self.office.engine.faults.now.values())


@pytest.fixture
def spools(tmp_path: Path, office: Office) -> Spools:
    return Spools(tmp_path, office)


async def test_a_spool_that_vanishes_stops_no_other_and_is_served_when_it_is_back(
    spools: Spools,
) -> None:
    ours, theirs = await spools.ask("billing"), await spools.ask("crm")
    spools.cancel("billing")
    spools.cancel("crm")
    (spools.root / "billing/new").rename(spools.root / "billing/elsewhere")
    for _ in range(2):
        await spools.intake.serve()
    assert spools.office.statuses() == {ours: "pending", theirs: "canceled"}
    assert "the spool of billing" in spools.faults
    (spools.root / "billing/elsewhere").rename(spools.root / "billing/new")
    await spools.intake.serve()
    assert (spools.office.statuses()[ours], spools.faults) == ("canceled", "")


async def test_a_refusal_that_cannot_be_written_is_made_later_and_stops_no_other(
    spools: Spools,
) -> None:
    ours = await spools.ask("billing")
    dropped(spools.root / "billing", "bad.json", b"no JSON")
    spools.cancel("billing")
    (spools.root / "billing/refused").rmdir()
    await spools.intake.serve()
    assert spools.office.statuses() == {ours: "canceled"}
    assert "bad.json of billing waits" in spools.faults
    (spools.root / "billing/refused").mkdir()
    assert await spools.intake.serve() == 0
    spools.office.clock.at += FIRST
    assert await spools.intake.serve() == 1
    assert reason(spools.root / "billing", "bad.json")["error"] == "malformed"
    assert (names(spools.root / "billing/cur"), spools.faults) == (set(), "")


async def test_a_file_over_which_we_break_while_reading_is_set_aside_and_stops_no_other(
    spools: Spools, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await spools.ask("billing")
    dropped(spools.root / "billing", "odd.toml", b"x = 1")
    spools.cancel("billing")

    def breaks(data: bytes, toml: bool = False) -> dict[str, Any]:
        if toml:
            raise ODD
        return dict(json.loads(data))

    monkeypatch.setattr("hitl_mail.daemon.intake.parse_document", breaks)
    await spools.intake.serve()
    assert spools.office.statuses() == {ours: "canceled"}
    assert reason(spools.root / "billing", "odd.toml")["error"] == "internal"


def test_old_answers_are_swept_and_young_ones_stay(tmp_path: Path) -> None:
    control = spool(made(tmp_path / "control", refused=False), refused=False)
    for name in ("old", "young"):
        control.result(name, {"ok": True})
    os.utime(tmp_path / "control/results/old.json", (1000, 1000))
    control.sweep(2000)
    assert names(tmp_path / "control/results") == {"young.json"}


async def test_a_sync_that_fails_under_a_refusal_stops_the_daemon(
    spools: Spools, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped(spools.root / "billing", "bad.json", b"no JSON")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SyncFailed, match="not known"):
        await spools.intake.serve()
    await asyncio.sleep(0)


async def test_what_is_stopped_before_it_began_is_waited_for_no_more() -> None:
    chores, ran = Chores(), []

    async def work() -> None:
        ran.append(1)

    chores.start("a", work)
    async with asyncio.timeout(5):
        await chores.stop()
    assert (len(chores), ran) == (0, [])
