"""Text of unknown origin, made safe to show: what a reader could not see is shown by its code.

Control, bidirectional, zero-width and other invisible characters become marks such as ⟨U+202E⟩.
Escaping for HTML or a terminal is the business of those who write HTML or to a terminal.
"""

from __future__ import annotations

import json
import re
import unicodedata

LINES = "\n\t"
"""What `keep` lets through for text that may have lines."""

_UNPLAIN = re.compile(r"[^\x20-\x7e]")

# Letters and symbols by their category, but rendered as nothing at all.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f")

_EMOJI = "\ufe0f"
"""Asks for the coloured form of the symbol before it; anywhere else it is one more hidden text."""


def visible(text: str, keep: str = LINES) -> str:
    """`text` with every invisible character shown as its code, but for those in `keep`.

    Any kind of space becomes a plain one.

    >>> visible("a\\u202eb")
    'a⟨U+202E⟩b'
    """
    return _UNPLAIN.sub(
        lambda found: found[0] if found[0] in keep or _emoji(found) else _shown(found[0]), text
    )


def is_plain(text: str) -> bool:
    """Whether `text` is one line on which nothing is hidden."""
    return visible(text, keep="") == text


def escape_json(text: str, keep: str = "\n") -> str:
    """JSON that says the same and can be shown: what is invisible in it stands as `\\uXXXX`.

    Not for canonical forms, whose bytes are what is digested.
    """
    # Each character is looked at once: a payload may hold a million of the same few.
    hidden = (char for char in set(text) if visible(char, keep=keep) != char)
    return text.translate({ord(char): _escaped(char) for char in hidden})


def one_line(text: str, longest: int = 200) -> str:
    """`text` for a place that holds one line: marked, and cut with an ellipsis."""
    shown = visible(text[: longest + 1], keep="")
    return shown if len(text) <= longest else visible(text[: longest - 1], keep="") + "…"


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    hidden = category[0] == "C" or category in ("Zl", "Zp") or char in _BLANK or _selector(char)
    return f"⟨U+{ord(char):04X}⟩" if hidden else char


def _emoji(found: re.Match[str]) -> bool:
    before = found.string[max(0, found.start() - 1) : found.start()]
    return found[0] == _EMOJI and (
        before in ("#", "*", "‼", "⁉")
        or unicodedata.category(before or " ")[0] == "S"
        or (before.isascii() and before.isdigit())
    )


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


def _selector(char: str) -> bool:
    """Variation selectors: invisible, and able to carry hidden text."""
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
