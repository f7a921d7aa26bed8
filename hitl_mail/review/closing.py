"""What may stand below a command and mean nothing: thanks, a name, a signature, a disclaimer.

Whatever is not certainly one of these is something else, and a command that has to stand alone
asks back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hitl_mail.review import phrases

COMMANDS = frozenset({
    "approve", "reject", "edit", "route", "ok", "flag", "retry", "done", "abandon", "help",
})  # fmt: skip
WRAPPING = "*_`\"'“”„«» "
ENDING = ".,;!… "

_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def is_command(line: str) -> bool:
    """Whether a line is, by itself, a command of the contract."""
    bare = line.casefold().strip(WRAPPING + ENDING + ":")
    return bare in COMMANDS or bare.startswith(("approve:", "approve,", "approve."))


def split_closing(lines: Sequence[str], author: str) -> tuple[list[str], list[str]]:
    """Lines of a wrapped note, and those from the thanks or the name below it on."""
    for index, line in enumerate(lines):
        if _closes(line) or _is_author(line, author) or is_command(line):
            return list(lines[:index]), list(lines[index:])
    return list(lines), []


def nothing(groups: list[list[str]], author: str) -> bool:
    """Whether paragraphs after a command are only thanks, a signature or a disclaimer."""
    signed = False
    for group in groups:
        text = " ".join(group)
        if _disclaims(text):
            signed = True
            continue
        for line in group:
            if is_command(line):
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
            return len(more) <= 4 and not doubtful(line) and not any(c.isdigit() for c in line)
    return False


def _is_author(line: str, author: str) -> bool:
    names = set(_WORDS.findall(author.casefold()))
    said = _WORDS.findall(line.casefold())
    return bool(said) and len(said) <= 4 and names.issuperset(said)


def _signature_line(line: str) -> bool:
    """A line as signatures have them, below a closing or a name: short, a name or a number."""
    if len(line) > 80 or doubtful(line):
        return False
    letters = [c for c in line if c.isalpha()]
    if not letters:
        return sum(c.isdigit() for c in line) >= 7 or not any(c.isdigit() for c in line)
    return "@" in line or "www." in line or "://" in line or line.lstrip(WRAPPING)[:1].isupper()


def _disclaims(text: str) -> bool:
    """A company's disclaimer: long, and in the words of one."""
    low = text.casefold()
    cues = sum(cue in low for cue in phrases.DISCLAIMERS)
    return (len(text) >= 100 and cues >= 2) or (len(text) >= 60 and cues >= 3)


def doubtful(text: str) -> bool:
    words = set(_WORDS.findall(text.casefold().replace("’", "'")))
    return not words.isdisjoint(phrases.DOUBT | COMMANDS) or "?" in text


def _bare(line: str) -> str:
    return " ".join(_WORDS.findall(line.casefold()))
