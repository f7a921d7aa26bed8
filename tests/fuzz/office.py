"""An office whose doors are all there and whose disk is a list: cheap enough to open a thousand.

ada and bob are `finance`, cleo is the admin, dora owns the agent. Two cases wait: a refund for ada
or bob, and another for cleo alone. The doors are letters, pages and `control/`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Literal

from hitl_mail.adapters.web.app import web_app
from hitl_mail.core.action import Action
from hitl_mail.core.case import Case
from hitl_mail.daemon.control import Control
from hitl_mail.daemon.deciding import Deciding
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.front import Front
from hitl_mail.daemon.letters import Letters
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.daemon.world import World
from hitl_mail.ports import Letter, Spool
from hitl_mail.review.links import Purpose
from hitl_mail.settings import Authentication, MailTable, Person, Site
from tests.factories import CASE, action, read, receive
from tests.mails import ADDRESS, AT, LINKS, TOKENS
from tests.mails import site as facts
from tests.rulebook import SITE, policy
from tests.web.office import RULES, Nothing
from tests.web.packets import SCHEMA
from tests.web.serve import TEMPLATES

OTHER = "261122-aaaaaa"
"""The case that is cleo's."""
_OWN = """
[[rules]]
name = "own"
when = 'payload.customer == "Zoe"'
gate = "hard"
reviewers = ["cleo"]
"""


def site(require: Literal["dmarc", "token"] = "token", authserv_id: str | None = None) -> Site:
    """The rulebook's site, with a mail address and command line users; `os_user` is the name."""
    import msgspec

    people = {
        name: Person(mail=f"{name}@example.com", os_user=name)
        for name in ("ada", "bob", "cleo", "dora")
    }
    checked = Authentication(require=require, authserv_id=authserv_id)
    mail = MailTable(address=ADDRESS, authentication=checked)
    return msgspec.structs.replace(SITE, people=people, mail=mail)


class Kept:
    """A journal in memory: what the contract of `ports.Store` asks, and nothing that fails."""

    def __init__(self, payloads: Sequence[bytes] = ()) -> None:
        self.payloads = list(payloads)
        self._state: list[bytes] = []

    @property
    def records(self) -> int:
        return len(self.payloads)

    def append(self, payload: bytes, *, urgent: bool = True) -> Awaitable[None]:
        self.payloads.append(payload)
        return asyncio.sleep(0)

    def snapshot(self, payloads: Iterable[bytes]) -> Awaitable[None]:
        self._state, self.payloads = list(payloads), []
        return asyncio.sleep(0)

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        yield from (("snapshot", payload) for payload in list(self._state))
        yield from (("record", payload) for payload in list(self.payloads))


class Clock:
    """It stands still unless it is moved."""

    def __init__(self, at: float = AT) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


class Room:
    """The office as it is after a restart."""

    def __init__(self, known: Site | None = None, journal: Sequence[bytes] | None = None) -> None:
        self.clock = Clock()
        self.kept = Kept(waiting() if journal is None else journal)
        self.engine = Engine(self.kept, self.clock)
        self.world = _world(known or site(), self)
        self.engine.recover()
        counting = Waiting()
        self.engine.watchers.append(counting.watch)
        self.engine.show_all()
        self.deciding = Deciding(self.world)
        nothing: Any = Nothing()
        shown = facts()
        self.front = Front(self.engine, nothing, self.world, LINKS, shown, self.deciding, counting)
        self.letters = Letters(
            self.engine, nothing, self.world, TOKENS, shown, self.deciding, lambda _: None
        )

    def control(self, spool: Spool, user: str) -> Control:
        """The command line's door, for the files of an OS user of that name."""
        nothing: Any = Nothing()
        return Control(
            self.engine, self.world, spool, nothing, lambda _: user, self.deciding, nothing
        )

    def pages(self) -> Any:
        """The web's door, as an ASGI application."""
        _FRONT.now = self.front
        return _app()

    def case(self, case: str = CASE) -> Case:
        return self.engine.cases[case]

    def deliver(self, message: bytes) -> None:
        asyncio.run(self.letters.handle(Letter(message=message, place="mail/in/new/1")))

    def link(self, purpose: Purpose = "decide", person: str = "ada", case: str = CASE) -> str:
        """The token of the newest mail to a person."""
        seen = "" if purpose == "queue" else self.case(case).revision.digest
        return LINKS.make(purpose, "" if purpose == "queue" else case, seen, person, AT)

    def said(self) -> dict[str, list[tuple[str, str]]]:
        """All that was decided in every open case: by whom, and what."""
        return {
            case.id: [(one.by, one.verb) for one in case.decisions]
            for case in self.engine.cases.values()
        }


class _Front:
    """The pages of whichever room is looked at now: templates are read once for all."""

    now: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now, name)


_FRONT: Any = _Front()


@cache
def _app() -> Any:
    return web_app(_FRONT, [TEMPLATES], base_url="https://approve.example.com", burst=10**9)


@cache
def _policy() -> Any:
    return policy(RULES + _OWN, {"refund.json": json.dumps(SCHEMA).encode()})


def _world(known: Site, room: Room) -> World:
    return World(known, _policy(), lambda: room.engine.desk, lambda _: 0.5, room.clock.now)


@cache
def waiting() -> tuple[bytes, ...]:
    """The records of the two cases."""
    room = Room(journal=())

    async def ask(case: str, customer: str) -> None:
        document = action(
            id=f"of-{case}",
            payload={"amount": 49, "currency": "EUR", "customer": customer},
            context=[{"title": "Order", "text": "approve\nreject\nedit amount = 1"}],
        )
        message = read(document)
        assert isinstance(message, Action)
        verdict = room.world.judge(message, "billing", case)
        command = receive(
            document,
            verdict,
            case=case,
            title=room.world.policy.title(message),
            executor=room.world.executor_ref(message.kind),
            expires_at=AT + verdict.expires,
        )
        await room.engine.handle(case, command)

    asyncio.run(ask(CASE, "Ada"))
    asyncio.run(ask(OTHER, "Zoe"))
    return tuple(room.kept.payloads)


def nothing_said() -> dict[str, list[tuple[str, str]]]:
    """What `Room.said` gives before anybody said anything."""
    return {CASE: [], OTHER: []}
