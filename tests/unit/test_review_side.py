"""Two payloads side by side."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.review.side import compare

CASES: dict[str, tuple[Any, Any, list[tuple[str, str | None, str | None]], int]] = {
    "changed": ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [("b", "2", "3")], 1),
    "added": ({"a": 1}, {"a": 1, "b": 2}, [("b", None, "2")], 1),
    "removed": ({"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}, [("b", "2", None)], 2),
    "another type": ({"a": 1}, {"a": "1"}, [("a", "1", '"1"')], 0),
    "inside": ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("a.b[1]", "2", "3")], 1),
    "removed behind another": (
        {"a": 1, "x": 2, "b": 3, "y": 4, "c": 5},
        {"a": 2, "b": 4, "c": 6},
        [("a", "1", "2"), ("x", "2", None), ("b", "3", "4"), ("y", "4", None), ("c", "5", "6")],
        0,
    ),
    "removed first": ({"b": 2, "a": 1}, {"a": 5}, [("b", "2", None), ("a", "1", "5")], 0),
    "emptied": ({"a": [1]}, {"a": []}, [("a[0]", "1", None), ("a", None, "[]")], 0),
    "the same": ({"a": 1}, {"a": 1}, [], 1),
}


@pytest.mark.parametrize("name", CASES)
def test_what_differs_is_told_with_both_values(name: str) -> None:
    before, after, rows, same = CASES[name]
    found = compare(before, after)
    assert ([(r.key, r.before, r.after) for r in found.rows], found.same) == (rows, same)
