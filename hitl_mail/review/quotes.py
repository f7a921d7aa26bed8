"""Which lines of a mail are new. First by what we know, our own sentinel and address, and only
then by the general signs of ten languages.

One pass over bounded lines, no pattern that can backtrack. What is doubtful counts as quoted: a
reply that is not understood costs a mail, quoted text that is taken for a reply costs the gate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hitl_mail.review import courtesies, phrases
from hitl_mail.review.banners import is_rule, skip_banners
from hitl_mail.review.text import MARK, SENTINEL

_SENTINEL = SENTINEL.strip("- ").casefold()
_OURS = (
    "reply with one line on top:",
    "payload: exactly what runs",
    "why the agent wants it",
    MARK.strip(),
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATE = re.compile(r"\d{1,2}[./:h-]\d{1,2}|(?:19|20)\d\d")
_TIME = re.compile(r"\d{1,2}[:.h]\d{2}\b(?![.\d])")
_MAILBOX = re.compile(r"[^\s@<]@[^\s@>]")
_ADDRESS = re.compile(r"[^\s<(\[]{1,320}@[^\s>)\]]{1,255}")
_WORD = re.compile(r"[^\W\d_]+")
_CONDITIONS = courtesies.CONTRADICTIONS | {"if", "unless", "half", "condition"}
_LONGEST_ATTRIBUTION = 4
_WRAPPED = 50
"""A quoted line this long may have been wrapped by the client, its rest left without a mark."""
_EDGES = " \t\xa0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\xad\u3000\u2007\u202f"


def clean(line: str) -> str:
    """A line without the invisible padding that clients put at its ends."""
    return line.replace("\xa0", " ").strip(_EDGES + "\x00\x0b\x0c\r")


def new_lines(lines: Sequence[str], is_ours: Callable[[str], bool]) -> list[str]:
    """The lines somebody wrote now, without quotes, attributions, signatures and banners; empty
    lines stay between paragraphs. `is_ours` knows a line that names our address."""
    shown = [clean(line) for line in lines]
    kept: list[str] = []
    at, before = skip_banners(shown), ""
    while at < len(shown):
        line = shown[at]
        if line.startswith(">"):
            before = line
            if kept and kept[-1]:
                kept.append("")
        elif before and line and len(before) >= _WRAPPED:
            before = ""
        elif _ends(shown, at):
            break
        elif _signs(line):
            if any(kept):
                break
        elif span := _attribution(shown, at, is_ours):
            _drop_begun(kept, is_ours(line) and not _dated(line))
            if not _quote_follows(shown, at + span):
                break
            at += span - 1
        else:
            kept.append(line)
            before = ""
        at += 1
    else:
        return _trimmed(kept)
    return _without_origin(_trimmed(kept))


def paragraphs(lines: Sequence[str]) -> list[list[str]]:
    """Lines grouped by the empty lines between them."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if line:
            groups[-1].append(line)
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]


def _ends(lines: Sequence[str], at: int) -> bool:
    """Whether everything from here on is not new, whatever marks it has."""
    line = lines[at]
    if not line:
        return False
    low = line.casefold()
    if _SENTINEL in low or low.startswith(_OURS):
        return True
    if is_rule(line) and _quote_below(lines, at + 1):
        return True
    if line == "--":
        return True
    bare = low.strip("-_=*<>:[] ")
    if bare in phrases.ORIGINAL_MESSAGE and not low[0].isalnum():
        return True
    if low.startswith(("begin forwarded message", "-----begin pgp signature")):
        return True
    return _header_block(lines, at)


def _quote_below(lines: Sequence[str], at: int) -> bool:
    """Whether a rule stands above a quote, the footer of a list, or nothing more. A person may
    draw one, too, and what is below it is then theirs."""
    below = next((index for index in range(at, min(at + 5, len(lines))) if lines[index]), None)
    if below is None:
        return True
    low = lines[below].casefold()
    name = _field_name(lines[below])
    return (
        name in phrases.HEADER_FIELDS
        or low.startswith(_OURS)
        or _SENTINEL in low
        or any(word in low for word in phrases.LIST_FOOTERS)
    )


def _signs(line: str) -> bool:
    """Whether a mail program put this line below a message: from what it was sent."""
    low = line.casefold().strip("-*_ .[")
    said = set(_WORD.findall(low))
    if len(line) > 100 or not said.isdisjoint(_CONDITIONS):
        return False
    if low.startswith(phrases.SENT_FROM):
        return True
    if len(low.split()) > 10 or not any(name in low for name in phrases.DEVICES):
        return False
    return any(word in low for word in phrases.SENT) or (
        low.startswith(("get ", "download ")) and low.endswith(("for ios", "for android"))
    )


def _header_block(lines: Sequence[str], at: int) -> bool:
    """An Outlook block: header fields in a row, one of them From."""
    if _field_name(lines[at]) not in phrases.HEADER_FIELDS:
        return False
    near = [_field_name(line) for line in lines[at : at + 8] if line][:6]
    names = {name for name in near if name in phrases.HEADER_FIELDS}
    first_from = _field_name(lines[at]) in phrases.FROM_FIELDS
    if first_from:
        inside = {word[:-1].casefold() for word in lines[at].split() if word.endswith(":")}
        names |= inside & phrases.HEADER_FIELDS if len(inside) >= 3 else set()
    return (first_from and len(names) >= 2) or (
        len(names) >= 3 and not names.isdisjoint(phrases.FROM_FIELDS)
    )


