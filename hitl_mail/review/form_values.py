"""What a person typed into the form of a payload, as the edit it is.

Only a field that differs from what it held changes anything. What cannot be read is told beside its
field, all of it at once; nothing is guessed: `12,50` is no number here. Knows no HTML and no case.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hitl_mail.core.canonical import canonical, check, parse_json
from hitl_mail.core.text import one_line
from hitl_mail.errors import HitlError, Refused
from hitl_mail.review.edits import BadEdit, Edit, parse_edit
from hitl_mail.review.forms import EditForm, Field, fields_of
from hitl_mail.review.paths import Path
from hitl_mail.review.typed import straightened

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DIGITS = re.compile(r"-?[0-9]+")
_MOST_DIGITS = 17
_SHOWN = 60


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with one field; `key` is its dotted path, empty where it is about no field."""

    key: str
    text: str


class BadForm(HitlError):
    """What was typed makes no new payload. `problems` says why, field by field."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


def edit_of_fields(form: EditForm, posted: Mapping[str, str], payload: dict[str, Any]) -> Edit:
    """The edit that the posted fields are. Raises `BadForm`."""
    known = {field.name: field for field in fields_of(form.items)}
    if not posted.keys() <= known.keys():
        # A field that is gone may have held the change that matters.
        raise BadForm(Problem("", "the form is another one by now: look at it again"))
    made, problems = copy.deepcopy(payload), []
    for name, field in known.items():
        text = posted.get(name, field.value)
        if text == field.value:
            continue
        try:
            value = _read(field, text)
            check(value)
        except (ValueError, Refused) as error:
            said = error.detail if isinstance(error, Refused) else str(error)
            problems.append(Problem(field.key, said))
        else:
            _put(made, field.path, value)
    if problems:
        raise BadForm(*problems)
    return _changing(made, payload)


def edit_of_document(text: str, payload: dict[str, Any]) -> Edit:
    """The edit that a whole payload, typed as JSON, is. Raises `BadForm`."""
    try:
        made = parse_json(text.encode("utf-8", "replace"))
    except Refused as error:
        # A phone makes its quotes curly; what only differs in that is meant as it looks.
        made = _typed(text)
        if made is None:
            where = f" (in {one_line(error.field, _SHOWN)})" if error.field else ""
            raise BadForm(Problem("", f"{error.detail}{where}")) from None
    if not isinstance(made, dict):
        raise BadForm(Problem("", "the payload has to be a JSON object: { … }"))
    return _changing(made, payload)


def complaints_by_field(form: EditForm, complaints: list[str]) -> list[Problem]:
    """A schema's complaints, each beside the field it is about."""
    keys = {".".join(map(str, field.path)): field.key for field in fields_of(form.items)}
    found = []
    for complaint in complaints:
        where, colon, what = complaint.partition(": ")
        known = bool(colon) and where in keys
        found.append(Problem(keys[where], what) if known else Problem("", complaint))
    return found


def _changing(made: dict[str, Any], payload: dict[str, Any]) -> Edit:
    try:
        check(made)
    except Refused as error:
        raise BadForm(Problem(error.field or "", error.detail)) from None
    if canonical(made) == canonical(payload):
        raise BadForm(Problem("", "nothing in it differs from what would run already"))
    return Edit(document=made)


def _typed(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return parse_edit(text.split("\n")).document
    except BadEdit:
        return None


def _read(field: Field, text: str) -> Any:
    """The value of one field that was changed. Raises ValueError or `Refused`, in words."""
    match field.control:
        case "number" | "integer":
            return _number(text, whole=field.control == "integer")
        case "choice":
            return _chosen(field, text)
        case "json":
            return _json(text)
        case _:
            return text


def _number(text: str, *, whole: bool) -> int | float:
    bare = text.strip()
    shown = one_line(bare, _SHOWN)
    if not bare:
        raise ValueError("it is empty, and a number is needed; only the JSON can leave it out")
    if "," in bare:
        raise ValueError(f"{shown} has a comma: write 12.50 with a dot, and thousands as 1200")
    if not _NUMBER.fullmatch(bare):
        raise ValueError(f"{shown} is no number: write digits, such as 40 or 12.50")
    if _DIGITS.fullmatch(bare):
        if len(bare) > _MOST_DIGITS:
            raise ValueError(f"{shown} has too many digits to be held exactly")
        return int(bare)
    value = float(bare)
    if not math.isfinite(value):
        raise ValueError(f"{shown} is too large")
    if whole and not value.is_integer():
        raise ValueError(f"{shown} is no whole number")
    return value


def _chosen(field: Field, text: str) -> Any:
    if not text or text not in {option.value for option in field.options}:
        raise ValueError(f"{one_line(text, _SHOWN) or 'nothing'} is none of the choices")
    return json.loads(text)


def _json(text: str) -> Any:
    if not text.strip():
        raise ValueError("it is empty; only the JSON can leave it out")
    try:
        return parse_json(text.encode("utf-8", "replace"))
    except Refused as error:
        try:
            return parse_json(straightened(text).encode("utf-8", "replace"))
        except Refused:
            quotes = "; text needs double quotes" if error.code == "malformed" else ""
            raise ValueError(f"{error.detail}{quotes}") from None


def _put(made: dict[str, Any], path: Path, value: Any) -> None:
    node: Any = made
    for step in path[:-1]:
        node = node.setdefault(step, {})
    node[path[-1]] = value
