"""What a person's reply says: its new text, and the one command in it.

The first paragraph is the command (design 1.5). Strict with what would let an action run: an
`approve` stands alone or before a colon, and anything that could be a condition asks back.
Liberal with `reject`, whose worst error is another question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from hitl_mail.core.events import Verb
from hitl_mail.review.body import read_body, read_html
from hitl_mail.review.closing import (
    COMMANDS,
    ENDING,
    HAPPY,
    WRAPPING,
    closes,
    doubtful,
    is_command,
    nothing,
    split_closing,
)
from hitl_mail.review.edit_changes import BadEdit, Edit
from hitl_mail.review.edit_lines import begins_edit, take_edit
from hitl_mail.review.quotes import new_lines, paragraphs
from hitl_mail.review.typed import without_links

Key = Literal["decision", "help", "not_understood", "ambiguous", "bad_edit"]

_ALONE: dict[str, Verb] = {
    "approve": "approve",
    "retry": "retry",
    "done": "done",
    "abandon": "abandon",
    "ok": "ok",
}
_REASONED: dict[str, Verb] = {"reject": "reject", "flag": "flag"}
_FIRST = re.compile(r"[A-Za-z]+")
_NAME = re.compile(r"@?([A-Za-z0-9_][A-Za-z0-9._-]{0,63})")
_DIRECTIONS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u2068\u2069"))
_BEFORE_NOTE = re.compile(r":|\bbecause\b", re.IGNORECASE)
_LONGEST_NOTE = 2000
_LONGEST_SAID = 200


class Reply(msgspec.Struct, frozen=True):
    """`lines` is the new text. With key `decision` there is a `verb`, and its `note`; any other
    key says why there is none. `said` is the line that was read as the command.

    A `verb` edit has its `edit`, a route the person or group it goes `to` (as written, in lower
    case). With key `bad_edit`, `problem` says in a sentence what is wrong and `send` is the line
    to send instead.
    """

    lines: tuple[str, ...]
    key: Key
    verb: Verb | None = None
    note: str = ""
    said: str = ""
    edit: Edit | None = None
    to: str = ""
    problem: str = ""
    send: str = ""

    @property
    def detail(self) -> str:
        """What is wrong, and what to send instead, as one text; empty where nothing is."""
        return f"{self.problem} Instead: {self.send}" if self.problem else ""


def read_reply(message: bytes, is_ours: Callable[[str], bool]) -> Reply:
    """The reply in a mail. Never raises. `is_ours(address)` knows the site's address in all its
    forms, to recognise a quote that names it."""

    def names_us(line: str) -> bool:
        return _names_us(line, is_ours)

    body = read_body(message)
    reply = read_command(new_lines(body.lines, names_us), body.author)
    if reply.verb != "edit" and not (reply.verb is None and _word(reply.said) == "edit"):
        return reply
    # Plain text that a program made of a page is wrapped, a long value of an edit with it.
    other = read_command(new_lines(read_html(message), names_us), body.author)
    same = _squashed(reply.lines) == _squashed(other.lines)
    return other if same and other.verb == "edit" else reply


def read_command(lines: list[str], author: str = "") -> Reply:
    """The command in the new lines of a mail; `author` is who signs it, if known."""
    kept = tuple(lines)
    groups = paragraphs(lines)
    if not groups:
        return Reply(kept, "not_understood")
    first, rest = groups[0], groups[1:]
    said = first[0][:_LONGEST_SAID]
    top = _bare(first[0])
    word = _word(top)
    tail = top[len(word) :]
    if word in _REASONED:
        return _with_reason(kept, _REASONED[word], first, rest, tail, author, said)
    if word in _ALONE:
        note = _alone(first, rest, tail, author)
        if note is None:
            key: Key = "ambiguous" if _separate(tail) else "not_understood"
            return Reply(kept, key, said=said)
        return Reply(kept, "decision", _ALONE[word], note, said)
    if word in COMMANDS and _separate(tail):
        if word == "edit":
            return _edit(kept, tail, author, said)
        if word == "route":
            return _route(kept, first, rest, tail, author, said)
        if top.isascii():
            return Reply(kept, "help", said=said)
    return Reply(kept, "not_understood", said=said)


def _alone(first: list[str], rest: list[list[str]], tail: str, author: str) -> str | None:
    """The note of a command that has to stand alone; None where something could change it."""
    plain = tail.strip(ENDING)
    if plain in HAPPY or (plain and closes(plain, author)):
        plain = ""
    if plain and not tail.lstrip().startswith(":"):
        return None
    note, after = "", first[1:]
    if plain:
        written, after = split_closing(after, author)
        note = " ".join([tail.lstrip()[1:].strip(), *written])[:_LONGEST_NOTE].strip()
        if doubtful(note):
            return None
    return note if nothing([after, *rest], author) else None


def _with_reason(
    kept: tuple[str, ...],
    verb: Verb,
    first: list[str],
    rest: list[list[str]],
    tail: str,
    author: str,
    said: str,
) -> Reply:
    if "?" in tail[:2]:
        return Reply(kept, "ambiguous", said=said)
    if not _separate(tail):
        return Reply(kept, "not_understood", said=said)
    others = [line for group in (first[1:], *rest) for line in group]
    if any(is_command(line) for line in others):
        return Reply(kept, "ambiguous", said=said)
    written, _ = split_closing(first[1:], "")
    reason = " ".join([tail.lstrip(" :,;.!-–—"), *written]).strip()
    if closes(reason, ""):
        reason = ""
    reason = reason or _below(rest, author)
    if reason.casefold().startswith("because"):
        reason = reason[len("because") :].lstrip(" :,…")
    return Reply(kept, "decision", verb, reason[:_LONGEST_NOTE].rstrip(), said)


def _below(rest: list[list[str]], author: str) -> str:
    """The first paragraph that says something, of those below a lone `Reject.`: many people write
    the word like a greeting, and the reason below it."""
    for at, group in enumerate(rest):
        if nothing(rest[at:], author):
            break
        if not nothing([group], author):
            return " ".join(split_closing(group, author)[0])
    return ""


def _route(
    kept: tuple[str, ...],
    first: list[str],
    rest: list[list[str]],
    tail: str,
    author: str,
    said: str,
) -> Reply:
    """`route bob`, `route finance: note`; the note may go on to the end of the paragraph."""
    words = _BEFORE_NOTE.split(tail.lstrip(" :"), 1)
    called = words[0].strip(ENDING).split()
    if len(called) == 2 and called[0].lower() == "to":
        called = called[1:]
    name = _NAME.fullmatch(called[0]) if len(called) == 1 else None
    if name is None:
        return Reply(kept, "ambiguous", said=said)
    written, after = split_closing(first[1:], author)
    if len(words) == 1:
        written, after = [], first[1:]
    if not nothing([after, *rest], author):
        return Reply(kept, "ambiguous", said=said)
    note = " ".join([*(part.strip() for part in words[1:]), *written])
    note = note[:_LONGEST_NOTE].strip()
    return Reply(kept, "decision", "route", note, said, to=name[1].lower())


def _edit(kept: tuple[str, ...], tail: str, author: str, said: str) -> Reply:
    """`edit`, with its changes behind it or below, and a note behind a colon."""
    below = [without_links(line) for line in kept[1:]]
    behind = without_links(tail).strip()
    note: list[str] = []
    if behind.startswith(":"):
        behind = behind[1:].strip()
        if behind and not begins_edit(behind):
            note, below = _note_above(behind, below)
            behind = ""
    if behind.strip(ENDING):
        below.insert(0, behind)
    try:
        edit, used = take_edit(below)
    except BadEdit as error:
        if any(is_command(line) for line in below):
            return Reply(kept, "ambiguous", said=said)
        return Reply(kept, "bad_edit", said=said, problem=error.detail, send=error.send)
    if not nothing(paragraphs(below[used:]), author):
        return Reply(kept, "ambiguous", said=said)
    text = " ".join(note)[:_LONGEST_NOTE].strip()
    return Reply(kept, "decision", "edit", text, said, edit)


def _note_above(begun: str, lines: list[str]) -> tuple[list[str], list[str]]:
    """A note over several lines, and the lines of the edit below it."""
    note = [begun]
    for at, line in enumerate(lines):
        if not line or begins_edit(line):
            return note, lines[at:]
        note.append(line)
    return note, []


def _bare(line: str) -> str:
    """A line without the marks of emphasis or quotation around it."""
    bare = line.lstrip(WRAPPING)
    return (bare.rstrip(WRAPPING) if bare != line.lstrip() else bare).rstrip()


def _word(line: str) -> str:
    """The word that a line begins with. Only plain letters: look-alikes are other words."""
    match = _FIRST.match(line.lstrip(WRAPPING))
    return match[0].lower() if match else ""


def _separate(tail: str) -> bool:
    """Whether a word ended where the command did: `rejected` is another word."""
    return not tail or not (tail[0].isalnum() or tail[0] == "_" or not tail[0].isascii())


def _squashed(lines: tuple[str, ...]) -> str:
    return "".join("".join(without_links(line).split()) for line in lines)


def _names_us(line: str, is_ours: Callable[[str], bool]) -> bool:
    if "@" not in line:
        return False
    return any(
        is_ours(word.strip("<>()[]\"',;:*").removeprefix("mailto:"))
        for word in line.translate(_DIRECTIONS).split()
    )
