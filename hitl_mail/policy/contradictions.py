"""Conditions that no action can meet, as far as their parts exclude each other on their face.

Looks only at parts that `&&` puts together: comparisons of one name with a number or a text, and
a part beside its own negation. What it does not follow it takes to be possible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from hitl_mail.policy.source import blank, unwrapped

_NAME = r"[A-Za-z_]\w*(?:\.\w+)*"
_NUMBER = r"-?[0-9]+(?:\.[0-9]*)?"
_TEXT = r"\"[^\"\\]*\"|'[^'\\]*'"
_COMPARED = re.compile(rf"({_NAME})\s*(==|<=|>=|<|>)\s*({_NUMBER}|{_TEXT})")
_REVERSED = re.compile(rf"({_NUMBER}|{_TEXT})\s*(==|<=|>=|<|>)\s*({_NAME})")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}
_LIMITS = {"confidence": ((">=", 0.0), ("<=", 1.0)), "latency": ((">=", 0.0),)}

_Bound = tuple[str, float | str]


def contradiction(source: str) -> str | None:
    """Which parts exclude each other, in words; None where none are seen to."""
    parts = _conjuncts(unwrapped(source))
    plain = {" ".join(part.split()) for part in parts}
    for part in sorted(plain):
        if part.startswith("!") and _bare(part[1:]) in {_bare(other) for other in plain}:
            return f"asks for {_bare(part[1:])} and for its opposite at once"
    bounds: dict[str, list[_Bound]] = {}
    for part in parts:
        found = _compared(part)
        if found is not None:
            bounds.setdefault(found[0].removeprefix("action."), []).append(found[1:])
    for name, given in bounds.items():
        texts = {value for sign, value in given if sign == "==" and isinstance(value, str)}
        if len(texts) > 1:
            return f"asks for two values of {name} at once"
        if _empty([*given, *_LIMITS.get(name, ())]):
            return f"no {name} can be all that it asks for"
    return None


def _empty(bounds: Iterable[_Bound]) -> bool:
    """Whether no number lies within all of these."""
    low, high = (-math.inf, False), (math.inf, False)
    for sign, value in bounds:
        if isinstance(value, str):
            continue
        # True: the number itself does not count.
        if sign in ("==", ">", ">="):
            low = max(low, (value, sign == ">"))
        if sign in ("==", "<", "<="):
            high = min(high, (value, sign != "<"))
    exclusive = low[1] or not high[1]
    return low[0] > high[0] or (low[0] == high[0] and exclusive)


def _compared(part: str) -> tuple[str, str, float | str] | None:
    match = _COMPARED.fullmatch(part)
    if match:
        return match[1], match[2], _value(match[3])
    match = _REVERSED.fullmatch(part)
    return (match[3], _FLIPPED[match[2]], _value(match[1])) if match else None


def _value(literal: str) -> float | str:
    return literal[1:-1] if literal[0] in "\"'" else float(literal)


def _bare(part: str) -> str:
    """A part without the brackets around all of it."""
    part = part.strip()
    while part.startswith("(") and part.endswith(")") and _one_pair(part):
        part = part[1:-1].strip()
    return part


def _one_pair(part: str) -> bool:
    depth, text = 0, blank(part)
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return at == len(text) - 1
    return False


def _conjuncts(source: str) -> list[str]:
    """The parts of a condition that must all hold; the whole where it is not that simple."""
    source = _bare(source)
    text, depth, start = blank(source), 0, 0
    parts: list[str] = []
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if depth:
            continue
        if char == "?" or text.startswith("||", at):
            return [source]
        if text.startswith("&&", at):
            parts.append(source[start:at])
            start = at + 2
    found = [part.strip() for part in (*parts, source[start:])]
    return [inner for part in found for inner in (_conjuncts(part) if len(found) > 1 else [part])]
