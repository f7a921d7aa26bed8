"""Mails in a real browser at the width of a small phone, as a mail program would show them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests import packets
from tests.conftest import needs
from tests.mails import composed, text_of
from tests.web.browser import Tab, chromium

MEASURE = """JSON.stringify({
  wide: document.documentElement.scrollWidth,
  buttons: [...document.querySelectorAll('a.button')].map(button => {
    const box = button.getBoundingClientRect();
    return {label: button.textContent, top: box.top, bottom: box.bottom, width: box.width};
  }),
})"""


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    needs("chromium", "chromium")
    async with chromium(tmp_path / "profile") as found:
        yield found


async def measured(tab: Tab, directory: Path, name: str) -> dict[str, Any]:
    file = directory / f"{name}.html"
    file.write_text(text_of(composed(packets.ALL[name]()).message, "html"))
    await tab.go(file.as_uri())
    found: dict[str, Any] = json.loads(await tab.ask(MEASURE))
    return found


@pytest.mark.parametrize("name", ["refund", "too_long", "held", "in_doubt", "in_review"])
async def test_the_choice_is_in_sight_without_scrolling(
    tab: Tab, tmp_path: Path, name: str
) -> None:
    """The page, where the mail offers all that it offers, may stand below."""
    buttons = (await measured(tab, tmp_path, name))["buttons"]
    first = [button for button in buttons if button["label"] != "Decide on the page"]
    assert len(first) >= 2
    assert [button["label"] for button in first if button["bottom"] > 640] == []


@pytest.mark.parametrize("name", packets.ALL)
async def test_nothing_is_wider_than_a_small_phone(tab: Tab, tmp_path: Path, name: str) -> None:
    assert (await measured(tab, tmp_path, name))["wide"] == 360


async def test_buttons_are_large_enough_for_a_thumb(tab: Tab, tmp_path: Path) -> None:
    small = [
        (name, button["label"])
        for name in packets.ALL
        for button in (await measured(tab, tmp_path, name))["buttons"]
        if button["bottom"] - button["top"] < 44 or button["width"] < 88
    ]
    assert small == []
