"""A condition read part by part: names that are none and types that cannot go together, each
with its place.

The CEL library compiles without looking at types and tells no places but of syntax. This reads
only what the library has already accepted; what it does not follow it takes to be right.
https://github.com/google/cel-spec/blob/master/doc/langdef.md (grammar)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from hitl_mail.policy import types
from hitl_mail.policy.bounds import Flaw
from hitl_mail.policy.source import MACROS
from hitl_mail.policy.types import ANY, BOOL, DOUBLE, INT, NULL, ROOTS, STRING, UINT, Clash, Type
from hitl_mail.tables import nearest

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|//[^\n]*)
    | (?P<string>
        (?:[bB]?[rR][bB]?)(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')
        |[bB]?(?:\"\"\"(?:[^\\]|\\[\s\S])*?\"\"\"|'''(?:[^\\]|\\[\s\S])*?'''
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[uU]?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
_BEFORE = re.compile(r"[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*\s*\.\s*$")

_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)


class _Lost(Exception):
    """Something this does not follow."""


def flaws(source: str, known: Callable[[str], bool]) -> list[Flaw]:
    """What every action would trip over. `known` says whether a function is there."""
    reader = _Reader(source, known)
    try:
        found = reader.choice()
        if reader.token[0] != "end":
            raise _Lost
        reader.judge(0, lambda: types.need(BOOL, found, "a condition"))
    except (_Lost, RecursionError):
        pass
    return reader.flaws


def place(source: str, at: int) -> str:
    """Where that is, as an admin counts: `column 8`, `line 2 of the condition, column 3`."""
    line, column = source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
    return (
        f"column {column}"
        if "\n" not in source
        else f"line {line} of the condition, column {column}"
    )


class _Reader:
    def __init__(self, source: str, known: Callable[[str], bool]) -> None:
        self.source = source
        self.known = known
        self.flaws: list[Flaw] = []
        self.bound: list[tuple[str, Type]] = []
        self.end = 0
        self.advance()

    def advance(self) -> None:
        """Step to the next token: its sort, its text, where it starts."""
        while True:
            start = self.end
            match = _TOKEN.match(self.source, start)
            if match is None:
                self.token = ("end", "", start) if start == len(self.source) else ("odd", "", start)
                return
            self.end = match.end()
            if match.lastgroup != "skip":
                self.token = (str(match.lastgroup), match[0], start)
                return

    def take(self, *texts: str) -> str | None:
        """The token's text, if it is one of these signs, having stepped over it."""
        sort, text, _ = self.token
        if text not in texts or sort == "string":
            return None
        self.advance()
        return text

    def must(self, text: str) -> None:
        if self.take(text) is None:
            raise _Lost

    def judge(self, at: int, rule: Callable[[], Type]) -> Type:
        """What a rule of types says; what it forbids is a flaw, and then anything goes."""
        try:
            return rule()
        except Clash as clash:
            self.flaws.append(Flaw(f"{clash}, at {place(self.source, at)}"))
            return ANY

    def no_such(self, name: str, at: int, mend: str) -> Type:
        self.flaws.append(Flaw(f"no such name: {name} at {place(self.source, at)}", mend))
        return ANY

    def choice(self) -> Type:
        at, asked = self.token[2], self.binary(0)
        if not self.take("?"):
            return asked
        self.judge(at, lambda: types.need(BOOL, asked, "?"))
        first = self.choice()
        self.must(":")
        second = self.choice()
        return first if first == second else ANY

    def binary(self, level: int) -> Type:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while True:
            at, operator = self.token[2], self.take(*_LEVELS[level])
            if operator is None:
                return left
            right = self.binary(level + 1)
            left = self.judge(at, _operation(operator, left, right))

    def unary(self) -> Type:
        at, operator = self.token[2], self.take("!", "-")
        if operator is None:
            return self.members(self.primary())
        found = self.unary()
        if operator == "!":
            return self.judge(at, lambda: types.need(BOOL, found, "!"))
        return self.judge(at, lambda: types.arithmetic("-", found, found))

    def primary(self) -> Type:
        sort, text, at = self.token
        self.advance()
        if sort == "string":
            return ANY if text[0] in "bB" or text[:2].lower() == "rb" else STRING
        if sort == "number":
            if text[-1] in "uU":
                return UINT
            return DOUBLE if re.search(r"[.eE]", text) and "x" not in text.lower() else INT
        if sort == "name":
            return self.name(text, at)
        if text == "(":
            found = self.choice()
            self.must(")")
            return found
        if text == "[":
            return self.items()
        raise _Lost

    def items(self) -> Type:
        found = self.arguments("]")
        same = found and all(one == found[0] for one in found)
        return Type("list", found[0] if same else None)

    def arguments(self, closing: str) -> list[Type]:
        found: list[Type] = []
        while not self.take(closing):
            found.append(self.choice())
            if self.token[1] != closing:
                self.must(",")
        return found

    def name(self, name: str, at: int) -> Type:
        if name in ("true", "false"):
            return BOOL
        if name == "null":
            return NULL
        if self.take("("):
            return self.call(name, None, at)
        for bound, found in reversed(self.bound):
            if bound == name:
                return found
        if name in ROOTS:
            return ROOTS[name]
        return self.no_such(name, at, nearest(name, ROOTS))

    def members(self, of: Type) -> Type:
        start = self.token[2]
        while True:
            at = self.token[2]
            if self.take("["):
                index, whole = self.choice(), of
                self.must("]")
                of = self.judge(at, lambda whole=whole, index=index: types.item(whole, index))  # type: ignore[misc]
            elif self.take("."):
                sort, name, at = self.token
                if sort != "name":
                    raise _Lost
                self.advance()
                of = self.member(of, name, at) if not self.take("(") else self.call(name, of, at)
            elif self.token[1] == "{" and self.token[2] > start:
                raise _Lost
            else:
                return of

    def member(self, of: Type, name: str, at: int) -> Type:
        if of.fields is not None:
            if name in of.fields:
                return of.fields[name]
            before = _BEFORE.search(self.source[:at])
            dotted = "".join(before[0].split()) if before else "."
            return self.no_such(f"{dotted}{name}", at, nearest(name, of.fields))
        if of.open:
            return of
        if of.name != "map":
            return self.judge(at, lambda: _clash(f"a {of.name} has no .{name}"))
        return of.of or ANY

    def call(self, name: str, receiver: Type | None, at: int) -> Type:
        if receiver is not None and name in MACROS:
            return self.macro(name, receiver, at)
        if receiver is None and name == "has":
            self.choice()
            self.must(")")
            return BOOL
        given = self.arguments(")")
        if not self.known(name):
            return ANY
        return self.judge(at, lambda: types.call(name, receiver, given))

    def macro(self, name: str, over: Type, at: int) -> Type:
        sort, bound, _ = self.token
        if sort != "name":
            raise _Lost
        self.advance()
        self.must(",")
        self.bound.append((bound, self.judge(at, lambda: types.elements(over, name))))
        start, found = self.token[2], self.choice()
        self.bound.pop()
        self.must(")")
        if name == "map":
            return Type("list", found)
        self.judge(start, lambda: types.need(BOOL, found, name))
        return over if name == "filter" else BOOL


def _operation(operator: str, left: Type, right: Type) -> Callable[[], Type]:
    if operator in ("&&", "||"):
        return lambda: (types.need(BOOL, left, operator), types.need(BOOL, right, operator))[0]
    if operator == "in":
        return lambda: types.contains(left, right)
    if operator in ("+", "-", "*", "/", "%"):
        return lambda: types.arithmetic(operator, left, right)
    return lambda: types.compare(operator, left, right)


def _clash(words: str) -> NoReturn:
    raise Clash(words)
