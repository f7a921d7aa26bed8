"""An edit of a payload: what was written, and the new payload it makes.

`key = value` lines change the keys they name, a JSON object replaces the payload whole. Mail, page
and command line share this; it knows none of them, nor the rules: what is edited is judged again.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hitl_mail.core.canonical import canonical, check
from hitl_mail.core.text import one_line
from hitl_mail.errors import Refused
from hitl_mail.review.edit_changes import (
    BadEdit,
    Edit,
    change_of,
    example,
    line_for,
    named,
    parent_of,
    value_or_text,
)
from hitl_mail.review.edit_lines import MOST_CHANGES, parse_edit
from hitl_mail.review.paths import Path, overlap, parse_path

__all__ = ["MOST_CHANGES", "BadEdit", "Edit", "apply_edit", "edit_document", "parse_edit"]


def apply_edit(payload: dict[str, Any], edit: Edit) -> dict[str, Any]:
    """The payload that an edit makes of `payload`, which stays as it is. Raises `BadEdit`."""
    if edit.document is not None:
        made = copy.deepcopy(edit.document)
    else:
        made = _changed(payload, edit.changes)
    _fits(made)
    if canonical(made) == canonical(payload):
        key, _ = example(payload)
        raise BadEdit("This edit leaves the payload as it is.", f"edit {key} = (another value)")
    return made


def edit_document(edit: Edit, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """What an edit says, as JSON: the new payload, or the changed keys nested as TOML would nest
    them (an item of a list stands under `items[0]`).

    Keys and bare words are as `payload` has them, where it is known. Never raises.
    """
    if edit.document is not None:
        return edit.document
    told: dict[str, Any] = {}
    for key, text in edit.changes:
        try:
            path, value = change_of(payload or {}, key, text)
        except BadEdit:
            path, value = parse_path(key) or (key,), value_or_text(text)
        _nest(told, path, value)
    return told


def _changed(payload: dict[str, Any], changes: Sequence[tuple[str, str]]) -> dict[str, Any]:
    if not changes:
        key, value = example(payload)
        raise BadEdit("This edit changes nothing.", f"edit {key} = {value}")
    if len(changes) > MOST_CHANGES:
        raise BadEdit(
            f"These are more than {MOST_CHANGES} changes; a whole payload does that at once.",
            'edit {"key": "value"}',
        )
    made = copy.deepcopy(payload)
    taken: list[Path] = []
    for key, text in changes:
        path, value = change_of(payload, key, text)
        for other in taken:
            if overlap(path, other):
                raise BadEdit(f"{named(path)} is changed twice.", line_for(path, text))
        taken.append(path)
        parent_of(made, path)[path[-1]] = value
    return made


def _fits(made: dict[str, Any]) -> None:
    try:
        check(made)
    except Refused as error:
        where = f" in {one_line(error.field, 80)}" if error.field else ""
        raise BadEdit(
            f"The new payload cannot be held: {error.detail}{where}.", "edit KEY = (a plain value)"
        ) from None


def _nest(told: dict[str, Any], path: Path, value: Any) -> None:
    names: list[str] = []
    for step in path:
        if isinstance(step, int) and names:
            names[-1] += f"[{step}]"
        else:
            names.append(str(step))
    for name in names[:-1]:
        inside = told.setdefault(name, {})
        if not isinstance(inside, dict):
            return
        told = inside
    told[names[-1]] = value
