"""Mails as bytes, the same bytes for the same mail: header fields, parts, boundaries (RFC 5322,
2045 to 2047, 2231).

The standard library draws boundaries at random and folds Message-IDs that it should not; the
little of MIME that we send is written here. Knows nothing of cases.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from email.header import Header
from email.utils import formataddr
from urllib.parse import quote

_CRLF = b"\r\n"
_LONGEST_LINE = 900
_PASSIVE = ("text/plain", "text/csv", "application/pdf", "application/json")
_PASSIVE_FAMILIES = ("image/", "audio/", "video/")
_ACTIVE = ("image/svg+xml",)


def field(name: str, value: str) -> bytes:
    """One header field of free text, encoded and folded.

    Whatever looks like an encoded word is encoded itself, so that nobody smuggles one in.
    """
    plain = value.isascii() and "=?" not in value
    header = Header(_flat(value), "us-ascii" if plain else "utf-8", header_name=name)
    return f"{name}: {header.encode(linesep=chr(13) + chr(10))}".encode("ascii") + _CRLF


def structured(name: str, *words: str) -> bytes:
    """One header field of words that must stay whole (addresses, Message-IDs), folded between
    them."""
    return f"{name}: {(chr(13) + chr(10) + ' ').join(_flat(word) for word in words)}".encode(
        "ascii", "replace"
    ) + (_CRLF)


def mailbox(name: str, address: str) -> str:
    """`"Name" <address>`, the name encoded where it must be."""
    return formataddr((_flat(name).replace("=?", "= ?"), address))


def text_part(subtype: str, text: str) -> bytes:
    """A text part: 7bit where that holds, else quoted-printable."""
    body = text.encode("utf-8")
    lines = body.split(b"\n")
    plain = body.isascii() and all(len(line) <= _LONGEST_LINE for line in lines)
    head = (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {'7bit' if plain else 'quoted-printable'}\r\n\r\n"
    )
    coded = body if plain else binascii.b2a_qp(body, quotetabs=False, istext=True)
    return head.encode("ascii") + _CRLF.join(coded.split(b"\n"))


def attachment(name: str, content_type: str, content: bytes) -> bytes:
    """A file to save, never to show in place. What a client might run or unpack (HTML, SVG,
    messages) loses its type; its name keeps the ending."""
    shown = content_type.lower()
    passive = shown in _PASSIVE or (shown.startswith(_PASSIVE_FAMILIES) and shown not in _ACTIVE)
    sort = shown if passive else "application/octet-stream"
    plain = all(c.isascii() and (c.isalnum() or c in "._- ") for c in name)
    said = f'filename="{name}"' if plain else f"filename*=utf-8''{quote(name, safe='')}"
    head = (
        f"Content-Type: {sort}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n {said}\r\n\r\n"
    )
    return head.encode("ascii") + base64.encodebytes(content).replace(b"\n", _CRLF)


def multipart(subtype: str, seed: str, parts: list[bytes]) -> bytes:
    """A multipart entity. Its boundary is derived from `seed`, which must be unknown to whoever
    wrote the parts' text."""
    mark = "=_" + hashlib.sha256(f"{subtype} {seed}".encode()).hexdigest()[:40]
    head = f'Content-Type: multipart/{subtype}; boundary="{mark}"\r\n\r\n'.encode("ascii")
    edge = b"--" + mark.encode("ascii")
    body = b"".join(edge + _CRLF + part + _CRLF for part in parts)
    return head + body + edge + b"--" + _CRLF


def _flat(value: str) -> str:
    return " ".join(value.split())
