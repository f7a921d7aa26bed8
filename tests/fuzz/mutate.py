"""Bytes that are nearly right: valid samples, cut, doubled, swapped, spliced and set with thorns.

Random bytes hardly get past the first line of a reader; these do. Knows JSON and TOML by their
shape, nothing of what either means here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

THORNS: tuple[bytes, ...] = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",  # byte order marks
    b"\xff\xfe",
    b"\xed\xa0\x80",  # a lone surrogate, as some programs write it
    b"\xc0\xaf",
    b"\xe2\x80\xae",  # right to left
    b"\xe2\x80\x8b",  # zero width
    b"\xe2\x80\xa8",  # a line separator
    b"\x1b[2J",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x0b\x0c\x1c\x85",
    b"\t",
    b" ",
    b'"',
    b"'",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"=",
    b".",
    b"..",
    b"/",
    b"%",
    b"%00",
    b"-",
    b"0",
    b"-0",
    b"1e999",
    b"-1e400",
    b"9007199254740993",
    b"9" * 400,
    b"0" * 400,
    b"1_0",
    b"NaN",
    b"-Infinity",
    b"nan",
    b"null",
    b"true",
    b"[" * 300,
    b'{"a":' * 300,
    b"x" * 5000,
    b"a." * 60,
    "é".encode("latin-1"),
    "ａ".encode(),
    "\N{PILE OF POO}".encode(),
)
_CODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7", "cp037")
_MOST = 64 * 1024


@st.composite
def mutated(draw: Draw, samples: Sequence[bytes], most: int = 6) -> bytes:
    """One of the samples after up to `most` changes, at most 64 KiB long."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, most))):
        change = draw(st.sampled_from(_CHANGES))
        data = bytearray(change(draw, bytes(data), samples))[:_MOST]
    if draw(st.integers(0, 30)) == 0:
        text = bytes(data).decode("utf-8", "replace")
        return text.encode(draw(st.sampled_from(_CODINGS)), "replace")
    return bytes(data)


def _span(draw: Draw, data: bytes, longest: int = 200) -> tuple[int, int]:
    begin = draw(st.integers(0, len(data)))
    return begin, min(len(data), begin + draw(st.integers(0, longest)))


