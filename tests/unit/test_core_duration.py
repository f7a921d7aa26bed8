"""Durations as people write and read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.core.duration import LONGEST, parse_duration, show_duration
from tests.ids import plain


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("90s", 90),
        ("15m", 900),
        ("4h", 14400),
        ("1d12h", 129600),
        ("2w", 1209600),
        ("1h1h", 7200),
        ("3660d", LONGEST),
    ],
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "4", "h", "4 h", " 4h", "4h ", "4H", "-4h", "1.5h", "4h30", "1y", "４h", "4h\n"),
        *("0s", "0d0h", "3661d", "9999999999s"),
    ],
    ids=plain,
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|outside"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-5, "0s"),
        (0.4, "0s"),
        (59.6, "1m"),
        (90, "1m 30s"),
        (12000, "3h 20m"),
        (86400, "1d"),
        (90061, "1d 1h"),
    ],
)
def test_a_duration_is_shown_in_two_units(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@given(st.text())
def test_any_text_is_a_duration_within_bounds_or_an_error(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 < seconds <= LONGEST
