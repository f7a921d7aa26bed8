"""Text of the agent's, made fit for a mail: nothing invisible, nothing clickable, and every line
marked as not ours.

Mail programs make links of whatever looks like one. So untrusted text shows `https[:]//` for
`https://` and `example[.]com` for `example.com`: a break one can see and undo, where a zero-width
one would be invisible, which is what this layer is against. Mail addresses stay as they are.
"""

from __future__ import annotations

import re

from hitl_mail.core.text import visible

SENTINEL = "--- hitl-mail: reply above this line ---"
"""The first line of every mail of ours."""
WIDTH = 66
"""Columns of agent text in a plain mail. Clients wrap quoted lines near 75, and what they wrap
lands outside the quote marks, where it could be taken for a reply."""
MARK = "| "
"""What begins every line that holds an agent's words. No line of ours begins so."""

_WORD = re.compile(r"\S+")
_SCHEME = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30}):(?=//)")
_OPAQUE = re.compile(r"\b(mailto|tel|sms|javascript|data|callto|facetime|file|geo):", re.IGNORECASE)
_DOMAINS = (
    "com|net|org|io|co|ai|app|dev|info|biz|xyz|top|site|online|shop|store|link|click|page|live|"
    "cloud|me|ly|gg|tv|cc|us|uk|eu|de|fr|es|it|nl|be|ch|at|pl|pt|br|se|no|dk|fi|cz|ru|cn|in|jp|"
    "au|ca|test|example|local|zip|mov|support|help|pro|name|mobi|tech|space|website|icu|work"
)
_DOT = re.compile(rf"(?<=[\w-])\.(?=(?:{_DOMAINS})(?![\w-]))", re.IGNORECASE)
_DOT_PATH = re.compile(r"(?<=[\w-])\.(?=[A-Za-z]{2,24}/)")
_WWW = re.compile(r"\bwww\.", re.IGNORECASE)


def inert(text: str) -> str:
    """`text` with every invisible character shown and every link broken where one can see it."""
    return _WORD.sub(lambda found: _break(found[0]), visible(text.replace("\r\n", "\n")))


def boxed(text: str, mark: str = MARK, width: int = WIDTH) -> str:
    """`text` as lines that all begin with `mark` and are at most `width` columns wide."""
    lines = inert(text).expandtabs(4).split("\n")
    return "\n".join((mark + part).rstrip() for line in lines for part in wrap(line, width))


def wrap(line: str, width: int) -> list[str]:
    """One line cut at spaces, or inside a word that is longer than `width`; at least one part."""
    parts = []
    while len(line) > width:
        space = line.rfind(" ", 1, width + 1)
        cut = space if space > 0 else width
        parts.append(line[:cut])
        line = line[cut:].removeprefix(" ") if space > 0 else line[cut:]
    return [*parts, line]


def fill(text: str) -> str:
    """A paragraph of ours as lines of at most `WIDTH` columns."""
    return "\n".join(wrap(inert(text), WIDTH))


def shorten(text: str, longest: int) -> str:
    """At most `longest` characters: the beginning, and a word on how much is missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}\n… ({len(text) - longest} more characters)"


def _break(word: str) -> str:
    if "." not in word and ":" not in word:
        return word
    word = _OPAQUE.sub(r"\1[:]", _SCHEME.sub(r"\1[:]", word))
    word = _WWW.sub("www[.]", word)
    if "@" in word and "/" not in word:
        return word
    return _DOT_PATH.sub("[.]", _DOT.sub("[.]", word))
