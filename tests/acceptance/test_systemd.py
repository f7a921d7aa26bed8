"""Under systemd: what the daemon tells it, and what the unit allows."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from hitl_mail.adapters.systemd import Notify
from tests.acceptance.home import TestHome

UNIT = Path(__file__).parents[2] / "deploy/hitl-mail.service"


@pytest.fixture
def listening(tmp_path: Path) -> socket.socket:
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.settimeout(20)
    return told


def test_the_daemon_says_that_it_is_ready_and_goes_on_saying_that_it_lives(
    quiet_home: TestHome,
    listening: socket.socket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    quiet_home.start()
    with listening:
        for _ in range(3):
            said = listening.recv(4096).decode().splitlines()
            assert said == ["READY=1", "WATCHDOG=1", "STATUS=0 cases open, 0 mails waiting"]
    # Where nobody listens any more, it does its work all the same.
    assert quiet_home.health() == {"status": "ok"}
    assert quiet_home.stop() == 0


def test_an_abstract_socket_is_known_by_its_at(tmp_path: Path) -> None:
    name = f"hitl-mail-test-{tmp_path.name}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(f"\0{name}")
        told.settimeout(5)
        Notify(f"@{name}").alive("two\nlines")
        assert told.recv(4096) == b"READY=1\nWATCHDOG=1\nSTATUS=two lines"


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    opened: list[object] = []
    monkeypatch.setattr(socket, "socket", lambda *how: opened.append(how))
    Notify().alive("nobody listens")
    assert opened == []


@pytest.fixture
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: apt-get install systemd"
    return program


def test_systemd_finds_no_fault_in_the_unit(analyze: str, tmp_path: Path) -> None:
    program = tmp_path / "hitl-mail"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/opt/hitl-mail/bin/hitl-mail", str(program)))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(here)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_leaves_little_exposed(analyze: str) -> None:
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=True,
    )
    [level] = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert float(level) < 2.0
