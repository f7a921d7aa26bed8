"""docs/cookbook.md: every recipe loads as it stands and holds its own tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hitl_mail.policy.tests import run_test
from tests.rulebook import policy

PAGE = Path(__file__).parents[2].joinpath("docs/cookbook.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^## (.*?)\n.*?```toml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
BEGIN = '[policy]\nunmatched = "hard"\nunknown_kind = "hard"\nreviewers = ["owner"]\n'


def test_there_is_one_for_each_of_the_seven_reasons() -> None:
    assert [title[:2] for title in RECIPES] == [f"{n}." for n in range(1, 8)]


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_holds_its_tests(title: str) -> None:
    found = policy(BEGIN + RECIPES[title])
    results = [run_test(found, test, "default", lambda *_: frozenset()) for test in found.tests]
    assert len(results) >= 2
    assert [result for result in results if result.differences] == []
