"""JSON as evidence: what may be said, its one canonical form, and its digest.

The canonical form is RFC 8785 (JCS). What it cannot hold (integers beyond 2^53 - 1, NaN, lone
surrogates) and what the rules cannot weigh (nesting over 16) is refused at the door, so that
every later digest and condition is total.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, NoReturn

import rfc8785

from hitl_mail.errors import Refused

MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value that `check` has let through."""
    return bytes(rfc8785.dumps(value))


def digest_bytes(data: bytes) -> str:
    """`sha256:` and the hexadecimal SHA-256 of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """The digest of a JSON value in canonical form."""
    return digest_bytes(canonical(value))


def parse_json(data: bytes) -> Any:
    """One strict JSON value: UTF-8, no duplicate keys, nothing `check` refuses.

    Raises `Refused` with code `not_utf8`, `malformed`, `duplicate_key` or one of `check`'s.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("not_utf8", f"not UTF-8 at byte {error.start}") from None
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise Refused(
            "malformed", f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise Refused("too_deep", f"nested deeper than {MAX_DEPTH} levels") from None
    check(value)
    return value


def check(value: Any, where: str = "", depth: int = 0) -> None:
    """Refuse what RFC 8785 and the rules cannot hold; `where` is the dotted path for the error.

    The outermost value is level 1. Raises `Refused` with code `too_deep`, `bad_number`,
    `bad_string` or `bad_value`.
    """
    if isinstance(value, str):
        _string(value, where)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise Refused("bad_number", "integer beyond 2^53 - 1; send it as a string", where)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Refused("bad_number", "not a finite number", where)
    elif isinstance(value, dict):
        _deeper(depth, where)
        for key, item in value.items():
            _string(key, where)
            check(item, f"{where}.{key}" if where else key, depth + 1)
    elif isinstance(value, list):
        _deeper(depth, where)
        for index, item in enumerate(value):
            check(item, f"{where}[{index}]", depth + 1)
    else:
        raise Refused("bad_value", f"{type(value).__name__} has no JSON form; use a string", where)


def _deeper(depth: int, where: str) -> None:
    if depth >= MAX_DEPTH:
        raise Refused("too_deep", f"nested deeper than {MAX_DEPTH} levels", where)


def _string(text: str, where: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("bad_string", "a lone surrogate is not text", where) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Refused("duplicate_key", f"the key {key!r} stands twice", key)
        found[key] = value
    return found


def _integer(digits: str) -> int:
    # int() is quadratic in the number of digits; nothing over 16 of them is allowed anyway.
    if len(digits) > 17:
        raise Refused("bad_number", "integer beyond 2^53 - 1; send it as a string")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise Refused("bad_number", f"{name} is not a JSON number")
