"""Whether a paragraph is what a company puts below every mail: a disclaimer, or its particulars.

A condition is never to be taken for one. So it has to speak the way disclaimers do in each of its
sentences, must not begin with a contradiction, and must not name an amount of money.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hitl_mail.review import courtesies as words

_SENTENCES = re.compile(r"[.!?;:]\s+(?=[^\W_a-zà-ÿ])")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_COMPANY = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, sorted(words.COMPANIES)))})\b\.?(?:\s*[,|·–-]|$)"
)
_STRONG = tuple(dict.fromkeys(words.DISCLAIMERS))
_WEAK = tuple(dict.fromkeys(words.DISCLAIMERS_WEAK))
_DOUBT = words.DOUBT - {"max"}
_SHORT = 100
_WRAPPED = 40
_FEW = 8
_LONG = 5
_SEVERAL = 3
_EDGES = "*_-=<>()[]\"'“”„«»⚠! "


def is_label(line: str) -> bool:
    """A label that a mail program sets: `Internal Use Only`, `Classification: Public`."""
    low = line.casefold().strip(_EDGES + ".")
    return low in words.LABELS or (len(low) <= 80 and low.startswith(words.LABELLED))


def is_disclaimer(lines: Sequence[str], after_another: bool = False) -> bool:
    """Whether a paragraph is a disclaimer; one below another needs to say less."""
    written = " ".join(lines)
    text = written.casefold().replace("’", "'")
    bare = text.strip(_EDGES)
    if _spares_paper(bare) or _points_elsewhere(bare):
        return True
    first = _FIRST_WORD.search(bare)
    if first is None or first[0] in words.CONTRADICTIONS or _names_amount(text):
        return False
    strong = sum(cue in text for cue in _STRONG)
    weak = sum(cue in text for cue in _WEAK)
    opens = bare.startswith(words.OPENINGS)
    enough = (opens and strong + weak >= 2 and strong >= 1) or (
        strong >= 2 and weak >= 1 and len(text) >= _SHORT
    )
    enough = enough or sum(cue in text for cue in words.PARTICULARS) >= 2
    if after_another:
        enough = enough or strong >= 1 or weak >= 3
    return enough and _begins_so(lines, opens) and _speaks_so_throughout(written)


def _begins_so(lines: Sequence[str], opens: bool) -> bool:
    """Whether the first line belongs to it: what a person wrote right above, without a full stop,
    would pass for the beginning of its first sentence."""
    low = next(line for line in lines if _FIRST_WORD.search(line)).casefold()
    if any(cue in low for cue in (*_STRONG, *words.PARTICULARS)):
        return True
    said = _WORDS.findall(low)
    if opens and len(low) >= _WRAPPED:
        return sum(any(cue in word for cue in _WEAK) for word in said) >= 2
    return _COMPANY.search(low) is not None and not _asks(said)


def _spares_paper(text: str) -> bool:
    """One or two sentences on whether to print a mail."""
    if len(text) > 250 or _DIGIT.search(text):
        return False
    mentions = any(word in text for word in words.PRINTED)
    return mentions and any(word in text for word in words.PRINTING)


def _points_elsewhere(text: str) -> bool:
    """One or two sentences on where one reads about privacy, or on who looked for viruses."""
    if len(text) > 250 or not _DOUBT.isdisjoint(_WORDS.findall(text)):
        return False
    link = "www." in text or "://" in text
    about = any(cue in text for cue in words.PRIVACY)
    return (link and about) or ("vir" in text and any(name in text for name in words.SCANNERS))


def _speaks_so_throughout(text: str) -> bool:
    """Whether each sentence has words of a disclaimer, or is a short one that names a place or a
    number; of many, one in five may be about something else."""
    sentences = [part.casefold() for part in _SENTENCES.split(text) if part.strip()]
    others = [sentence for sentence in sentences if not _speaks_so(sentence)]
    if any(_DIGIT.search(sentence) or _asks(_WORDS.findall(sentence)) for sentence in others):
        return False
    return len(others) <= max(len(sentences) // _LONG, len(sentences) >= _SEVERAL)


def _asks(said: list[str]) -> bool:
    return not (words.INSTRUCTIONS.isdisjoint(said) and _DOUBT.isdisjoint(said))


def _speaks_so(sentence: str) -> bool:
    said = _WORDS.findall(sentence)
    if len(said) <= _FEW and not _asks(said):
        return True
    return any(cue in sentence for cue in _WEAK) or any(cue in sentence for cue in _STRONG)


def _names_amount(text: str) -> bool:
    """An amount of money, but for a company's capital."""
    if "capital" in text or "kapital" in text or "kapitał" in text:
        return False
    return _DIGIT.search(text) is not None and any(amount in text for amount in words.AMOUNTS)
