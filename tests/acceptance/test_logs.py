"""The daemon's log: a line for each event with its case; nothing that becomes of it holds it up."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.home import TestHome, label, refund, until
from tests.acceptance.scrape import of, scrape

LINE = re.compile(r"(\S+) \[(\w+) *\] (.*)")
TIME = re.compile(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SECRET = "hunter2"


class Logging(TestHome):
    """A home whose daemon writes its log in the form, and to the file, that a test says."""

    __test__ = False
    words: tuple[str, ...] = ()
    err: Any = None

    def start(self) -> None:
        command = [sys.executable, "-m", "hitl_mail", "--home", str(self.root), "run", *self.words]
        with (self.root.parent / f"{self.root.name}-daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(command, stdout=log, stderr=self.err or log)
        until(lambda: self.health() is not None, "the daemon's health")

    def works(self, receipts: int = 1) -> None:
        """It takes an action, runs it and writes its receipt."""
        self.await_result(self.drop(label()))
        until(lambda: of(scrape(self), "receipts_last_seq") == {(): receipts}, "its receipt")


@pytest.fixture
def logging_home(make_home: Callable[..., Logging]) -> Callable[..., Logging]:
    def make(*words: str, err: Any = None) -> Logging:
        home = make_home(kind=Logging)
        home.words, home.err = words, err
        home.start()
        return home

    return make


def decided(home: TestHome) -> str:
    """A refund that ada approves, with words of hers; its case."""
    asked = home.drop(refund(why=SECRET, payload=refund()["payload"] | {"password": SECRET}))
    case = home.case_of(asked)
    home.reply(home.await_mail("ada@", case), f"approve: {SECRET}", "ada@example.com")
    home.await_result(asked)
    until(lambda: home.mails("ada@", f"Re: [hitl {case}]") or len(home.mails("ada@")) > 1, "told")
    return case


def test_each_event_is_a_line_with_its_case_and_what_the_metrics_count(
    logging_home: Callable[..., Logging],
) -> None:
    home = logging_home("--log-format", "json")
    case = decided(home)
    home.await_result(home.drop({"kind": "root.grant", "payload": {}, "summary": "Become root"}))
    until(lambda: not of(scrape(home), "mails_waiting"), "all is sent")
    counted = of(scrape(home), "events_total")
    assert home.stop() == 0
    lines = [json.loads(line) for line in home.log().splitlines()]
    events = [line for line in lines if line["logger"] == "hitl_mail.events"]
    assert Counter((line["event"],) for line in events) == counted
    assert [line["event"] for line in lines if line not in events] == [
        f"hitl-mail runs on {home.root}; Ctrl-C stops it",
        "hitl-mail has stopped",
    ]
    assert all(TIME.fullmatch(line["time"]) for line in lines)
    assert all(line.keys() >= {"case", "agent", "revision"} for line in events)
    told = {line["event"]: line for line in events if line["case"] == case}
    assert (told["decided"]["by"], told["decided"]["via"]) == ("ada", "mail")
    assert told["received"]["rules"] == ["money"]
    receipt = json.loads(home.cli("receipts", "show", case, "--json").stdout)
    assert told["filed"]["receipt"] == receipt["seq"]
    assert SECRET not in home.log()


def test_for_people_it_is_the_same_without_colours(logging_home: Callable[..., Logging]) -> None:
    home = logging_home()
    case = decided(home)
    assert home.stop() == 0
    lines = [LINE.fullmatch(line) for line in home.log().splitlines()]
    assert all(lines) and all(TIME.fullmatch(line[1]) for line in lines if line)
    assert f"decided        case={case} agent=default revision=1 by=ada verb=approve via=mail" in (
        line[3] for line in lines if line
    )
    assert SECRET not in home.log()


def test_once_says_nothing_where_all_is_well(quiet_home: TestHome) -> None:
    quiet_home.drop(label())
    done = quiet_home.cli("run", "--once")
    assert (done.returncode, done.stderr, len(quiet_home.ran())) == (0, "", 1)


def test_once_says_what_is_asked_for(quiet_home: TestHome) -> None:
    quiet_home.drop(label())
    done = quiet_home.cli("run", "--once", "-v", "--log-format", "json")
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert [event for event in events if event in ("received", "succeeded", "filed")] == [
        "received",
        "succeeded",
        "filed",
    ]


def test_for_programs_the_error_that_ends_it_is_a_line_as_any_other(quiet_home: TestHome) -> None:
    (quiet_home.root / "rules.toml").write_text("[[rules]]\n[policy]\nreviewers = 3\n")
    plain = quiet_home.cli("run")
    done = quiet_home.cli("run", "--log-format", "json")
    assert (done.returncode, done.stdout) == (plain.returncode, "")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["level"] for line in lines} == {"critical"}
    said = "\n".join(line["event"] for line in lines)
    assert f"hitl-mail: {said}\n" == plain.stderr


def test_for_programs_a_home_that_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hitl_mail", "--home", str(tmp_path), "run"]
    done = subprocess.run([*command, "--log-format", "json"], capture_output=True, check=False)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, json.loads(line)["level"]) == (2, "critical")


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            with contextlib.suppress(OSError):
                os.close(end)


def fill(writing: int) -> None:
    """Until not one byte more goes in. Whoever inherits the pipe waits again."""
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            continue
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, b"x"):
            continue
    os.set_blocking(writing, True)


def test_a_pipe_that_nobody_reads_stops_neither_its_work_nor_its_end(
    logging_home: Callable[..., Logging],
) -> None:
    with pipe() as (_reading, writing):
        fill(writing)
        home = logging_home(err=writing)
        for number in range(1, 4):
            home.works(receipts=number)
        assert home.stop() == 0


def test_a_reader_who_has_gone_stops_neither_its_work_nor_its_end(
    logging_home: Callable[..., Logging],
) -> None:
    with pipe() as (reading, writing):
        home = logging_home(err=writing)
        home.works()
        os.close(reading)
        home.works(receipts=2)
        assert of(scrape(home), "log_lost_lines_total")[()] > 0
        assert home.stop() == 0


@pytest.mark.parametrize("gone", [True, False], ids=["nobody is there", "nobody reads"])
def test_how_it_ends_because_its_disk_fails_does_not_depend_on_who_reads(
    logging_home: Callable[..., Logging], gone: bool
) -> None:
    with pipe() as (reading, writing):
        if gone:
            os.close(reading)
        else:
            fill(writing)
        home = logging_home(err=writing)
        home.works()
        assert home.daemon is not None
        (journal,) = (home.root / "state/journal").glob("*.log")
        journal.unlink()
        home.drop(label())
        assert home.daemon.wait(timeout=15) == 1


def test_without_a_stderr_no_other_file_gets_its_lines(make_home: Callable[..., Logging]) -> None:
    """Its number is given to the next file that is opened: a line there would be damage."""
    home = make_home(kind=Logging)
    command = [sys.executable, "-m", "hitl_mail", "--home", str(home.root), "run"]
    home.daemon = subprocess.Popen(["sh", "-c", 'exec "$@" 2>&-', "sh", *command])
    until(lambda: home.health() is not None, "the daemon's health")
    home.works()
    assert home.stop() == 0
    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert [path for path in files if b"hitl-mail runs on" in path.read_bytes()] == []
    assert home.cli("receipts", "verify").returncode == 0


def test_under_the_journal_each_line_has_its_priority(make_home: Callable[..., Logging]) -> None:
    home = make_home(kind=Logging)
    log = home.root.parent / f"{home.root.name}-daemon.log"
    log.touch()
    there = log.stat()
    command = [sys.executable, "-m", "hitl_mail", "--home", str(home.root), "run"]
    env = os.environ | {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}
    with log.open("ab") as out:
        home.daemon = subprocess.Popen(command, stderr=out, env=env)
    until(lambda: home.health() is not None, "the daemon's health")
    home.works()
    (home.root / "rules.toml").write_text("[[rules]]\n")
    until(lambda: "rules.toml" in home.log(), "the log")
    assert home.stop(signal.SIGINT) == 0
    priorities = {line[:3] for line in home.log().splitlines()}
    assert priorities == {"<3>", "<6>"}
    assert [line for line in home.log().splitlines() if "[info" in line and line[:3] != "<6>"] == []
