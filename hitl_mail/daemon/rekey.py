"""Takes up new keys while the daemon runs, and lets go of those whose time is over.

Like the rules: the files are looked at, and what is wrong with them keeps the keys there are.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from hitl_mail.errors import HitlError
from hitl_mail.ports import Clock

log = logging.getLogger(__name__)

_BACK = 1.0
"""Seconds by which a clock may go back and nothing is looked at again."""


@dataclass
class Rekey:
    """`changed` looks at the files; `take` reads them, works with what they hold from now on and
    says when the next key retires."""

    clock: Clock
    changed: Callable[[], bool]
    take: Callable[[], dt.datetime | None]
    retires: dt.datetime | None
    _looked: float = 0.0

    def __post_init__(self) -> None:
        self._looked = self.clock.now()

    def look(self) -> None:
        """Take up what changed, or what has retired; or has not, because a clock that was ahead is
        right again: what was answered to an older key would be left alone."""
        changed, before = self.changed(), self._looked
        self._looked = self.clock.now()
        over = self.retires is not None and self.retires.timestamp() <= self._looked
        if not changed and not over and self._looked >= before - _BACK:
            return
        try:
            self.retires = self.take()
        except HitlError as error:
            self.retires = None
            log.error("the changed keys are not used: %s", error)
        else:
            other = "some retired" if over else "the clock went back, and with it what has retired"
            log.warning("the keys changed: %s", "new ones are used" if changed else other)
