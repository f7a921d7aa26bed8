"""Receipts that a saved mail of ours names: heads of the chain that somebody else holds.

A history that was rewritten contradicts them. Knows the words of our mails; nothing here says
whether a mail is ours: whoever keeps it vouches for it.
"""

from __future__ import annotations

import re
from itertools import islice

from hitl_mail.review.body import BROKEN, decoded, parse_mail

_MOST_PARTS = 50
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMED = re.compile(
    r"\b[Rr]eceipts?\s[^\n]{0,40}?#?([1-9][0-9]{0,14}),?\s+(sha256:(?:[0-9a-f]\n?){64})(?![0-9a-f])"
)
"""Mails have narrow lines, so that a digest goes on in the next."""

_QUOTE = re.compile(r"^[>\s]+", re.MULTILINE)


def is_digest(text: str) -> bool:
    """Whether this is a receipt's digest rather than the name of a file."""
    return bool(_DIGEST.fullmatch(text))


def read_anchors(message: bytes) -> list[tuple[int, str]]:
    """The number and digest of every receipt that a mail names, as often as it does so once.

    Of everything that looks like one: a text that an agent wrote may name a wrong one, and is
    then found to be wrong, but hides none.
    """
    found: dict[tuple[int, str], None] = {}
    for text in _texts(message):
        plain = _QUOTE.sub("", text.replace("\r\n", "\n"))
        for seq, digest in _NAMED.findall(plain):
            found[(int(seq), digest.replace("\n", ""))] = None
    return list(found)


def _texts(message: bytes) -> list[str]:
    """The plain texts of a mail; the whole of what is no mail, for who saved its text alone."""
    texts = [message.decode("utf-8", "replace")]
    try:
        for part in islice(parse_mail(message).walk(), _MOST_PARTS):
            if part.get_content_type() == "text/plain":
                texts.append(decoded(part))
    except BROKEN:
        # Not a mail, or one that nobody can read: the bytes alone are looked through.
        return texts
    return texts
