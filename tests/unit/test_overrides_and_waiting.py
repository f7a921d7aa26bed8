"""The admins hear once of a broken template; and how many cases wait for whom is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from hitl_mail.core.case import Case
from hitl_mail.core.verdict import Verdict
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.overrides import Overrides
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.daemon.world import World
from tests.factories import EXPIRES, after, begin, by, case_after, quorum, receive, verdict
from tests.rulebook import SITE


class Now:
    """It is always the same moment."""

    def now(self) -> float:
        return 0.0


class Memory:
    """A journal that forgets."""

    records = 0

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        """Forgotten."""

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


class NoRules:
    digest = "sha256:none"

    def judge(self, *_: Any) -> Verdict:
        raise AssertionError("no action is judged here")

    def tighten_of(self, rule: str) -> tuple[float, int] | None:
        return None


def overrides(engine: Engine) -> Overrides:
    return Overrides(
        engine, World(SITE, NoRules(), lambda: engine.desk, lambda case: 0.5, lambda: 0.0)
    )


def told(engine: Engine) -> list[tuple[str, str, str]]:
    """To whom, about what, with which reason."""
    return [(n.to, n.subject, n.paragraphs[1]) for n in engine.desk.pending.values()]


async def test_a_broken_template_is_told_by_mail_and_in_the_status() -> None:
    engine = Engine(Memory(), Now())
    found = overrides(engine)
    found.broken("ask.txt", "ask.txt line 3: 'no' is undefined")
    await found.tell()
    assert told(engine) == [
        ("cleo", "Your template ask.txt is not used", "ask.txt line 3: 'no' is undefined")
    ]
    assert found.now == {"ask.txt": "ask.txt line 3: 'no' is undefined"}


async def test_the_same_fault_is_mailed_once_although_the_daemon_begins_anew() -> None:
    engine = Engine(Memory(), Now())
    for found in (overrides(engine), overrides(engine)):
        found.broken("ask.txt", "a fault")
        await found.tell()
        await found.tell()
    assert len(told(engine)) == 1


async def test_a_mended_template_leaves_the_status() -> None:
    engine = Engine(Memory(), Now())
    found = overrides(engine)
    found.broken("ask.txt", "a fault")
    found.broken("ask.txt", "")
    assert found.now == {}


def counted(*cases: Case) -> Waiting:
    waiting = Waiting()
    for case in cases:
        waiting.watch(case)
    return waiting


def asked(case: str = "261122-aaaaaa", approvals: int = 1) -> Case:
    both = verdict(quorums=[quorum(approvals=approvals)])
    return case_after(receive(verdict_=both, case=case, expires_at=EXPIRES))


def test_cases_are_counted_for_each_who_may_decide() -> None:
    waiting = counted(asked("261122-aaaaaa"), asked("261122-bbbbbb"))
    assert [waiting.count(name) for name in ("ada", "bob", "cleo")] == [2, 2, 0]


def test_who_has_approved_is_waited_for_no_more() -> None:
    first = asked(approvals=2)
    waiting = counted(first, after(first, by("ada")(first)))
    assert [waiting.count(name) for name in ("ada", "bob")] == [0, 1]


def test_a_case_that_was_shown_twice_counts_once() -> None:
    assert counted(asked(), asked()).count("ada") == 1


def test_a_case_that_runs_waits_for_nobody() -> None:
    first = asked()
    approved = after(first, by("ada")(first))
    assert counted(first, approved, after(approved, begin())).count("bob") == 0
