"""Whoever logs never waits, whatever becomes of the lines; and what is lost is counted and told."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hitl_mail.adapters import log_lines
from hitl_mail.adapters.log_lines import LogLines


def record(text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("test", logging.WARNING, "", 0, text, args, None)


def plain(shown: logging.LogRecord) -> str:
    return shown.getMessage()


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends; whoever closes one may."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            try:
                os.close(end)
            except OSError:
                continue


def full(writing: int) -> int:
    """Fill a pipe until it takes no more; how many bytes it holds."""
    os.set_blocking(writing, False)
    held = 0
    try:
        while True:
            held += os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return held


def read_until(reading: int, wanted: bytes) -> bytes:
    """What comes, up to `wanted`, five seconds at most."""
    found = b""
    while wanted not in found:
        ready, _, _ = select.select([reading], [], [], 5)
        assert ready, found[-200:]
        found += os.read(reading, 65536)
    return found


def test_each_record_is_a_line_in_its_order(tmp_path: Path) -> None:
    out = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    lines = LogLines(out, plain)
    for number in range(2000):
        lines.handle(record("line %d", number))
    assert (lines.end(5), lines.lost) == (True, 0)
    assert (tmp_path / "log").read_text().splitlines() == [f"line {n}" for n in range(2000)]
    os.close(out)


def test_what_a_record_quotes_is_what_it_was_then(tmp_path: Path) -> None:
    out = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    go = threading.Event()
    lines = LogLines(out, lambda shown: f"{go.wait(5)} {shown.getMessage()}")
    quoted = ["before"]
    lines.handle(record("%s", quoted))
    quoted[0] = "after"
    go.set()
    assert lines.end(5)
    assert (tmp_path / "log").read_text() == "True ['before']\n"
    os.close(out)


def test_a_pipe_that_nobody_reads_holds_nobody_and_tells_what_is_lost_when_somebody_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_lines, "MOST", 100)
    with pipe() as (reading, writing):
        full(writing)
        lines = LogLines(writing, plain)
        for number in range(1000):
            lines.handle(record("line %d", number))
        # The thread has at most one batch in its hands.
        assert 1000 - 100 - 501 <= lines.lost <= 900
        assert lines.end(0.01) is False
        lost = lines.lost
        said = read_until(reading, f"{lost} lines of this log are lost".encode())
        lines_said = said.decode().lstrip("x").splitlines()
        written = [int(line[5:]) for line in lines_said if line.startswith("line ")]
        # Which are lost depends on when the thread took a batch; none is written twice.
        assert len(written) == 1000 - lost
        assert written == sorted(set(written))
        assert lines.end(5)


def test_a_reader_who_has_gone_is_no_trouble() -> None:
    with pipe() as (reading, writing):
        os.close(reading)
        lines = LogLines(writing, plain)
        for number in range(3):
            lines.handle(record("line %d", number))
        assert (lines.end(5), lines.lost) == (True, 3)


def test_a_descriptor_that_does_not_wait_gets_all_of_it() -> None:
    with pipe() as (reading, writing):
        os.set_blocking(writing, False)
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        lines = LogLines(writing, plain)
        for number in range(3000):
            lines.handle(record("line %d", number))
        lines.handle(record("the last"))
        said = read_until(reading, b"the last\n").decode().splitlines()
        assert said == [*(f"line {number}" for number in range(3000)), "the last"]
        assert (lines.end(5), lines.lost) == (True, 0)


def test_a_full_disk_loses_lines_and_says_so_later(tmp_path: Path) -> None:
    full_disk = os.open("/dev/full", os.O_WRONLY)
    lines = LogLines(full_disk, plain)
    lines.handle(record("line"))
    while not lines.lost:
        threading.Event().wait(0.001)
    room = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(room, full_disk)
    lines.handle(record("there is room"))
    assert lines.end(5)
    assert (tmp_path / "log").read_text() == (
        "there is room\n1 lines of this log are lost: they could not be written in time\n"
    )
    os.close(room)
    os.close(full_disk)


def test_a_record_that_cannot_be_shown_is_one_line_and_the_next_is_shown(tmp_path: Path) -> None:
    out = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)

    def render(shown: logging.LogRecord) -> str:
        if "bad" in shown.getMessage():
            raise ValueError("secret")
        return shown.getMessage()

    lines = LogLines(out, render)
    for text in ("bad", "\udcff good"):
        lines.handle(record(text))
    lines.handle(record("%d of them", "no number"))
    assert lines.end(5)
    first, second, third = (tmp_path / "log").read_text().splitlines()
    assert first == "a line of the log could not be written: ValueError"
    assert second == "\\udcff good"
    assert third.startswith("%d of them (TypeError: ")
    os.close(out)
