"""The wall clock of the machine. Nothing else reads it, so that tests can bring their own."""

from __future__ import annotations

import time


class SystemClock:
    """`ports.Clock` over the operating system."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()


SYSTEM_CLOCK = SystemClock()
