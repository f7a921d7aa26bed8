"""What can be read off a condition's source, for the CEL library does not tell it.

https://github.com/google/cel-spec/blob/master/doc/langdef.md (strings, comments, macros)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from hitl_mail.tables import nearest

_KIND_IS = re.compile(r"""(?<![\w.])kind\s*==\s*["']([^"'\\]*)["']""")
_KIND_IN = re.compile(r"""(?<![\w.])kind\s+in\s+\[([^\]]*)\]""")
_QUOTED = re.compile(r"""["']([^"'\\]*)["']""")

_KEY = re.compile(r"""(?<=[\w\])])\[\s*(["'])([A-Za-z_]\w*)\1\s*\]""")
_CONVERTED = re.compile(r"\b(?:double|int)\(\s*([\w.]+)\s*\)")

MACROS = ("all", "exists", "exists_one", "existsOne", "map", "filter")

_QUIET = re.compile(
    r"""
    (?P<raw>[bB]?[rR][bB]?)?
    (?: (?P<long>\"\"\"|''') | (?P<short>["']) )
    | (?P<comment>//[^\n]*)
    | (?P<word>[A-Za-z_]\w*(?=[^\w"']|$))
    """,
    re.VERBOSE,
)
_MACRO = re.compile(rf"\.\s*({'|'.join(MACROS)})\s*\(")
_MATCHES = re.compile(r"\bmatches\s*\(")
_BOUND = re.compile(rf"\.\s*(?:{'|'.join(MACROS)})\s*\(\s*([A-Za-z_]\w*)\s*,")
_DOTTED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)((?:\s*\.\s*[A-Za-z_]\w*)*)\s*(\(?)")


def blank(source: str) -> str:
    """The source with comments and the insides of strings as spaces; same length."""
    kept, at = [], 0
    while match := _QUIET.search(source, at):
        if match["word"]:
            kept.append(source[at : match.end()])
            at = match.end()
            continue
        end = match.end() if match["comment"] else _closing(source, match)
        kept.append(source[at : match.start()])
        inside = source[match.start() : end]
        kept.append("".join(char if char == "\n" else " " for char in inside))
        at = end
    return "".join(kept) + source[at:]


class Macro(NamedTuple):
    """One macro: its name, what stands between its brackets with strings blank, and where; and
    `over`, what it goes through, the bodies of macros before it blank too."""

    name: str
    body: str
    start: int
    end: int
    over: str


class Pattern(NamedTuple):
    """What a `matches` is given, as written; None where that is not a text in quotes."""

    text: str | None
    in_macro: bool


def macros(source: str) -> list[Macro]:
    """The macros of a condition in order; one that stands inside another comes after it."""
    text, found = blank(source), []
    plain = text
    for match in _MACRO.finditer(text):
        start, end = match.end(), _matching(text, match.end() - 1)
        over = plain[_operand(plain, match.start()) : match.start()]
        found.append(Macro(match[1], text[start:end], start, end, over))
        plain = plain[:start] + " " * (end - start) + plain[end:]
    return found


def nested_macro(source: str) -> str | None:
    """The macro that stands inside another one, if any: each level multiplies the work, and
    nothing interrupts it."""
    for macro in macros(source):
        inner = _MACRO.search(macro.body)
        if inner:
            return inner[1]
    return None


def patterns(source: str) -> list[Pattern]:
    """The pattern of each `matches`, in order."""
    text, found = blank(source), []
    inside = macros(source)
    for match in _MATCHES.finditer(text):
        start, end = match.end(), _matching(text, match.end() - 1)
        last = text[start:end].rpartition(",")[2]
        written = source[end - len(last) : end].strip()
        plain = written if written and not last.strip() else None
        found.append(Pattern(plain, any(m.start <= start < m.end for m in inside)))
    return found


def bound_names(source: str) -> set[str]:
    """The names that macros bind: `x` in `payload.items.all(x, x > 0.0)`."""
    return set(_BOUND.findall(blank(source)))


def uses(source: str) -> list[str]:
    """The dotted names a condition reads, `payload.amount`, in order, each once; not functions."""
    found: dict[str, None] = {}
    for match in _DOTTED.finditer(blank(dotted(source))):
        parts = [match[1], *re.findall(r"[A-Za-z_]\w*", match[2])]
        if match[3]:
            parts.pop()
        if parts:
            found[".".join(parts)] = None
    return list(found)


def named_kinds(source: str) -> list[str]:
    """The kinds that a condition compares with: `kind == "a"`, `kind in ["a", "b"]`."""
    listed = (name for inside in _KIND_IN.findall(source) for name in _QUOTED.findall(inside))
    return [*_KIND_IS.findall(source), *listed]


def unregistered(source: str, kinds: Collection[str]) -> Iterator[tuple[str, str]]:
    """The kinds that a condition names and nobody registered: what is wrong, and the mend."""
    for name in named_kinds(source):
        if name not in kinds:
            mend = nearest(name, kinds) or "Register it under [kinds]."
            yield f'no kind "{name}" is registered', mend


def dotted(source: str) -> str:
    """The source with `payload["amount"]` written as `payload.amount`, where that is the same."""
    return _KEY.sub(r".\2", source)


def unwrapped(source: str) -> str:
    """The source without conversions that leave a number what it is: `double(payload.amount)`."""
    return _CONVERTED.sub(r"\1", dotted(source))


def _closing(source: str, opening: re.Match[str]) -> int:
    """Where the string that opens there ends."""
    quote, at = opening["long"] or opening["short"], opening.end()
    while at < len(source) and not source.startswith(quote, at):
        at += 1 if opening["raw"] or source[at] != "\\" else 2
    return at + len(quote)


def _operand(text: str, end: int) -> int:
    """Where the operand begins that ends there, or what stands before it on the same level."""
    depth, at = 0, end
    while at > 0:
        char = text[at - 1]
        if depth == 0 and not (char.isalnum() or char.isspace() or char in "_.)]}"):
            break
        depth += (char in ")]}") - (char in "([{")
        at -= 1
    return at


def _matching(text: str, opening: int) -> int:
    depth = 0
    for at in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text)
