"""One mail a day to the admins: what ran, what waits, and the chain's newest receipt.

The receipt in many mailboxes is what a rewritten history contradicts; see `receipts verify
--anchor`. A day that the daemon was down over is told of late, and days that were missed together
in one mail. Days are those of the site's time zone, whatever its clocks do.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import zoneinfo
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hitl_mail.core.case import Case
from hitl_mail.core.desk import DayTold, Desk, Sealed
from hitl_mail.core.documents import iso, waited_for
from hitl_mail.core.quorum import is_asked
from hitl_mail.core.receipt import NO_RECEIPT
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.notices import tell_admins
from hitl_mail.daemon.world import World
from hitl_mail.errors import Damaged

_DAY = 86400.0
_NAMED = 10
"""Cases that wait are named up to here, oldest first; then counted."""


class Closed(Protocol):
    """What is asked of the receipts."""

    def head(self) -> tuple[int, str]: ...

    def rows(self, *, since: str) -> Sequence[Any]: ...


@dataclass
class Daily:
    """Looked at every now and then; tells once a day."""

    engine: Engine
    world: World
    closed: Closed

    async def look(self) -> None:
        """Tell the admins if the time has come and they have not been told."""
        site = self.world.site.site
        if site.daily is None:
            return
        now, desk = self.engine.clock.now(), self.engine.desk
        day = last_due(now, site.daily, zoneinfo.ZoneInfo(site.timezone))
        if not is_news(day, desk.day):
            return
        since = desk.told_at if now - 30 * _DAY < desk.told_at < now else now - _DAY
        try:
            closed, (seq, digest) = await asyncio.to_thread(self._read, iso(since))
            fault: tuple[str, ...] = ()
        except (Damaged, OSError) as error:
            # All the more a reason to write to the admins.
            closed, seq, digest = [], 0, NO_RECEIPT
            fault = (f"The receipts cannot be read: {error}",)
        cases = list(self.engine.cases.values())
        subject, paragraphs = words(since, closed, cases, desk, (seq, digest))
        paragraphs = (*fault, *paragraphs)
        told = tell_admins(self.engine, self.world, subject, paragraphs)
        sealed = [Sealed(now, seq, digest)] if seq else []
        await self.engine.note(DayTold(now, day), *sealed, *told)

    def _read(self, since: str) -> tuple[list[str], tuple[int, str]]:
        return [row.status for row in self.closed.rows(since=since)], self.closed.head()


def last_due(now: float, at: str, zone: dt.tzinfo) -> str:
    """The last day (`2026-11-22`) whose time `at` (`08:00`) has come by `now`, seconds since the
    epoch. A time that a day has not, or has twice, comes once: see PEP 495 for when."""
    today = dt.datetime.fromtimestamp(now, zone).date()
    hour, minute = (int(part) for part in at.split(":"))
    for day in (today, today - dt.timedelta(days=1)):
        moment = dt.datetime.combine(day, dt.time(hour, minute), zone)
        if moment.timestamp() <= now:
            return day.isoformat()
    return (today - dt.timedelta(days=2)).isoformat()


def is_news(day: str, told: str) -> bool:
    """Whether nobody was told of this day. A clock that was far ahead for a while and came back
    does not silence the days until then."""
    ahead = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
    return day > told or told > ahead


def words(
    since: float, closed: Sequence[str], cases: Sequence[Case], desk: Desk, head: tuple[int, str]
) -> tuple[str, tuple[str, ...]]:
    """Subject and paragraphs; nothing of what an agent wrote but kinds."""
    waits = (case for case in cases if waited_for(case) or is_asked(case))
    waiting = sorted(waits, key=lambda case: case.received_at)
    ran = Counter(closed)
    seq, digest = head
    paragraphs = [
        f"Since {iso(since)[:16].replace('T', ' ')} UTC: {_counts(ran) or 'nothing was closed'}.",
        f"Waiting for somebody now: {len(waiting) or 'nothing'}.",
        *(_case(case) for case in waiting[:_NAMED]),
    ]
    if len(waiting) > _NAMED:
        paragraphs.append(f"And {len(waiting) - _NAMED} more: hitl-mail queue")
    paragraphs += [f"The rule {name} is tightened: {why}." for name, why in desk.tightened.items()]
    if digest != NO_RECEIPT:
        paragraphs += [
            f"The newest receipt is #{seq}, {digest}",
            "Keep this mail where nobody else can change it. Whether the receipts still hold what"
            " it names: hitl-mail receipts verify --anchor MAIL",
        ]
    subject = f"Daily: {ran['executed']} ran, {len(waiting)} waiting"
    return subject, tuple(paragraphs)


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


def _case(case: Case) -> str:
    people = ", ".join(waited_for(case)) or "nobody who could be asked"
    return f"{case.id}: {case.kind} of {case.agent}, {case.status}, waits for {people}"
