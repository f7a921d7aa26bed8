"""`rules replay`, `suggest` and `diff` at the command line, over sealed receipts."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hitl_mail import bootstrap
from hitl_mail.home import Home
from tests.rulebook import KINDS, rule
from tests.support.history import Case, bodies, case, erase_in, name, write_history

ASKS = KINDS.replace('executor = "refund"', "") + rule("labels", 'kind == "crm.label"')
RUNS = ASKS.replace('"hard"', '"auto"')
SITE = """
[site]
name = "Test"
admins = ["cleo"]
[people.cleo]
mail = "cleo@example.com"
[groups]
owner = ["cleo"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = bootstrap.create_home(tmp_path / "home")
    made.site_file.write_text(SITE)
    made.rules_file.write_text(ASKS)
    return made


def record(home: Home, cases: Iterable[Case]) -> None:
    _, policy = bootstrap.load_config(home)
    write_history(home.state, bodies(cases, policy))


def run(home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hitl_mail", "--home", str(home.root), "rules", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(home: Home, *words: str) -> Any:
    ran = run(home, *words, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    return json.loads(ran.stdout)


def rules_file(home: Home, text: str) -> str:
    path = home.root / "new.toml"
    path.write_text(text)
    return str(path)


def test_a_replay_names_what_would_have_run_alone_though_refused(home: Home) -> None:
    record(home, [case(), case(said="reject"), case()])
    found = read(home, "replay", "--rules", rules_file(home, RUNS))
    assert [row["case"] for row in found["alone_though_refused"]["cases"]] == [name(1)]
    assert found["asks"] == {"before": 3, "after": 0, "change": -3}


def test_a_replay_can_be_read_by_people(home: Home) -> None:
    record(home, [case(), case(said="reject")])
    ran = run(home, "replay", "--rules", rules_file(home, RUNS))
    assert "asks           2 -> 0 (-2)" in ran.stdout
    assert "WOULD HAVE RUN ALONE although a person rejected or edited it: 1" in ran.stdout
    assert f"{name(1)}  crm.label 1  rejected by ada" in ran.stdout


def test_erased_receipts_are_named_as_not_replayable(home: Home) -> None:
    record(home, [case(), case(said="reject"), case()])
    erase_in(home.state, [name(1)])
    found = read(home, "replay", "--rules", rules_file(home, RUNS))
    assert found["erased"] == {"count": 1, "cases": [name(1)]}
    assert (found["receipts"], found["replayed"]) == (3, 2)


def test_a_replay_of_a_time_begins_in_its_month(home: Home) -> None:
    record(home, [case() for _ in range(3)])
    found = read(home, "replay", "--rules", rules_file(home, RUNS), "--since", "1h")
    assert found["receipts"] == 0
    long_ago = read(home, "replay", "--rules", rules_file(home, RUNS), "--since", "3650d")
    assert long_ago["receipts"] == 3


def test_rules_that_are_broken_are_told_with_their_lines(home: Home) -> None:
    file = rules_file(home, RUNS + "\n[[rules]]\nname = 3\n")
    ran = run(home, "replay", "--rules", file)
    assert ran.returncode == 2
    assert f"{file}:{len(RUNS.splitlines()) + 3}: rules[1].name: must be a text" in ran.stderr


def test_rules_that_are_not_there_are_told(home: Home) -> None:
    ran = run(home, "replay", "--rules", "gone.toml")
    assert (ran.returncode, "gone.toml" in ran.stderr) == (2, True)


def test_a_time_that_is_none_is_told(home: Home) -> None:
    ran = run(home, "suggest", "--since", "soon")
    assert (ran.returncode, "--since" in ran.stderr) == (2, True)


@pytest.mark.parametrize("words", [["suggest"], ["replay", "--rules", "rules.toml"]])
def test_without_receipts_there_is_nothing_to_learn_from(home: Home, words: list[str]) -> None:
    words = [str(home.root / word) if word.endswith(".toml") else word for word in words]
    ran = run(home, *words)
    assert (ran.returncode, "no receipts" in ran.stdout) == (0, True)


def test_a_short_history_gives_no_suggestion(home: Home) -> None:
    record(home, [case() for _ in range(5)])
    assert read(home, "suggest")["suggestions"] == []


def test_a_progress_bar_is_drawn_where_somebody_watches(home: Home) -> None:
    record(home, [case() for _ in range(3)])
    command = [sys.executable, "-m", "hitl_mail", "--home", str(home.root), "rules", "suggest"]
    ours, theirs = pty.openpty()
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=False)
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert (ran.returncode, b"Reading" in shown, "Reading" in ran.stdout) == (0, True, False)


def test_two_files_are_compared(home: Home) -> None:
    ran = run(home, "diff", str(home.rules_file), rules_file(home, RUNS))
    assert 'rule labels: gate was "hard", is "auto" (milder)' in ran.stdout


def test_a_kept_policy_is_found_by_the_beginning_of_its_digest(home: Home) -> None:
    _, policy = bootstrap.load_config(home)
    digest = policy.digest.removeprefix("sha256:")
    (home.policies / f"{digest}.toml").write_text(policy.text)
    for name_ in (policy.digest, digest, digest[:8]):
        assert read(home, "diff", name_, str(home.rules_file)) == []


def test_what_is_no_policy_is_not_compared(home: Home) -> None:
    ran = run(home, "diff", "0123456789", str(home.rules_file))
    assert (ran.returncode, "no kept policy" in ran.stderr) == (2, True)


def test_a_file_that_is_not_toml_is_told_with_its_line(home: Home) -> None:
    ran = run(home, "diff", str(home.rules_file), rules_file(home, "[policy\n"))
    assert (ran.returncode, "new.toml:1" in ran.stderr) == (2, True)
