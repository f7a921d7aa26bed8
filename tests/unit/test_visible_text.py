"""Text made safe to show."""

import json

import pytest

from hitl_mail.core.text import escape_json, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 40 €", "plain text, 40 €"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\u2028b", "a⟨U+2028⟩b"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("a\x7fb\x85", "a⟨U+007F⟩b⟨U+0085⟩"),
        ("a\u3164b", "a⟨U+3164⟩b"),
        ("a\U000e0041b", "a⟨U+E0041⟩b"),
        ("a\ue000b", "a⟨U+E000⟩b"),
        ("a\u180bb", "a⟨U+180B⟩b"),
        ("a\ufe0fb", "a⟨U+FE0F⟩b"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f⟨U+FE0F⟩"),
        ("a\u00a0b\u2003c", "a b c"),
        ("a\u2029b\u115fc\u034fd", "a⟨U+2029⟩b⟨U+115F⟩c⟨U+034F⟩d"),
        ("\ufe00\ufe0e", "⟨U+FE00⟩⟨U+FE0E⟩"),
        ("\U000e0100\U000e01ef", "⟨U+E0100⟩⟨U+E01EF⟩"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("ä漢😀", "ä漢😀"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_line_break_is_shown_where_only_one_line_fits() -> None:
    assert one_line("a\nb") == "a⟨U+000A⟩b"


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert one_line("x" * 300, 10) == "x" * 9 + "…"


def test_a_text_that_just_fits_is_not_cut() -> None:
    assert one_line("x" * 10, 10) == "x" * 10


def test_json_that_is_shown_says_the_same_and_hides_nothing() -> None:
    text = "a\u202eb\x7f\x85\U000e0041\ufeffü 退款"
    shown = escape_json(json.dumps({text: text}, ensure_ascii=False, indent=1))
    assert (json.loads(shown), visible(shown)) == ({text: text}, shown)


def test_a_text_cut_short_is_one_line_too() -> None:
    assert one_line("a\nX\tb" + "x" * 10, 6) == "a⟨U+000A⟩X⟨U+0009⟩b…"


def test_a_line_holds_two_hundred_characters() -> None:
    assert one_line("x" * 200) == "x" * 200
    assert one_line("x" * 201) == "x" * 199 + "…"
