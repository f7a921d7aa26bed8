"""Titles and reasons, filled from what the agent sent."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.policy.templates import fill, placeholders

FACTS: dict[str, Any] = {
    "kind": "a.b",
    "payload": {
        "n": 40,
        "f": 40.0,
        "t": True,
        "none": None,
        "list": [{"x": 1}, "é"],
        "deep": {"er": "x"},
        "evil": "a\u202e\nb",
        "long": "x" * 300,
    },
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{kind}", "a.b"),
        ("{payload.n} and {payload.f}", "40 and 40"),
        ("{payload.t} {payload.none}", "true null"),
        ("{payload.deep.er} {payload.list.0.x}", "x 1"),
        ("{payload.list}", '[{"x": 1}, "é"]'),
        (
            "{payload.nope} {payload.n.x} {payload.list.9} {cost}",
            "(no payload.nope) (no payload.n.x) (no payload.list.9) (no cost)",
        ),
        ("{payload.evil}", "a⟨U+202E⟩⟨U+000A⟩b"),
        ("{payload.long}", "x" * 199 + "…"),
        ("{{kind}} {kind}", "{kind} a.b"),
    ],
)
def test_a_template_is_filled(template: str, text: str) -> None:
    assert fill(template, FACTS.__getitem__) == text


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    assert fill("{x}", {"x": "{payload}"}.__getitem__) == "{payload}"


def test_the_names_asked_for_are_found() -> None:
    assert placeholders("{{ {kind} {payload.a-b.c}") == ["kind", "payload.a-b.c"]


@pytest.mark.parametrize(
    "template", ["{", "}", "{}", "{0}", "{payload!r}", "{payload:>9}", "{payload[a]}", "{.a}"]
)
def test_anything_else_in_braces_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="is no placeholder; write"):
        placeholders(template)
