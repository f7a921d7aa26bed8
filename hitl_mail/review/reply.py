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
from hitl_mail.review import phrases
from hitl_mail.review.body import read_body
from hitl_mail.review.quotes import new_lines, paragraphs

Key = Literal["decision", "help", "not_understood", "ambiguous", "unavailable"]

_EXACT: dict[str, Verb] = {
    "approve": "approve",
    "retry": "retry",
    "done": "done",
    "abandon": "abandon",
    "ok": "ok",
}
_REASONED: dict[str, Verb] = {"reject": "reject", "flag": "flag"}
_UNAVAILABLE = frozenset({"edit", "route"})
_COMMANDS = frozenset({*_EXACT, *_REASONED, "help", *_UNAVAILABLE})
_FIRST = re.compile(r"[a-z]+")
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_CLOSING = ".,;!… "
_WRAPPING = "*_`\"'“”„«» "
_LONGEST_NOTE = 2000
_LONGEST_SAID = 200


class Reply(msgspec.Struct, frozen=True):
    """`lines` is the new text. With key `decision` there is a `verb`, and its `note`; any other
    key says why there is none. `said` is the line that was read as the command."""

    lines: tuple[str, ...]
    key: Key
    verb: Verb | None = None
    note: str = ""
    said: str = ""


def read_reply(message: bytes, is_ours: Callable[[str], bool]) -> Reply:
    """The reply in a mail. Never raises. `is_ours(address)` knows the site's address in all its
    forms, to recognise a quote that names it."""
    body = read_body(message)
    lines = new_lines(body.lines, lambda line: _names_us(line, is_ours))
    return read_command(lines, body.author)


def read_command(lines: list[str], author: str = "") -> Reply:
    """The command in the new lines of a mail; `author` is who signs it, if known."""
    kept = tuple(lines)
    groups = paragraphs(lines)
    if not groups:
        return Reply(kept, "not_understood")
    first, rest = groups[0], groups[1:]
    said = first[0][:_LONGEST_SAID]
    top = first[0].strip(_WRAPPING).strip()
    match = _FIRST.match(top.casefold())
    word = match[0] if match else ""
    if not top.isascii() and word not in (*_REASONED, *_EXACT):
        return Reply(kept, "not_understood", said=said)
    tail = top[len(word) :]
    if word in _REASONED:
        return _with_reason(kept, _REASONED[word], first, rest, tail, said)
    if word in _EXACT:
        note = _exact(first, rest, tail, author)
        if note is None:
            key: Key = "ambiguous" if _separate(tail) else "not_understood"
            return Reply(kept, key, said=said)
        return Reply(kept, "decision", _EXACT[word], note, said)
    if word == "help" and _separate(tail):
        return Reply(kept, "help", said=said)
    if word in _UNAVAILABLE and _separate(tail):
        return Reply(kept, "unavailable", said=said)
    return Reply(kept, "not_understood", said=said)


def _exact(first: list[str], rest: list[list[str]], tail: str, author: str) -> str | None:
    """The note of a command that has to stand alone; None where something could change it."""
    plain = tail.strip(_CLOSING)
    if plain and not tail.lstrip().startswith(":"):
        return None
    note, after = "", first[1:]
    if plain:
        written, after = _split_closing(after, author)
        note = " ".join([tail.lstrip()[1:].strip(), *written])[:_LONGEST_NOTE].strip()
        if _doubtful(note):
            return None
    return note if _nothing([after, *rest] if after else rest, author) else None


def _with_reason(
    kept: tuple[str, ...],
    verb: Verb,
    first: list[str],
    rest: list[list[str]],
    tail: str,
    said: str,
) -> Reply:
    if not _separate(tail) or "?" in tail[:2]:
        return Reply(kept, "ambiguous" if "?" in tail[:2] else "not_understood", said=said)
    others = [line for group in (first[1:], *rest) for line in group]
    if any(_is_command(line) for line in others):
        return Reply(kept, "ambiguous", said=said)
    written, _ = _split_closing(first[1:], "")
    reason = " ".join([tail.lstrip(" :,;.!-–—"), *written]).strip()
    if reason.casefold().startswith("because"):
        reason = reason[len("because") :].lstrip(" :,…")
    return Reply(kept, "decision", verb, reason[:_LONGEST_NOTE].rstrip(), said)


def _separate(tail: str) -> bool:
    """Whether a word ended where the command did: `rejected` and `reject-all` are other words."""
    return not tail or not (tail[0].isalnum() or tail[0] == "_" or not tail[0].isascii())


def _is_command(line: str) -> bool:
    bare = line.casefold().strip(_WRAPPING + _CLOSING + ":")
    return bare in _COMMANDS or bare.startswith(("approve:", "approve,", "approve."))


def _split_closing(lines: list[str], author: str) -> tuple[list[str], list[str]]:
    """Lines of a wrapped note, and those from the thanks or the name below it on."""
    for index, line in enumerate(lines):
        if _closes(line) or _is_author(line, author) or _is_command(line):
            return lines[:index], lines[index:]
    return lines, []


def _nothing(groups: list[list[str]], author: str) -> bool:
    """Whether paragraphs after a command are only thanks, a signature or a disclaimer."""
    signed = False
    for group in groups:
        text = " ".join(group)
        if _disclaims(text):
            signed = True
            continue
        for line in group:
            if _is_command(line):
                return False
            if _closes(line) or _is_author(line, author):
                signed = True
            elif not (signed and _signature_line(line)):
                return False
    return True


def _closes(line: str) -> bool:
    """A thank-you or a closing, alone or with a name: `Thanks, Ada`."""
    bare = _bare(line)
    if bare in phrases.CLOSINGS:
        return True
    for phrase in phrases.CLOSINGS:
        if bare.startswith(phrase + " "):
            more = bare[len(phrase) + 1 :].split()
            return len(more) <= 4 and not _doubtful(line) and not any(c.isdigit() for c in line)
    return False


def _is_author(line: str, author: str) -> bool:
    names = set(_WORDS.findall(author.casefold()))
    said = _WORDS.findall(line.casefold())
    return bool(said) and len(said) <= 4 and names.issuperset(said)


def _signature_line(line: str) -> bool:
    """A line as signatures have them, below a closing or a name: short, a name or a number."""
    if len(line) > 80 or _doubtful(line):
        return False
    letters = [c for c in line if c.isalpha()]
    if not letters:
        return sum(c.isdigit() for c in line) >= 7 or not any(c.isdigit() for c in line)
    return "@" in line or "www." in line or "://" in line or line.lstrip(_WRAPPING)[:1].isupper()


def _disclaims(text: str) -> bool:
    """A company's disclaimer: long, and in the words of one."""
    low = text.casefold()
    cues = sum(cue in low for cue in phrases.DISCLAIMERS)
    return (len(text) >= 100 and cues >= 2) or (len(text) >= 60 and cues >= 3)


def _doubtful(text: str) -> bool:
    words = set(_WORDS.findall(text.casefold().replace("’", "'")))
    return not words.isdisjoint(phrases.DOUBT | _COMMANDS) or "?" in text


def _bare(line: str) -> str:
    return " ".join(_WORDS.findall(line.casefold()))


def _names_us(line: str, is_ours: Callable[[str], bool]) -> bool:
    if "@" not in line:
        return False
    return any(
        is_ours(word.strip("<>()[]\"',;:*").removeprefix("mailto:")) for word in line.split()
    )
