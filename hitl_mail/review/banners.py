"""What mail servers and programs put above a text: warnings of the sender, armor of a signature.

Warned in words that a person could use, too, it is a banner only where it warns of a sender and of
a danger. Knows nothing of quotes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hitl_mail.review import phrases

_RULE = re.compile(r"_{2,}|-{3,}|={4,}|\*{4,}")
_LONGEST_BANNER = 1500
_LONGEST_BANNER_LINES = 20
_EDGES = "[*⚠!<>({_-= \ufe0f"
_COMMAND = re.compile(
    r"[*_\"'“”„ ]*(?:approve|reject|edit|route|ok|flag|retry|done|abandon)\b", re.I
)


def is_rule(line: str) -> bool:
    """Whether a line is drawn, not written."""
    return _RULE.fullmatch(line) is not None


def is_banner(lines: Sequence[str], for_certain: bool = False) -> bool:
    """Whether a paragraph warns, in the words of a mail server, of who sent the mail.

    `for_certain`: in words that no person would begin with.
    """
    text = " ".join(lines).casefold()
    bare = text.lstrip(_EDGES)
    tag, bracket, said = bare.partition("]")
    if bracket and tag in phrases.TAGS:  # `[EXTERNAL] This email originated from outside`
        bare = said.lstrip(_EDGES + ":")
    if len(text) > _LONGEST_BANNER:
        return False
    origin = any(word in bare for word in phrases.WARNED_FROM)
    danger = any(word in bare for word in phrases.WARNED_OF)
    if bare.startswith(phrases.BANNERS):
        return not for_certain or (origin and danger)
    if not bare.startswith(phrases.WARNINGS):
        return False
    if bare.partition(":")[2].lstrip().startswith(phrases.BANNERS):
        return not for_certain or (origin and danger)
    return not for_certain and origin and danger


def skip_banners(lines: Sequence[str]) -> int:
    """Where the text begins below "external sender" banners that stand alone."""
    at = _skip_armor(lines)
    while at < len(lines):
        low = lines[at].casefold()
        if not low or low.strip("[]*<>(){}!:-=⚠\ufe0f ") in phrases.TAGS or is_rule(low):
            at += 1
            continue
        end = _banner_end(lines, at)
        if end == at:
            return at
        at = end
    return at


def _skip_armor(lines: Sequence[str]) -> int:
    """Where a text begins that was signed in its own lines (RFC 4880, 7)."""
    at = next((at for at, line in enumerate(lines[:20]) if line), 0)
    if not lines or not lines[at].startswith("-----BEGIN PGP SIGNED MESSAGE"):
        return 0
    while at < len(lines) and lines[at]:
        at += 1
    return at


def _banner_end(lines: Sequence[str], at: int) -> int:
    """Where a banner that begins at `at` ends: at an empty line, or above a command."""
    end = at
    while end < len(lines) and lines[end] and end - at < _LONGEST_BANNER_LINES:
        if end > at and _COMMAND.match(lines[end]):
            break
        end += 1
    return end if is_banner(lines[at:end]) else at
