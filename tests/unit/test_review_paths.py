"""Dotted keys, as packets print them and people type them back."""

from __future__ import annotations

import pytest

from hitl_mail.review.paths import MOST_KEY, MOST_STEPS, Path, is_simple, parse_path, show_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (" amount ", ("amount",)),
        ("net amount", ("net amount",)),
        ("items[0].price", ("items", 0, "price")),
        ("items [ 0 ] . price", ("items", 0, "price")),
        ("a[0][12]", ("a", 0, 12)),
        ('"a.b".c', ("a.b", "c")),
        ("'a.b'.c", ("a.b", "c")),
        ('"a\\"b"', ('a"b',)),
        ("customer[.]name", ("customer", "name")),
        ('"a[.]b".c', ("a[.]b", "c")),
        ("'a[.]b'.c", ("a[.]b", "c")),
        ("k" * MOST_KEY, ("k" * MOST_KEY,)),
        (".".join("a" * MOST_STEPS), ("a",) * MOST_STEPS),
    ],
)
def test_a_dotted_key_is_read(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a.", ".a", "a..b", "[0]", "a[x]", "a[0", "a[0]b", '"a', '"\\x"', "a[-1]",
        "k" * (MOST_KEY + 1), ".".join("a" * (MOST_STEPS + 1)),
    ],
)  # fmt: skip
def test_what_is_no_dotted_key_is_told_from_one(text: str) -> None:
    assert parse_path(text) is None


@pytest.mark.parametrize("name", ["a b", "a.b", "a[b", "a]b", 'a"b', "a=b", " a", "", "ü", "aX"])
def test_a_key_is_read_as_it_is_shown_whatever_its_name(name: str) -> None:
    assert parse_path(show_path((name, 0, name))) == (name, 0, name)


def test_only_a_name_that_could_be_read_otherwise_is_shown_in_quotes() -> None:
    assert show_path(("aX", "ü.b", 0, "c d")) == 'aX."ü.b"[0].c d'


def test_a_key_is_simple_where_toml_has_it_without_quotes() -> None:
    assert [is_simple(path) for path in (("a-b_2", 0), ("a b",), ("ü",))] == [True, False, False]
