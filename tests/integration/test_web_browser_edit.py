"""Editing, handing on and the queue in a real browser, by keyboard alone and without a script."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.web.browser import Tab, chromium
from tests.web.one_case import OneCase, row
from tests.web.serve import served

HEADLINE = "document.querySelector('h1').textContent"


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    needs("chromium", "chromium")
    async with chromium(tmp_path / "profile") as found:
        yield found


async def enter(tab: Tab) -> None:
    await tab.press("Enter", 13)


async def open_panel(tab: Tab, link: str) -> None:
    """Reach a panel from the top of the page, by keys."""
    await enter_after(tab, "focus.className == 'skip'")
    await enter_after(tab, f"focus.textContent == '{link}'")


async def enter_after(tab: Tab, wanted: str) -> None:
    await tab.tab_to(wanted)
    await enter(tab)


async def test_a_keyboard_alone_edits_sees_the_change_and_approves_it(tab: Tab) -> None:
    pages = OneCase()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await open_panel(tab, "Edit")
        await tab.tab_to("focus.name == 'p:amount'")
        # What a Tab enters is selected, so typing replaces it.
        await tab.type("40.50")
        await tab.tab_to("focus.name == 'p:customer'")
        await tab.type("Bob")
        await tab.tab_to("focus.name == 'note'")
        await tab.type("half of it")
        await enter_after(tab, "focus.value == 'edit'")
        await tab.loaded()
        rows = await tab.ask(
            "[...document.querySelectorAll('.sides tbody tr')].map(r => r.innerText).join('|')"
        )
        at = await tab.ask("window.scrollY")
        await enter_after(tab, "focus.className == 'skip'")
        await enter_after(tab, "focus.value == 'approve'")
        await tab.loaded()
        headline = await tab.ask(HEADLINE)
    assert pages.payloads[-1] == {
        "amount": 40.5,
        "currency": "EUR",
        "customer": "Bob",
        "invoice": "2026-1183",
    }
    assert [(said.verb, said.note) for said in pages.facts.decisions] == [
        ("edit", "half of it"),
        ("approve", ""),
    ]
    assert ("40.5" in rows and "Bob" in rows, at, headline, tab.complaints) == (True, 0, "Done", [])


async def test_enter_in_a_field_saves_the_change_and_approves_nothing(tab: Tab) -> None:
    pages = OneCase()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await open_panel(tab, "Edit")
        await tab.tab_to("focus.name == 'p:amount'")
        await tab.type("40")
        await enter(tab)
        await tab.loaded()
    assert [said.verb for said in pages.facts.decisions] == ["edit"]


async def test_a_keyboard_alone_takes_the_other_tab_and_edits_the_json(tab: Tab) -> None:
    pages = OneCase()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await open_panel(tab, "Edit")
        await enter_after(tab, "focus.textContent == 'JSON'")
        seen = await tab.ask(
            "[...document.querySelectorAll('.panel')].filter(p => p.offsetHeight).map(p => p.id)"
            ".join()"
        )
        await tab.tab_to("focus.name == 'json'")
        await tab.ask("document.activeElement.select()")
        await tab.type('{"amount": 1, "currency": "USD"}')
        await enter_after(tab, "focus.value == 'edit'")
        await tab.loaded()
    assert (seen, pages.payloads[-1]) == ("edit-json", {"amount": 1, "currency": "USD"})


async def test_a_refused_edit_opens_again_with_what_was_typed(tab: Tab) -> None:
    pages = OneCase()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await open_panel(tab, "Edit")
        await tab.tab_to("focus.name == 'p:amount'")
        await tab.type("40,50")
        await enter(tab)
        await tab.loaded()
        await enter_after(tab, "focus.getAttribute('href') == '#f1'")
        focused = await tab.ask("document.activeElement.value")
        still = await tab.ask("document.getElementById('edit').offsetHeight > 0")
    assert (focused, still, len(pages.payloads)) == ("40,50", True, 1)


async def test_one_panel_at_a_time_is_open(tab: Tab) -> None:
    panels = "[...document.querySelectorAll('.panel')].filter(p => p.offsetHeight).map(p => p.id)"
    async with served(OneCase()) as client:
        await tab.go(f"{client.base_url}/d/ada")
        found = [await tab.ask(f"{panels}.join()")]
        for link in ("#edit", "#route", "#decide"):
            await tab.ask(f"document.querySelector('a[href=\"{link}\"]').click()")
            found.append(await tab.ask(f"{panels}.join()"))
    assert found == ["", "edit", "route", ""]


async def test_a_keyboard_alone_hands_the_question_on(tab: Tab) -> None:
    pages = OneCase()
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await open_panel(tab, "Route")
        await tab.tab_to("focus.name == 'to'")
        await tab.press("ArrowDown", 40)
        await enter_after(tab, "focus.value == 'route'")
        await tab.loaded()
        notice = await tab.ask("document.querySelector('[role=status]').innerText")
    assert (pages.facts.decisions[0].to, "You handed it on to bob" in notice) == ("bob", True)


async def test_a_date_and_a_list_come_back_as_they_were(tab: Tab) -> None:
    """What a browser makes of each control must not look like a change."""
    payload = {
        "due": "2026-11-22",
        "lines": [{"sku": "A1"}],
        "text": "\na\n\nb ",
        "flag": True,
        "rate": 0.1,
    }
    schema = {"properties": {"due": {"type": "string", "format": "date"}}}
    pages = OneCase(payload=payload, schema=schema)
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/d/ada#edit")
        await tab.ask("document.querySelector('#edit button').click()")
        await tab.loaded()
        said = await tab.ask("document.querySelector('#edit .wrong').innerText")
    assert ("nothing in it differs" in said, len(pages.payloads)) == (True, 1)


async def test_a_keyboard_alone_goes_from_the_queue_to_a_case_and_decides_it(tab: Tab) -> None:
    pages = OneCase(waiting=1)
    async with served(pages) as client:
        await tab.go(f"{client.base_url}/q/q-ada")
        title = row().title
        await enter_after(tab, f"focus.textContent == '{title}'")
        await tab.loaded()
        await enter_after(tab, "focus.className == 'skip'")
        await enter_after(tab, "focus.value == 'reject'")
        await tab.loaded()
        more = await tab.ask("document.querySelector('a[href^=\"../q/\"]').textContent")
    assert ([d.verb for d in pages.facts.decisions], more) == (["reject"], "1 more waits for you")
