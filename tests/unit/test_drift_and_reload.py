"""A rule whose samples are flagged too often is tightened; a changed policy reaches open cases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.desk import RuleRelaxed
from hitl_mail.core.verdict import Verdict
from hitl_mail.daemon.as_read import AsRead
from hitl_mail.daemon.drift import Drift
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.reload import STALE_SITE, Reload
from hitl_mail.daemon.world import Rules, World
from hitl_mail.errors import ConfigError, Problem
from tests.factories import begin, by, finish, receive, sampled, verdict
from tests.rulebook import SITE

EXPIRES = 1000.0
RULES = Path("rules.toml")


class Now:
    """It is always the same moment."""

    def now(self) -> float:
        return 0.0


class Memory:
    """A journal that forgets, and gives way to others whenever it is written to."""

    records = 0

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        await asyncio.sleep(0)

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


@dataclass
class Says:
    """A policy that says the same of every action."""

    verdict: Verdict
    digest: str = "sha256:new"
    tighten: tuple[float, int] | None = (0.2, 10)

    def judge(self, *_: Any) -> Verdict:
        return self.verdict

    def tighten_of(self, rule: str) -> tuple[float, int] | None:
        return self.tighten


@dataclass
class Office:
    """An engine, a policy in force, and the two that look after it."""

    policy: Says = field(default_factory=lambda: Says(verdict("auto"), "sha256:old"))
    file: Any = 1
    next: Says | Exception = field(default_factory=lambda: Says(verdict("deny")))

    def __post_init__(self) -> None:
        self.engine = Engine(Memory(), Now())
        in_force: Rules = self.policy  # type: ignore[assignment]
        self.world = World(SITE, in_force, lambda: self.engine.desk, lambda case: 0.5, lambda: 0.0)
        self.drift = Drift(self.engine, self.world)
        self.engine.watchers.append(self.drift.watch)
        self.files = AsRead(lambda _: self.file)
        with self.files.reading() as note:
            note(RULES)
        self.reload = Reload(self.engine, self.world, self.files.changed, self._load)

    def _load(self) -> Rules:
        with self.files.reading() as note:
            note(RULES)
            if isinstance(self.next, Exception):
                raise self.next
        found: Rules = self.next  # type: ignore[assignment]
        return found

    async def receive(self, number: int, of: Verdict) -> str:
        case = f"261122-{number:06}"
        await self.engine.handle(case, receive(verdict_=of, case=case, expires_at=EXPIRES))
        return case

    async def reviewed(self, *verbs: str) -> None:
        """As many sampled cases, each reviewed so."""
        for number, verb in enumerate(verbs):
            case = await self.receive(number, sampled())
            await self.engine.handle(case, begin())
            ran = await self.engine.handle(case, finish())
            assert ran is not None
            await self.engine.handle(case, by("ada", verb)(ran))
        await self.drift.chores.settle()

    @property
    def told(self) -> list[str]:
        return [notice.subject for notice in self.engine.desk.pending.values()]

    def statuses(self) -> list[str]:
        return [case.status for case in self.engine.cases.values()]


@pytest.fixture
async def office() -> Office:
    return Office()


async def test_a_file_that_is_still_being_written_is_not_taken_up(office: Office) -> None:
    """Half of the rules may be sound, without those that ask."""
    office.reload.changed = office.files.settled
    half: Rules = Says(verdict("auto"), "sha256:half")  # type: ignore[assignment]
    whole: Rules = Says(verdict("hard"), "sha256:whole")  # type: ignore[assignment]
    loaded = []
    for file, office.next in ((2, half), (3, half), (4, whole), (4, whole), (4, whole)):
        office.file = file
        await office.reload.look()
        loaded.append(office.world.policy.digest)
    assert loaded == ["sha256:old"] * 3 + ["sha256:whole"] * 2


async def test_a_rule_is_tightened_over_its_share_and_admins_are_told(office: Office) -> None:
    await office.reviewed("flag", "flag", "flag")
    assert office.engine.desk.tightened == {"labels": "3 of the last 3 samples were flagged"}
    assert office.told == ["The rule labels asks from now on"]


async def test_at_its_share_a_rule_is_not_tightened(office: Office) -> None:
    await office.reviewed("flag", "flag", *["ok"] * 8)
    assert office.engine.desk.tightened == {}


async def test_a_share_is_exact_whatever_doubles_make_of_it(office: Office) -> None:
    office.policy.tighten = (0.29, 100)
    await office.reviewed(*["flag"] * 29)
    assert office.engine.desk.tightened == {}


async def test_flags_before_the_last_samples_are_forgotten(office: Office) -> None:
    await office.reviewed("flag", "flag", *["ok"] * 8, "flag", "flag")
    assert office.engine.desk.tightened == {}


async def test_a_rule_without_a_limit_is_never_tightened(office: Office) -> None:
    office.policy.tighten = None
    await office.reviewed(*["flag"] * 10)
    assert office.engine.desk.tightened == {}


async def test_admins_are_told_once(office: Office) -> None:
    await office.reviewed(*["flag"] * 9)
    assert len(office.told) == 1


async def test_a_relaxed_rule_is_counted_anew(office: Office) -> None:
    await office.reviewed("flag", "flag", "flag")
    await office.engine.note(RuleRelaxed(0.0, "labels", "cleo"))
    office.drift.look_at_all()
    await office.drift.chores.settle()
    assert office.engine.desk.tightened == {}


async def test_a_limit_that_was_lowered_is_looked_at_on_start(office: Office) -> None:
    await office.reviewed("flag")
    office.policy.tighten = (0.05, 10)
    office.drift.look_at_all()
    await office.drift.chores.settle()
    assert set(office.engine.desk.tightened) == {"labels"}


async def test_an_unchanged_file_is_not_read(office: Office) -> None:
    await office.receive(1, verdict())
    await office.reload.look()
    assert (office.world.policy.digest, office.statuses()) == ("sha256:old", ["pending"])


async def test_a_changed_file_is_in_force_and_reaches_open_cases(office: Office) -> None:
    await office.receive(1, verdict())
    await office.receive(2, verdict("auto"))
    office.file = 2
    await office.reload.look()
    assert (office.world.policy.digest, office.statuses()) == ("sha256:new", ["denied", "denied"])


async def test_somebody_may_ask_for_it_though_the_file_looks_the_same(office: Office) -> None:
    await office.receive(1, verdict())
    await office.reload.look(forced=True)
    assert office.statuses() == ["denied"]


async def test_what_has_started_is_left_alone(office: Office) -> None:
    await office.engine.handle(await office.receive(1, verdict("auto")), begin())
    await office.reload.look(forced=True)
    assert office.statuses() == ["executing"]


async def test_a_milder_policy_leaves_open_cases_as_they_are(office: Office) -> None:
    office.next = Says(verdict("auto"))
    case = await office.receive(1, verdict())
    before = office.engine.cases[case]
    await office.reload.look(forced=True)
    assert office.engine.cases[case] == before


async def test_a_bad_file_leaves_the_old_policy_and_admins_are_told_once(office: Office) -> None:
    office.next = ConfigError([Problem("rules.toml", 3, "unknown key", "remove it")])
    for office.file in (2, 3):
        await office.reload.look()
    assert (office.world.policy.digest, len(office.told)) == ("sha256:old", 1)
    assert "unknown key" in office.reload.error


async def test_rules_that_could_not_be_read_for_another_reason_are_read_again(
    office: Office,
) -> None:
    office.file, office.next = 2, RuntimeError("broken on purpose")
    with pytest.raises(RuntimeError):
        await office.reload.look()
    office.next = Says(verdict("deny"))
    await office.reload.look()
    assert office.world.policy.digest == "sha256:new"


async def test_the_problems_of_a_bad_file_are_one_line_of_the_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    two = [Problem("rules.toml", 3, "x", "unknown key"), Problem("rules.toml", 9, "y", "no rule")]
    office.file, office.next = 2, ConfigError(two)
    await office.reload.look()
    [line] = [one.getMessage() for one in caplog.records if "is not used" in one.getMessage()]
    assert ("\n" in line, line.count("; ")) == (False, 1), line


async def test_a_bad_file_beside_a_changed_site_says_that_a_start_reads_it(office: Office) -> None:
    office.reload.site_changed = lambda: True
    office.file, office.next = 2, ConfigError([Problem("rules.toml", 1, "x", 'no person "bob"')])
    await office.reload.look()
    assert office.reload.error.endswith(STALE_SITE)


async def test_a_mended_file_is_used_and_the_error_is_gone(office: Office) -> None:
    office.reload.error = "unknown key"
    office.file = 2
    await office.reload.look()
    assert (office.world.policy.digest, office.reload.error) == ("sha256:new", "")


async def test_nothing_starts_under_the_old_policy_once_the_new_one_is_in_force(
    office: Office,
) -> None:
    first, second = [await office.receive(number, verdict("auto")) for number in (1, 2)]

    async def start() -> None:
        while office.engine.cases[first].status != "denied":
            await asyncio.sleep(0)
        await office.engine.handle(second, begin())

    starting = asyncio.ensure_future(start())
    office.file = 2
    await office.reload.look()
    await asyncio.gather(starting, return_exceptions=True)
    assert office.statuses() == ["denied", "denied"]


async def test_a_case_that_closes_meanwhile_stops_nothing(office: Office) -> None:
    cases = [await office.receive(number, verdict("auto")) for number in range(8)]

    async def close() -> None:
        await office.engine.handle(cases[6], cmd.Withdraw("billing"))
        await office.engine.handle(cases[6], cmd.FiledAs(1, "sha256:r"))
        for key in list(office.engine.cases[cases[6]].pending):
            await office.engine.handle(cases[6], cmd.ResultWas(key))

    closing = asyncio.ensure_future(close())
    office.file = 2
    await office.reload.look()
    await closing
    assert office.engine.cases[cases[7]].status == "denied"
