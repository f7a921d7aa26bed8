"""On which line each key of a TOML document stands.

tomllib gives values without positions. This walks a document that tomllib has already accepted,
so it may trust the syntax; it must never be handed anything else, and never decides what a value
is, only where it stands. https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]}#\n]*")
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}"),
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    re.compile(r"'[^']*'"),
)


def key_lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every table, key and list item; tables by their first mention.

    `text` must be valid TOML. A dotted key or header gives its line to the tables it makes.
    """
    return _Walk(text).document()


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0
        self.found: dict[Path, int] = {}
        self.lists: dict[Path, int] = {}
        """How many `[[tables]]` each path holds so far."""

    def document(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.found

    def header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        line, keys = self.here(), self.keys()
        self.at += 2 if many else 1
        path: Path = ()
        for index, key in enumerate(keys):
            path = (*path, key)
            self.found.setdefault(path, line)
            if many and index == len(keys) - 1:
                self.lists[path] = self.lists.get(path, 0) + 1
            if path in self.lists:
                path = (*path, self.lists[path] - 1)
                self.found.setdefault(path, line)
        return path

    def pair(self, table: Path) -> None:
        line, path = self.here(), table
        for key in self.keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def keys(self) -> list[str]:
        """The parts of a dotted key, and the space after it."""
        keys: list[str] = []
        while True:
            self.skip(_SPACE)
            raw = self.take_string() or self.take(_BARE)
            keys.append(tomllib.loads(f"key = {raw}")["key"] if raw[0] in "\"'" else raw)
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def value(self, path: Path) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self.items(path)
        elif opening == "{":
            self.pairs(path)
        elif not self.take_string():
            self.skip(_PLAIN)

    def items(self, path: Path) -> None:
        index = 0
        while not self.closes("]"):
            item = (*path, index)
            self.found[item] = self.here()
            self.value(item)
            index += 1

    def pairs(self, path: Path) -> None:
        while not self.closes("}"):
            self.pair(path)

    def closes(self, bracket: str) -> bool:
        """Step over the opening bracket or a comma; whether the closing bracket came."""
        self.skip(_BLANK)
        if self.text[self.at] in "[{," and self.text[self.at] != bracket:
            self.at += 1
            self.skip(_BLANK)
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def take_string(self) -> str:
        for pattern in _STRINGS:
            raw = self.take(pattern)
            if raw:
                return raw
        return ""

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def skip(self, pattern: re.Pattern[str]) -> None:
        self.take(pattern)

    def here(self) -> int:
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.line
