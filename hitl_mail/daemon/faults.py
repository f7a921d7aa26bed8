"""What went wrong that nobody foresaw, while it is tried again: one case's trouble is its own.

A loop that meets an unexpected exception goes on with everybody else, comes back to this one after
a while that grows, and says so: in the log, and here for `status`. Knows no case and no loop.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from hitl_mail.errors import HitlError

log = logging.getLogger(__name__)

FIRST, LONGEST = 5.0, 900.0
"""Seconds before the first further try, and between any two at most."""


@dataclass
class Faults:
    """`now` holds a sentence for each thing that does not work, by whatever names the thing."""

    now: dict[object, str] = field(default_factory=dict)
    first: float = FIRST
    _times: dict[object, int] = field(default_factory=dict)

    def broke(self, key: object, what: str, error: Exception) -> float:
        """Take note of an error; the seconds after which to try again, more each time."""
        times = self._times.get(key, 0)
        self._times[key] = times + 1
        said = str(error) or type(error).__name__
        told = f"{what}: {said if _is_plain(error) else f'{type(error).__name__}: {said}'}"
        if self.now.get(key) != told:
            self.now[key] = told
            log.error("%s; trying again", told, exc_info=None if _is_plain(error) else error)
        return min(LONGEST, self.first * 2.0 ** min(times, 16))

    def works(self, key: object) -> None:
        """It is well again, or there is nothing left of it to do."""
        if self._times.pop(key, None) is not None:
            self.now.pop(key, None)


def _is_plain(error: Exception) -> bool:
    """Whether the text alone says where it went wrong; for anything else the log has a trace."""
    return isinstance(error, OSError | HitlError)
