"""docs/conditions.md says what `policy.variables` says, and all it shows can be written so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hitl_mail.policy.conditions import compile_condition
from hitl_mail.policy.variables import VARIABLES, Variable

PAGE = Path(__file__).parents[2].joinpath("docs/conditions.md").read_text("utf-8")
SHOWN = [
    line for block in re.findall(r"```cel\n(.*?)```", PAGE, re.S) for line in block.split("\n")
]


def row(name: str, variable: Variable) -> str:
    meaning = variable.meaning + (" (optional)" if variable.optional else "")
    return f"| `{name}` | {variable.type} | {meaning} | `{variable.example}` |"


def test_the_page_lists_every_variable_and_no_other() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [row(name, variable) for name, variable in VARIABLES.items()]


@pytest.mark.parametrize("source", [line for line in SHOWN if line])
def test_every_condition_that_the_page_shows_loads(source: str) -> None:
    assert compile_condition(source).source == source
