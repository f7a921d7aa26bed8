"""Decisions from the command line. Who decides is the OS user who owns the file, nothing else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from hitl_mail.core import documents
from hitl_mail.core.canonical import digest_bytes, parse_json
from hitl_mail.core.case import heard
from hitl_mail.core.desk import RuleRelaxed
from hitl_mail.core.events import Verb
from hitl_mail.core.quorum import waiting_for
from hitl_mail.core.said import VERBS
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.closed import find_closed
from hitl_mail.daemon.deciding import Deciding, Spoken
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.eraser import Eraser
from hitl_mail.daemon.results import Results
from hitl_mail.daemon.together import together
from hitl_mail.daemon.world import World
from hitl_mail.errors import HitlError, NotAllowed, Refused, StorageFailed
from hitl_mail.ports import Receipts, Spool, Spooled
from hitl_mail.review.edits import Edit

log = logging.getLogger(__name__)

_BATCH = 64
_SWEEP, _KEPT = 3600.0, 86400.0


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file in `control/new`: one person's decision about one case, at the revision they saw.

    `to` is whom a `route` hands it to, `edit` what an `edit` changes, `attempts` how often it had
    been tried when they saw it.
    """

    case: str
    verb: Verb
    seen: str
    note: str = ""
    to: str = ""
    edit: Edit | None = None
    attempts: int | None = None


