"""A payload as a form, and what is typed into it as an edit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.core.canonical import canonical
from hitl_mail.core.text import visible
from hitl_mail.review.form_schema import type_of, type_of_value
from hitl_mail.review.form_values import (
    BadForm,
    complaints_by_field,
    edit_of_document,
    edit_of_fields,
)
from hitl_mail.review.forms import MOST_FIELDS, EditForm, Field, Group, build_form, fields_of
from hitl_mail.review.rows import rows_of


def field(form: EditForm, key: str) -> Field:
    return next(field for field in fields_of(form.items) if field.key == key)


def only(value: Any, schema: Any = None) -> Field:
    """The field of the one value `x` of a payload."""
    properties = {"properties": {"x": schema}} if schema is not None else None
    return field(build_form({"x": value}, properties), "x")


def typed(payload: dict[str, Any], schema: Any = None, **fields: str) -> Any:
    """The payload that an edit of these fields makes."""
    posted = {f"p:{key}": text for key, text in fields.items()}
    return edit_of_fields(build_form(payload, schema), posted, payload).document


def told(payload: dict[str, Any], schema: Any = None, **fields: str) -> list[tuple[str, str]]:
    """What is wrong with these fields."""
    with pytest.raises(BadForm) as raised:
        typed(payload, schema, **fields)
    return [(problem.key, problem.text) for problem in raised.value.problems]


CONTROLS: dict[str, tuple[Any, Any, str, str]] = {
    "string": ("Ada", {"type": "string"}, "text", "Ada"),
    "lines": ("a\nb", {"type": "string"}, "area", "a\nb"),
    "long": ("x" * 61, {"type": "string"}, "area", "x" * 61),
    "much room": ("x", {"type": "string", "maxLength": 1000}, "area", "x"),
    "number": (1.5, {"type": "number"}, "number", "1.5"),
    "whole number": (3, {"type": "number"}, "number", "3"),
    "integer": (3, {"type": "integer"}, "integer", "3"),
    "boolean": (True, {"type": "boolean"}, "choice", "true"),
    "enum": ("EUR", {"enum": ["EUR", "USD"]}, "choice", '"EUR"'),
    "const": (1, {"const": 1}, "choice", "1"),
    "date": ("2026-11-22", {"type": "string", "format": "date"}, "date", "2026-11-22"),
    "no date": ("2026-11-31", {"type": "string", "format": "date"}, "text", "2026-11-31"),
    "nullable": ("Ada", {"type": ["string", "null"]}, "text", "Ada"),
    "one of several": ("Ada", {"anyOf": [{"type": "string"}, {"type": "null"}]}, "text", "Ada"),
    "list": ([1], {"type": "array"}, "json", "[\n  1\n]"),
    "null": (None, {"type": ["string", "null"]}, "json", "null"),
    "empty object": ({}, {"type": "object"}, "json", "{}"),
    "not as its schema says": ("49", {"type": "number"}, "json", '"49"'),
    "hidden characters": ("a\u202eb", {"type": "string"}, "json", '"a\\u202eb"'),
    "no schema, text": ("Ada", None, "text", "Ada"),
    "no schema, number": (49, None, "number", "49"),
    "no schema, boolean": (False, None, "choice", "false"),
    "a schema that is none": ("Ada", True, "text", "Ada"),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_value_gets_the_control_its_schema_or_itself_asks_for(name: str) -> None:
    value, schema, control, shown = CONTROLS[name]
    found = only(value, schema)
    assert (found.control, found.value) == (control, shown)


def test_a_label_and_a_help_are_the_schemas_words() -> None:
    found = only(1, {"type": "integer", "title": "Amount", "description": "In cents"})
    assert (found.label, found.help) == ("Amount", "In cents")


@pytest.mark.parametrize(
    ("value", "schema", "hint"),
    [
        (
            1,
            {"type": "number", "minimum": 0, "exclusiveMaximum": 500},
            "a number; at least 0; less than 500",
        ),
        (
            4,
            {"type": "integer", "exclusiveMinimum": 0, "maximum": 9, "multipleOf": 2},
            "a whole number; more than 0; at most 9; a multiple of 2",
        ),
        (
            "Ada",
            {"type": "string", "minLength": 2, "maxLength": 9},
            "at least 2 characters; at most 9 characters",
        ),
        ("a@x.test", {"type": "string", "format": "email"}, "a mail address"),
        ("2026-11-22", {"type": "string", "format": "date"}, "a date, such as 2026-11-22"),
        ("x", {"type": "string", "format": "no-such", "minLength": True}, ""),
        ([1], {"type": "array", "maxItems": 0}, "JSON"),
    ],
)
def test_bounds_become_hints(value: Any, schema: Any, hint: str) -> None:
    assert only(value, schema).hint == hint


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["null", "string"]}, "string"),
        ({"type": ["number", "string"]}, ""),
        ({"type": ["null"]}, ""),
        ({"type": [7]}, ""),
        ({}, ""),
    ],
)
def test_a_schema_has_one_type_beside_null_or_none(schema: Any, kind: str) -> None:
    assert type_of(schema) == kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "boolean"), (3, "integer"), (3.0, "integer"), (3.5, "number"), ("3", "string"),
        (None, "null"), ([], "array"), ({}, "object"),
    ],
)  # fmt: skip
def test_a_value_has_the_narrowest_type_that_json_schema_gives_it(value: Any, kind: str) -> None:
    assert type_of_value(value) == kind


def test_each_field_bears_the_key_of_a_packets_row() -> None:
    payload = {"a": {"b": {"c": 1}}, "x.y": {"z": 2}, "n": "s"}
    keys = [found.key for found in fields_of(build_form(payload).items)]
    assert keys == [row.key for row in rows_of(payload)]


def test_a_key_of_any_characters_is_posted_as_a_browser_leaves_it() -> None:
    payload = {"a\nb": 1, "a\\nb": 2, "\x00": 3, "é": 4}
    names = [found.name for found in fields_of(build_form(payload).items)]
    assert names == ["p:a\\nb", "p:a\\\\nb", "p:\\u0000", "p:é"]


def test_an_object_is_a_group() -> None:
    schema = {"properties": {"to": {"type": "object", "title": "To", "description": "Whom"}}}
    (group,) = build_form({"to": {"name": "Ada"}}, schema).items
    assert isinstance(group, Group)
    assert (group.key, group.label, group.help) == ("to", "To", "Whom")


def test_a_reference_inside_the_schema_is_followed() -> None:
    schema = {"properties": {"x": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"enum": [1, 2]}}}
    assert field(build_form({"x": 1}, schema), "x").control == "choice"


@pytest.mark.parametrize("to", ["#/nowhere", "#", "https://evil.example/", 7])
def test_a_reference_that_leads_nowhere_is_no_fault(to: Any) -> None:
    assert field(build_form({"x": 1}, {"properties": {"x": {"$ref": to}}}), "x").value == "1"


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = {"type": "object", "properties": {n: {"$ref": "#"} for n in "abcdefgh"}}
    assert len(list(fields_of(build_form({}, tree).items))) == 64


def test_a_payload_of_too_many_values_has_no_fields_and_its_json() -> None:
    payload = {f"k{number}": number for number in range(MOST_FIELDS + 1)}
    form = build_form(payload)
    assert (form.items, json.loads(form.document)) == ((), payload)


def test_a_payload_of_just_as_many_has_a_form() -> None:
    payload = {f"k{number}": number for number in range(MOST_FIELDS)}
    assert len(list(fields_of(build_form(payload).items))) == MOST_FIELDS


def test_json_to_edit_hides_no_character() -> None:
    text = build_form({"x": "a\u202e\u200b\xa0\x7f\U000e0041é"}).document
    assert (visible(text), "é" in text, json.loads(text)) == (
        text,
        True,
        {"x": "a\u202e\u200b\xa0\x7f\U000e0041é"},
    )


# What is typed


def test_only_what_differs_changes() -> None:
    assert typed({"a": 1, "b": "x"}, a="2", b="x") == {"a": 2, "b": "x"}


def test_a_field_that_is_not_posted_stays_as_it_is() -> None:
    assert typed({"a": 1, "b": "x"}, b="y") == {"a": 1, "b": "y"}


def test_an_empty_field_of_a_value_that_is_not_there_stays_away() -> None:
    schema = {"properties": {"note": {"type": "string"}, "to": {"enum": ["a"]}}}
    assert typed({"a": 1}, schema, a="2", note="", to="") == {"a": 2}


def test_a_value_that_was_not_there_comes_with_what_holds_it() -> None:
    inner = {"type": "object", "properties": {"name": {"type": "string"}}}
    payload = {"a": 1}
    form = build_form(payload, {"properties": {"to": inner}})
    edit = edit_of_fields(form, {"p:to.name": "Ada"}, payload)
    assert edit.document == {"a": 1, "to": {"name": "Ada"}}


def test_text_that_is_cleared_is_empty() -> None:
    assert typed({"note": "x"}, note="") == {"note": ""}


VALUES: dict[str, tuple[Any, Any, str, Any]] = {
    "number": (1, {"type": "number"}, " 12.50 ", 12.5),
    "negative": (1, {"type": "number"}, "-3", -3),
    "power": (1, {"type": "number"}, "1e3", 1000.0),
    "integer as a double": (1, {"type": "integer"}, "4.0", 4.0),
    "text that is a number": ("1", {"type": "string"}, "2", "2"),
    "boolean": (True, {"type": "boolean"}, "false", False),
    "choice": ("a", {"enum": ["a", 1, None]}, "null", None),
    "json": ([1], {"type": "array"}, "[2]", [2]),
    "json of a phone": (["a"], {"type": "array"}, "[“b”]", ["b"]),
    "mended type": ("49", {"type": "number"}, "49", 49),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_is_typed_is_the_value_it_looks_like(name: str) -> None:
    value, schema, text, made = VALUES[name]
    found = typed({"x": value}, {"properties": {"x": schema}}, x=text)
    assert (found, type(found["x"])) == ({"x": made}, type(made))


PROBLEMS: dict[str, tuple[Any, str, str]] = {
    "comma": (1, "12,50", "12,50 has a comma: write 12.50 with a dot, and thousands as 1200"),
    "thousands": (1, "1,200", "1,200 has a comma: write 12.50 with a dot, and thousands as 1200"),
    "words": (1, "ten", "ten is no number: write digits, such as 40 or 12.50"),
    "currency": (1, "40 €", "40 € is no number: write digits, such as 40 or 12.50"),
    "leading zero": (1, "007", "007 is no number: write digits, such as 40 or 12.50"),
    "infinite": (1, "1e999", "1e999 is too large"),
    "inexact": (1, "9007199254740993", "integer beyond 2^53 - 1; send it as a string"),
    "endless": (1, "9" * 40, f"{'9' * 40} has too many digits to be held exactly"),
    "empty": (1, "", "it is empty, and a number is needed; only the JSON can leave it out"),
    "no choice": (True, "maybe", "maybe is none of the choices"),
    "no json": (
        [1],
        "[1",
        "not JSON: Expecting ',' delimiter at line 1, column 3; text needs double quotes",
    ),
    "empty json": ([1], " ", "it is empty; only the JSON can leave it out"),
    "other digits": (1, "٤", "٤ is no number: write digits, such as 40 or 12.50"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_cannot_be_read_is_told_and_not_guessed(name: str) -> None:
    value, text, problem = PROBLEMS[name]
    assert told({"x": value}, x=text) == [("x", problem)]


def test_half_a_number_is_no_whole_number() -> None:
    schema = {"properties": {"x": {"type": "integer"}}}
    assert told({"x": 1}, schema, x="1.5") == [("x", "1.5 is no whole number")]


def test_all_problems_are_told_at_once() -> None:
    assert [key for key, _ in told({"a": 1, "b": 2}, a="x", b="y")] == ["a", "b"]


@pytest.mark.parametrize("text", ["49", "49.0", "4.9e1"])
def test_the_same_number_written_otherwise_is_no_change(text: str) -> None:
    assert told({"x": 49}, x=text) == [("", "nothing in it differs from what would run already")]


def test_a_field_the_form_does_not_have_is_not_passed_over() -> None:
    assert told({"x": 1}, x="2", y="3") == [
        ("", "the form is another one by now: look at it again")
    ]


def test_the_payload_that_was_edited_stays_as_it_is() -> None:
    payload = {"a": {"b": [1]}}
    edit_of_fields(build_form(payload), {"p:a.b": "[2]"}, payload)
    assert payload == {"a": {"b": [1]}}


DOCUMENTS: dict[str, tuple[str, Any]] = {
    "json": ('{"x": 2}', {"x": 2}),
    "phone": ("{“x”: 2}", {"x": 2}),
    "around": ('\n {"x": 2}\n', {"x": 2}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_whole_payload_is_read_from_json(name: str) -> None:
    text, made = DOCUMENTS[name]
    assert edit_of_document(text, {"x": 1}).document == made


BAD_DOCUMENTS: dict[str, tuple[str, str]] = {
    "not closed": (
        '{"x": 2,\n',
        "not JSON: Expecting property name enclosed in double quotes at line 2, column 1",
    ),
    "empty": ("", "not JSON: Expecting value at line 1, column 1"),
    "a list": ("[1]", "the payload has to be a JSON object: { … }"),
    "twice": ('{"x": 1, "x": 2}', "the key x stands twice (in x)"),
    "too large": ('{"x": 9007199254740993}', "integer beyond 2^53 - 1; send it as a string (in x)"),
    "the same": ('{"x": 1.0}', "nothing in it differs from what would run already"),
    "two": ('{"x": 2} {"x": 3}', "not JSON: Extra data at line 1, column 10"),
    "too deep": ("[" * 100_000, "nested deeper than 16 levels"),
}


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
def test_json_that_cannot_be_is_told_with_its_place(name: str) -> None:
    text, problem = BAD_DOCUMENTS[name]
    with pytest.raises(BadForm) as raised:
        edit_of_document(text, {"x": 1})
    assert [found.text for found in raised.value.problems] == [problem]


def test_true_is_not_one() -> None:
    assert edit_of_document('{"x": true}', {"x": 1}).document == {"x": True}


def test_a_schemas_complaint_stands_beside_its_field() -> None:
    form = build_form({"a": {"b": 1}})
    found = complaints_by_field(form, ["a.b: 1 is too small", "'c' is a required property"])
    assert [(problem.key, problem.text) for problem in found] == [
        ("a.b", "1 is too small"),
        ("", "'c' is a required property"),
    ]


TEXT = st.text("aé1 .=[]\"'\n\r\t\x00\u202e\xa0🙂", max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(TEXT, JSON, max_size=4)


@given(PAYLOADS)
def test_a_form_posted_as_it_came_changes_nothing(payload: dict[str, Any]) -> None:
    form = build_form(payload)
    posted = {found.name: found.value for found in fields_of(form.items)}
    with pytest.raises(BadForm) as raised:
        edit_of_fields(form, posted, payload)
    assert "nothing in it differs" in raised.value.problems[0].text


@given(PAYLOADS)
def test_the_json_to_edit_is_the_payload(payload: dict[str, Any]) -> None:
    assert canonical(json.loads(build_form(payload).document)) == canonical(payload)


WORDS = st.sampled_from(
    ["properties", "type", "enum", "const", "required", "$ref", "$defs", "format", "title"]
) | st.sampled_from(["description", "minimum", "maxLength", "a", "b"])
TOLD = st.sampled_from(("object", "string", "number", "boolean", "date", "#", "#/$defs/a", "a"))
SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | TOLD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


@given(SCHEMAS, st.dictionaries(st.sampled_from("ab"), JSON, max_size=2))
def test_whatever_stands_in_a_schema_there_is_a_form(schema: Any, payload: dict[str, Any]) -> None:
    form = build_form(payload, schema)
    posted = {found.name: found.value for found in fields_of(form.items)}
    with pytest.raises(BadForm) as raised:
        edit_of_fields(form, posted, payload)
    assert "nothing in it differs" in raised.value.problems[0].text
