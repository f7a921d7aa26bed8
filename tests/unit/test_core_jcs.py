"""Our own canonical form is the library's for every value, and refuses what that refuses."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.core import jcs
from hitl_mail.core.jcs_again import dumps_again

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = TEXT | st.sampled_from(["\ufb33", "\U0001f600", "\u20ac", "\r", "1", "\ue000", "é"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.floats(1e-9, 1e-3)
    | st.floats(1e14, 1e24)
    | st.text()
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=5)
    ),
    max_leaves=20,
)


class Colour(enum.IntEnum):
    RED = 3


class Word(str):
    __slots__ = ()


def library(value: Any) -> bytes | None:
    """What the library makes of a value; None where it refuses."""
    try:
        return bytes(rfc8785.dumps(value))
    except ValueError:
        return None


def ours(value: Any) -> bytes | None:
    try:
        return jcs.dumps(value)
    except ValueError:
        return None


@given(JSON)
@example([":1.0,", ",1e+16]", ":12345678901234567,"])
@example({"a:1.0": 0.5, "\ud7ff": 1, "\ue000": 2, "\U00010000": 3})
def test_every_value_has_the_form_the_library_gives_it(value: Any) -> None:
    form = library(value)
    assert ours(value) == form
    # What was known to have a form has it again.
    assert form is None or dumps_again({"of": value}) == b'{"of":%b}' % form


@pytest.mark.parametrize(
    "value",
    [
        *(0.0, -0.0, 1.0, -1.0, 0.1, -0.5, 1e15, 1e16, 1e20, 1e21, 1e22, 123456789012345680.0),
        *(1e-4, 1e-5, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308, math.pi, 4.50, 2e-3),
        *(0, -1, 2**53 - 1, -(2**53) + 1, True, False, None, "", (), [], {}, [()], {"": {}}),
        '\x00\x01\x08\t\n\x0b\x0c\r\x1f "\\/\x7f\x80\u2028\ufeff\U0001f600',
        {"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "\r": 4, "1": 5},
        {"b": 1, "a": 2, "B": 3, "_": 4},
        [Colour.RED, Word("w"), {Word("k"): 1}],
        [1.0, Colour.RED, Word("é"), {Word("k"): 1}],
    ],
    ids=repr,
)
def test_these_have_the_form_the_library_gives_them(value: Any) -> None:
    assert jcs.dumps(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        *(math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", {"\udc00": 1}, ["a\udfff"]),
        *({"a": 1, 2: 3}, {"a": 1, None: 1}, {(1,): 2}, {"a": 1e16, 2: 3}),
        *(b"x", int, {"a": {1, 2}}),
    ],
    ids=repr,
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        jcs.dumps(value)
    with pytest.raises(ValueError):
        rfc8785.dumps(value)


def test_without_the_quick_encoder_the_form_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a Python whose `json` is written in Python."""
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    monkeypatch.setattr(jcs, "_quick", jcs._encoder())
    for value in ({"b": "é", "a": [1, True, None]}, ["a", {}], 1.5):
        assert jcs.dumps(value) == rfc8785.dumps(value)
    with pytest.raises(ValueError):
        jcs.dumps([math.nan])
