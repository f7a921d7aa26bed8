"""How files from a spool are taken."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from hitl_mail.adapters.receipts.book import open_lookup
from hitl_mail.core.commands import Begin, Tick
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.intake import Intake
from hitl_mail.daemon.world import Rules, World
from tests.factories import action, executor_ref, receive, verdict
from tests.rulebook import SITE
from tests.support.receipts import body, write
from tests.support.spools import dropped, made, names, spool


@dataclass
class Now:
    """It is the moment that the test has set."""

    at: float = 0.0

    def now(self) -> float:
        return self.at


@dataclass
class Journal:
    """Does at each record what it is told to."""

    at_record: Callable[[], None] = lambda: None
    records: int = 0

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        self.at_record()

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


@dataclass
class Office:
    """An engine with an intake over one spool. Only what cancels is dropped here."""

    root: Path
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self.clock = Now()
        self.engine = Engine(self.journal, self.clock)
        nothing: Any = None
        rules: Rules = nothing
        world = World(SITE, rules, lambda: self.engine.desk, lambda case: 0.5, lambda: 0.0)
        spools = {"billing": spool(made(self.root))}
        self.intake = Intake(self.engine, nothing, world, spools, *[nothing] * 5)

    async def ask(self, action_id: str) -> None:
        case = f"261122-{action_id}"
        await self.engine.handle(case, receive(action(id=action_id), case=case))

    def cancel(self, action_id: str) -> None:
        dropped(self.root, f"c-{action_id}.json", json.dumps({"cancel": action_id}).encode())

    def statuses(self) -> list[str]:
        return [case.status for case in self.engine.cases.values()]


async def test_a_file_that_comes_alone_is_taken_before_anything_else_has_its_turn(
    tmp_path: Path,
) -> None:
    done: list[str] = []
    office = Office(tmp_path / "spool")
    await office.ask("first")
    office.cancel("first")
    office.journal.at_record = lambda: done.append("record")
    asyncio.get_running_loop().call_soon(done.append, "something else")
    await office.intake.serve()
    await asyncio.sleep(0)
    assert done == ["record", "something else"]
    assert (office.statuses(), names(tmp_path / "spool/cur")) == (["canceled"], set())


async def test_files_that_come_together_are_all_taken(tmp_path: Path) -> None:
    office = Office(tmp_path / "spool")
    for name in ("first", "second", "third"):
        await office.ask(name)
        office.cancel(name)
    assert await office.intake.serve() == 3
    assert (office.statuses(), names(tmp_path / "spool/cur")) == (["canceled"] * 3, set())


async def test_a_report_after_its_permit_is_told_that_it_is_late(tmp_path: Path) -> None:
    """And not that its permit is a wrong one: there is no fault for its agent to find."""
    office = Office(tmp_path / "spool")
    office.intake.right_permit = lambda case, token: case.permit is not None
    agent, case = executor_ref(type="agent"), "261122-k3f9ma"
    alone = receive(action(id="late"), verdict("auto"), case=case, executor=agent)
    for command in (alone, Begin(agent, permit_seconds=0), Tick()):
        await office.engine.handle(case, command)
    assert office.statuses() == ["in_doubt"]
    report = {"report": case, "permit": "token", "outcome": {"ok": True}}
    dropped(tmp_path / "spool", "r.json", json.dumps(report).encode())
    await office.intake.serve()
    refused = json.loads((tmp_path / "spool/refused/r.json.error.json").read_text())
    assert (refused["error"], refused["field"]) == ("late", "report")


@pytest.mark.parametrize("closed_at", ["2026-11-22T13:00:00.000Z", "1970-01-01T00:00:09.000Z"])
async def test_what_ran_while_the_clock_was_behind_is_known_again(
    tmp_path: Path, closed_at: str
) -> None:
    """A machine without a clock of its own begins in 1970, until it has asked for the time."""
    state = tmp_path / "state"
    ran = {"agent": "billing", "id": "again", "decisions": [], "closed_at": closed_at}
    await write(state, [body("261122-aaaaaa"), body("261122-bbbbbb", **ran)])
    office = Office(tmp_path / "spool")
    office.clock.at = dt.datetime(2026, 12, 1, tzinfo=dt.UTC).timestamp()
    receipts: Any = SimpleNamespace(lookup=open_lookup(state))
    office.intake.receipts, office.intake.seal = receipts, lambda _: "sha256:3"
    dropped(tmp_path / "spool", "again.json", json.dumps(action(id="again")).encode())
    await office.intake.serve()
    result = json.loads((tmp_path / "spool/results/again.json").read_bytes())
    assert (result["case"], result["status"]) == ("261122-bbbbbb", "executed")
    assert list(office.engine.cases) == []
