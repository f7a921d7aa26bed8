"""Files that were refused: a line in the log for each, and for `status` how many, and the newest.

The agent reads the reason beside its file; nobody else looks there. Knows neither spool nor case.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from hitl_mail.core.documents import iso
from hitl_mail.core.text import visible

log = logging.getLogger(__name__)

_HOUR, _DAY = 3600.0, 86400.0
_MOST = 10_000
_LONGEST = 200


class Refusals:
    """What this daemon saw within a day; of more than `_MOST`, the newest."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._at: deque[float] = deque(maxlen=_MOST)
        self._newest: dict[str, str] = {}

    def note(self, agent: str, name: str, error: Mapping[str, Any]) -> None:
        """A file of an agent was refused. Names are the agent's own and may be hostile."""
        now, shown = self._now(), visible(name, keep="")[:_LONGEST]
        log.warning("refused %s of the agent %s: %s", shown, agent, error["error"])
        self._at.append(now)
        newest = {"agent": agent, "file": shown, "error": str(error["error"])}
        self._newest = {**newest, "at": iso(now)}

    def summary(self) -> dict[str, Any] | None:
        """How many in the last `hour` and `day`, and the `newest`; None where there were none."""
        now = self._now()
        while self._at and self._at[0] < now - _DAY:
            self._at.popleft()
        if not self._at:
            return None
        hour = sum(1 for at in list(self._at) if at >= now - _HOUR)
        return {"hour": hour, "day": len(self._at), "newest": self._newest}
