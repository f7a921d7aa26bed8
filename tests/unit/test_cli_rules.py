"""`rules check`, `rules test` and `rules explain --variables` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hitl_mail.bootstrap import create_home
from hitl_mail.cli import cli
from hitl_mail.policy.variables import VARIABLES

OTHERWISE = """
[[tests]]
name = "notes are denied"
action = { kind = "note.add", summary = "x", payload = {} }
expect = { gate = "deny", sampled = true }
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return create_home(tmp_path / "home").root


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), "rules", *words])


def write(home: Path, name: str, text: str) -> None:
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_a_new_home_passes_its_own_tests(home: Path) -> None:
    ran = run(home, "test")
    assert (ran.exit_code, ran.output) == (0, "14 tests, 0 differ\n")


def test_a_new_home_raises_nothing(home: Path) -> None:
    found = json.loads(run(home, "check", "--json").output)
    assert (found["ok"], found["problems"], found["lints"]) == (True, [], [])


def test_what_differs_is_printed_and_exits_1(home: Path) -> None:
    write(home, "tests/notes.toml", OTHERWISE)
    ran = run(home, "test")
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        "tests/notes.toml: notes are denied",
        "  gate: expected deny, is auto",
        "  sampled: expected true, is not drawn",
        "15 tests, 1 differ",
    ]


def test_what_differs_is_told_as_json(home: Path) -> None:
    write(home, "tests/notes.toml", OTHERWISE)
    found = json.loads(run(home, "test", "--json").output)
    assert (found["ok"], found["tests"][-1]) == (
        False,
        {
            "file": "tests/notes.toml",
            "name": "notes are denied",
            "ok": False,
            "differences": [
                {"field": "gate", "expected": "deny", "actual": "auto"},
                {"field": "sampled", "expected": True, "actual": None},
            ],
        },
    )


def test_lints_are_printed_and_do_not_fail(home: Path) -> None:
    rules = home / "rules.toml"
    rules.write_text(rules.read_text() + '\n[kinds."post.publish"]\nreversible = true\n')
    ran = run(home, "check")
    assert ran.exit_code == 0
    assert 'kinds."post.publish": no rule speaks for it' in ran.output


def test_check_reads_the_tests_too(home: Path) -> None:
    write(home, "tests/notes.toml", "[[test]]\n")
    found = json.loads(run(home, "check", "--json").output)
    assert [(p["file"], p["line"], p["mend"]) for p in found["problems"]] == [
        ("tests/notes.toml", 1, "Did you mean tests?")
    ]


def test_all_files_are_checked_in_one_run(home: Path) -> None:
    write(home, "rules.toml", "[policie]\n")
    write(home, "tests/notes.toml", "[[test]]\n")
    write(home, "tests/other.toml", "no")
    ran = run(home, "check", "--json")
    assert ran.exit_code == 2
    files = [problem["file"] for problem in json.loads(ran.output)["problems"]]
    assert files == ["rules.toml", "tests/notes.toml", "tests/other.toml"]


def test_the_variables_of_conditions_are_listed(home: Path) -> None:
    rows = json.loads(run(home, "explain", "--variables", "--json").output)
    assert [row["name"] for row in rows] == list(VARIABLES)
