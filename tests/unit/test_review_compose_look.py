"""How mails look, computed from their HTML: readable in both colour schemes, by eye and by ear."""

from __future__ import annotations

import re
import textwrap

import pytest

from hitl_mail.review.choices import COMMAND_LINE
from tests import packets
from tests.looks import Look, contrast
from tests.mails import composed, text_of

NO_BUTTONS = ("answered", "outcome", "at_the_command_line_only")
PACKETS = [name for name in packets.ALL if name not in NO_BUTTONS]
every_mail = pytest.mark.parametrize("name", packets.ALL)
every_packet = pytest.mark.parametrize("name", PACKETS)


def html(name: str) -> str:
    return text_of(composed(packets.ALL[name]()).message, "html")


def text(name: str) -> str:
    return text_of(composed(packets.ALL[name]()).message)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@every_mail
def test_every_text_has_enough_contrast(name: str, dark: bool) -> None:
    pale = [
        (shown, node.color, node.background)
        for shown, node in Look(html(name), dark).texts
        if contrast(node.color, node.background) < 4.5
    ]
    assert pale == []


@every_mail
def test_the_dark_scheme_is_dark(name: str) -> None:
    body = next(node for node in Look(html(name), dark=True).nodes if node.tag == "body")
    assert contrast(body.background, "#000000") < 2 < 10 < contrast(body.color, "#000000")


@every_mail
def test_no_text_is_smaller_than_14_pixels(name: str) -> None:
    assert [shown for shown, node in Look(html(name)).texts if node.size < 14] == []


@every_mail
def test_there_is_one_title_and_then_its_sections(name: str) -> None:
    headings = [node.tag for node in Look(html(name)).nodes if re.fullmatch(r"h[1-6]", node.tag)]
    assert headings == ["h1"] + ["h2"] * (len(headings) - 1)


@every_packet
def test_the_payload_is_a_table_whose_rows_have_headers(name: str) -> None:
    nodes = Look(html(name)).nodes
    assert [node.attributes["role"] for node in nodes if node.tag == "table"] == [
        "table",
        "presentation",
    ]
    assert {node.attributes.get("scope") for node in nodes if node.tag == "th"} == {"row"}


@every_mail
def test_the_language_is_said_where_clients_keep_it(name: str) -> None:
    said = [node.tag for node in Look(html(name)).nodes if node.attributes.get("lang") == "en"]
    assert said == ["html", "div"]


@every_mail
def test_nothing_is_fetched(name: str) -> None:
    page = html(name)
    assert re.search(r"<img|<link|<script|url\(|@import|src=", page) is None


@every_mail
def test_no_line_begins_with_a_command_however_a_client_wraps_it(name: str) -> None:
    whole = text(name).split("\n")
    ours = [line for line in whole if not line.startswith(("|", " mailto:", " http"))]
    wrapped = [
        part for width in range(66, 80) for line in ours for part in textwrap.wrap(line, width)
    ]
    assert [line for line in [*whole, *wrapped] if COMMAND_LINE.match(line)] == []


@every_packet
def test_no_button_begins_with_a_command(name: str) -> None:
    page = text_of(composed(packets.ALL[name](), base_url=None).message, "html")
    labels = [shown for shown, node in Look(page).texts if "button" in node.classes]
    assert labels != []
    assert [label for label in labels if COMMAND_LINE.match(label)] == []


def test_what_is_untrusted_is_said_in_words_and_not_by_colour() -> None:
    assert "UNTRUSTED" in text("refund")
    assert ("UNTRUSTED", "span") in [(shown, n.tag) for shown, n in Look(html("refund")).texts]


def test_an_edit_is_shown_with_signs_and_not_by_colour_alone() -> None:
    changed = [shown for shown, n in Look(html("edited")).texts if {"plus", "minus"} & n.classes]
    assert changed == ['-  "amount": 49,', '+  "amount": 40,']


def test_line_ends_of_the_agent_survive_programs_without_style_sheets() -> None:
    page = text_of(composed(packets.refund(why="one\ntwo")).message, "html")
    assert "one<br>two" in page


def test_agent_text_in_the_html_opens_no_element_and_no_link() -> None:
    page = html("hostile")
    assert page.count("<h2") == html("refund").count("<h2")
    assert "evil.test" not in re.sub(r"mailto:[^\"]*", "", page)


def test_a_long_packet_stays_below_what_mail_programs_cut_off() -> None:
    """Gmail shows the first 102 kB of a mail's HTML."""
    rows = {f"key_{number}": "x" * 80 for number in range(200)}
    page = text_of(composed(packets.refund(payload=rows)).message, "html")
    assert "I approve" in page
    assert len(page.encode()) < 102_000
