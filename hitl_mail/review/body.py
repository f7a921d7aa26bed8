"""The text of a mail that hostile hands may have made: which part, in which charset, as lines.

Never raises, and bounded: what is beyond the bounds is not read. Knows nothing of quotes.
"""

from __future__ import annotations

import codecs
import email
import email.policy
from email.message import Message
from typing import TYPE_CHECKING

import msgspec

from hitl_mail.review.hidden import hidden_in

if TYPE_CHECKING:
    from resiliparse.parse.html import HTMLTree

MOST_MESSAGE = 1024 * 1024
"""Bytes of a mail that are looked into: its text stands above what is attached to it."""
MOST_TEXT = 256 * 1024
MOST_LINES = 2000
MOST_COLUMNS = 4000
_MOST_PARTS = 50
_DEEPEST = 10
_MOST_FIELD = 4000
_MOST_HEAD = 128 * 1024
_MOST_MARKS = 300

# What email raises on real and made-up mails: each was seen, or is reachable by reading it.
BROKEN = (
    LookupError, AttributeError, ValueError, TypeError, AssertionError, RecursionError,
    email.errors.MessageError,
)  # fmt: skip

# Codecs that decode something other than text, or in quadratic time.
_NO_CHARSETS = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "utf-7"})

_QUOTED_HTML = [
    # A mail quoted whole brings its own title, which a parser then finds in the middle of the text.
    "title",
    "style",
    "script",
    "blockquote",
    ".gmail_quote",
    ".gmail_attr",
    ".gmail_extra .gmail_quote",
    ".yahoo_quoted",
    ".protonmail_quote",
    ".moz-cite-prefix",
    ".OutlookMessageHeader",
    "#OLK_SRC_BODY_SECTION",
    "#divRplyFwdMsg",
    "#isForwardContent",
    ".zmail_extra",
    "#reply-intro",
]


_QUOTED_FROM = ("appendonsend", "divRplyFwdMsg")
"""Ids of elements that Outlook puts before what it quotes. As selectors of siblings these would
take a time that is quadratic in the elements."""


class _Bounded(email.policy.Compat32):
    """Headers cut to a length: the standard library is quadratic in their parameters."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MOST_FIELD]


class Body(msgspec.Struct, frozen=True):
    """A mail's own text as lines without line ends; `author` is the display name in From, as far
    as it can be read, for recognising a signature."""

    lines: tuple[str, ...]
    author: str = ""


def read_body(message: bytes) -> Body:
    """The lines of a mail: its plain text, or its HTML as text where there is no plain one."""
    try:
        parsed = parse_mail(message)
        return Body(tuple(_Parts("text/plain").lines(parsed)), _author(parsed))
    except BROKEN:
        return Body(())


def read_html(message: bytes) -> tuple[str, ...]:
    """The lines of a mail as its HTML has them, which no program has wrapped; the plain text only
    where there is no HTML."""
    try:
        return tuple(_Parts("text/html").lines(parse_mail(message)))
    except BROKEN:
        return ()


def parse_mail(message: bytes) -> Message:
    """A mail as the standard library has it, after what would take it long was left out: what is
    beyond the bounds, and parts that nest without end. Raises one of `BROKEN`."""
    data = message[:MOST_MESSAGE].lstrip(b"\r\n")
    head = min((at for at in (data.find(b"\n\n"), data.find(b"\n\r\n")) if at >= 0), default=0)
    if head > _MOST_HEAD:
        return Message()
    return email.message_from_bytes(data[: _end_of_parts(data)], policy=_Bounded())


def _end_of_parts(data: bytes) -> int:
    """Where the last part begins that is looked into: each costs the library the same, and more
    where they nest."""
    at = 0
    for _ in range(_MOST_MARKS):
        at = data.find(b"\n--", at + 1)
        if at < 0:
            return len(data)
    return at


class _Parts:
    """A mail's own words: no attachments, no mails inside the mail; of alternatives one only."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._seen = 0

    def lines(self, part: Message, depth: int = 0) -> list[str]:
        """The lines of a part. What stands beside another, as around a picture, follows it."""
        self._seen += 1
        if self._seen > _MOST_PARTS or depth > _DEEPEST or _is_attached(part):
            return []
        inside = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inside, list):
            children = [item for item in inside if isinstance(item, Message)]
            if part.get_content_subtype() == "alternative":
                return self._alternative(children, depth)
            return self._all(children, depth)
        sort = part.get_content_type()
        if sort == "text/plain":
            return _plain(part)
        return _split(html_to_text(decoded(part))) if sort == "text/html" else []

    def _alternative(self, children: list[Message], depth: int) -> list[str]:
        """The wanted one first, or whichever says anything."""
        for child in sorted(children, key=lambda child: not self._is_wanted(child)):
            lines = self.lines(child, depth + 1)
            if any(line.strip() for line in lines):
                return lines
        return []

    def _is_wanted(self, child: Message) -> bool:
        sort = child.get_content_type()
        return sort == self._wanted or (sort == "multipart/related" and "html" in self._wanted)

    def _all(self, children: list[Message], depth: int) -> list[str]:
        found: list[str] = []
        for child in children:
            lines = self.lines(child, depth + 1)
            if any(line.strip() for line in lines):
                found += ["", *lines] if found else lines
        return found[:MOST_LINES]


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or (
        part.get_content_maintype() == "text" and bool(part.get_filename())
    )


