"""How the pages look, measured in a real browser: contrast, sizes, labels, focus; both schemes."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.pages import QueueView
from tests.conftest import needs
from tests.web.browser import Tab, chromium
from tests.web.one_case import PAYLOAD, OneCase, row
from tests.web.packets import packet, rows
from tests.web.serve import served

NESTED: dict[str, Any] = {
    **PAYLOAD,
    "address": {"street": "Byron Road 1", "city": "London"},
    "lines": [{"sku": "A1", "price": 20}],
    "urgent": True,
    "a_key_that_is_long_and_has_no_place_to_break": "v" * 100,
}
QUEUE = QueueView(
    state="open",
    reader="ada",
    rows=(row(), row(status="held", verbs=("retry",), expires_in=""), row(token=None)),
    more=3,
)

# The colours behind an element are mixed from the page upwards, as far as they are opaque.
MEASURE = """(() => {
  const rgba = c => (c.match(/[\\d.]+/g) || []).map(Number).concat([1]).slice(0, 4);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor); if (c[3]) return c; }
    return [255, 255, 255, 1]; };
  const shown = e => e.checkVisibility() && e.getClientRects().length
    && !e.closest('.unseen, .skip, thead');
  const own = e => [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())
    || ['INPUT', 'SELECT', 'TEXTAREA'].includes(e.tagName);
  const low = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!shown(e) || !own(e)) continue;
    const [a, b] = [rgba(getComputedStyle(e).color), behind(e)].map(c => light(c.slice(0, 3)));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  const reach = [...document.querySelectorAll('a, button, summary, input, select, textarea')]
    .filter(e => e.type != 'hidden' && shown(e));
  const small = reach.map(e => [e, e.getBoundingClientRect()])
    .filter(([e, r]) => r.height < 43.5 || r.width < 43.5)
    .map(([e, r]) => `${e.tagName} ${e.textContent.trim()} ${r.width}x${r.height}`);
  const fields = [...document.querySelectorAll('input, select, textarea')]
    .filter(e => e.type != 'hidden');
  const levels = [...document.querySelectorAll('h1, h2, h3, h4')].filter(shown)
    .map(e => Number(e.tagName[1]));
  return JSON.stringify({
    low, small,
    unlabelled: fields.filter(e => !e.labels.length || !e.labels[0].textContent.trim())
      .map(e => e.name),
    headings: levels.filter(level => level == 1).length == 1
      && levels.every((level, at) => !at || level <= levels[at - 1] + 1),
    lang: document.documentElement.lang,
    wide: document.documentElement.scrollWidth,
  });
})()"""


def sound(width: int) -> dict[str, Any]:
    """What is measured of a page that is as it should be."""
    return {
        "low": [],
        "small": [],
        "unlabelled": [],
        "headings": True,
        "lang": "en",
        "wide": width,
    }


VIEWS = ("open", "edit", "json", "route", "refused", "edited", "changed", "queue", "receipt")


@pytest.fixture(params=[360, 1280])
async def tab(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Tab]:
    needs("chromium", "chromium")
    async with chromium(tmp_path / "profile", request.param, 740) as found:
        yield found


def case() -> OneCase:
    shown = packet(rows=rows(NESTED), notes=(("cleo", "You know them"),))
    return OneCase(payload=NESTED, shown=shown, queue=QUEUE, waiting=2)


async def view(tab: Tab, base: str, name: str) -> None:
    """Open one of the views."""
    if name in ("refused", "edited", "changed"):
        await tab.go(f"{base}/d/ada#edit")
        value = "x" if name == "refused" else "40"
        await tab.ask(
            f"document.querySelector('[name=\"p:amount\"]').value = '{value}';"
            "document.querySelector('#edit button').click()"
        )
        await tab.loaded()
        if name == "changed":
            await tab.go(f"{base}/d/bob")
        return
    places = {"open": "d/ada", "edit": "d/ada#edit", "json": "d/ada#edit-json"}
    more = {"route": "d/ada#route", "queue": "q/q-ada", "receipt": "r/r-ada"}
    await tab.go(f"{base}/{ {**places, **more}[name] }")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_view_is_legible_reachable_and_in_order(tab: Tab, scheme: str) -> None:
    found = {}
    await tab.scheme(scheme)
    for name in VIEWS:
        # Two views of one page differ in their fragment only, which is no load.
        await tab.go("about:blank")
        async with served(case()) as client:
            await view(tab, str(client.base_url), name)
            found[name] = json.loads(await tab.ask(MEASURE))
    assert found == dict.fromkeys(VIEWS, sound(tab.width))


async def test_the_measure_would_tell_what_is_not_legible(tab: Tab) -> None:
    """Without this, the test above could pass because nothing is ever measured."""
    async with served(case()) as client:
        await tab.go(f"{client.base_url}/d/ada")
        await tab.ask(
            "document.body.insertAdjacentHTML('beforeend', '<h4 id=bad>x<input name=bad>"
            "<summary id=tiny>x</summary></h4>');"
            "Object.assign(tiny.style, {minHeight: '9px', height: '9px', padding: 0});"
            "Object.assign(bad.style, {color: '#888', background: '#999', width: '3000px'})"
        )
        found = json.loads(await tab.ask(MEASURE))
    told = {name for name, value in found.items() if value != sound(tab.width)[name]}
    assert told == {"low", "small", "unlabelled", "headings", "wide"}


async def test_every_stop_of_the_tab_key_shows_where_it_is(tab: Tab) -> None:
    outlines = []
    async with served(case()) as client:
        await tab.go(f"{client.base_url}/d/ada#edit")
        for _ in range(40):
            await tab.press("Tab", 9)
            outlines.append(
                await tab.ask(
                    "(s => [document.activeElement.tagName, s.outlineStyle,"
                    " parseFloat(s.outlineWidth) >= 2].join())"
                    "(getComputedStyle(document.activeElement))"
                )
            )
    hidden = [one for one in outlines if not one.startswith("BODY") and "solid,true" not in one]
    assert (hidden, len(set(outlines)) > 5) == ([], True)


async def test_the_choice_is_in_sight_before_anybody_scrolls(tab: Tab) -> None:
    async with served(case()) as client:
        await tab.go(f"{client.base_url}/d/ada")
        low = await tab.ask(
            "Math.max(...['approve', 'reject'].map(v => document"
            ".querySelector(`button[value=${v}]`).getBoundingClientRect().bottom))"
        )
        title = await tab.ask("document.querySelector('h1').getBoundingClientRect().bottom")
    assert (0 < title < 200, 0 < low <= 740) == (True, True)
