"""Values as mail programs leave them, made what was typed: straight quotes for curly ones, plain
spaces for unbreakable ones, no link behind an address.

Only what stands where TOML or JSON begin a string is taken for a quote, so that the apostrophe in
`O’Brien` stays as it is. One pass each, nothing here can backtrack.
"""

from __future__ import annotations

import json
import re

_DOUBLE = '"“”„‟'
_SINGLE = "'‘’‚‛"
_SPACES = re.compile("[\xa0\u2007\u202f\u3000]")
_BEFORE = "[{,=:"
_CLOSERS = {
    '"': '"',
    "'": "'",
    "«": "»",
    **dict.fromkeys(_DOUBLE[1:], _DOUBLE),
    **dict.fromkeys(_SINGLE[1:], _SINGLE[1:]),
}
_LINK = re.compile(r"\s?<((?:mailto:|tel:|https?://)[^<>\s]{1,500})>")


def plain_spaces(text: str) -> str:
    """Every unbreakable or wide space as a plain one."""
    return _SPACES.sub(" ", text)


def straightened(text: str) -> str:
    """A TOML value or a JSON text with the quotes that a phone made curly straight again.

    What stands inside a curly pair is kept, escaped where it has to be.
    """
    text = plain_spaces(text)
    made: list[str] = []
    at, opens = 0, True
    while at < len(text):
        char = text[at]
        if opens and (char in _DOUBLE or char in _SINGLE or char == "«"):
            string, at = _string(text, at)
            made.append(string)
            opens = False
            continue
        made.append(char)
        opens = char in _BEFORE or (opens and char.isspace())
        at += 1
    return "".join(made)


class Extent:
    """How far a value reaches over the lines of a mail: `feed` it line by line."""

    def __init__(self) -> None:
        self.depth = 0
        self.closers = ""
        self._opens = True

    @property
    def open(self) -> bool:
        """Whether a bracket or a string is still to be closed."""
        return bool(self.depth > 0 or self.closers)

    def feed(self, line: str) -> int:
        """Where in this line all brackets are closed again; -1 if they are not, or none was."""
        at = 0
        while at < len(line):
            char = line[at]
            if self.closers:
                if char == "\\" and self.closers != "'":
                    at += 1
                elif char in self.closers:
                    self.closers, self._opens = "", False
            elif self._opens and (closers := _CLOSERS.get(char)):
                self.closers = closers
            else:
                self.depth += (char in "[{") - (char in "]}")
                if char in "]}" and self.depth <= 0:
                    return at + 1
                self._opens = char in _BEFORE or (self._opens and char.isspace())
            at += 1
        return -1


def without_links(line: str) -> str:
    """`bob@example.com<mailto:bob@example.com>` as it was typed: a program that makes plain text
    of a page writes the link behind its words."""
    if "<" not in line:
        return line

    def shown(found: re.Match[str]) -> str:
        target = found[1].removeprefix("mailto:").removeprefix("tel:")
        bare = target.partition("://")[2] or target
        before = line[max(0, found.start() - 600) : found.start()]
        return "" if before.endswith((bare, bare.rstrip("/"))) else found[0]

    return _LINK.sub(shown, line)


def _string(text: str, at: int) -> tuple[str, int]:
    """The string that begins at `at`, in straight quotes, and where the text goes on."""
    opening = text[at]
    if opening in "\"'":
        end = _closing(text, at, opening)
        if end >= 0:
            return text[at : end + 1], end + 1
    family = _CLOSERS[opening] if opening != '"' else _DOUBLE
    end = at + 1
    while end < len(text) and text[end] not in family:
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        return text[at:] if opening in "\"'" else '"' + text[at + 1 :], len(text)
    return _quoted(text[at + 1 : end], opening), end + 1


def _quoted(inner: str, opening: str) -> str:
    if opening == "«":
        inner = inner.strip()
    if opening in _SINGLE and "'" not in inner:
        return f"'{inner}'"
    escaped = re.sub(r"\\([“”„‟])", r'\\"', inner)
    if re.search(r'(?<!\\)"', escaped):
        return json.dumps(inner, ensure_ascii=False)
    return f'"{escaped}"'


def _closing(text: str, at: int, quote: str) -> int:
    """Where a straight string that begins at `at` ends; -1 if it does not."""
    if text.startswith(quote * 3, at):
        end = text.find(quote * 3, at + 3)
        return end + 2 if end >= 0 else -1
    end = at + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" and quote == '"' else 1
    return end if end < len(text) else -1
