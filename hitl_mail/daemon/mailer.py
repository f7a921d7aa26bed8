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
from hitl_mail.core.effects import Mail
from hitl_mail.daemon.engine import Engine
from hitl_mail.errors import HitlError
from hitl_mail.ports import MailDoubt, MailPermanent, MailTemporary, Outbox
from hitl_mail.review.compose import Composed

log = logging.getLogger(__name__)

_FIRST, _LONGEST, _GIVE_UP = 5.0, 900.0, 5 * 86400.0
_WORKERS = 4

Key = tuple[str, str]
"""(case id, effect id); the case id of a notice is empty."""


@dataclass
class Mailer:
    """Sends what cases and desk owe. `compose` gives the same bytes for the same mail."""

    engine: Engine
    outbox: Outbox
    mail_from: str
    compose: Callable[[Case, Mail], Composed]
    compose_notice: Callable[[Notice], Composed]
    last_ok: float | None = None
    last_error: str = ""
    next_try: float | None = None
    _heap: list[tuple[float, Key]] = field(default_factory=list)
    _known: set[Key] = field(default_factory=set)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waiting(self) -> int:
        return len(self._known)

    def watch(self, case: Case) -> None:
        for effect in case.pending.values():
            if isinstance(effect, Mail):
                self._want((case.id, effect.id), effect.next_at)

    def watch_desk(self, desk: Desk) -> None:
        for notice in desk.pending.values():
            self._want(("", notice.id), notice.next_at)

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

    def _want(self, key: Key, when: float) -> None:
        if key not in self._known:
            self._known.add(key)
            heapq.heappush(self._heap, (when, key))
            self._more.set()

    def _next(self) -> Key | None:
        now = self.engine.clock.now()
        if self.next_try is not None and now < self.next_try:
            return None
        if self._heap and self._heap[0][0] <= now:
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
        due = self._heap[0][0] if self._heap else now + 30.0
        return min(30.0, max(0.01, max(due, self.next_try or 0.0) - now))

    async def _offer(self, key: Key) -> None:
        case_id, effect_id = key
        item: Mail | Notice | None
        if case_id:
            case = self.engine.cases.get(case_id)
            effect = case.pending.get(effect_id) if case else None
            item = effect if isinstance(effect, Mail) else None
        else:
            case, item = None, self.engine.desk.pending.get(effect_id)
        if item is None:
            self._known.discard(key)
            return
        if case is not None and isinstance(item, Mail) and _stale(case, item):
            await self._tell(key, "failed", error="withdrawn: decided meanwhile")
            return
        await self._send(key, case, item)

    async def _send(self, key: Key, case: Case | None, item: Mail | Notice) -> None:
        try:
            composed = self._composed(case, item)
            await self.outbox.send(
                self.mail_from, [composed.to_address], composed.message, composed.name
            )
        except (MailTemporary, MailDoubt, OSError) as error:
            # In doubt means offered again: the Message-ID is the same.
            await self._later(key, item, error)
        except MailPermanent as error:
            self.last_error = str(error)
            await self._tell(key, "failed", error=str(error)[:500])
        except KeyError:
            await self._tell(key, "failed", error=f"{item.to} is no longer in hitl-mail.toml")
        else:
            self.last_ok, self.last_error = self.engine.clock.now(), ""
            self.next_try = None
            await self._tell(key, "sent", digest=composed.digest)

    def _composed(self, case: Case | None, item: Mail | Notice) -> Composed:
        if isinstance(item, Notice):
            return self.compose_notice(item)
        if case is None:
            raise HitlError("a case's mail without its case")
        return self.compose(case, item)

    async def _later(self, key: Key, item: Mail | Notice, error: Exception) -> None:
        now = self.engine.clock.now()
        self.last_error = str(error)
        if now - item.at > _GIVE_UP:
            await self._tell(key, "failed", error=f"given up: {error}"[:500])
            return
        next_at = now + min(_LONGEST, _FIRST * 2.0 ** min(item.attempts, 16))
        log.warning("mail %s waits: %s", "/".join(key), error)
        if getattr(error, "server", True):
            self.next_try = next_at
        heapq.heappush(self._heap, (next_at, key))
        case_id, effect_id = key
        text = str(error)[:500]
        if case_id:
            await self.engine.handle(
                case_id, MailWas(effect_id, "deferred", error=text, next_at=next_at)
            )
        else:
            await self.engine.note(NoticeDeferred(now, effect_id, item.attempts + 1, next_at, text))

    async def _tell(
        self, key: Key, result: Literal["sent", "failed"], *, digest: str = "", error: str = ""
    ) -> None:
        case_id, effect_id = key
        if error:
            log.warning("mail %s was not delivered: %s", "/".join(key), error)
        if case_id:
            await self.engine.handle(case_id, MailWas(effect_id, result, digest, error))
        else:
            await self.engine.note(NoticeDone(self.engine.clock.now(), effect_id, error))
        self._known.discard(key)


def _stale(case: Case, mail: Mail) -> bool:
    """A question that was never delivered need not be asked once it is answered."""
    if mail.attempts == 0:
        return False
    if mail.about == "ask":
        return case.status != "pending" or mail.revision != case.revision.number
    return mail.about == "doubt" and case.status not in ("held", "in_doubt")
