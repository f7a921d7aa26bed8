"""docs/conditions.md and docs/policy-history.md: their commands print what the pages say."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.home import TestHome, refund
from tests.acceptance.pages import is_as_told, page, steps, type_in


def show(name: str, home: TestHome, tmp_path: Path) -> int:
    """Type all blocks of a page, and compare; how many there were."""
    shown = steps(page(name))
    for step in shown:
        printed = type_in(step.script, tmp_path, HITL_MAIL_HOME=str(home.root))
        assert is_as_told(str(step.prints), printed), printed
    return len(shown)


def test_an_explanation_is_what_the_page_shows(newcomer: TestHome, tmp_path: Path) -> None:
    (tmp_path / "refund.json").write_text(json.dumps(refund()))
    assert show("docs/conditions.md", newcomer, tmp_path) == 1


def test_the_rules_against_the_past_are_told_as_the_page_says(
    newcomer: TestHome, tmp_path: Path
) -> None:
    for name, verb in (("one", "approve"), ("two", "approve"), ("three", "reject")):
        newcomer.drop(refund(), f"{name}.json")
        newcomer.case_of(name)
        assert newcomer.cli(verb, name).returncode == 0
        newcomer.await_result(name)
    assert show("docs/policy-history.md", newcomer, tmp_path) == 3
