"""What may stand below a command and mean nothing: thanks, a name, a signature, a disclaimer.

Whatever is not certainly one of these is something else, and a command that has to stand alone
asks back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hitl_mail.review import courtesies as words
from hitl_mail.review.banners import is_banner
from hitl_mail.review.disclaimers import is_disclaimer, is_label

COMMANDS = frozenset({
    "approve", "reject", "edit", "route", "ok", "flag", "retry", "done", "abandon", "help",
})  # fmt: skip
WRAPPING = "*_`\"'“”„«» "
ENDING = ".,;!… "

_WORDS = re.compile(r"[^\W\d_]+(?:['’.][^\W\d_]+)*")
_PARTS = re.compile(r"[.!,;:–—|/]+\s*|\s-+\s|\s*[☺😊🙂🙏👍✅🎉]+\s*")
_PICTURE = re.compile(r"<?\[(?:cid:|image|inline image|logo)[^\]]{0,300}\]>?", re.IGNORECASE)
_ON_BEHALF = re.compile(r"^(?:i\. ?[av]\.|ppa\.|p\.p\.|p\.o\.)\s*", re.IGNORECASE)
_GLAD = "🙏🙂😊☺👍✅🎉\ufe0f"
HAPPY = frozenset({":)", ":-)", ";)", ";-)"})
"""Faces that are typed and no note, although they begin with a colon; a sad one asks back."""
_PHONE = re.compile(r"[+(]?\d[\d ()/.\-]{5,24}\d")
_CONTRARY = COMMANDS - {"approve", "ok", "done", "help"}
_IN_NOTES = (words.DOUBT | _CONTRARY) - {"because"}
"""What makes a note doubtful. A reason is no condition; at the head of a sentence on its own it can
take back what was said above it."""
_AND = frozenset({"and", "und", "et", "y", "e", "en", "och", "og", "i", "ja"})
_INSTRUCTS = (words.DOUBT - {"max", "se", "as"}) | words.INSTRUCTIONS | COMMANDS
_UNTHANKFUL = _INSTRUCTS - {"help", "done"}
_FROM = frozenset({"from", "aus", "de", "da", "uit", "från", "fra", "z", "depuis"})
_THANKS, _CLOSINGS = frozenset(words.THANKS), frozenset(words.CLOSINGS)
_LONGEST_PHRASE = max(len(phrase.split()) for phrase in (*words.THANKS, *words.CLOSINGS))
_LIMITED = re.compile(rf"\b(?:{'|'.join(map(re.escape, words.LIMITS))})\s[€$£]?\d")
_CURRENCY = "|".join(re.escape(amount.strip()) for amount in words.AMOUNTS)
_AMOUNT = re.compile(rf"\W*(?:(?:{_CURRENCY})\W*)?\d[\d.,' –—-]*(?:{_CURRENCY}|[a-zł]{{1,7}})?\W*")


def is_command(line: str) -> bool:
    """Whether a line is, by itself, a command of the contract."""
    bare = line.casefold().strip(WRAPPING + ENDING + ":")
    return bare in COMMANDS or bare.startswith(("approve:", "approve,", "approve."))


def doubtful(text: str) -> bool:
    """Whether a note might be a condition, or a second command."""
    wordless = text and not any(char.isalnum() or char in _GLAD for char in text)
    if wordless or "?" in text or not _said(text).isdisjoint(_IN_NOTES):
        return True
    low = text.casefold()
    return _conditional(low) or _LIMITED.search(low) is not None or bool(_AMOUNT.fullmatch(low))


def is_condition(note: str) -> bool:
    """Whether what stands beside an approval might be meant to change it: by whichever door, what
    is approved runs as it was shown."""
    return bool(note.strip()) and (doubtful(note) or "=" in note)


def _conditional(low: str) -> bool:
    return any(phrase in low for phrase in words.CONDITIONS)


def split_closing(lines: Sequence[str], author: str) -> tuple[list[str], list[str]]:
    """Lines of a wrapped note, and those from the thanks or the name below it on."""
    for index, line in enumerate(lines):
        if closes(line, author) or _is_author(line, author) or is_command(line):
            return list(lines[:index]), list(lines[index:])
    return list(lines), []


def nothing(groups: Sequence[Sequence[str]], author: str) -> bool:
    """Whether paragraphs after a command are only thanks, a signature or a disclaimer."""
    signed = disclaimed = False
    for group in groups:
        contact, company = any(map(_contact, group)), any(map(_company, group))
        marks = contact or company
        signed = signed or (contact and company)
        for at, line in enumerate(group):
            if is_command(line):
                return False
            if closes(line, author) or _is_author(line, author):
                signed = True
                continue
            if _PICTURE.fullmatch(line):
                signed = True
                continue
            if _says_nothing(line) or is_label(line):
                continue
            if signed and _signature_line(line, marks):
                continue
            rest = group[at:]
            if not (is_banner(rest, for_certain=True) or is_disclaimer(rest, disclaimed)):
                return False
            signed = disclaimed = True
            break
    return True


def closes(line: str, author: str) -> bool:
    """A thank-you or a closing, alone, with a name or with another: `Thanks a lot! Best, Ada`."""
    if len(line) > 120 or any(char.isdigit() for char in line) or "?" in line:
        return False
    parts = [part for part in _PARTS.split(line.strip(WRAPPING)) if part.strip()]
    if not parts or not _courtesy(parts[0]):
        return False
    return all(
        _courtesy(part)
        or _is_author(part, author)
        or _name(part)
        or _said(part) <= words.THANKS_MORE
        for part in parts[1:]
    )


def _courtesy(part: str) -> bool:
    said = [word.replace("’", "'") for word in _WORDS.findall(part.casefold())]
    for length in range(min(len(said), _LONGEST_PHRASE), 0, -1):
        phrase, more = " ".join(said[:length]), said[length:]
        if phrase in _CLOSINGS:
            if more and more[0] in _FROM:
                return _name(part, after=length + 1)
            return not more or _name(part, after=length)
        if phrase in _THANKS:
            return _thanks_more(part, length, more)
    return False


def _thanks_more(part: str, length: int, more: list[str]) -> bool:
    """What may go on behind a thank-you: `so much, everyone`, a name, or what for."""
    while more and more[0] in words.THANKS_MORE and more[0] not in words.THANKS_FOR:
        more, length = more[1:], length + 1
    if not more or _name(part, after=length):
        return True
    if length and " ".join(more) in _CLOSINGS:
        return True
    if more[0] in _AND and " ".join(more[1:]) in _CLOSINGS | _THANKS:
        return True
    if all(word in words.THANKS_MORE for word in more):
        return True
    return more[0] in words.THANKS_FOR and len(more) <= 8 and _UNTHANKFUL.isdisjoint(more)


def _name(part: str, after: int = 0) -> bool:
    """Up to three words as names are written."""
    called = _WORDS.findall(part)[after:]
    return (
        0 < len(called) <= 3
        and all(word[0].isupper() or not word[0].islower() for word in called)
        and _INSTRUCTS.isdisjoint(word.casefold() for word in called)
    )


def _is_author(line: str, author: str) -> bool:
    names = set(_WORDS.findall(author.casefold()))
    said = _WORDS.findall(line.casefold())
    initials = {name[0] for name in names}
    return (
        0 < len(said) <= 4
        and all(word in names or word in initials for word in said)
        and not any(map(_digit, line))
    )


def _says_nothing(line: str) -> bool:
    """A rule, or a friendly sign."""
    return not line.strip("-_=*~•·.– " + _GLAD)


def _signature_line(line: str, marks: bool) -> bool:
    """A line as signatures have them, below a closing or a name: who somebody is and where.

    `marks`: its paragraph holds an address, a number or a company; then it may hold figures.
    """
    line = _ON_BEHALF.sub("", line)
    if len(line) > 100 or "?" in line or _said(line) & _INSTRUCTS:
        return False
    if _conditional(line.casefold()):
        return False
    if _contact(line):
        return True
    if any(amount in line.casefold() for amount in words.AMOUNTS):
        return False
    if any(map(_digit, line)):
        return marks and len(line.split()) <= 16
    starts = line.strip(WRAPPING + "([-–|•")
    ended = starts.endswith((".", "!", ":")) and not _company(line)
    if not marks and _prose(line):
        return False
    return starts[:1].isupper() and len(line.split()) <= 8 and not ended


def _prose(line: str) -> bool:
    """Written as sentences are, and not as names, titles and departments: `Bob pays the rest`."""
    said = _WORDS.findall(line)
    if not words.TITLES.isdisjoint(word.casefold() for word in said[:2]):
        return False
    small = [word for word in said if len(word) > 3 and word[0].islower()]
    return len(small) > 1


def _contact(line: str) -> bool:
    """An address, a page or a telephone number, and little besides."""
    if len(line.split()) > 16:
        return False
    low = line.casefold()
    if "@" in line or "www." in low or "://" in low:
        return True
    number = _PHONE.search(line)
    if number is None or sum(map(_digit, number[0])) < 6:
        return False
    rest = _said(line.replace(number[0], " "))
    return not rest or bool(rest & set(words.CONTACT)) or number[0][0] in "+(0"


def _company(line: str) -> bool:
    return not words.COMPANIES.isdisjoint(_said(line)) and len(line.split()) <= 14


def _said(text: str) -> set[str]:
    return {word.replace("’", "'") for word in _WORDS.findall(text.casefold())}


def _digit(char: str) -> bool:
    return char.isdigit()
