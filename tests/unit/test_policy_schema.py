"""A kind's JSON Schema against whatever an agent sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hitl_mail.policy.schema import MOST_VALUES, PayloadSchema


def complaints(rules: dict[str, Any], payload: dict[str, Any]) -> list[str]:
    """What is wrong with a payload whose fields have these rules."""
    return PayloadSchema(json.dumps({"properties": rules}).encode()).complaints(payload)


TWICE = ["l: an item stands in the list twice"]


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([1, 2, "1", True, None, [1], {"a": 1}], []),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], TWICE),
        ([1, 1.0], TWICE),
        ([1, True], []),
        ([[{"a": []}], [{"a": []}]], TWICE),
        ([], []),
    ],
)
def test_items_that_must_be_unique_are_compared_as_json(items: list[Any], found: list[str]) -> None:
    assert complaints({"l": {"uniqueItems": True}}, {"l": items}) == found
    assert complaints({"l": {"uniqueItems": False}}, {"l": items}) == []


def test_many_objects_are_compared_in_time() -> None:
    # Each with each would be fifty million comparisons.
    many = [{"a": number} for number in range(9_990)]
    assert complaints({"l": {"uniqueItems": True}}, {"l": many}) == []


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^[A-Z]{2}[0-9]+$", "DE12", True),
        ("^[A-Z]{2}[0-9]+$", "D12", False),
        ("b", "abc", True),
        (r"^(\w+\s?)*$", "a" * 60_000 + "!", False),
        ("(x+x+)+y", "x" * 60_000, False),
    ],
)
def test_a_pattern_is_found_or_not_and_never_takes_long(
    pattern: str, text: str, matches: bool
) -> None:
    found = complaints({"s": {"pattern": pattern}}, {"s": text})
    assert [one[:3] for one in found] == ([] if matches else ["s: "])


def test_a_pattern_says_nothing_of_what_is_no_text() -> None:
    assert complaints({"s": {"pattern": "^a"}}, {"s": 1}) == []


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"l": [0] * (MOST_VALUES + 1)}, "more than 20000 values are held against no schema"),
        (
            {"l": [{"x": [0] * 300}] * 100},
            "more than 20000 values are held against no schema",
        ),
        ({"k" * 257: 1}, "a key of over 256 characters is held against no schema"),
        (
            {"d": ["2026-11-22"] * 2000},
            "more texts than can be held against the patterns of its schema",
        ),
    ],
)
def test_what_is_too_much_for_a_schema_brings_a_person_in(
    payload: dict[str, Any], found: str
) -> None:
    rules = {"d": {"items": {"pattern": r"^\d{4}-\d{2}-\d{2}$"}}}
    assert complaints(rules, payload) == [found]


def test_each_payload_begins_anew() -> None:
    schema = PayloadSchema(
        json.dumps({"properties": {"l": {"items": {"pattern": "^[a-z]{9}$"}}}}).encode()
    )
    for _ in range(3):
        assert schema.complaints({"l": ["abcdefghi"] * 2000}) == []


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (
            {"properties": {"a": {"items": {"pattern": "(?=a)b"}}}},
            "not usable: the pattern '(?=a)b': '(?=a)b' not a valid regex; look-around and "
            "references back are not held against anything",
        ),
        ({"pattern": r"\w{100}"}, r"not usable: the pattern '\\w{100}' is slow"),
        ({"patternProperties": {"^(a+)+$": {}}}, "not usable: the pattern '^(a+)+$' is slow"),
    ],
)
def test_a_pattern_that_is_none_or_slow_is_refused(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match="not usable") as refused:
        PayloadSchema(json.dumps(schema).encode())
    assert str(refused.value)[: len(why)] == why


def test_a_field_may_be_called_pattern() -> None:
    assert complaints({"pattern": {"type": "string"}}, {"pattern": "("}) == []
