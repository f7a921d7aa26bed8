"""`queue --watch` at a real terminal: what changes, changes in its place."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.acceptance.home import TestHome, refund


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


@contextmanager
def at_terminal(home: TestHome, *words: str) -> Iterator[Terminal]:
    ours, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "hitl_mail", "--home", str(home.root), *words],
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


def test_what_changes_is_shown_in_its_place(home: TestHome) -> None:
    with at_terminal(home, "queue", "--watch") as terminal:
        terminal.await_words("0 open")
        action = home.drop(refund())
        terminal.await_words("Refund 49 EUR to Ada", "ada, bob", "1 open")
        home.json("cancel", action)
        terminal.await_words("0 open")
        home.stop()
        terminal.await_words("no daemon is running")
        terminal.program.send_signal(signal.SIGINT)
        assert terminal.program.wait(20) == 130


def test_more_than_the_screen_holds_is_counted(home: TestHome) -> None:
    for _ in range(9):
        home.case_of(home.drop(refund()))
    with at_terminal(home, "queue", "--watch") as terminal:
        terminal.await_words("9 open, 3 more below")


def test_without_a_terminal_it_says_what_to_do(quiet_home: TestHome) -> None:
    done = quiet_home.cli("queue", "--watch")
    assert (done.returncode, "--json" in done.stderr) == (2, True)
