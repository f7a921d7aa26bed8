"""An approved case begins in the record of its approval where a slot is free, and runs only when
that is durable, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.core.case import Case
from hitl_mail.core.commands import Command
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.runner import Runner
from hitl_mail.policy.load import load_policy
from hitl_mail.ports import Attempt, Order
from hitl_mail.settings import Executor, Limits
from tests.factories import CASE, by, receive, verdict
from tests.offices import RULES, SCHEMA, Office


class Waiting:
    """A journal whose records become durable when the test says so."""

    records = 0

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []

    def append(self, payload: bytes, *, urgent: bool = True) -> asyncio.Future[None]:
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())

    async def durable(self) -> int:
        """All that waits is; how many records that were."""
        waiting, self.waiting = self.waiting, []
        for record in waiting:
            record.set_result(None)
        await settled()
        return len(waiting)


class Ran:
    """An executor that remembers."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.go: asyncio.Event | None = None
        self.running = 0

    async def run(self, order: Order) -> Attempt:
        self.orders.append(order)
        self.running += 1
        if self.go is not None:
            await self.go.wait()
        self.running -= 1
        return Attempt("ok", {"ok": True})


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Scene:
    """An office whose runner is real, in front of a journal that waits."""

    def __init__(self, **limits: int) -> None:
        self.office, self.journal, self.executor = Office(), Waiting(), Ran()
        if limits:
            site = self.office.world.site
            self.office.world.site = msgspec.structs.replace(site, limits=Limits(**limits))
        self.engine = Engine(self.journal, self.office.engine.clock)
        self.office.engine = self.engine
        self.chosen: list[Executor] = []
        self.runner = Runner(self.engine, self.office.world, self.choose)
        self.engine.follower = self.runner
        self.shown: list[str] = []
        self.engine.watchers += [lambda case: self.shown.append(case.status), self.runner.watch]

    def choose(self, settings: Executor) -> Ran:
        self.chosen.append(settings)
        return self.executor

    async def all_ended(self) -> None:
        async with asyncio.timeout(10):
            while len(self.runner.chores):
                await settled()
                await self.journal.durable()

    def rules_name(self, executor: str) -> None:
        """Other rules are in force, which have refunds carried out so."""
        rules = RULES.replace('executor = "refund"', f'executor = "{executor}"')
        world = self.office.world
        world.policy = load_policy(rules, world.site, "rules.toml", lambda _: SCHEMA)

    async def arrive(self, case: str = CASE) -> None:
        ref = self.office.world.executor_ref("payment.refund")
        arrival = receive(case=case, executor=ref, expires_at=self.office.now + 100)
        self.say(case, arrival)
        await settled()
        assert await self.journal.durable() == 1

    def say(self, case: str, command: Command) -> asyncio.Future[Case | None]:
        return asyncio.ensure_future(self.engine.handle(case, command))

    def approve(self, case: str = CASE) -> asyncio.Future[Case | None]:
        return self.say(case, by("ada")(self.engine.cases[case]))


async def test_approval_and_beginning_are_one_record_and_nothing_runs_before_it_is_durable() -> (
    None
):
    scene = Scene()
    await scene.arrive()
    deciding = scene.approve()
    await settled()
    assert (scene.shown, scene.executor.orders) == (["pending"], [])
    assert await scene.journal.durable() == 1
    case = await deciding
    assert case is not None
    assert case.status == "executing"
    assert scene.shown == ["pending", "executing"]
    assert [order.case for order in scene.executor.orders] == [CASE]
    assert await scene.journal.durable() == 1
    await scene.runner.chores.settle()
    assert scene.shown[-1] == "executed"


async def test_without_a_free_slot_a_case_is_approved_and_begins_when_one_is_free() -> None:
    scene = Scene(executions=1)
    other = "261122-bcdfgh"
    await scene.arrive()
    await scene.arrive(other)
    scene.executor.go = asyncio.Event()
    scene.approve()
    await settled()
    scene.approve(other)
    await settled()
    assert await scene.journal.durable() == 2
    assert [scene.engine.cases[case].status for case in (CASE, other)] == ["executing", "approved"]
    assert [order.case for order in scene.executor.orders] == [CASE]
    scene.executor.go.set()
    await scene.all_ended()
    assert [order.case for order in scene.executor.orders] == [CASE, other]
    assert scene.engine.cases[other].status == "executed"


@pytest.mark.parametrize("way", ["approved", "found approved"])
async def test_a_permit_waits_for_no_slot(way: str) -> None:
    """It runs nothing here: what others run must not keep an agent from what it runs itself."""
    scene = Scene(executions=1)
    world, other = scene.office.world, "261122-bcdfgh"
    await scene.arrive()
    scene.executor.go = asyncio.Event()
    scene.approve()
    await settled()
    await scene.journal.durable()
    agent = Executor(type="agent", timeout=60.0)
    executors = {**world.site.executors, "refund": agent}
    world.site = msgspec.structs.replace(world.site, executors=executors)
    if way == "found approved":
        scene.engine.follower = None
    await scene.arrive(other)
    scene.approve(other)
    for _ in range(3):
        await settled()
        await scene.journal.durable()
    seen = [(case.status, case.permit is not None) for case in scene.engine.cases.values()]
    scene.executor.go.set()
    await scene.all_ended()
    assert seen == [("executing", False), ("approved", True)]


