"""What a reviewer finds on the decision page, and where."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from hitl_mail.daemon.page_facts import facts_of
from hitl_mail.pages import Said
from hitl_mail.review.packet import Context, Packet
from hitl_mail.review.rows import Row
from tests import packets
from tests.web.one_case import OneCase, facts
from tests.web.packets import edited_packet, packet, troubled_packet
from tests.web.serve import TEMPLATES, served

PARTS = {
    "the action": "<h1>Refund 49 EUR to Ada Lovelace</h1>",
    "the agent's summary": "Refund the double charge on invoice 2026-1183",
    "why": "asked for the second charge back",
    "the risk": "Moves funds",
    "the payload": "<dd><code>49</code></dd>",
    "the context": "You charged me twice!",
    "the choices": '<button type="submit" class="yes" name="verb" value="approve">',
    "the expiry": "Expires in <strong>4h</strong>",
    "the run": "<dd><code>run-2026-11-22-0815</code></dd>",
    "the receipt": 'href="../r/r-ada"',
}


async def page(shown: Packet) -> str:
    async with served(OneCase(shown=shown)) as client:
        return (await client.get("/d/ada")).text


async def test_the_parts_stand_in_their_order() -> None:
    html = await page(packet())
    assert sorted(PARTS, key=lambda part: html.index(PARTS[part])) == list(PARTS)


async def test_the_page_takes_nothing_from_elsewhere_and_runs_nothing() -> None:
    html = await page(packet())
    assert re.findall(r"<script|<link|<img|<iframe|\ssrc=|https?://|url\(|@import", html) == []


async def test_an_address_in_the_agents_text_is_no_link() -> None:
    context = (
        Context("Click", "https://evil.example/ <a href='https://evil.example'>", None, False),
    )
    html = await page(packet(summary="https://evil.example/", context=context))
    elsewhere = [to for to in re.findall(r'<a [^>]*href="([^"]*)"', html) if to[0] != "#"]
    assert elsewhere == ["../r/r-ada"]


async def test_untrusted_context_is_marked_and_trusted_context_is_not() -> None:
    html = await page(packet())
    tags = re.findall(r'<h3>([^\n]*)\n<span class="tag[^"]*">([^<]*)<', html)
    assert tags == [
        ("Charges on the card", "trusted source"),
        ("Mail of the customer", "untrusted"),
    ]


async def test_what_an_edit_changed_is_shown_beside_what_will_run() -> None:
    html = await page(edited_packet())
    assert ("bob edited it" in html, '<span class="plus">+  &#34;amount&#34;: 40,' in html) == (
        True,
        True,
    )


async def test_a_payload_too_long_for_a_mail_is_shown_whole() -> None:
    rows = tuple(Row(f"items[{number}]", f"v{number}") for number in range(5000))
    html = await page(packet(rows=rows, whole=False))
    assert html.count("<dd><code>v") == 5000


@pytest.mark.parametrize(
    ("in_doubt", "said"),
    [(False, "It ran, and failed"), (True, "It was started, and nobody can tell whether it ran")],
)
async def test_a_case_that_went_wrong_offers_what_settles_it(in_doubt: bool, said: str) -> None:
    html = await page(troubled_packet(in_doubt=in_doubt))
    verbs = re.findall(r'name="verb" value="(\w+)"', html)
    assert (said in html, verbs) == (True, ["retry", "done", "abandon"])


async def test_a_permit_that_ran_out_is_not_said_to_have_been_started() -> None:
    html = await page(troubled_packet(in_doubt=True, permit="Sun 22 Nov 2026, 13:01 (+00:00)"))
    said = "was given a permit until Sun 22 Nov 2026, 13:01 (+00:00) and has not reported"
    assert (said in html, "It was started" in html) == (True, False)


async def test_while_an_agent_holds_a_permit_nobody_is_told_to_look_again_soon() -> None:
    held, ran_out = packets.permitted(), packets.unreported()
    assert [facts_of(case).permitted for case in (held, ran_out)] == [True, False]
    case = msgspec.structs.replace(
        facts(status="approved"), permitted=True, decisions=(Said("ada", "approve", "link", 1.0),)
    )
    async with served(OneCase(case=case)) as client:
        html = (await client.get("/d/ada")).text
    assert ("Approved: the agent may run it now" in html, "in a moment" in html) == (True, False)


async def test_the_first_receipt_of_all_has_none_before_it() -> None:
    pages = OneCase(case=facts(status="executed", closed_at=1.0), first_receipt=True)
    async with served(pages) as client:
        html = (await client.get("/r/r-ada")).text
    assert ("number 118" in html, "The one before" in html) == (True, False)


class _Outline(HTMLParser):
    """Landmarks, headings, ids, and what refers to them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.wanted: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            inside = name == "href" and (value or "").startswith("#")
            if name in ("for", "aria-labelledby", "aria-describedby") or inside:
                self.wanted += (value or "").removeprefix("#").split()


@pytest.mark.parametrize("path", ["/d/ada", "/r/r-ada", "/q/q-ada", "/d/eve", "/"])
async def test_a_screen_reader_finds_its_way(path: str) -> None:
    outline = _Outline()
    async with served(OneCase()) as client:
        outline.feed((await client.get(path)).text)
    counts = {tag: outline.tags.count(tag) for tag in ("header", "main", "footer", "h1")}
    assert (counts, set(outline.wanted) - set(outline.ids), len(outline.ids)) == (
        {"header": 1, "main": 1, "footer": 1, "h1": 1},
        set(),
        len(set(outline.ids)),
    )


async def test_a_screen_reader_finds_its_way_in_a_form_that_was_refused() -> None:
    outline, pages = _Outline(), OneCase()
    async with served(pages) as client:
        data = {"verb": "edit", "seen": pages.revision, "p:amount": "x"}
        outline.feed((await client.post("/d/ada", data=data)).text)
    assert (set(outline.wanted) - set(outline.ids), len(outline.ids)) == (
        set(),
        len(set(outline.ids)),
    )


def colours(scheme: str) -> dict[str, str]:
    """The colour variables of `light` or `dark`."""
    css = (TEMPLATES / "page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[0 if scheme == "light" else 1]))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrasts_enough_in_both_colour_schemes(scheme: str) -> None:
    found = {**colours(scheme), "white": "#ffffff"}
    pairs = [(text, ground) for text in ("ink", "quiet", "link") for ground in ("card", "ground")]
    pairs += [
        ("ink", "warn"),
        ("quiet", "warn"),
        ("ink", "said"),
        ("ink", "plus"),
        ("ink", "minus"),
        ("quiet", "plus"),
        ("quiet", "minus"),
        ("card", "link"),
    ]
    pairs += [("no", "card"), ("white", "yes")]
    low = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


async def test_a_sites_own_template_comes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "message.html").write_text("Ask the finance team.")
    async with served(OneCase(), templates=[tmp_path, TEMPLATES]) as client:
        assert (await client.get("/")).text == "Ask the finance team."