def _plain(part: Message) -> list[str]:
    lines = _split(decoded(part))
    if str(part.get_param("format", "")).lower() == "flowed":
        return _unflow(lines, str(part.get_param("delsp", "")).lower() == "yes")
    return lines


def decoded(part: Message) -> str:
    """The beginning of a part's text, in its charset or one that it may be in."""
    raw = part.get_payload(decode=True)
    whole = raw if isinstance(raw, bytes) else b""
    data = whole[:MOST_TEXT]
    errors = "strict" if data == whole else "ignore"
    for charset in (str(part.get_content_charset("utf-8")), "utf-8"):
        try:
            if codecs.lookup(charset).name not in _NO_CHARSETS:
                return data.decode(charset, errors)
        except (LookupError, ValueError):
            continue
    return data.decode("windows-1252", "replace")


def _split(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:MOST_LINES]
    return [line[:MOST_COLUMNS] for line in lines]


def _unflow(lines: list[str], delete_space: bool) -> list[str]:
    """Undo format=flowed (RFC 3676): a line that ends in a space goes on in the next one of the
    same quote depth."""
    joined: list[str] = []
    before, flowing = 0, False
    for line in lines:
        depth = len(line) - len(line.lstrip(">"))
        text = line[depth:].removeprefix(" ")
        if flowing and depth == before and text != "-- ":
            joined[-1] = (joined[-1][:-1] if delete_space else joined[-1]) + text
        else:
            joined.append((">" * depth + " " if depth else "") + text)
        before, flowing = depth, text.endswith(" ") and text != "-- "
    return [line[:MOST_COLUMNS] for line in joined]


def html_to_text(html: str) -> str:
    """HTML as lines of text, without what mail programs mark as quoted and what nobody is shown.
    Empty if unreadable."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    try:
        tree = HTMLTree.parse(html)
        for name in _QUOTED_FROM:
            _drop_after(tree, name)
        return str(
            extract_plain_text(
                tree,
                preserve_formatting=True,
                list_bullets=False,
                alt_texts=False,
                skip_elements=[*_QUOTED_HTML, *hidden_in(tree)],
            )
        )
    except (ValueError, RuntimeError, TypeError):
        return ""


def _drop_after(tree: HTMLTree, name: str) -> None:
    """Take out everything behind the element with that id, at its own level."""
    document = tree.document
    element = document.get_element_by_id(name) if document is not None else None
    for _ in range(MOST_TEXT):
        if element is None or (behind := element.next) is None:
            break
        behind.decompose()


def _author(message: Message) -> str:
    name = str(message.get("From", "")).partition("<")[0]
    return name.strip().strip('"')[:100]
