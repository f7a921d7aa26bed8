"""docs/receipts.md: its commands print what it says, and its program needs no code of ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.home import RULES, TestHome, label, refund
from tests.acceptance.pages import blocks, is_as_told, page, section, steps, type_in

PAGE = page("docs/receipts.md")
[PROGRAM] = blocks(section(PAGE, "Without us"), "python")
[TOLD] = blocks(section(PAGE, "Without us"), "text")


def verify(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the program of the page, where nothing of ours can be imported."""
    program = tmp_path / "verify.py"
    program.write_text(PROGRAM)
    return subprocess.run(
        [sys.executable, "-I", str(program), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


@pytest.fixture
def full(make_home: Callable[..., TestHome]) -> TestHome:
    """A home with receipts of several sorts: sampled, expired, denied, refused with a note."""
    home = make_home(rules=RULES.replace('gate = "auto"', 'gate = "sample"\nrate = 0.5'))
    home.drop(label(payload={"amount": 1e21, "name": "Zoë"}))
    home.drop(refund(expires="1s"))
    home.drop(refund(kind="root.grant"))
    home.drop(refund(kind="other.thing", id="first"))
    home.once()
    assert home.cli("reject", "first", "because", "of “it”").returncode == 0
    home.once()
    return home


def test_the_commands_print_what_the_page_says(newcomer: TestHome, tmp_path: Path) -> None:
    newcomer.drop(refund(), "refund.json")
    newcomer.await_mail("", "Refund 49 EUR")
    assert newcomer.cli("approve", "refund").returncode == 0
    newcomer.await_result("refund")
    [reads] = blocks(section(PAGE, "Reading"), "python")
    assert newcomer.root == tmp_path / "approvals"
    found = f'{sys.executable} -c "$READS"'
    counted = reads.replace("db.table", "found = db.table") + "print(len(found))"
    assert type_in(found, tmp_path, READS=counted) == "1\n"
    shown = steps(PAGE)
    assert len(shown) == 5
    for step in shown:
        printed = type_in(step.script, tmp_path, HITL_MAIL_HOME=str(newcomer.root))
        assert step.prints is None or is_as_told(step.prints, printed), printed
    done = verify(tmp_path, str(newcomer.root))
    assert is_as_told(TOLD, done.stdout), done.stdout + done.stderr


def test_the_pages_program_agrees_with_ours(full: TestHome, tmp_path: Path) -> None:
    ours = full.json("receipts", "verify")
    assert verify(tmp_path, str(full.root)).stdout == (
        f"{ours['seq']} receipts verified; head {ours['digest']}\n"
    )
    assert full.cli("receipts", "erase", "first").returncode == 0
    full.once()
    ours = full.json("receipts", "verify")
    done = verify(tmp_path, str(full.root))
    assert done.stdout == f"{ours['seq']} receipts verified; head {ours['digest']}\n", done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"crm.label"', b'"crm.lapel"'),
        (b'"title":"', b'"title":"Not '),
        (b'"signature":"', b'"signature":"A'),
        (b'"status":"denied"', b'"status":"failed"'),
        (b'"seq":2', b'"seq":9'),
    ],
)
def test_the_pages_program_finds_what_was_changed(
    full: TestHome, tmp_path: Path, before: bytes, after: bytes
) -> None:
    [month] = (full.root / "state/receipts").iterdir()
    whole = month.read_bytes()
    assert before in whole
    month.write_bytes(whole.replace(before, after, 1))
    done = verify(tmp_path, str(full.root))
    assert (done.returncode, done.stderr.startswith("after receipt ")) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_the_pages_program_misses_a_line(full: TestHome, tmp_path: Path) -> None:
    [month] = (full.root / "state/receipts").iterdir()
    lines = month.read_bytes().splitlines(keepends=True)
    month.write_bytes(b"".join(lines[:1] + lines[2:]))
    assert verify(tmp_path, str(full.root)).stderr.startswith("after receipt 0: ")


def test_the_pages_program_needs_no_package_but_those_it_names() -> None:
    [named] = re.findall(r"`python -m pip install ([\w ]+)`", section(PAGE, "Without us"))
    imported = set(re.findall(r"^(?:from|import) (.*)$", PROGRAM, re.MULTILINE))
    names = {re.split(r"[. ]", one)[0] for line in imported for one in line.split(", ")}
    assert names - sys.stdlib_module_names == set(named.split())


def test_the_pages_program_says_how_it_is_called(tmp_path: Path) -> None:
    done = verify(tmp_path)
    assert (done.returncode, done.stderr) == (1, "usage: python verify.py HOME\n")
