"""Values as mail programs leave them, made what was typed."""

from __future__ import annotations

import pytest

from hitl_mail.review.typed import Extent, straightened, without_links


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("“a”", '"a"'),
        ("a\xa0= „a“", 'a = "a"'),
        ("{“a”: ‘b’, x = “c”}", '{"a": \'b\', x = "c"}'),
        ('["a", “b”]', '["a", "b"]'),
        ("[“a”,\n “b”]", '["a",\n "b"]'),
        ("O’Brien", "O’Brien"),
        ("4 “a”", "4 “a”"),
        ("“a” “b”", '"a" “b”'),
        ("[“a\\”b”, “c”]", '["a\\"b", "c"]'),
        ('["", “b”]', '["", "b"]'),
        ('["a\\"", “b”]', '["a\\"", "b"]'),
        ("['a\\', “b”]", "['a\\', \"b\"]"),
        ("['a, “b”]", "['a, “b”]"),
        ("['''a'b''', “c”]", "['''a'b''', \"c\"]"),
        ("['''a''', “c”, '''d''', “e”]", "['''a''', \"c\", '''d''', \"e\"]"),
        ('«"é"»', '"\\"é\\""'),
        ("‘it's’", '"it\'s"'),
        ('«say "x"»', '"say \\"x\\""'),
        ("“say \\”x\\””", '"say \\"x\\""'),
        ("« a »", '"a"'),
        ('"a” b"', '"a” b"'),
        ('"a”', '"a"'),
        ('"a\\"b"', '"a\\"b"'),
        ('["", “b”, "c"]', '["", "b", "c"]'),
        ('["a", “b”, "c"]', '["a", "b", "c"]'),
        ('["a", “b”, "cd"]', '["a", "b", "cd"]'),
        ('["a\\", “b”", “c”]', '["a\\", “b”", "c"]'),
        ("'a\\' b", "'a\\' b"),
        ("'a", "'a"),
        ('"a', '"a'),
        ("“a", '"a'),
        ("'''a'b''' c", "'''a'b''' c"),
        ('"""a', '"""a'),
        ("[“a", '["a'),
        ("'''a, “b”'''", "'''a, “b”'''"),
        ('"""a, “b”"""', '"""a, “b”"""'),
    ],
)
def test_quotes_that_a_phone_made_curly_are_straight_again(text: str, typed: str) -> None:
    assert straightened(text) == typed


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("bob@example.com<mailto:bob@example.com>", "bob@example.com"),
        ("bob@example.com <mailto:bob@example.com> and", "bob@example.com and"),
        ("+49301<tel:+49301>", "+49301"),
        ("see example.com<https://example.com/>!", "see example.com!"),
        ("see example.com/<https://example.com>", "see example.com/<https://example.com>"),
        ("https://example.com/a<https://example.com/a>", "https://example.com/a"),
        ("a@x.test<mailto:a@x.test> b@x.test<mailto:b@x.test>", "a@x.test b@x.test"),
        ("see <https://evil.test>", "see <https://evil.test>"),
        ("bank.test<https://evil.test>", "bank.test<https://evil.test>"),
        ("bank.test<https://bank.test/X>", "bank.test<https://bank.test/X>"),
        ("y.test<https://evil.test/?u=https://y.test>",
            "y.test<https://evil.test/?u=https://y.test>"),
        ("1 < 2", "1 < 2"),
    ],
)  # fmt: skip
def test_a_link_behind_the_words_that_are_it_is_left_out(line: str, typed: str) -> None:
    assert without_links(line) == typed


@pytest.mark.parametrize(
    ("lines", "ends"),
    [
        (["[1, 2] rest"], [6]),
        (["{a = [1, {b = 2}]} rest"], [18]),
        (["[1,", "2", "]"], [-1, -1, 1]),
        (['{"a": "}"} rest'], [10]),
        (['{"a": "\\"}"} rest'], [12]),
        (['["\\""] rest'], [6]),
        (["{“a”: “}”} rest"], [10]),
        (["{'a': '\\'} rest"], [10]),
        (["[O’Brien] rest"], [9]),
        (["plain", "] rest"], [-1, 1]),
        (["[X] rest"], [3]),
        (["[[X] rest"], [-1]),
        (["X"], [-1]),
        (['["a', 'b]", 1]'], [-1, 7]),
    ],
)
def test_a_value_ends_where_all_its_brackets_are_closed(lines: list[str], ends: list[int]) -> None:
    extent = Extent()
    assert [extent.feed(line) for line in lines] == ends


@pytest.mark.parametrize(
    ("line", "still"),
    [("[1", True), ("“a", True), ("'a\\", True), ('"a"', False), ("1", False), ("[1]", False)],
)
def test_a_value_is_open_until_its_brackets_and_strings_are_closed(line: str, still: bool) -> None:
    extent = Extent()
    extent.feed(line)
    assert extent.open is still
