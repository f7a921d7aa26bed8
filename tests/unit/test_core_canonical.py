"""JSON as evidence: what is refused, and the one form of what is not."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.core.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    canonical,
    check,
    digest,
    digest_bytes,
    parse_json,
    short_name,
)
from hitl_mail.errors import Refused
from tests.ids import plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(-float(MAX_INTEGER), float(MAX_INTEGER))
    | st.floats(min_value=1e21, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def refused(data: bytes) -> tuple[str, str | None]:
    """The code and the field with which `data` is refused."""
    with pytest.raises(Refused) as caught:
        parse_json(data)
    return caught.value.code, caught.value.field


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        (b"\xff{}", "not_utf8", None),
        (b"", "malformed", None),
        (b"{", "malformed", None),
        (b"{} {}", "malformed", None),
        (b"\xef\xbb\xbf{}", "malformed", None),
        (b"{'a': 1}", "malformed", None),
        (b'{"a": 1, "a": 1}', "duplicate_key", "a"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate_key", "b"),
        (b'{"a": 9007199254740992}', "bad_number", "a"),
        (b'{"a": [0, -9007199254740992]}', "bad_number", "a[1]"),
        (b'{"a": ' + b"1" * 5000 + b"}", "bad_number", None),
        (b"[1e400]", "bad_number", "[0]"),
        (b'{"a": 9007199254740992.0}', "bad_number", "a"),
        (b"-1e16", "bad_number", None),
        (b"NaN", "bad_number", None),
        (b"-Infinity", "bad_number", None),
        (b'{"a": {"b": "\\ud800"}}', "bad_string", "a.b"),
        (b'{"a": {"\\udc00": 1}}', "bad_string", "a"),
        (b'{"\\ud800": 1}', "bad_string", None),
        (b'"\\ud800"', "bad_string", None),
        (nested(MAX_DEPTH + 1), "too_deep", "[0]" * MAX_DEPTH),
        (nested(100_000), "too_deep", None),
        (b'{"a":' * 100_000, "too_deep", None),
    ],
    ids=plain,
)
def test_what_canonical_json_cannot_hold_is_refused(
    data: bytes, code: str, field: str | None
) -> None:
    assert refused(data) == (code, field)


@pytest.mark.parametrize(
    "value",
    [MAX_INTEGER, -MAX_INTEGER, 1.5, -0.0, 1e300, "\U0001f600", "", None, True, {}, {"": []}],
    ids=plain,
)
def test_what_it_can_hold_is_taken(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


def test_sixteen_levels_are_not_too_deep() -> None:
    assert canonical(parse_json(nested(MAX_DEPTH))) == nested(MAX_DEPTH)


def test_a_duplicate_key_that_is_no_text_can_still_be_told() -> None:
    code, field = refused(b'{"\\ud800": 1, "\\ud800": 2}')
    assert (code, (field or "").encode()) == ("duplicate_key", b"\\ud800")


@pytest.mark.parametrize(
    "data",
    [
        b'{"' + b"k" * 100_000 + b'": [1e400]}',
        b'{"' + b"k" * 100_000 + b'": 1, "' + b"k" * 100_000 + b'": 2}',
    ],
    ids=["number", "duplicate"],
)
def test_a_field_s_name_is_shown_short(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_json(data)
    assert len(caught.value.detail + (caught.value.field or "")) < 300


def test_a_value_without_a_json_form_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as caught:
        check({"payload": [b"bytes"]})
    assert (caught.value.code, caught.value.field) == ("bad_value", "payload[0]")


@given(st.binary())
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    try:
        parse_json(data)
    except Refused as error:
        assert error.detail


@given(JSON)
def test_a_value_survives_its_canonical_form(value: Any) -> None:
    assert parse_json(canonical(value)) == value


@given(JSON)
def test_the_canonical_form_is_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_the_example_of_rfc_8785_has_its_form() -> None:
    example = rb"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    assert canonical(parse_json(example)) == (
        b'{"literals":[null,true,false],'
        b'"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_the_order_of_keys_changes_no_digest() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_a_digest_is_the_sha_256_of_the_canonical_form() -> None:
    expected = "sha256:" + hashlib.sha256(b'{"a":1}').hexdigest()
    assert (digest({"a": 1.0}), digest_bytes(b'{"a":1}')) == (expected, expected)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"a\xff{}", "not UTF-8 at byte 1"),
        (b'{"a":\n 1,}', "not JSON: "),
        (b'{"a": 1, "a": 1}', "the key a stands twice"),
        (b"[9007199254740992]", "integer beyond 2^53 - 1; send it as a string"),
        (b"[" + b"1" * 18 + b"]", "integer beyond 2^53 - 1; send it as a string"),
        (b"[1e400]", "not a finite number"),
        (b"NaN", "NaN is not a JSON number"),
        (b'"\\ud800"', "a lone surrogate is not text"),
        (nested(MAX_DEPTH + 1), "nested deeper than 16 levels"),
        (nested(100_000), "nested deeper than 16 levels"),
    ],
    ids=plain,
)
def test_a_refusal_says_what_is_wrong(data: bytes, detail: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_json(data)
    assert caught.value.detail.startswith(detail)


def test_a_refusal_of_what_is_not_json_says_where() -> None:
    with pytest.raises(Refused) as caught:
        parse_json(b'{"a":\n 1,}')
    assert re.search(r"at line 2, column \d+$", caught.value.detail)


def test_a_refusal_of_what_has_no_json_form_says_what_it_is_and_where() -> None:
    with pytest.raises(Refused) as caught:
        check({"a": [b"bytes"]})
    told = (caught.value.code, caught.value.detail, caught.value.field)
    assert told == ("bad_value", "bytes has no JSON form; use a string", "a[0]")


@pytest.mark.parametrize(
    ("key", "shown"),
    [("a" * 64, "a" * 64), ("a" * 65, "a" * 63 + "…"), ("\ud800", "\\ud800")],
    ids=["short", "long", "no text"],
)
def test_a_key_is_shown_in_short_and_encodable(key: str, shown: str) -> None:
    assert short_name(key) == shown


@pytest.mark.parametrize("digits", [17, 18])
def test_endless_integers_are_refused_before_they_are_read(digits: int) -> None:
    assert refused(b"1" * digits)[0] == "bad_number"


@pytest.mark.parametrize("number", [MAX_INTEGER, -MAX_INTEGER, 1e21, -1e21, 0.5])
def test_numbers_up_to_the_bounds_are_taken(number: float) -> None:
    check(number)


@pytest.mark.parametrize("number", [MAX_INTEGER, -MAX_INTEGER])
def test_the_largest_integers_are_read(number: int) -> None:
    assert parse_json(str(number).encode()) == number
