"""The canonical form of RFC 8785 (JCS), ten times as fast as the library that defines it for us.

A receipt is made of some hundred values, each digested and written, so this is where a closing
case spends its time. Three ways, from the quick to the sure: the standard library's encoder, whose
form differs only in some doubles, in integers that are too large and in the order of rare keys;
where its text may hold any of these, a walk of our own; and for whatever is not plain there,
`rfc8785`, which stays the authority. A test holds all three against each other.

Keys are text, as they are wherever JSON was parsed: another key is refused, or becomes the text
that `json` makes of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

import rfc8785

_MAX_INTEGER = 2**53 - 1
_quoted: Callable[[str], str] = encode_basestring
_EXPONENT = re.compile(rb"[0-9]e[+-][0-9]+[\],}]")
_LONG = re.compile(rb"[0-9]{16}[\],}]")
_HIGH = re.compile(rb"[\xee-\xf4]")
"""How the UTF-8 of U+E000 and above begins."""
_ENDS = bytes.maketrans(b"]}+", b",,-")
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_SIXTEEN = b"0" * 16


def _encoder() -> Callable[[Any], str]:
    """The standard library's encoder, made once where that can be done: it makes itself anew for
    each value, which takes as long as encoding a small one."""
    plain = json.JSONEncoder(
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
        check_circular=False,
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    encode = make(None, plain.default, encode_basestring, None, ":", ",", True, False, False)
    return lambda value: "".join(encode(value, 0))


_quick = _encoder()


def dumps(value: Any) -> bytes:
    """The bytes of a JSON value; tuples are lists. Raises ValueError for what has no such form."""
    try:
        text = _quick(value)
    except TypeError:
        text = None
    if text is not None and not _is_unsure(data := text.encode("utf-8")):
        return data
    out: list[str] = []
    _write(value, out.append)
    return "".join(out).encode("utf-8")


def _is_unsure(data: bytes) -> bool:
    """Whether the quick bytes may be others than RFC 8785's: a double or an integer in them looks
    so, or a character by which a key would. They may stand in a string as well.

    What is looked for is first looked for in a coarser text, by searches that take no time.
    """
    coarse = data.translate(_ENDS)
    return (
        data[-1:].isdigit()
        or b".0," in coarse
        or (b"e-" in coarse and _EXPONENT.search(data) is not None)
        or (_SIXTEEN in coarse.translate(_DIGITS) and _LONG.search(data) is not None)
        or may_sort_otherwise(data)
    )


def may_sort_otherwise(data: bytes) -> bool:
    """Whether a character is in it by which a key would sort otherwise."""
    return not data.isascii() and _HIGH.search(data) is not None


def _write(value: Any, put: Callable[[str], object]) -> None:
    kind = type(value)
    if kind is str:
        put(_quoted(value))
    elif kind is dict:
        _object(value, put)
    elif kind is list or kind is tuple:
        _array(value, put)
    elif value is None:
        put("null")
    elif kind is bool:
        put("true" if value else "false")
    elif kind is int and -_MAX_INTEGER <= value <= _MAX_INTEGER:
        put(str(value))
    elif kind is float:
        put(_number(value))
    else:
        put(rfc8785.dumps(value).decode("utf-8"))


def _object(value: dict[str, Any], put: Callable[[str], object]) -> None:
    if not value:
        put("{}")
        return
    before = "{"
    for key in _sorted(value):
        put(before + _quoted(key) + ":")
        _write(value[key], put)
        before = ","
    put("}")


def _array(value: list[Any] | tuple[Any, ...], put: Callable[[str], object]) -> None:
    if not value:
        put("[]")
        return
    before = "["
    for item in value:
        put(before)
        _write(item, put)
        before = ","
    put("]")


def _sorted(value: dict[str, Any]) -> list[str]:
    """Keys in the order of their UTF-16 code units, which is Python's own as long as all are
    ASCII."""
    try:
        if "".join(value).isascii():
            return sorted(value)
    except TypeError:
        rfc8785.dumps(value)
        raise
    return sorted(value, key=lambda key: key.encode("utf-16be"))


def _number(value: float) -> str:
    """A double as ECMAScript writes it: as Python does, except for whole, large and small ones."""
    text = repr(value)
    if text[-2:] == ".0" and text != "-0.0":
        return text[:-2]
    # Neither an exponent nor a zero with a sign, infinity or what is no number.
    plain = "e" not in text and "n" not in text and value != 0
    return text if plain else bytes(rfc8785.dumps(value)).decode("ascii")
