"""The canonical form of RFC 8785 (JCS), several times as fast as the library that defines it for us.

A receipt is made of some hundred values, each digested and written, so this is where a closing case
spends its time. `rfc8785` stays the authority: whatever is not plain (a large or small double, a
subclass, what has no form at all) is handed to it, and a test holds both against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

import rfc8785

_MAX_INTEGER = 2**53 - 1
_quoted: Callable[[str], str] = encode_basestring


def dumps(value: Any) -> bytes:
    """The bytes of a JSON value; tuples are lists. Raises ValueError for what has no such form."""
    out: list[str] = []
    _write(value, out.append)
    return "".join(out).encode("utf-8")


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
