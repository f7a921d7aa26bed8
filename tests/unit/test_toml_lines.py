"""Where each key of a TOML document stands."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.tables import Source
from hitl_mail.tables.lines import Path, key_lines

TRICKY = '''a = 1
[x."b.c".'d']
k.m = """a = 1
[not.a.header]
"""
z = [1, # ] no end
 { q = "]", r = [ "a", 'b' ] },
 2]
[[rules]]
name = "x"  # [[rules]]
exceptions = [
  { when = "a" },
  { when = """
b"""  , reason = "c" },
]
[[rules]]
gate = 2026-01-02 10:00:00 # x
[[rules.sub]]
y = 1
'''


def test_strings_comments_and_nested_lists_do_not_mislead() -> None:
    lines = key_lines(TRICKY)
    wanted: dict[Path, int] = {
        ("a",): 1,
        ("x", "b.c", "d"): 2,
        ("x", "b.c", "d", "k", "m"): 3,
        ("x", "b.c", "d", "z", 1, "r", 1): 7,
        ("x", "b.c", "d", "z", 2): 8,
        ("rules", 0): 9,
        ("rules", 0, "exceptions", 1, "when"): 13,
        ("rules", 0, "exceptions", 1, "reason"): 14,
        ("rules", 1, "gate"): 17,
        ("rules", 1, "sub", 0, "y"): 19,
    }
    assert {path: lines.get(path) for path in wanted} == wanted


def test_a_key_that_is_not_there_gets_the_line_of_what_is_around_it() -> None:
    assert Source("f", TRICKY).line(("rules", 1, "nowhere", "deep")) == 16


def test_lines_end_in_carriage_returns_too() -> None:
    assert key_lines("a = 1\r\n[b]\r\nc = 'x'\r\n")[("b", "c")] == 3


_keys = st.text("ab.\"'] #é=\\", min_size=1, max_size=4)
_plain = (
    st.integers(-9, 9)
    | st.booleans()
    | st.text("ab#[]{}\"'=,\\\n", max_size=6)
    | st.sampled_from(["2026-01-02", "1.5"])
)
_values: st.SearchStrategy[Any] = st.recursive(
    _plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3)
)


class _Writer:
    """Writes tables as TOML in one of many layouts, and remembers where it put each key."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.at: dict[Path, int] = {}

    def put(self, text: str) -> None:
        self.text += text

    def mark(self, path: Path) -> None:
        self.at.setdefault(path, self.text.count("\n") + 1)

    def gap(self) -> None:
        self.put(self.draw(st.sampled_from(["", " ", "\n", " # ]}\n", "\r\n"])))

    def key(self, key: str) -> str:
        literal = "'" not in key and self.draw(st.booleans())
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        return f"'{key}'" if literal else f'"{quoted}"'

    def string(self, text: str) -> str:
        if "'" not in text and self.draw(st.booleans()):
            return f"'''\n{text}'''" if "\n" in text or self.draw(st.booleans()) else f"'{text}'"
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        if self.draw(st.booleans()):
            return f'"""{escaped}"""'
        return '"' + escaped.replace("\n", "\\n") + '"'

    def value(self, path: Path, value: Any) -> None:
        if isinstance(value, list):
            self.put("[")
            for index, item in enumerate(value):
                self.gap()
                self.mark((*path, index))
                self.value((*path, index), item)
                self.gap()
                self.put(",")
            self.gap()
            self.put("]")
        elif isinstance(value, dict):
            self.put("{ ")
            for index, (key, item) in enumerate(value.items()):
                self.put(", " if index else "")
                self.pair(path, key, item)
            self.put(" }")
        elif isinstance(value, str):
            self.put(self.string(value))
        else:
            self.put(str(value).lower())

    def pair(self, path: Path, key: str, item: Any) -> None:
        self.mark((*path, key))
        self.put(f"{self.key(key)} = ")
        self.value((*path, key), item)


@st.composite
def documents(draw: Any) -> tuple[str, dict[Path, int]]:
    writer = _Writer(draw)
    for key, value in draw(st.dictionaries(_keys, _values, max_size=3)).items():
        writer.pair((), key, value)
        writer.put("\n")
    for name in draw(st.lists(st.sampled_from(["t1", "t2", "t3"]), unique=True)):
        for index in range(draw(st.integers(1, 3))):
            many = name == "t3"
            if index and not many:
                break
            path: Path = (name, index) if many else (name,)
            writer.mark((name,))
            writer.mark(path)
            writer.put(f"[[ {name} ]] # x\n" if many else f"[{name}]\n")
            for key, value in draw(st.dictionaries(_keys, _values, max_size=3)).items():
                writer.pair(path, key, value)
                writer.put("\n\n")
    return writer.text, writer.at


@settings(max_examples=150, deadline=None)
@given(documents())
def test_every_key_of_any_document_is_found_where_it_was_written(
    document: tuple[str, dict[Path, int]],
) -> None:
    text, written = document
    tomllib.loads(text)
    assert key_lines(text) == written
