"""How the command line speaks of itself."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from hitl_mail.cli.output import program


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program in an environment that is not active, seen from the directory above it."""
    there = tmp_path / "check out" / ".venv" / "bin"
    there.mkdir(parents=True)
    (there / "hitl-mail").touch(0o755)
    monkeypatch.setattr(sys, "executable", str(there / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path / "check out")
    return there / "hitl-mail"


def test_who_is_told_to_call_us_can_do_so_from_every_directory(beside: Path) -> None:
    assert shlex.split(program()) == [str(beside)]


def test_where_we_are_on_the_path_the_name_is_enough(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(beside.parent))
    assert program() == "hitl-mail"
