"""Header fields as they stand in the bytes of a mail, before any library has mended them.

Who wrote a mail is judged on these: a parser that repairs `ceo@example.com <eve@evil.test>` into
the wrong address is an open door. Where programs could disagree on what the fields of a mail are,
`find_defect` says so. Bounded, never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.errors import HeaderParseError
from email.header import decode_header

MOST_BYTES = 128 * 1024
MOST_FIELDS = 500

_NAME = re.compile(rb"[!-9;-~]{1,100}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_ATOMS = re.compile(r"[^\x00-\x1f\x7f()<>@,;:\\\"\[\]]*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")

_EMPTY = re.compile(rb"(?:\r?\n)*")
_HEAD_END = re.compile(rb"\n\r?\n")
_MBOX = re.compile(rb">?From [^\s:]")
_BETWEEN = re.compile(r"[\s<>()\[\],;:'\"]+")
_AT = re.compile(".[@\uff20\ufe6b].")
_LONGEST_NAME = 1000
_LONGEST_VALUE = 16000

Fields = Sequence[tuple[str, str]]
"""(lower-case name, unfolded value) pairs in the order of the mail."""


def read_fields(message: bytes) -> list[tuple[str, str]]:
    """The header fields of a mail; what is no field is left out."""
    fields: list[tuple[str, list[bytes]]] = []
    for line in _lines(_head(message)):
        if line[:1] in (b" ", b"\t"):
            if fields:
                fields[-1][1].append(line.strip())
            continue
        raw, colon, rest = line.partition(b":")
        name = raw.rstrip(b" \t")
        if colon and _NAME.fullmatch(name) and len(fields) < MOST_FIELDS:
            fields.append((_text(name).lower(), [rest.strip()]))
    return [(name, _text(b" ".join(parts))) for name, parts in fields]


def find_defect(message: bytes, *, checked: bool = True) -> str:
    """Why two programs could see different fields in this mail, in words; or nothing.

    `checked`: the sender of the mail was checked as another program saw it. What we take for its
    fields must be the same, so nothing is mended here. Where nobody checks, both ends of lines may
    stand in one mail: people make such files by hand.
    """
    head = _head(message)
    if len(head) == MOST_BYTES:
        return "its header is too long"
    if b"\0" in head:
        return "its header has a NUL character"
    old = b"\n" not in message[:MOST_BYTES] and b"\r" in message[:MOST_BYTES]
    if old or b"\r" in head.replace(b"\r\n", b""):
        return "its header has a bare carriage return"
    # A delivery agent may end the lines that it puts on top in its own way.
    if (
        checked
        and b"\n" in head[max(head.find(b"\r\n"), 0) :].replace(b"\r\n", b"")
        and b"\r\n" in head
    ):
        return "the lines of its header end in different ways"
    count = 0
    for number, line in enumerate(_lines(head)):
        if line[:1] in (b" ", b"\t"):
            if not count or not line.strip():
                return "its header has a line that continues nothing"
        elif (name := line.partition(b":")[0]) != line and _NAME.fullmatch(name):
            count += 1
        elif line and not (number == 0 and _MBOX.match(line)):
            return "its header has a line that is no field"
    return "its header has too many fields" if count > MOST_FIELDS else ""


def values(fields: Fields, name: str) -> list[str]:
    """Every value of one field."""
    return [value for found, value in fields if found == name]


def first(fields: Fields, name: str) -> str:
    """The topmost value of one field, or nothing."""
    return next((value for found, value in fields if found == name), "")


def one_address(value: str) -> str | None:
    """The address of a field that holds exactly one: `a@b`, `<a@b>`, `Name <a@b>` or
    `"Name" <a@b>`, in lower case; None for anything else, mended by nobody. A name that holds
    another address, be it encoded, is anything else."""
    text = value.strip()
    if text.endswith(">"):
        name, bracket, address = text[:-1].rpartition("<")
        if not bracket or not _display_name(name.strip(), address.lower()):
            return None
        text = address
    return text.lower() if _plain_address(text) else None


def addresses(value: str, most: int = _LONGEST_VALUE) -> list[str]:
    """Everything in a field, up to `most` characters of it, that looks like an address, to look
    for our own among them."""
    return _ADDRESS.findall(value[:most])


def message_ids(value: str, most: int = _LONGEST_VALUE) -> list[str]:
    """The Message-IDs in a field, up to `most` characters of it."""
    return _MESSAGE_ID.findall(value[:most])


def _display_name(name: str, address: str) -> bool:
    """Whether this is one name, and shows no address but the one behind it."""
    if len(name) > _LONGEST_NAME:
        return False
    if len(name) >= 2 and name[0] == name[-1] == '"':
        inner = name[1:-1].replace("\\\\", "").replace('\\"', "")
        if '"' in inner or "\\" in inner or any(ord(char) < 32 for char in inner):
            return False
    elif _ATOMS.fullmatch(name) is None:
        return False
    shown = _BETWEEN.split(decoded(name).lower())
    return not any(_AT.search(word) and word != address for word in shown)


def decoded(name: str) -> str:
    """A name with its encoded words (RFC 2047) as they are shown."""
    shown = []
    try:
        for part, charset in decode_header(name):
            shown.append(part if isinstance(part, str) else _word(part, charset))
    except (HeaderParseError, ValueError, TypeError, AssertionError):
        return "@@@"
    return "".join(shown)


def _word(raw: bytes, charset: str | None) -> str:
    try:
        return raw.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return raw.decode("latin-1")


def _plain_address(text: str) -> bool:
    if not _ADDRESS.fullmatch(text):
        return False
    local, _, domain = text.partition("@")
    return not (
        local.startswith(".")
        or local.endswith(".")
        or ".." in local
        or domain.startswith((".", "-"))
        or domain.endswith((".", "-"))
        or ".." in domain
    )


def _head(message: bytes) -> bytes:
    """The bytes up to the first empty line and with it."""
    if b"\n" not in message[:MOST_BYTES]:
        # As Macs once ended lines: read to know a bounce by, and a defect for anything else.
        message = message[:MOST_BYTES].replace(b"\r", b"\n")
    begin = _EMPTY.match(message)
    start = message[begin.end() if begin else 0 :][:MOST_BYTES]
    end = _HEAD_END.search(start)
    return start[: end.end()] if end else start


def _lines(head: bytes) -> list[bytes]:
    return head.replace(b"\r\n", b"\n").split(b"\n")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
