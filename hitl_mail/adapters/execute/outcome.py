"""What the executors have in common: bounded output and the shape of an outcome.

An outcome ends up in result files and receipts, so it holds only what `core.canonical` can.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from hitl_mail.ports import Attempt

Result = Literal["ok", "failed", "temporary", "doubt"]


class Kept:
    """The first `limit` bytes of a stream; of the rest only the number of bytes, `truncated`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self.truncated = 0

    def add(self, data: bytes) -> None:
        room = self._limit - len(self._data)
        self._data += data[:room]
        self.truncated += max(0, len(data) - room)

    @property
    def text(self) -> str:
        """What was kept, as UTF-8; what is not UTF-8 becomes U+FFFD."""
        return self._data.decode("utf-8", "replace")


def attempt(result: Result, begun: float, facts: dict[str, Any], error: str = "") -> Attempt:
    """An attempt that began at `begun` on the monotonic clock and is over now.

    `error` is one sentence for people, left out where it is empty.
    """
    outcome: dict[str, Any] = {
        "ok": result == "ok",
        **facts,
        "seconds": round(time.monotonic() - begun, 3),
    }
    if error:
        # The text of an OSError may hold undecodable bytes of a file name.
        outcome["error"] = error.encode("utf-8", "replace").decode("utf-8")
    return Attempt(result, outcome)
