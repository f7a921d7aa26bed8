"""Receipts that a saved mail of ours names: heads of the chain that somebody else holds.

A history that was rewritten contradicts them. Knows the words of our mails; nothing here says
whether a mail is ours: whoever keeps it vouches for it.
"""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMED = re.compile(
    r"\b[Rr]eceipts?\s[^\n]{0,40}?#?([1-9][0-9]{0,14}),?\s+(sha256:(?:[0-9a-f]\n?){64})(?![0-9a-f])"
)
"""Mails have narrow lines, so that a digest goes on in the next."""

_QUOTE = re.compile(r"^[>\s]+", re.MULTILINE)
_WRAPPED = re.compile(r"(?<!\s)\s++(?=sha256:)")
"""A run of white space is looked at once: a mail may hold a megabyte of it."""


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
        plain = _WRAPPED.sub(" ", _QUOTE.sub("", text.replace("\r\n", "\n")))
        for seq, digest in _NAMED.findall(plain):
            found[(int(seq), digest.replace("\n", ""))] = None
    return list(found)


def _texts(message: bytes) -> list[str]:
    """The plain texts of a mail; the whole of what is no mail, for who saved its text alone."""
    texts = [message.decode("utf-8", "replace")]
    try:
        parsed = email.message_from_bytes(message, policy=email.policy.default)
        for part in parsed.walk():
            if isinstance(part, EmailMessage) and part.get_content_type() == "text/plain":
                texts.append(str(part.get_content()))
    except (LookupError, ValueError, KeyError, AttributeError):
        # Not a mail, or one in no charset that there is: the bytes alone are looked through.
        return texts
    return texts
