"""Outgoing mail: each at least once, in its time, whatever the server does.

What waits, and until when, is in the cases and at the desk, so that a restart forgets nothing; a
server that is down is asked again by one mail, not by all.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from hitl_mail.core.case import Case
from hitl_mail.core.commands import MailWas
from hitl_mail.core.desk import Desk, Notice, NoticeDeferred, NoticeDone
from hitl_mail.core.documents import iso
from hitl_mail.core.effects import Mail
from hitl_mail.core.timing import has_come
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.undelivered import WITHDRAWN, is_missed, is_stale, notices
from hitl_mail.daemon.world import World
from hitl_mail.errors import HitlError, StorageFailed
from hitl_mail.ports import MailDoubt, MailPermanent, MailTemporary, Outbox
from hitl_mail.review.compose import Composed

log = logging.getLogger(__name__)

_FIRST, _LONGEST, _GIVE_UP = 5.0, 900.0, 5 * 86400.0
_WORKERS = 4
_LOOK = 30.0
"""Seconds after which the clock is read again, so that a clock that jumped is noticed."""

Key = tuple[str, str]
"""(case id, effect id); the case id of a notice is empty."""


@dataclass
class Mailer:
    """Sends what cases and desk owe. `compose` gives the same mail the same Message-ID, whenever it
    is written; its words may tell more the second time.

    `last_error` and `next_try` are about the server, while it takes no mail; `troubles` tells of
    each mail that was refused on its own account, while it waits or its case is open.
    """

    engine: Engine
    world: World
    outbox: Outbox
    mail_from: str
    compose: Callable[[Case, Mail], Composed]
    compose_notice: Callable[[Notice], Composed]
    last_ok: float | None = None
    last_error: str = ""
    next_try: float | None = None
    troubles: dict[Key, str] = field(default_factory=dict)
    _failures: int = 0
    _probing: bool = False
    _heap: list[tuple[float, Key]] = field(default_factory=list)
    _known: set[Key] = field(default_factory=set)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waiting(self) -> int:
        return len(self._known)

    def watch(self, case: Case) -> None:
        for effect in case.pending.values():
            if isinstance(effect, Mail):
                self._want((case.id, effect.id), effect)
        for mail in case.mails:
            if is_missed(case, mail):
                text = f"{case.id}: {mail.to} was not asked: {mail.error}"
                self.troubles[(case.id, mail.id)] = text
            elif mail.status == "failed":
                self.troubles.pop((case.id, mail.id), None)

    def watch_desk(self, desk: Desk) -> None:
        for notice in desk.pending.values():
            self._want(("", notice.id), notice)

    async def run(self) -> None:
        """Send for ever, several mails at a time."""
        await asyncio.gather(*(self._work() for _ in range(_WORKERS)))

    async def drain(self) -> int:
        """Send all that is due now; how many were offered."""
        offered = 0
        while (key := self._next()) is not None:
            await self._offer(key)
            offered += 1
        return offered

    def _want(self, key: Key, item: Mail | Notice) -> None:
        if key not in self._known:
            self._known.add(key)
            heapq.heappush(self._heap, (item.next_at, key))
            if item.error:
                self.troubles[key] = _waits(item, item.next_at, item.error)
            self._more.set()

    def _next(self) -> Key | None:
        now = self.engine.clock.now()
        if self.next_try is not None and (
            self._probing or not has_come(self.next_try, now, _LONGEST)
        ):
            return None
        if self._heap and has_come(self._heap[0][0], now, _LONGEST):
            # One mail finds out for all whether the server is back.
            self._probing = self.next_try is not None
            return heapq.heappop(self._heap)[1]
        return None

    async def _work(self) -> None:
        while True:
            key = self._next()
            if key is not None:
                await self._offer(key)
                continue
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), self._pause())
            except TimeoutError:
                continue

    def _pause(self) -> float:
        now = self.engine.clock.now()
        due = self._heap[0][0] if self._heap and not self._probing else now + _LOOK
        return min(_LOOK, max(0.01, max(due, self.next_try or 0.0) - now))

    async def _offer(self, key: Key) -> None:
        try:
            await self._do(key)
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001
            # Whatever is wrong with one mail must not stop the others, nor lose this one.
            wait = self.engine.faults.broke(("mail", key), f"the mail {'/'.join(key)}", error)
            self._known.add(key)
            heapq.heappush(self._heap, (self.engine.clock.now() + wait, key))
        else:
            self.engine.faults.works(("mail", key))
        finally:
            if self._probing:
                self._probing = False
                self._more.set()

    async def _do(self, key: Key) -> None:
        case_id, effect_id = key
        item: Mail | Notice | None
        if case_id:
            case = self.engine.cases.get(case_id)
            effect = case.pending.get(effect_id) if case else None
            item = effect if isinstance(effect, Mail) else None
        else:
            case, item = None, self.engine.desk.pending.get(effect_id)
        if item is None:
            self._forget(key)
            return
        if case is not None and isinstance(item, Mail) and is_stale(case, item):
            await self._tell(key, "failed", error=WITHDRAWN)
            return
        await self._send(key, case, item)

    async def _send(self, key: Key, case: Case | None, item: Mail | Notice) -> None:
        try:
            composed = self._composed(case, item)
        except HitlError as error:
            await self._failed(key, case, item, error)
            return
        except Exception as error:
            log.exception("mail %s cannot be written", "/".join(key))
            await self._later(key, case, item, error)
            return
        try:
            await self.outbox.send(
                self.mail_from, [composed.to_address], composed.message, composed.name
            )
        except MailPermanent as error:
            self._works()
            await self._failed(key, case, item, error)
        except MailTemporary as error:
            if error.server:
                self._down(error, item.attempts)
            else:
                self._works()
            await self._later(key, case, item, error)
        except (MailDoubt, OSError) as error:
            # In doubt means offered again: the Message-ID is the same.
            await self._later(key, case, item, error)
        except StorageFailed:
            raise
        except Exception as error:
            log.exception("mail %s cannot be sent", "/".join(key))
            await self._later(key, case, item, error)
        else:
            self._works()
            self.last_ok = self.engine.clock.now()
            await self._tell(key, "sent", digest=composed.digest)

    def _works(self) -> None:
        self.last_error, self.next_try, self._failures = "", None, 0

    def _down(self, error: MailTemporary, attempts: int) -> None:
        self.last_error = str(error)
        now = self.engine.clock.now()
        if self.next_try is None or has_come(self.next_try, now, _LONGEST):
            # Mails that were under way beside the first tell nothing new.
            self.next_try = now + _wait(max(attempts, self._failures))
            self._failures += 1

    def _composed(self, case: Case | None, item: Mail | Notice) -> Composed:
        if isinstance(item, Notice):
            return self.compose_notice(item)
        if case is None:
            raise HitlError("a case's mail without its case")
        return self.compose(case, item)

    async def _later(
        self, key: Key, case: Case | None, item: Mail | Notice, error: Exception
    ) -> None:
        now, text = self.engine.clock.now(), str(error)[:500]
        if now - item.at > _GIVE_UP:
            await self._failed(key, case, item, HitlError(f"given up: {error}"))
            return
        own = now + _wait(item.attempts)
        next_at = own if self.next_try is None else max(own, self.next_try)
        log.warning("mail %s waits: %s", "/".join(key), error)
        if self.last_error == str(error):
            self.troubles.pop(key, None)
        else:
            self.troubles[key] = _waits(item, next_at, text)
        case_id, effect_id = key
        if case_id:
            full = isinstance(error, MailTemporary) and error.full
            away = self.world.away(case) if case is not None and full else {}
            was = MailWas(effect_id, "deferred", "", text, next_at, full, away)
            await self.engine.handle(case_id, was)
        else:
            await self.engine.note(NoticeDeferred(now, effect_id, item.attempts + 1, next_at, text))
        heapq.heappush(self._heap, (next_at, key))
        self._more.set()

    async def _failed(
        self, key: Key, case: Case | None, item: Mail | Notice, error: HitlError
    ) -> None:
        """The admins are told first: a crash in between makes it fail, not them be told, again."""
        text = str(error)[:500]
        if case is not None and isinstance(item, Mail):
            admins = self.world.site.site.admins
            told = notices(self.engine.desk, case, item, text, admins, self.engine.clock.now())
            if told:
                await self.engine.note(*told)
        await self._tell(key, "failed", error=text)

    async def _tell(
        self, key: Key, result: Literal["sent", "failed"], *, digest: str = "", error: str = ""
    ) -> None:
        case_id, effect_id = key
        if error:
            log.warning("mail %s was not delivered: %s", "/".join(key), error)
        self._forget(key)
        if case_id:
            case = self.engine.cases.get(case_id)
            away = self.world.away(case) if case is not None and result == "failed" else {}
            was = MailWas(effect_id, result, digest, error, away=away)
            await self.engine.handle(case_id, was)
        else:
            await self.engine.note(NoticeDone(self.engine.clock.now(), effect_id, error))

    def _forget(self, key: Key) -> None:
        self._known.discard(key)
        self.troubles.pop(key, None)


def _waits(item: Mail | Notice, until: float, error: str) -> str:
    return f"a mail to {item.to} waits until {iso(until)}: {error}"


def _wait(attempts: int) -> float:
    return min(_LONGEST, _FIRST * 2.0 ** min(attempts, 16))
