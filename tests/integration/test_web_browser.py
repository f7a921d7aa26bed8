"""A real browser on the decision page, as a reviewer, a scanner and a keyboard use it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.web.browser import Tab, chromium
from tests.web.one_case import OneCase
from tests.web.serve import TEMPLATES, served


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    needs("chromium", "chromium")
    async with chromium(tmp_path / "profile") as found:
        yield found


async def test_loading_the_page_with_scripts_on_decides_nothing_and_breaks_no_policy(
    tab: Tab,
) -> None:
    pages = OneCase()
    before = pages.state()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        title = await tab.ask("document.querySelector('h1').textContent")
    assert (title, tab.complaints, pages.state()) == (pages.facts.title, [], before)


async def test_the_browser_would_complain_of_a_style_that_is_not_ours(
    tab: Tab, tmp_path: Path
) -> None:
    """Without this, the test above could pass because nothing is ever reported."""
    async with served(OneCase(), templates=[with_a_style_attribute(tmp_path)]) as client:
        await tab.go(f"{client.base_url}/d/ada")
    assert "Content Security Policy" in " ".join(tab.complaints)


def with_a_style_attribute(directory: Path) -> Path:
    """The templates, with a style in the page that no hash lets in."""
    copy = directory / "templates"
    shutil.copytree(TEMPLATES, copy)
    page = copy / "page.html"
    page.write_text(page.read_text().replace("<main>", '<main style="color: red">'))
    return copy


async def test_the_choices_are_in_sight_on_a_small_phone(tab: Tab) -> None:
    async with served(OneCase()) as client:
        await tab.go(f"{client.base_url}/d/ada")
        low = await tab.ask(
            "Math.max(...[...document.querySelectorAll('button')]"
            ".map(button => button.getBoundingClientRect().bottom))"
        )
        wide = await tab.ask("document.documentElement.scrollWidth")
    assert (0 < low <= 640, wide) == (True, 360)


async def test_a_click_decides_and_shows_what_became_of_it(tab: Tab) -> None:
    pages = OneCase()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await tab.ask("document.querySelector('button[value=approve]').click()")
        await tab.loaded()
        headline = await tab.ask("document.querySelector('h1').textContent")
    said = [(said.by, said.verb) for said in pages.facts.decisions]
    assert (headline, said, tab.complaints) == ("Done", [("ada", "approve")], [])


async def test_a_keyboard_alone_reaches_the_decision_and_makes_it(tab: Tab) -> None:
    pages = OneCase()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await tab.press("Tab", 9)
        skip = await tab.ask("document.activeElement.textContent")
        await tab.press("Enter", 13)
        await tab.press("Tab", 9)
        await tab.press("Tab", 9)
        button = await tab.ask("document.activeElement.value")
        await tab.press("Enter", 13)
        await tab.loaded()
    verbs = [said.verb for said in pages.facts.decisions]
    assert (skip, button, verbs) == ("Go to the decision", "reject", ["reject"])