class Relax(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file in `control/new`: an admin trusts a tightened rule again."""

    relax: str


class Forget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file in `control/new`: an admin wants the contents of a closed case erased."""

    erase: str
    note: str = ""


@dataclass
class Control:
    """Serves `control/`; each file is answered by one of the same name in `control/results`."""

    engine: Engine
    world: World
    spool: Spool
    receipts: Receipts
    os_user: Callable[[int], str]
    deciding: Deciding
    eraser: Eraser
    chores: Chores = field(init=False)
    _swept: float | None = None

    def __post_init__(self) -> None:
        self.chores = Chores(self.engine.faults, self.engine.fail)
        self._answers = Results(self.spool)

    async def serve(self) -> int:
        """Handle a batch of what is there; how many files, at least 1 where there is more."""
        files = self.spool.claim(_BATCH)
        # A decision is taken before its file first waits, so they are taken in their order.
        await together([self._handle(spooled) for spooled in files])
        return len(files) + self.spool.more

    async def _handle(self, spooled: Spooled) -> None:
        answer = await self._answer(spooled)
        self.spool.survived(spooled)
        stem = spooled.name.rsplit(".", 1)[0]
        try:
            await self._answers.write(stem, answer)
        except (OSError, Refused) as error:
            log.error("control/%s: cannot write the answer: %s", spooled.name, error)
        try:
            self.spool.done(spooled)
        except OSError as error:
            # It is read again at the next start, and changes nothing then.
            log.error("control/%s: cannot be removed: %s", spooled.name, error)

    def look(self) -> None:
        """Now and then: answers that nobody has fetched for a day, or that were fetched and cannot
        be removed by who asked, go."""
        now = time.monotonic()
        if self._swept is None or now - self._swept >= _SWEEP:
            self._swept = now
            self.chores.start("old answers in control/results", self._sweep)

    async def _sweep(self) -> None:
        await asyncio.to_thread(self.spool.sweep, time.time() - _KEPT)

    async def _answer(self, spooled: Spooled) -> dict[str, Any]:
        try:
            document = parse_json(spooled.data)
            if isinstance(document, dict) and "relax" in document:
                return await self._relax(spooled, msgspec.convert(document, Relax))
            if isinstance(document, dict) and "erase" in document:
                return await self._erase(spooled, msgspec.convert(document, Forget))
            return await self._decide(spooled, msgspec.convert(document, Said))
        except StorageFailed:
            raise
        except (Refused, NotAllowed) as error:
            return {"ok": False, "code": error.code, "detail": error.detail}
        except msgspec.ValidationError as error:
            return {"ok": False, "code": "malformed", "detail": str(error)}
        except HitlError as error:
            return {"ok": False, "code": "failed", "detail": str(error)}
        except Exception:
            log.exception("could not handle control/%s", spooled.name)
            detail = "hitl-mail failed on this command; see the daemon's log"
            return {"ok": False, "code": "internal", "detail": detail}

    def _person(self, spooled: Spooled) -> tuple[str, str]:
        """The person behind the OS user who owns the file, and that user's name."""
        user = self.os_user(spooled.uid)
        return self.world.site.person_of_os_user(user), user

    def _admin(self, spooled: Spooled) -> tuple[str, str]:
        """The same, of an admin."""
        person, user = self._person(spooled)
        if person not in self.world.site.site.admins:
            raise NotAllowed("not_admin", f"{person} is no admin of this site")
        return person, user

    async def _erase(self, spooled: Spooled, said: Forget) -> dict[str, Any]:
        person, user = self._admin(spooled)
        now = self.engine.clock.now()
        decision = {
            "by": person,
            "verb": "erase",
            "via": "cli",
            "at": documents.iso(now),
            "note": said.note,
            "revision": 0,
            "counts": [],
            "evidence": {"os_user": user, "file": spooled.name},
        }
        # It takes a while, and an end meanwhile is no fault of the file: it is read again, and what
        # was begun is ended.
        self.spool.survived(spooled)
        done = await self.eraser.erase(said.erase, decision)
        return {"ok": True, "by": person, **done}

    async def _relax(self, spooled: Spooled, said: Relax) -> dict[str, Any]:
        person, _ = self._admin(spooled)
        if said.relax not in self.engine.desk.tightened:
            raise NotAllowed("not_now", f"the rule {said.relax} is not tightened")
        await self.engine.note(RuleRelaxed(self.engine.clock.now(), said.relax, person))
        return {"ok": True, "rule": said.relax, "by": person}

    async def _decide(self, spooled: Spooled, said: Said) -> dict[str, Any]:
        person, user = self._person(spooled)
        case = self.engine.cases.get(said.case)
        if case is None:
            return self._before(spooled, said, person)
        # A crash between the record and its answer makes us read the file again. Another file may
        # have its name by then, or somebody else's.
        mark = f"control:{spooled.name}:{spooled.uid}:{digest_bytes(spooled.data)}"
        tried = said.verb in VERBS["in_doubt"] and said.attempts not in (None, case.attempts)
        if tried and heard(person, mark) not in case.seen:
            # An attempt makes no new revision, and the file may have waited over one.
            raise NotAllowed("changed", "it was tried again since it was shown; look at it again")
        spoken = Spoken(
            person=person,
            verb=said.verb,
            via="cli",
            seen=said.seen,
            note=said.note,
            to=said.to,
            edit=said.edit,
            evidence={"os_user": user, "file": spooled.name},
            message_id=mark,
        )
        decided = partial(self.spool.survived, spooled)
        after = await self.engine.handle(case.id, self.deciding.command(case, spoken), decided)
        done = _done(case.id, said.verb, person, after.status if after else "closed")
        if after is None or after.status != "pending":
            return done
        return {**done, "revision": after.revision.number, "waiting_for": list(waiting_for(after))}

    def _before(self, spooled: Spooled, said: Said, person: str) -> dict[str, Any]:
        """The answer for a closed case: what this file did, if a crash made us read it again."""
        closed = find_closed(self.receipts, said.case)
        if closed is None or not closed.rests_on("file", spooled.name, person, said.verb):
            raise NotAllowed("closed", f"there is no open case {said.case}")
        return _done(said.case, said.verb, person, closed.receipt["status"])


def _done(case: str, verb: Verb, person: str, status: str) -> dict[str, Any]:
    return {"ok": True, "case": case, "verb": verb, "by": person, "status": status}
