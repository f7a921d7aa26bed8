"""The real pages over cases in memory: a journal that forgets, a policy of real rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from hitl_mail.core import commands as cmd
from hitl_mail.core.action import Action, attachment_facts, content_digest
from hitl_mail.core.case import Case
from hitl_mail.core.commands import Finish
from hitl_mail.core.desk import Desk
from hitl_mail.core.events import Verb
from hitl_mail.daemon.deciding import Deciding, Spoken
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.front import Front
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.daemon.world import World
from hitl_mail.pages import LookUp, Outcome, Posted, QueueView
from hitl_mail.review.facts import SiteFacts
from hitl_mail.review.links import Links
from hitl_mail.settings import Site
from tests.factories import read
from tests.rulebook import SITE, policy
from tests.web.packets import SCHEMA

DAY = 86400.0
NOON = 1_795_348_800.0

RULES = """
[policy]
reviewers = ["owner"]

[kinds."payment.refund"]
title = "Refund {payload.amount} {payload.currency}"
effects = ["money"]
executor = "refund"
schema = "refund.json"

[kinds."free.form"]
executor = "refund"

[kinds."by.mail"]
executor = "refund"

[[rules]]
name = "money"
when = 'kind in ["payment.refund", "free.form"]'
gate = "hard"
reason = "Moves funds"
reviewers = ["finance"]
route_to = ["owner"]
expires = "4h"

[[rules]]
name = "forbidden"
when = 'kind == "payment.refund" && payload.amount > 400.0'
gate = "deny"
reason = "Too much"

[[rules]]
name = "no-link"
when = 'kind == "by.mail"'
gate = "hard"
reviewers = ["ada"]
doors = ["mail", "cli"]
"""

PAYLOAD = {"amount": 49, "currency": "EUR", "customer": "Ada"}


class Memory:
    """A journal that forgets."""

    records = 0

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        await asyncio.sleep(0)

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


class Nothing:
    """Receipts of which there are none."""

    @property
    def lookup(self) -> Nothing:
        return self

    def by_about(self, about: str) -> None:
        return None

    async def add(self, body: dict[str, Any], about: str | None = None) -> tuple[int, str]:
        raise AssertionError("nobody files anything here")


class Office:
    """A site whose people look at pages. `clock` is what the time is."""

    def __init__(self, site: Site = SITE) -> None:
        self.at = NOON
        self.engine = Engine(Memory(), self)
        self.links = Links([b"k" * 32])
        rules = policy(RULES, {"refund.json": json.dumps(SCHEMA).encode()})
        self.world = World(site, rules, Desk, lambda _: 0.5, self.now)
        self.waiting = Waiting()
        self.engine.watchers.append(self.waiting.watch)
        self.deciding = Deciding(self.world)
        facts = SiteFacts(name="Site", address="approvals@example.com")
        self.front = Front(
            self.engine,
            Nothing(),  # type: ignore[arg-type]
            self.world,
            self.links,
            facts,
            self.deciding,
            self.waiting,
        )

    def now(self) -> float:
        return self.at

    async def asks(
        self,
        kind: str = "payment.refund",
        payload: dict[str, Any] | None = None,
        case: str = "261122-k3f9ma",
        **fields: Any,
    ) -> Case:
        """An agent asks for an action."""
        document = {"kind": kind, "payload": payload or PAYLOAD, "summary": "s", **fields}
        action = read(document, f"of-{case}")
        assert isinstance(action, Action)
        verdict = self.world.judge(action, "billing", case)
        received = cmd.Receive(
            case=case,
            agent="billing",
            action=document,
            action_id=f"of-{case}",
            digest=content_digest(document, f"of-{case}"),
            title=self.world.policy.title(action),
            verdict=verdict,
            executor=self.world.executor_ref(kind),
            attachments=attachment_facts(action),
            expires_at=self.at + verdict.expires,
            salt="salt",
        )
        made = await self.engine.handle(case, received)
        assert made is not None
        return made

    async def fails(self, case: Case, attempt: int = 1) -> Case:
        """Its execution is started, and nobody can tell whether it ran."""
        begin = cmd.Begin(self.world.executor_ref(case.kind))
        await self.engine.handle(case.id, begin)
        doubt = await self.engine.handle(case.id, Finish(attempt, "doubt", {"ok": False}))
        assert doubt is not None
        return doubt

    async def says(self, case: Case, person: str, verb: Verb, **more: Any) -> Case:
        """Somebody decides by mail."""
        seen = self.case(case).revision.digest
        spoken = Spoken(person=person, verb=verb, via="mail", seen=seen, **more)
        after = await self.engine.handle(case.id, self.deciding.command(self.case(case), spoken))
        assert after is not None
        return after

    def case(self, case: Case) -> Case:
        """The case as it is now."""
        return self.engine.cases[case.id]

    def link(self, case: Case, person: str = "ada", at: float | None = None) -> str:
        """The link of the newest mail to that person."""
        seen = self.case(case).revision.digest
        return self.links.make("decide", case.id, seen, person, self.at if at is None else at)

    def queue(self, person: str = "ada", at: float | None = None) -> QueueView:
        token = self.links.make("queue", "", "", person, self.at if at is None else at)
        found = self.front.queue(token)
        assert found is not None
        return found

    def look(self, token: str) -> LookUp:
        return self.front.look(token)

    async def posts(
        self, token: str, verb: Verb = "approve", seen: str | None = None, **more: Any
    ) -> Outcome:
        """What the form of the page says that the link shows now, or showed when `seen`."""
        shown = self.look(token).seen if seen is None else seen
        posted = Posted(verb=verb, seen=shown or "nothing", **more)
        return await self.front.decide(token, posted, {"address": "192.0.2.1"})


def without(person: str) -> Site:
    """The site after somebody left it."""
    people = {name: settings for name, settings in SITE.people.items() if name != person}
    groups = {
        name: tuple(one for one in members if one != person)
        for name, members in SITE.groups.items()
    }
    return msgspec.structs.replace(SITE, people=people, groups=groups)