@pytest.mark.parametrize("way", ["approved", "found approved"])
async def test_who_was_approved_for_a_permit_is_asked_about_a_program_at_once(way: str) -> None:
    """To ask again starts nothing, so it waits for no slot either."""
    scene = Scene(executions=1)
    other = "261122-bcdfgh"
    await scene.arrive()
    scene.executor.go = asyncio.Event()
    scene.approve()
    await settled()
    await scene.journal.durable()
    scene.rules_name("agent")
    if way == "found approved":
        scene.engine.follower = None
    await scene.arrive(other)
    scene.rules_name("refund")
    scene.approve(other)
    for _ in range(3):
        await settled()
        await scene.journal.durable()
    case = scene.engine.cases[other]
    scene.executor.go.set()
    await scene.all_ended()
    assert (case.status, case.revision.number, case.revision.executor.type) == (
        "pending",
        2,
        "command",
    )


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.sampled_from(["arrives", "rules change", "durable", "all end"]), min_size=15, max_size=40
    )
)
def test_however_rules_change_no_more_run_at_once_than_the_limit_says(steps: list[str]) -> None:
    async def play() -> list[int]:
        scene, ran = Scene(executions=2), []
        scene.executor.go = asyncio.Event()
        named = "refund"
        for number, step in enumerate(steps):
            match step:
                case "arrives":
                    arrival = receive(
                        verdict_=verdict("auto"),
                        case=f"261122-{number:06}",
                        executor=scene.office.world.executor_ref("payment.refund"),
                        expires_at=scene.office.now + 100,
                    )
                    scene.say(arrival.case, arrival)
                case "rules change":
                    named = "agent" if named == "refund" else "refund"
                    scene.rules_name(named)
                case "durable":
                    await scene.journal.durable()
                case "all end":
                    scene.executor.go.set()
                    scene.executor.go = asyncio.Event()
            await settled()
            ran.append(scene.executor.running)
        scene.executor.go.set()
        scene.executor.go = None
        await scene.all_ended()
        return ran

    assert max(asyncio.run(play()), default=0) <= 2


async def test_a_case_shown_as_it_was_before_starts_nothing() -> None:
    scene = Scene()
    await scene.arrive()
    before = scene.engine.cases[CASE]
    scene.approve()
    await settled()
    scene.runner.watch(before)
    scene.runner.watch(msgspec.structs.replace(before, status="approved"))
    await settled()
    assert scene.executor.orders == []
    await scene.journal.durable()
    assert len(scene.executor.orders) == 1


@pytest.mark.parametrize("slots", [1, 2])
async def test_rules_that_change_while_it_begins_bring_no_other_executor(slots: int) -> None:
    """With one slot, which another case has, it begins by a record of its own."""
    scene = Scene(executions=slots)
    world, other = scene.office.world, "261122-bcdfgh"
    wipe = Executor(type="command", argv=("/bin/wipe",))
    executors = {**world.site.executors, "wipe": wipe}
    world.site = msgspec.structs.replace(world.site, executors=executors)
    for case in (other, CASE):
        await scene.arrive(case)
    for case in (other, CASE):
        scene.approve(case)
        await settled()
    while scene.engine.cases[CASE].status != "executing":
        await scene.journal.durable()
    scene.rules_name("wipe")
    while CASE not in [order.case for order in scene.executor.orders]:
        await scene.journal.durable()
    assert {chosen.argv for chosen in scene.chosen} == {("/bin/refund",)}


async def test_an_attempt_whose_end_cannot_be_recorded_is_not_run_again() -> None:
    scene = Scene(executions=1)
    scene.engine.faults.first = 0.01
    other = "261122-bcdfgh"
    await scene.arrive()
    await scene.arrive(other)
    scene.approve()
    await settled()
    # Neither the outcome nor that it is in doubt: the chore breaks, and is begun again later.
    handle = scene.engine.handle
    scene.engine.handle = broken  # type: ignore[assignment]
    await scene.journal.durable()
    await scene.runner.chores.settle()
    scene.engine.handle = handle  # type: ignore[method-assign]
    assert scene.engine.faults.now
    async with asyncio.timeout(10):
        while scene.engine.faults.now:
            await asyncio.sleep(0)
    assert [order.case for order in scene.executor.orders] == [CASE]
    scene.approve(other)
    await settled()
    await scene.journal.durable()
    assert [order.case for order in scene.executor.orders] == [CASE, other]


async def test_who_breaks_over_a_case_leaves_its_record_as_it_was() -> None:
    scene = Scene()
    await scene.arrive()
    scene.office.world.executor_ref = broken  # type: ignore[method-assign]
    deciding = scene.approve()
    await settled()
    assert await scene.journal.durable() == 1
    case = await deciding
    assert case is not None
    assert case.status == "approved"
    assert scene.executor.orders == []


def broken(*_: object) -> NoReturn:
    raise RuntimeError("broken on purpose")
