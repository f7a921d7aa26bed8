"""What waits, for whom and how long, in numbers: one look at the open cases."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection
from typing import Any

from hitl_mail.core.case import Case
from hitl_mail.core.documents import iso
from hitl_mail.core.quorum import is_asked
from hitl_mail.daemon.waiting import Waiting

AGES = (("under 1h", 3600.0), ("1h to 4h", 4 * 3600.0), ("4h to 1d", 86400.0))
"""Classes of waiting cases by age, each with its end in seconds; the last, `over 1d`, has none."""

_OVER = "over 1d"
_HOUR = 3600.0
_MOST = 10_000
_SHARE = 50


class Pace:
    """How many actions each agent handed in within the last hour, as far as this daemon saw."""

    def __init__(self) -> None:
        self._at: dict[str, deque[float]] = {}

    def took(self, agent: str, now: float) -> None:
        """An action became a case."""
        self._at.setdefault(agent, deque(maxlen=_MOST)).append(now)

    def last_hour(self, now: float) -> dict[str, int]:
        """By agent; `_MOST` where it was that many or more."""
        for at in self._at.values():
            while at and at[0] < now - _HOUR:
                at.popleft()
        return {agent: len(at) for agent, at in sorted(self._at.items()) if at}


class Overview:
    """`overview`, looked at so seldom that it takes a fiftieth of the time at most."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self._next = 0.0

    def look(self, cases: Collection[Case], waiting: Waiting, now: float) -> dict[str, Any]:
        """What the last look found, or a new one."""
        begun = time.monotonic()
        if begun >= self._next:
            self._last = overview(cases, waiting, now)
            self._next = begun + _SHARE * (time.monotonic() - begun)
        return dict(self._last)


def overview(cases: Collection[Case], waiting: Waiting, now: float) -> dict[str, Any]:
    """`cases` by status, `ages`, `since` and `reviewers` of what waits for people, how many of$
    these wait for `nobody` who could be asked, and what `expires` next: its case, title, and when.
    `since`: when the oldest of it was received."""
    pending = (case for case in cases if case.status == "pending")
    soonest = min(pending, key=lambda case: case.expires_at, default=None)
    asked = [case for case in cases if is_asked(case)]
    received = [case.received_at for case in asked]
    ages = Counter(_age(now - at) for at in received)
    return {
        "cases": dict(sorted(Counter(case.status for case in cases).items())),
        "ages": {name: ages[name] for name in (*(n for n, _ in AGES), _OVER) if ages[name]},
        "since": iso(min(received)) if received else None,
        "reviewers": waiting.counts(),
        "nobody": sum(1 for case in asked if not waiting.waits(case.id)),
        "agents": dict(sorted(Counter(case.agent for case in cases).items())),
        "expires": None
        if soonest is None
        else {"case": soonest.id, "title": soonest.title, "at": iso(soonest.expires_at)},
    }


def _age(seconds: float) -> str:
    return next((name for name, end in AGES if seconds < end), _OVER)
