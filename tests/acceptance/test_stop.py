"""How the daemon ends: told to, or because its disk fails; and what it says at the next start."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.home import Home
from tests.acceptance.home import SITE, TestHome, label, until

SLOW = """
import os, sys, time
ran = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.write(ran, b"{}\\n")
time.sleep(%s)
"""


@pytest.fixture
def slow_home(make_home: Callable[..., TestHome]) -> Callable[..., TestHome]:
    """A running home with an executor of so many seconds and two slots."""

    def make(seconds: float) -> TestHome:
        site = SITE + "\n[limits]\nexecutions = 2\n"
        home = make_home(site=site, script=SLOW % seconds)
        home.start()
        return home

    return make


def flood(home: TestHome, count: int) -> list[str]:
    """Approved cases, two of them running."""
    actions = [home.drop(label(payload={"x": n}), f"a{n}.json") for n in range(count)]
    until(lambda: len(home.json("queue")) == count, "all are cases")
    until(lambda: len(home.ran()) == 2, "two run")
    return actions


def statuses(home: TestHome) -> list[str]:
    return sorted(row["status"] for row in home.json("queue"))


def test_what_ends_within_the_grace_is_waited_for_and_the_rest_starts_next_time(
    slow_home: Callable[..., TestHome],
) -> None:
    home = slow_home(3)
    flood(home, 20)
    assert home.stop(signal.SIGTERM) == 0
    assert statuses(home) == ["approved"] * 18
    assert len(home.ran()) == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_too_long_is_ended_and_in_doubt_and_the_rest_waits(
    slow_home: Callable[..., TestHome], how: signal.Signals
) -> None:
    home = slow_home(60)
    flood(home, 20)
    assert home.daemon is not None
    begun = time.monotonic()
    home.daemon.send_signal(how)
    time.sleep(0.3)
    # Somebody who presses it again does not get less than an orderly end.
    assert home.stop(how) == 0
    assert time.monotonic() - begun < 10
    assert statuses(home) == ["approved"] * 18 + ["in_doubt"] * 2
    assert len(home.ran()) == 2


def test_neither_visitors_nor_executors_hold_it_for_more_than_ten_seconds(
    slow_home: Callable[..., TestHome],
) -> None:
    home = slow_home(60)
    flood(home, 3)
    with socket.create_connection(("127.0.0.1", home.port)) as visitor:
        visitor.sendall(b"POST /d/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nverb=")
        time.sleep(0.2)
        begun = time.monotonic()
        assert home.stop(signal.SIGTERM) == 0
    assert time.monotonic() - begun < 9


def segment(home: TestHome) -> Path:
    [found] = (home.root / "state/journal").glob("*.log")
    return found


def test_a_torn_end_of_the_journal_is_cut_off_kept_and_told(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(label(kind="self.run"))
    home.once()
    before = home.json("queue")
    with segment(home).open("ab") as journal:
        journal.write(b'0badc0de {"cases":[["26')
    done = home.cli("run", "--once")
    assert done.returncode == 0
    assert "torn" in done.stderr
    assert home.json("queue") == before
    [kept] = (home.root / "state/journal").glob("*.torn-*")
    assert kept.read_bytes() == b'0badc0de {"cases":[["26'


def state_of(home: TestHome) -> dict[str, bytes]:
    places = [home.root / name for name in ("state/journal", "state/receipts", "spool/new")]
    return {str(path): path.read_bytes() for place in places for path in sorted(place.iterdir())}


def test_damage_in_the_middle_of_the_journal_stops_the_start_and_changes_nothing(
    quiet_home: TestHome,
) -> None:
    home = quiet_home
    for number in range(3):
        home.drop(label(kind="self.run"), f"a{number}.json")
        home.once()
    journal = segment(home)
    data = bytearray(journal.read_bytes())
    middle = data.index(b"\n", len(data) // 3) + 1
    data[middle + 20] ^= 1
    journal.write_bytes(bytes(data))
    home.drop(label())
    before = state_of(home)
    for words in (["run"], ["run", "--once"]):
        done = home.cli(*words)
        assert done.returncode == 1
        assert f"{journal}: damaged at byte {middle}" in done.stderr
        assert "backup" in done.stderr
        assert "Traceback" not in done.stderr
    assert state_of(home) == before


def told_of_the_disk(home: TestHome) -> tuple[int, dict[str, Any]]:
    """The daemon's own end, and what `status` says then."""
    assert home.daemon is not None
    status = home.daemon.wait(timeout=15)
    home.daemon = None
    done = home.cli("status", "--json")
    assert done.returncode == 1
    report: dict[str, Any] = json.loads(done.stdout)
    return status, report


def test_a_full_disk_under_the_journal_stops_the_daemon_and_is_told(home: TestHome) -> None:
    home.await_result(home.drop(label()))
    assert home.daemon is not None
    limit = segment(home).stat().st_size + 300
    resource.prlimit(home.daemon.pid, resource.RLIMIT_FSIZE, (limit, limit))
    action = home.drop(label())
    status, report = told_of_the_disk(home)
    assert status == 1
    assert "could not be written" in home.log()
    assert "Traceback" not in home.log()
    assert [fault for fault in report["faults"] if str(segment(home)) in fault]
    home.start()
    assert home.await_result(action)["status"] == "executed"


def test_a_full_disk_under_the_receipts_stops_the_daemon_and_is_told(home: TestHome) -> None:
    home.await_result(home.drop(label()))
    assert home.daemon is not None
    [month] = (home.root / "state/receipts").glob("*.jsonl")
    journal = segment(home)
    big = label(kind="root.grant", payload={"x": "y" * 20_000})
    # The journal has room for the action, which the receipt tells twice.
    limit = max(month.stat().st_size, journal.stat().st_size) + 30_000
    resource.prlimit(home.daemon.pid, resource.RLIMIT_FSIZE, (limit, limit))
    action = home.drop(big)
    status, report = told_of_the_disk(home)
    assert status == 1
    assert [fault for fault in report["faults"] if str(month) in fault]
    home.start()
    assert home.await_result(action)["status"] == "denied"
    assert home.json("receipts", "verify")["count"] == 2


def test_a_hangup_while_it_starts_is_not_its_end(quiet_home: TestHome) -> None:
    home = quiet_home
    home.begin()
    assert home.daemon is not None
    until(Home(home.root).running, "it holds its home")
    home.daemon.send_signal(signal.SIGHUP)
    home.await_daemon()
    assert home.await_result(home.drop(label()))["status"] == "executed"


def test_an_interrupt_before_it_has_begun_ends_it_without_a_word(tmp_path: Path) -> None:
    # The first module that it loads from elsewhere.
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    words = [sys.executable, "-m", "hitl_mail", "--version"]
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
