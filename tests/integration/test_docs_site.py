"""The documentation as a site, manual pages, and what a shell completes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.home import TestHome, label, refund
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]


def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in
             (ROOT / "docs").rglob("*.md")}  # fmt: skip
    assert [page for page in pages if not (tmp_path / "site" / page).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": ([a-z/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    there = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(there)


def test_every_command_has_a_manual_page(tmp_path: Path) -> None:
    from hitl_mail.cli import cli

    program = [sys.executable, str(ROOT / "deploy/man_pages.py"), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(program, check=True, env=env, capture_output=True)
    names = {path.stem for path in tmp_path.glob("*.1")}
    assert {f"hitl-mail-{name}" for name in cli.list_commands(None)} <= names  # type: ignore[arg-type]
    assert "hitl-mail-rules-check" in names
    assert "Exits 1 where there is a fault" in (tmp_path / "hitl-mail-doctor.1").read_text()


@pytest.fixture
def home(tmp_path: Path) -> TestHome:
    made = TestHome(tmp_path / "home", free_port())
    made.drop(refund())
    made.once()
    return made


def completed(home: TestHome, line: str) -> list[str]:
    """What bash is told for a line, its last word half typed."""
    words = f"hitl-mail --home {home.root} {line}"
    env = {
        **os.environ,
        "_HITL_MAIL_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "hitl_mail"], env=env, capture_output=True, text=True, check=True
    )
    return [entry.partition(",")[2] for entry in done.stdout.split()]


def test_a_shell_completes_commands_and_open_cases(home: TestHome) -> None:
    [row] = home.json("queue")
    assert "doctor" in completed(home, "doc")
    for command in ("approve", "show", "cancel"):
        assert completed(home, f"{command} {row['case'][:4]}") == [row["case"]]
    assert completed(home, "approve zz") == []


def test_a_shell_offers_only_cases_of_which_that_can_be_said(home: TestHome) -> None:
    home.drop(label(kind="self.run"), "permitted.json")
    home.once()
    cases = {row["status"]: row["case"] for row in home.json("queue")}
    day = cases["pending"][:7]
    assert set(completed(home, f"show {day}")) == set(cases.values())
    for verb in ("approve", "edit", "route"):
        assert completed(home, f"{verb} {day}") == [cases["pending"]]
    assert completed(home, f"retry {day}") + completed(home, f"ok {day}") == []


def test_a_home_that_cannot_be_read_completes_nothing(home: TestHome) -> None:
    (home.root / "state/journal").rename(home.root / "state/elsewhere")
    assert completed(home, "approve 2") == []
