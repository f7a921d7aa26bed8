"""What is wrong with a text that is no TOML, in words, with its line and the mend.

tomllib names one place and speaks of characters; knows nothing of what the file is for.
"""

from __future__ import annotations

import ast
import re
import tomllib

from hitl_mail.errors import Problem
from hitl_mail.tables.lines import key_lines

_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_AT_END = re.compile(r" \(at end of document\)$")
_TWICE = re.compile(r"Cannot declare (\(.*\)) twice")

_LINE = "Mend that line, or what stands before it."


def syntax_problem(file: str, text: str, message: str) -> Problem:
    """The problem that tomllib tells of a text by this message."""
    place = _AT_LINE.search(message)
    if place is None:
        what = f"not TOML: {_AT_END.sub(', at the end of the file', message)}"
        return Problem(file, text.count("\n") + 1, "", what, _LINE)
    line, said = int(place[1]), message[: place.start()]
    known = _twice(text, line, said) or _in_words(said)
    if known is not None:
        return Problem(file, line, "", f"not TOML: {known[0]}", known[1])
    return Problem(file, line, "", f"not TOML: {said}, at column {place[2]}", _LINE)


def _twice(text: str, line: int, said: str) -> tuple[str, str] | None:
    """A table that stands there twice, and where it stands first."""
    found = _TWICE.match(said)
    if found is None:
        return None
    before = "".join(text.splitlines(keepends=True)[: line - 1])
    try:
        tomllib.loads(before)
        first = key_lines(before)[tuple(ast.literal_eval(found[1]))]
    except (ValueError, SyntaxError, KeyError, RecursionError):
        return None
    header = text.splitlines()[line - 1].strip()[:80]
    return f"{header} stands here a second time", f"It is on line {first} first: keep one of them."


def _in_words(said: str) -> tuple[str, str] | None:
    if said.startswith("Illegal character '\\n'"):
        return "a text on this line does not end", "Close it with the quote it begins with."
    if said.startswith("Cannot overwrite a value"):
        return "this key has a value already", "Keep one of the two lines."
    return None
