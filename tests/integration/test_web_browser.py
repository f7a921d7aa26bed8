"""A real browser on the decision page: it shows it, and by showing it decides nothing."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.integration.conftest import needs
from tests.web.one_case import OneCase
from tests.web.serve import TEMPLATES, served

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
    "--dump-dom",
)


@pytest.fixture(autouse=True)
def _chromium() -> None:
    needs("chromium", "chromium")


async def browse(url: str, profile: Path) -> tuple[str, list[str]]:
    """The page's tree after scripts have run, and what the browser's console said."""
    browser = await asyncio.create_subprocess_exec(
        "chromium",
        *FLAGS,
        f"--user-data-dir={profile}",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, log = await browser.communicate()
    except TimeoutError:
        browser.kill()
        await browser.wait()
        raise
    return out.decode(), [line for line in log.decode().splitlines() if ":CONSOLE" in line]


async def test_a_browser_shows_the_choice_without_complaint_and_decides_nothing(
    tmp_path: Path,
) -> None:
    pages = OneCase()
    before = pages.state()
    async with served(pages) as client:
        tree, console = await browse(f"{client.base_url}/d/ada", tmp_path / "profile")
    assert ('value="approve"' in tree, console, pages.state()) == (True, [], before)


async def test_the_browser_would_complain_about_a_style_that_is_not_ours(tmp_path: Path) -> None:
    """Without this the test above could pass because nothing is ever reported."""
    async with served(OneCase(), templates=[with_a_style_attribute(tmp_path)]) as client:
        _, console = await browse(f"{client.base_url}/d/ada", tmp_path / "profile")
    assert "Content Security Policy" in " ".join(console)


def with_a_style_attribute(directory: Path) -> Path:
    """The templates, with a style in the page that no hash lets in."""
    copy = directory / "templates"
    shutil.copytree(TEMPLATES, copy)
    page = copy / "page.html"
    page.write_text(page.read_text().replace("<main>", '<main style="color: red">'))
    return copy
