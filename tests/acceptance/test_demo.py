"""The demo, as a newcomer meets it: it plays itself, or a person answers at a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "hitl_mail", "demo"]
PROMPT = "  > "


@pytest.fixture(scope="module")
def auto(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `demo --auto` prints."""
    temp = tmp_path_factory.mktemp("auto")
    done = subprocess.run(
        [*COMMAND, "--auto"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "TMPDIR": str(temp)},
    )
    assert (done.returncode, done.stderr, list(temp.iterdir())) == (0, "", [])
    return done.stdout


class Terminal:
    """A person in front of a demo."""

    def __init__(self, temp: Path) -> None:
        self.ours, theirs = pty.openpty()
        env = {**os.environ, "TMPDIR": str(temp), "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            COMMAND, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)
        self.screen = self.first = ""

    def until(self, text: str) -> str:
        """All that is shown up to `text`, from where the last call ended."""
        end = time.monotonic() + 40
        while text not in self.screen:
            assert time.monotonic() < end, f"no {text!r} in {self.screen!r}"
            try:
                self.screen += os.read(self.ours, 65536).decode().replace("\r\n", "\n")
            except OSError as over:
                raise AssertionError(f"the demo ended without {text!r}: {self.screen}") from over
        shown, _, self.screen = self.screen.partition(text)
        return shown

    def type(self, text: str) -> str:
        """Answer the prompt; what is shown until the next one."""
        os.write(self.ours, f"{text}\n".encode())
        return self.until(PROMPT)

    def end(self, text: str) -> str:
        """Answer the last prompt; what is shown until the program ends."""
        os.write(self.ours, text.encode())
        shown = self.screen
        while True:
            try:
                read = os.read(self.ours, 65536)
            except OSError:
                break
            if not read:
                break
            shown += read.decode().replace("\r\n", "\n")
        self.status = self._process.wait(timeout=20)
        return shown

    def close(self) -> None:
        end = time.monotonic() + 20
        while self._process.poll() is None:
            # Again and again: one that comes just before it reads waits for a key.
            self._process.terminate()
            assert time.monotonic() < end, "the demo does not stop"
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=0.5)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    opened.first = opened.until(PROMPT)
    yield opened
    opened.close()
    os.close(opened.ours)


@pytest.mark.parametrize(
    ("action", "fate"),
    [
        ("label-51", "auto the rules executed"),
        ("refund-8841", "hard PERSON executed"),
        ("thanks-207", "hard PERSON executed"),
        ("cleanup-3", "hard PERSON rejected"),
        ("grant-1", "deny the rules denied"),
    ],
)
def test_the_demo_plays_itself_and_says_what_happened_to_each(
    auto: str, action: str, fate: str
) -> None:
    found = re.findall(rf"^ {action} +\S+ +(.*\S) +#\d +as it should", auto, re.MULTILINE)
    person = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout
    assert [" ".join(row.split()) for row in found] == [fate.replace("PERSON", person.strip())]


def test_the_demo_is_read_in_two_minutes(auto: str) -> None:
    assert len(auto.splitlines()) < 60
    assert max(len(line) for line in auto.splitlines()) <= 100


def test_the_demo_ends_with_receipts_that_verify(auto: str) -> None:
    assert auto.splitlines()[-1] == "5 receipts, chained and signed: all of them verify."


def test_a_person_answers_by_typing(terminal: Terminal) -> None:
    assert "refund-8841: executed" in terminal.type("approve")
    assert "thanks-207: executed" in terminal.type("approve")
    shown = terminal.end("reject because nobody asked\n")
    assert "cleanup-3: rejected" in shown
    assert "5 receipts, chained and signed: all of them verify." in shown
    assert terminal.status == 0


def test_help_and_a_wrong_answer_are_answered_and_asked_again(terminal: Terminal) -> None:
    assert "Nothing was decided" in terminal.type("approve, but make it 20")
    assert "Here is what you can answer" in terminal.type("help")
    assert "Nothing was decided" in terminal.type("yes please")
    assert "refund-8841: executed" in terminal.type("approve")


def test_an_edit_is_shown_and_asked_about_again(terminal: Terminal) -> None:
    shown = terminal.type("edit amount = 40")
    assert "Edited by" in shown
    assert "Refund 40 EUR to Ada Byron" in shown
    assert "refund-8841: executed" in terminal.type("approve")


def test_a_page_that_edited_is_followed_by_its_mail(terminal: Terminal) -> None:
    url = re.search(r"^(http://\S+)$", terminal.type("link"), re.MULTILINE)
    assert url is not None
    page = urllib.request.urlopen(url[1], timeout=10).read().decode()
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen is not None
    payload = '{"amount": 40, "currency": "EUR", "customer": "Ada Byron"}'
    fields = {"seen": seen[1], "verb": "edit", "json": payload, "note": ""}
    urllib.request.urlopen(url[1], urllib.parse.urlencode(fields).encode(), timeout=10).close()
    assert "Edited by" in terminal.type("")
    assert "refund-8841: executed" in terminal.type("approve")


def test_the_link_waits_for_the_person(terminal: Terminal) -> None:
    assert re.search(r"^http://127\.0\.0\.1:\d+/d/\S+$", terminal.type("link"), re.MULTILINE)
    assert "Nothing is decided yet" in terminal.type("")
    assert "refund-8841: executed" in terminal.type("approve")


def test_a_killed_demo_takes_its_daemon_along(terminal: Terminal, tmp_path: Path) -> None:
    terminal.close()
    assert list(tmp_path.iterdir()) == []


def test_no_color_is_respected(terminal: Terminal) -> None:
    assert "\x1b" not in terminal.first + terminal.type("approve")


def test_leaving_early_leaves_nothing_behind(terminal: Terminal, tmp_path: Path) -> None:
    assert "Stopped; nothing is left behind." in terminal.end("\x04")
    assert (terminal.status, list(tmp_path.iterdir())) == (130, [])
