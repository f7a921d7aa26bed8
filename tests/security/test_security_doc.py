"""SECURITY.md: what it names as evidence is there, and what is evidence is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_it_names_is_there(path: str, name: str) -> None:
    """A promise whose test has gone or is called otherwise is no promise any more."""
    source = (ROOT / path).read_text()
    assert re.search(rf"^\s*(?:async )?def {name}\(", source, re.MULTILINE)


def test_every_line_of_a_table_of_promises_names_a_test() -> None:
    promised = TEXT.partition("## What is promised")[2].partition("## What is not")[0]
    rows = [line for line in promised.splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith(("| ---", "| promise"))]
    assert len(promises) > 30
    assert [row for row in promises if "`tests/" not in row] == []


def test_every_file_of_security_tests_is_named() -> None:
    """What attacks something shows something: else the page is behind."""
    named = {Path(path).name for path, _ in NAMED}
    files = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    assert files - named == {"test_security_doc.py"}


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_it_is_found_from(page: str) -> None:
    assert "SECURITY.md" in (ROOT / page).read_text()


def test_every_page_that_it_links_to_has_that_heading() -> None:
    for page, heading in re.findall(r"\]\((docs/[\w.-]+)#([\w-]+)\)", TEXT):
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
        assert heading in slugs, (page, heading)
