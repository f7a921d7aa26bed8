"""Header fields as they stand in the bytes of a mail, before any library has mended them.

Who wrote a mail is judged on these: a parser that repairs `ceo@example.com <eve@evil.test>` into
the wrong address is an open door. Bounded, never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_BYTES = 128 * 1024
MOST_FIELDS = 500

_NAME = re.compile(rb"[!-9;-~]{1,100}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_ATOMS = re.compile(r"[^\x00-\x1f\x7f()<>@,;:\\\"\[\]]*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")

Fields = Sequence[tuple[str, str]]
"""(lower-case name, unfolded value) pairs in the order of the mail."""


def read_fields(message: bytes) -> list[tuple[str, str]]:
    """The header fields of a mail; what is no field is left out."""
    head = message[:MOST_BYTES].lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    fields: list[tuple[str, str]] = []
    for line in head.split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            if fields:
                name, value = fields[-1]
                fields[-1] = (name, f"{value} {_text(line.strip())}")
            continue
        raw, colon, rest = line.partition(b":")
        if colon and _NAME.fullmatch(raw.rstrip(b" \t")) and len(fields) < MOST_FIELDS:
            fields.append((_text(raw.rstrip(b" \t")).lower(), _text(rest.strip())))
    return fields


def values(fields: Fields, name: str) -> list[str]:
    """Every value of one field."""
    return [value for found, value in fields if found == name]


def first(fields: Fields, name: str) -> str:
    """The topmost value of one field, or nothing."""
    return next((value for found, value in fields if found == name), "")


def one_address(value: str) -> str | None:
    """The address of a field that holds exactly one: `a@b`, `<a@b>`, `Name <a@b>` or
    `"Name" <a@b>`, in lower case; None for anything else, mended by nobody."""
    text = value.strip()
    if text.endswith(">"):
        name, bracket, address = text[:-1].rpartition("<")
        if not bracket or not _display_name(name.strip()):
            return None
        text = address
    return text.lower() if _plain_address(text) else None


def addresses(value: str) -> list[str]:
    """Everything in a field that looks like an address, to look for our own among them."""
    return _ADDRESS.findall(value[:8000])


def message_ids(value: str) -> list[str]:
    """The Message-IDs in a field."""
    return _MESSAGE_ID.findall(value[:16000])


def _display_name(name: str) -> bool:
    if len(name) >= 2 and name[0] == name[-1] == '"':
        inner = name[1:-1].replace("\\\\", "").replace('\\"', "")
        return '"' not in inner and "\\" not in inner
    return _ATOMS.fullmatch(name) is not None


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


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