def _delete(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _span(draw, data)
    return data[:begin] + data[end:]


def _double(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _span(draw, data)
    return data[:end] + data[begin:end] * draw(st.sampled_from([1, 1, 2, 40])) + data[end:]


def _swap(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    a, b = _span(draw, data)
    c, d = _span(draw, data[b:])
    return data[:a] + data[b + c : b + d] + data[b : b + c] + data[a:b] + data[b + d :]


def _splice(draw: Draw, data: bytes, samples: Sequence[bytes]) -> bytes:
    other = draw(st.sampled_from(samples))
    begin, end = _span(draw, other, 2000)
    at, after = _span(draw, data)
    return data[:at] + other[begin:end] + data[after:]


def _thorn(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    at, after = _span(draw, data, 4)
    return data[:at] + draw(st.sampled_from(THORNS)) + data[after:]


def _flip(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    return flipped(data, draw(st.integers(0, 8 * len(data) - 1))) if data else data


def _some(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    at, after = _span(draw, data, 8)
    return data[:at] + draw(st.binary(max_size=8)) + data[after:]


def _cut(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


def _lines(draw: Draw, data: bytes, _: Sequence[bytes]) -> bytes:
    """A line goes, comes twice, or moves."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    line = lines.pop(draw(st.integers(0, len(lines) - 1)))
    for _time in range(draw(st.sampled_from([0, 1, 2]))):
        lines.insert(draw(st.integers(0, len(lines))), line)
    return b"".join(lines)


_CHANGES = (_delete, _double, _swap, _splice, _thorn, _thorn, _flip, _some, _cut, _lines, _lines)


def flipped(data: bytes, bit: int) -> bytes:
    """`data` with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# JSON


def deep(levels: int, inner: Any = 1) -> Any:
    """Lists in objects in lists."""
    for level in range(levels):
        inner = [inner] if level % 2 else {"a": inner}
    return inner


ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    -0.0,
    1e20,
    1e300,
    5e-324,
    2**53,
    -(2**53) + 1,
    float("nan"),
    float("inf"),
    "",
    " ",
    "x" * 300,
    "x" * 20_000,
    "\x00",
    "\ud800",
    "a\nb",
    "\u202eabc\u200b",
    "<script>alert(1)</script>",
    "{payload.amount}",
    "{",
    "../../etc/passwd",
    "..",
    "261122-k3f9ma",
    "ada@example.com",
    "4h",
    "-1h",
    "9" * 40 + "h",
    "a" + "\u0301" * 50,
    [],
    {},
    [[]],
    {"": None},
    {"kind": {"kind": []}},
    deep(15),
    deep(17),
    list(range(300)),
    ["x"] * 1000,
    {str(number): number for number in range(300)},
)


def values() -> st.SearchStrategy[Any]:
    """Odd JSON values, and random ones."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    return st.sampled_from(ODD) | st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=8,
    )


@st.composite
def documents(draw: Draw, samples: Sequence[dict[str, Any]], keys: Sequence[str] = ()) -> Any:
    """One of the samples, with up to four of its places changed; `keys` are names worth a try."""
    document = deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, 4))):
        _change_place(draw, document, keys)
    return document


def _change_place(draw: Draw, document: Any, keys: Sequence[str]) -> None:
    holders = [document, *_containers(document)]
    holder = draw(st.sampled_from(holders))
    if isinstance(holder, list):
        at: Any = draw(st.integers(0, max(0, len(holder) - 1)))
        if not holder or draw(st.booleans()):
            holder.insert(at, deepcopy(draw(values())))
            return
    else:
        names = [*holder, *keys, "a", "", "x" * 80]
        at = draw(st.sampled_from(names))
    change = draw(st.sampled_from(["set", "set", "set", "drop", "copy", "wrap"]))
    there = at in holder if isinstance(holder, dict) else True
    if change == "drop" and there:
        del holder[at]
    elif change == "copy" and there:
        other = deepcopy(draw(st.sampled_from(holders)))
        holder[at] = other
    elif change == "wrap" and there:
        holder[at] = [holder[at]]
    else:
        holder[at] = deepcopy(draw(values()))


def _containers(value: Any) -> list[Any]:
    found: list[Any] = []
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            found += [item, *_containers(item)]
    return found


@st.composite
def json_bytes(draw: Draw, samples: Sequence[dict[str, Any]], keys: Sequence[str] = ()) -> bytes:
    """A changed document as a file: spelled in one of several ways, sometimes with a key twice."""
    document = draw(documents(samples, keys))
    text = json.dumps(
        document, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    )
    if document and draw(st.integers(0, 8)) == 0:
        key = draw(st.sampled_from(list(document)))
        text = text[:1] + f"{json.dumps(key)}: {json.dumps(document[key])}," + text[1:]
    return text.encode("utf-8", "surrogatepass")


# TOML

LITERALS = (
    *("true", "0", "-1", "1.5", "nan", "-inf", "1e400", "0x10", "9" * 30, '""', "''", '"x"'),
    *("[]", "{}", "[[]]", '[""]', '["ada"]', "[1, true]", "{ a = 1 }", "2026-12-20"),
    *("2026-12-20T10:00:00Z", "10:00:00", '"4h"', '"-1h"', '"0s"', '"99999999d"', '"\\u0000"'),
    *('"\\U0001F4A9"', '"\u202e"', '"ada"', '"owner"', '"{payload"', '"{payload.amount}"'),
    *("'kind =='", "'true'", "'1'", "'payload.a.b.c > 1'", "'[1,2].all(x, x > 0)'", '"..", ""'),
    *("{ a.b.c = 1 }", '"""\na"""', "[\n[\n[1]]]", "[" * 60 + "]" * 60, '"' + "x" * 5000 + '"'),
)


@st.composite
def toml_text(draw: Draw, samples: Sequence[str], words: Sequence[str] = ()) -> str:
    """A TOML file with lines changed: other values, other keys, other order, other tables."""
    lines = draw(st.sampled_from(samples)).splitlines()
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, max(0, len(lines) - 1)))
        line = lines[at] if lines else ""
        change = draw(st.sampled_from(["value", "value", "value", "key", "drop", "twice", "add"]))
        value = draw(st.sampled_from(LITERALS + tuple(f'"{word}"' for word in words)))
        if change == "value" and "=" in line:
            lines[at] = line.split("=")[0] + "= " + value
        elif change == "key" and "=" in line:
            key = draw(st.sampled_from(["x", '""', "a.b", '"a b"', *words]))
            lines[at] = f"{key} = {line.split('=', 1)[1]}"
        elif change == "drop" and lines:
            del lines[at]
        elif change == "twice":
            lines.insert(draw(st.integers(0, len(lines))), line)
        else:
            lines.insert(at, f"{draw(st.sampled_from(['x', *words]))} = {value}")
    return "\n".join(lines) + "\n"