def _field_name(line: str) -> str:
    name, colon, _ = line.lstrip("*_ ").partition(":")
    return name.strip("* ").casefold() if colon and len(name) <= 20 else ""


def _attribution(lines: Sequence[str], at: int, is_ours: Callable[[str], bool]) -> int:
    """How many lines from here say who wrote what is quoted; 0 if none do."""
    line = lines[at]
    if not line:
        return 0
    if is_ours(line) and _quotes_address(lines, at):
        return 1 + _colon_later(lines, at)
    low = line.casefold()
    opens = low.lstrip("- ").startswith(phrases.ATTRIBUTION_OPENINGS) or bool(_MAILBOX.search(low))
    if not opens and not _DATE.search(low) and not _has_wrote(low):
        return 0
    joined = ""
    for span in range(1, _LONGEST_ATTRIBUTION + 1 if _begins(lines, at) else 2):
        if at + span > len(lines) or not lines[at + span - 1]:
            return 0
        if span > 1 and _another_begins(lines, at + span - 1):
            return 0
        joined += " " + lines[at + span - 1]
        if _attributes(joined.casefold(), opens):
            return span
        if is_ours(lines[at + span - 1]) and _quotes_address(lines, at + span - 1):
            return span + _colon_later(lines, at + span - 1)
    return 0


def _begins(lines: Sequence[str], at: int) -> bool:
    """Whether an attribution of several lines may: with a paragraph, or with day and time as
    programs write them. What else stands right below a person's words may be theirs."""
    if at == 0 or not lines[at - 1] or lines[at - 1][0] in "<>":
        return True
    low = _ADDRESS.sub("", lines[at].casefold())
    opens = low.startswith(phrases.ATTRIBUTION_OPENINGS) or low[:1].isdigit()
    whole = _YEAR.search(low) is not None and _TIME.search(low) is not None
    return opens and whole and _CONDITIONS.isdisjoint(_WORD.findall(low))


def _another_begins(lines: Sequence[str], at: int) -> bool:
    """Whether this line is an attribution by itself, or a rule or header above a quote: then the
    line above it, whatever date it has, is a person's."""
    line = lines[at]
    if is_rule(line) or _ends(lines, at):
        return True
    low = line.casefold()
    return _dated(low) and _attributes(low, low.startswith(phrases.ATTRIBUTION_OPENINGS))


def _dated(text: str) -> bool:
    """Whether it has a date outside of its addresses, whose secret may look like one."""
    return _DATE.search(_ADDRESS.sub("", text)) is not None


def _quotes_address(lines: Sequence[str], at: int) -> bool:
    """Whether an address stands there as programs write it above a quote, not as in a sentence."""
    line = lines[at]
    return (
        any(mark in line for mark in ("<", "[", "(", "mailto:"))
        or line.endswith((":", "：", ">"))
        or _DATE.search(line) is not None
        or _field_name(line) in phrases.HEADER_FIELDS
        or len(line.split()) <= 2
        or _quote_follows(lines, at + 1)
    )


def _attributes(text: str, opens: bool) -> bool:
    if len(text) > 400:
        return False
    dated = _DATE.search(text) is not None
    text = text.rstrip("- ")
    if not text.endswith((":", "：")):
        return opens and dated and "@" in text and text.endswith(phrases.WROTE)
    if _has_wrote(text):
        return dated or opens
    return dated and "@" in text


def _has_wrote(text: str) -> bool:
    return any(word in text for word in phrases.WROTE)


def _colon_later(lines: Sequence[str], at: int) -> int:
    """1 if the attribution that names our address goes on for a line."""
    if lines[at].endswith(":") or at + 1 >= len(lines):
        return 0
    return 1 if lines[at + 1].endswith(":") and len(lines[at + 1]) < 100 else 0


def _drop_begun(kept: list[str], ours: bool) -> None:
    """Take back the beginning of an attribution whose language is unknown: it stood right above
    the line with our address."""
    while ours and kept and (kept[-1] == "<" or kept[-1].endswith(" <")):
        kept.pop()
        _trimmed(kept)
    if ours and kept and kept[-1] and _YEAR.search(kept[-1]):
        kept.pop()


def _without_origin(kept: list[str]) -> list[str]:
    """Take back a line right above the quote that says when and from which address, and nothing
    more: `2013/7/20 Acme <a@acme.example>`."""
    while kept and is_rule(kept[-1]):
        kept.pop()
        _trimmed(kept)
    alone = len(kept) == 1 or (len(kept) > 1 and not kept[-2])
    if alone and kept[-1].endswith(">") and "<" in kept[-1] and "@" in kept[-1]:
        before = kept[-1].partition("<")[0]
        if _DATE.search(before) and len(before.split()) <= 8:
            kept.pop()
    return _trimmed(kept)


def _quote_follows(lines: Sequence[str], at: int) -> bool:
    return next((line.startswith(">") for line in lines[at:] if line), False)


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines
