"""Log records on a file descriptor, by a thread of their own: nobody who logs ever waits.

A terminal that is held, a pipe that nobody reads, a full disk or a reader who has gone keep only
this thread. What it cannot write in time is lost and counted; once lines go again, one of them
says how many were lost. Knows nothing of how a record is made a line.
"""

from __future__ import annotations

import io
import logging
import queue
import select
import threading
from collections.abc import Callable, Iterator

MOST = 10_000
"""Records that wait; what comes beyond is lost."""

_BATCH = 500

_LINGER = 0.05
"""Seconds that a line waits for others: to wake a thread costs more than a line, and under load
there is then one waking for a hundred of them."""


class LogLines(logging.Handler):
    """Hands what it is given to its thread; `render` makes each record one or more lines."""

    def __init__(self, descriptor: int, render: Callable[[logging.LogRecord], str]) -> None:
        super().__init__()
        self._render = render
        self._waiting: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()
        # Raw, so that nothing stays in a buffer whose lock somebody else would need.
        self._out = io.FileIO(descriptor, "w", closefd=False)
        self._turned_away = 0
        self._unwritten = 0
        self._told = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Records that were not, or not wholly, written."""
        return self._turned_away + self._unwritten

    def emit(self, record: logging.LogRecord) -> None:
        """Never waits, never raises."""
        if self._waiting.qsize() >= MOST:
            self._turned_away += 1
            return
        if record.args:
            # What it quotes may have changed by the time that it is written.
            try:
                record.msg = record.getMessage()
            except Exception as error:  # noqa: BLE001
                record.msg = f"{record.msg} ({type(error).__name__}: {error})"
            record.args = None
        self._waiting.put(record)

    def end(self, seconds: float) -> bool:
        """Write what waits, for so long at most; whether all of it is written."""
        self._waiting.put(None)
        self._ending.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        going = True
        while going:
            batch = list(self._batch())
            going = batch[-1] is not None
            records = [record for record in batch if record is not None]
            if not records or self._write("".join(map(self._line, records))):
                self._tell_lost()
            else:
                self._unwritten += len(records)

    def _batch(self) -> Iterator[logging.LogRecord | None]:
        """What waits, at least one; nothing after the end."""
        record = self._waiting.get()
        self._ending.wait(_LINGER)
        yield record
        try:
            for _ in range(_BATCH):
                if record is None:
                    return
                record = self._waiting.get_nowait()
                yield record
        except queue.Empty:
            return

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self._render(record) + "\n"
        except Exception as error:  # noqa: BLE001 - one bad record is no reason to log no more
            return f"a line of the log could not be written: {type(error).__name__}\n"

    def _write(self, text: str) -> bool:
        left = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while left:
                written: int | None = self._out.write(left)
                if written is None:
                    # Whoever shares the descriptor has made it one that does not wait.
                    select.select([], [self._out], [])
                left = left[written or 0 :]
        except (OSError, ValueError):
            return False
        return True

    def _tell_lost(self) -> None:
        lost = self.lost - self._told
        if lost:
            text = f"{lost} lines of this log are lost: they could not be written in time"
            record = logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)
            if self._write(self._line(record)):
                self._told += lost
