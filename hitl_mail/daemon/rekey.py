"""Takes up new keys while the daemon runs, and lets go of those whose time is over.

Like the rules: the files are looked at, and what is wrong with them keeps the keys there are.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from hitl_mail.errors import HitlError
from hitl_mail.ports import Clock

log = logging.getLogger(__name__)


@dataclass
class Rekey:
    """`version` tells one state of the files from another; `take` works with what they hold from
    now on and says when the next key retires."""

    clock: Clock
    version: Callable[[], object]
    take: Callable[[], dt.datetime | None]
    retires: dt.datetime | None
    _seen: object = field(default=None)

    def __post_init__(self) -> None:
        self._seen = self.version()

    def look(self) -> None:
        """Take up what changed, or what has retired."""
        now = self.version()
        over = self.retires is not None and self.retires.timestamp() <= self.clock.now()
        if now == self._seen and not over:
            return
        self._seen = now
        try:
            self.retires = self.take()
        except HitlError as error:
            self.retires = None
            log.error("the changed keys are not used: %s", error)
        else:
            log.warning("the keys changed: %s", "some retired" if over else "new ones are used")
