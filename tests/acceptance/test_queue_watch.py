"""`queue --watch` at a real terminal: what changes, changes in its place."""

from __future__ import annotations

import signal

from tests.acceptance.home import TestHome, refund
from tests.acceptance.terminal import at_terminal


def test_what_changes_is_shown_in_its_place(home: TestHome) -> None:
    with at_terminal("--home", str(home.root), "queue", "--watch") as terminal:
        terminal.await_words("0 open")
        action = home.drop(refund())
        terminal.await_words("Refund 49 EUR to Ada", "ada, bob", "1 open")
        home.json("cancel", action)
        terminal.await_words("0 open")
        home.stop()
        terminal.await_words("no daemon is running")
        terminal.program.send_signal(signal.SIGINT)
        assert terminal.await_end() == 130


def test_more_than_the_screen_holds_is_counted(home: TestHome) -> None:
    for _ in range(9):
        home.case_of(home.drop(refund()))
    with at_terminal("--home", str(home.root), "queue", "--watch") as terminal:
        terminal.await_words("9 open, 3 more below")


def test_without_a_terminal_it_says_what_to_do(quiet_home: TestHome) -> None:
    done = quiet_home.cli("queue", "--watch")
    assert (done.returncode, "--json" in done.stderr) == (2, True)
