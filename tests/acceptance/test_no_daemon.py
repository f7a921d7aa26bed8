"""No daemon runs: whoever hands something in, looks or decides is told, on standard error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.home import TestHome, label

DOWN = "no daemon is running"


@pytest.fixture
def waiting(quiet_home: TestHome) -> TestHome:
    """A home with one file that no daemon has taken."""
    quiet_home.drop(label(), "t1.json")
    return quiet_home


def test_what_is_handed_in_says_that_nobody_takes_it(quiet_home: TestHome, tmp_path: Path) -> None:
    file = tmp_path / "t1.json"
    file.write_text(json.dumps(label()))
    done = quiet_home.cli("submit", str(file))
    assert (done.returncode, done.stdout) == (0, "t1\n")
    assert done.stderr == f"{DOWN}: 1 file waits in the spool; start it: hitl-mail run\n"


@pytest.mark.parametrize("words", [["queue"], ["queue", "--json"], ["wait", "t1", "--timeout=0"]])
def test_who_looks_is_told_that_a_file_waits(waiting: TestHome, words: list[str]) -> None:
    done = waiting.cli(*words)
    assert f"{DOWN}: 1 file waits in the spool; start it: hitl-mail run" in done.stderr
    assert DOWN not in done.stdout


@pytest.mark.parametrize("name", ["t1", "default/t1"])
@pytest.mark.parametrize("verb", ["show", "approve"])
def test_a_case_to_be_is_told_to_be_a_file(waiting: TestHome, verb: str, name: str) -> None:
    done = waiting.cli(verb, name)
    assert done.returncode == 2
    assert f"no case {name} yet: its file waits in" in done.stderr
    assert f"for {DOWN}; start it: hitl-mail run" in done.stderr


def test_while_a_daemon_runs_there_is_no_word_of_it(home: TestHome) -> None:
    assert home.cli("queue").stderr == ""
    assert home.cli("show", "case-1").stderr == (
        "hitl-mail: no case case-1; see: hitl-mail queue, hitl-mail receipts list\n"
    )
