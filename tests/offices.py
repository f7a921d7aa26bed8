"""An office to decide in: a site and its rules, open cases in memory, the clock in the test's hand.

Everything between a door and the journal is real; there is no disk, no mail and no executor.
ada, bob and gus are `finance`, cleo is the admin and `owner`, dora owns the agent `billing`, eve
and fay are in no group.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from hitl_mail.core import commands as cmd
from hitl_mail.core.case import Case
from hitl_mail.core.events import Verb, Via
from hitl_mail.daemon.deciding import Deciding, Spoken
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.reach import Reach
from hitl_mail.daemon.timers import Timers
from hitl_mail.daemon.world import World
from hitl_mail.policy.load import load_policy
from hitl_mail.settings import Agent, Away, Executor, Person, Site, SiteTable
from tests.factories import CASE, receive
from tests.rulebook import action

BERLIN = "Europe/Berlin"
PEOPLE = ("ada", "bob", "gus", "cleo", "dora", "eve", "fay")
RULES = """
[policy]
reviewers = ["owner"]
expires = "20d"

[kinds."payment.refund"]
title = "Refund {payload.amount} {payload.currency}"
effects = ["money"]
executor = "refund"
schema = "refund.json"

[[rules]]
name = "money"
when = '"money" in effects'
gate = "hard"
reason = "Moves funds"
reviewers = ["ada"]
"""
LARGE = """
[[rules]]
name = "large"
when = 'payload.amount > 1000'
gate = "hard"
reason = "Large"
reviewers = ["owner"]

[[rules]]
name = "never"
when = 'payload.amount > 9000'
gate = "deny"
reason = "Never so much"
"""
SCHEMA = b'{"type": "object", "properties": {"amount": {"type": "number", "minimum": 1}}}'


def at(day: str, hour: str = "12:00", zone: str = BERLIN) -> float:
    """A moment, in seconds since the epoch."""
    local = dt.datetime.fromisoformat(f"{day}T{hour}")
    return local.replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()


def away(delegate: str, first: str = "2026-12-20", last: str = "2027-01-02") -> Away:
    return Away(
        start=dt.date.fromisoformat(first), to=dt.date.fromisoformat(last), delegate=delegate
    )


def site(**absences: Any) -> Site:
    """The office's site; each person named is away so, or at all of these times."""
    gone = {
        name: found if isinstance(found, tuple) else (found,) for name, found in absences.items()
    }
    return Site(
        site=SiteTable(admins=("cleo",), timezone=BERLIN),
        people={
            name: Person(mail=f"{name}@example.com", away=gone.get(name, ())) for name in PEOPLE
        },
        groups={"finance": ("ada", "bob", "gus"), "owner": ("cleo",), "pair": ("bob", "eve")},
        agents={"billing": Agent(spool="spool/billing", owner="dora")},
        executors={"refund": Executor(type="command", argv=("/bin/refund",))},
    )


class _Memory:
    records = 0

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        pass

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


@dataclass
class Office:
    """`now` is moved by the test."""

    site: Site = field(default_factory=site)
    rules: str = RULES
    now: float = at("2026-12-01")

    def __post_init__(self) -> None:
        self.engine = Engine(_Memory(), _Clock(self))
        self.open(self.site)

    def open(self, site: Site) -> None:
        """Begin, or begin again after a restart with these settings."""
        self.site = site
        policy = load_policy(self.rules, site, "rules.toml", lambda _: SCHEMA)
        self.world = World(site, policy, lambda: self.engine.desk, lambda _: 0.5, lambda: self.now)
        self.deciding = Deciding(self.world)
        self.reach = Reach(self.engine, self.world)
        self.timers = Timers(self.engine, lambda _: None, self.world)
        self.engine.watchers = [self.timers.watch, self.reach.watch]
        self.engine.show_all()

    async def receive(self, amount: Any = 40, agent: str = "billing", **fields: Any) -> Case:
        """A refund arrives, and is judged."""
        of = action(payload={"amount": amount, "currency": "EUR"}, **fields)
        document = {"kind": of.kind, "payload": of.payload, "summary": of.summary, **fields}
        verdict = self.world.judge(of, agent, CASE)
        command = receive(
            {**document, "id": "refund-8841"},
            verdict,
            agent=agent,
            executor=self.world.executor_ref(of.kind),
            expires_at=self.now + verdict.expires,
        )
        return await self.handle(command)

    async def handle(self, command: cmd.Command) -> Case:
        case = await self.engine.handle(CASE, command)
        assert case is not None
        await self.reach.chores.settle()
        return case

    async def say(
        self, person: str, verb: Verb = "approve", via: Via = "mail", **more: Any
    ) -> Case:
        """What a person says of the newest revision, by whichever door."""
        fields = {"seen": self.case.revision.digest, **more}
        said = Spoken(person=person, verb=verb, via=via, **fields)
        return await self.handle(self.deciding.command(self.case, said))

    async def on(self, day: str, hour: str = "12:00") -> Case:
        """Time passes until then, and the daemon looks at its clock."""
        self.now = at(day, hour)
        await self.timers.fire()
        await self.timers.look_who_is_away()
        await self.reach.chores.settle()
        return self.case

    @property
    def case(self) -> Case:
        return self.engine.cases[CASE]

    def asked(self) -> list[str]:
        """Everybody whom a question went to, in order, a mail each."""
        return [mail.to for mail in self.case.mails if mail.what in ("ask", "escalate", "remind")]


@dataclass
class _Clock:
    office: Office

    def now(self) -> float:
        return self.office.now
