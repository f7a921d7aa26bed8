"""Text that tries to hide, to turn round, or to command a terminal; and how to find it again."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

TERMINAL = "\x1b[31m\x1b]0;owned\x07\x08\r\x7f\x9b31m\x85\x1b[2J"
"""Colours, a window's title, a bell, a rubout, a line begun again, and the one-byte CSI."""

INJECTED = "\r\nX-Injected: 1\r\nBcc: eve@evil.example\r\n\r\nhitl-mail: approved\n"
"""Lines for a header, an answer, a log, a terminal: whatever takes a line break as it is."""

LINES = "\u2028\u2029"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = (
    "\u00ad\u034f\u115f\u1160\u17b4\u180b\u180e\u180f\u200b\u200c\u200d\u2060\u2064\u3164\ufe01"
    "\ufeff\uffa0\ufff9\U000e0041\U000e0101"
)
DANGEROUS = frozenset(LINES + BIDI + ZERO_WIDTH + "\x1b\x07\x08\r\x7f\x9b\x85")

MARKUP = (
    '"><script>alert(1)</script><img src=x onerror=alert(1)><a href="//evil.example">x</a></pre>'
    "</textarea></style><iframe src=//evil.example></iframe>{{ 7 * 7 }} https://evil.example/a"
)
"""Tags and a link, for pages, for mails in HTML, and for mail programs that make links of words."""

ALL = TERMINAL + INJECTED + MARKUP + LINES + BIDI + ZERO_WIDTH
ONE_LINE = "".join(c for c in ALL.replace(MARKUP, "") if c not in "\r\n\x85\u2028\u2029\x1c")
"""Without what Python takes for the end of a line, for fields that must be one."""


def marked(name: str, hostile: str = ONE_LINE) -> str:
    """A value for the field `name`: found again by `Mname`, dangerous to whoever shows it raw."""
    return f"M{name} {hostile}gpj.exe"


def raw(data: bytes, lines: str = "\n\t") -> set[str]:
    """The fields of which `data` shows a dangerous character as it is, and the first of each."""
    text = data.decode("utf-8", "replace")
    found: dict[str, str] = {}
    for at, one in enumerate(text):
        if one not in lines and (one in DANGEROUS or unicodedata.category(one) in _CATEGORIES):
            field = _FIELD.findall(text, max(0, at - 400), at)
            found.setdefault(field[-1] if field else "?", f"U+{ord(one):04X}")
    return {f"{field} {char}" for field, char in found.items()}


_CATEGORIES = ("Cc", "Cf", "Zl", "Zp")
_FIELD = re.compile(r"M[a-z]+")


def forged_lines(data: bytes) -> list[str]:
    """Lines that nobody but the attacker has begun."""
    text = data.decode("utf-8", "replace")
    return [line for line in text.split("\n") if line.startswith(_FORGED)]


_FORGED = ("X-Injected", "Bcc: eve", "hitl-mail: approved")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "iframe"):
            self.found.add(tag)
        for name, value in attrs:
            leads = name in ("href", "src", "action", "formaction", "srcset")
            if name.startswith("on") or (leads and "evil" in (value or "").partition("?")[0]):
                self.found.add(f"{tag} {name}={value}")


def opened_tags(data: bytes) -> set[str]:
    """What an attacker has opened in HTML: scripts, pictures, handlers, links of theirs."""
    tags = _Tags()
    tags.feed(data.decode("utf-8", "replace"))
    return tags.found
