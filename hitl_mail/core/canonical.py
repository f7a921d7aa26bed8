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

from hitl_mail.core import jcs
from hitl_mail.errors import Refused

MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value that `check` has let through."""
    return jcs.dumps(value)


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


def check(value: Any) -> None:
    """Refuse what RFC 8785 and the rules cannot hold.

    The outermost value is level 1. Raises `Refused` with code `too_deep`, `bad_number`,
    `bad_string` or `bad_value`, and the dotted path of what is wrong.
    """
    _check(value, None, 0)


# A path is only spelled out for an error: keys may be long, and items many.
_Path = tuple["_Path | None", str | int]


def _check(value: Any, path: _Path | None, depth: int) -> None:
    if isinstance(value, str):
        _string(value, path)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        _number(value, path)
    elif isinstance(value, dict):
        _deeper(depth, path)
        for key, item in value.items():
            _string(key, path)
            _check(item, (path, key), depth + 1)
    elif isinstance(value, list):
        _deeper(depth, path)
        for index, item in enumerate(value):
            _check(item, (path, index), depth + 1)
    else:
        name = type(value).__name__
        raise Refused("bad_value", f"{name} has no JSON form; use a string", _dotted(path))


def _number(value: float, path: _Path | None) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused("bad_number", "not a finite number", _dotted(path))
    # RFC 8785 writes a double below 1e21 without exponent, so as an integer nobody may send.
    if abs(value) > MAX_INTEGER and (isinstance(value, int) or abs(value) < 1e21):
        detail = "integer beyond 2^53 - 1; send it as a string"
        raise Refused("bad_number", detail, _dotted(path))


def _deeper(depth: int, path: _Path | None) -> None:
    if depth >= MAX_DEPTH:
        raise Refused("too_deep", f"nested deeper than {MAX_DEPTH} levels", _dotted(path))


def _string(text: str, path: _Path | None) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("bad_string", "a lone surrogate is not text", _dotted(path)) from None


def _dotted(path: _Path | None) -> str | None:
    parts = []
    while path is not None:
        path, step = path
        parts.append(f"[{step}]" if isinstance(step, int) else f".{short_name(step)}")
    return "".join(reversed(parts)).removeprefix(".") or None


def short_name(key: str) -> str:
    """A key as an error may show it: at most 64 characters, and always encodable."""
    shown = key if len(key) <= 64 else key[:63] + "…"
    return shown.encode("utf-8", "backslashreplace").decode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            name = short_name(key)
            raise Refused("duplicate_key", f"the key {name} stands twice", name)
        found[key] = value
    return found


def _integer(digits: str) -> int:
    # int() is quadratic in the number of digits; nothing over 16 of them is allowed anyway.
    if len(digits) > 17:
        raise Refused("bad_number", "integer beyond 2^53 - 1; send it as a string")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise Refused("bad_number", f"{name} is not a JSON number")
