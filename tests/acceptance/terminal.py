"""A program at a real terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Terminal:
    """A program's screen: all that it has written so far."""

    def __init__(self, descriptor: int, program: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self.program = program

    def await_words(self, *words: str, within: float = 30.0) -> str:
        """What it writes from now on, up to all of these words."""
        written, end = "", time.monotonic() + within
        while not all(word in written for word in words):
            left = end - time.monotonic()
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, left))
            assert ready, f"not within {within} s: {words} in {written!r}"
            written += os.read(self._descriptor, 1 << 16).decode("utf-8", "replace")
        return written

    def await_end(self, within: float = 20.0) -> int:
        """Its exit status; what it writes until then is read, as a terminal does."""
        end = time.monotonic() + within
        while select.select([self._descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                os.read(self._descriptor, 1 << 16)
            except OSError:
                # The other end is closed.
                break
        return self.program.wait(max(0.0, end - time.monotonic()))

    def type(self, text: str) -> None:
        """As somebody at the keyboard."""
        os.write(self._descriptor, text.encode())


@contextmanager
def at_terminal(*words: str) -> Iterator[Terminal]:
    """The command line, called with these words."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "hitl_mail", *words],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "12"},
        start_new_session=True,
    ) as program:
        os.close(its)
        try:
            yield Terminal(ours, program)
        finally:
            program.kill()
            os.close(ours)
