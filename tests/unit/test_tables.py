"""Reading a table into a struct: every problem at once, in words."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest

from hitl_mail.errors import ConfigError, Problem
from hitl_mail.tables import Duration, Source, dotted, nearest, read_table


class Inner(msgspec.Struct):
    port: Annotated[int, msgspec.Meta(ge=1, le=10)]


class Outer(msgspec.Struct):
    name: str
    wait: Duration = 60
    rate: float = 1.0
    gate: Literal["auto", "hard"] = "hard"
    words: tuple[str, ...] = ()
    inner: Inner | None = None
    many: dict[str, Inner] = {}


def read(text: str) -> tuple[Outer | None, list[Problem]]:
    source, problems = Source("a.toml", text), list[Problem]()
    return read_table(Outer, source.data, (), source, problems), problems


def said(text: str) -> list[str]:
    return [str(problem) for problem in read(text)[1]]


def test_a_whole_table_is_read() -> None:
    found, _ = read(
        'name = "x"\nwait = "4h"\nrate = 2\nwords = ["a"]\n[inner]\nport = 3\n[many.a]\nport = 4'
    )
    assert found == Outer("x", 14400, 2.0, "hard", ("a",), Inner(3), {"a": Inner(4)})


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("nam = 1", "a.toml:2: nam: no such key. Did you mean name?"),
        ("wait = 4", 'a.toml:2: wait: must be a duration such as "4h", not 4.'),
        (
            'wait = "4y"',
            "a.toml:2: wait: '4y' is not a duration; write it like 90s, 15m, 4h, 1d12h or 2w.",
        ),
        ('rate = "x"', 'a.toml:2: rate: must be a number, not "x".'),
        ("rate = true", "a.toml:2: rate: must be a number, not true."),
        ('gate = "soft"', 'a.toml:2: gate: must be one of "auto", "hard", not "soft".'),
        ('words = "a"', 'a.toml:2: words: must be a list, like ["…"], not "a".'),
        ("words = [1]", "a.toml:2: words[0]: must be a text in quotes, not 1."),
        ("inner = 1", "a.toml:2: inner: must be a table, like { port = 1 }, not 1."),
        ("inner = {}", "a.toml:2: inner: port is missing. Add port = 1"),
        ("inner.port = 11", "a.toml:2: inner.port: must be a number from 1 to 10, not 11."),
        ("inner.port = true", "a.toml:2: inner.port: must be a whole number, not true."),
        ("many.'a b'.port = 1.5", 'a.toml:2: many."a b".port: must be a whole number, not 1.5.'),
    ],
)
def test_each_mistake_is_named_with_its_line_and_in_words(line: str, complaint: str) -> None:
    assert said(f'name = "x"\n{line}\n') == [complaint]


def test_a_missing_field_does_not_hide_the_other_problems() -> None:
    assert said("\nrate = []\nwords = [1, 2]") == [
        'a.toml:1: name is missing. Add name = "…"',
        "a.toml:2: rate: must be a number, not a list.",
        "a.toml:3: words[0]: must be a text in quotes, not 1.",
        "a.toml:3: words[1]: must be a text in quotes, not 2.",
    ]


def test_text_that_is_no_toml_is_one_problem_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        Source("a.toml", "a = 1\nb = = 2\n")
    assert str(caught.value) == (
        "a.toml:2: not TOML: Invalid value, at column 5. Mend that line, or what stands before it."
    )


def test_a_file_that_ends_too_early_is_a_problem_of_its_last_line() -> None:
    with pytest.raises(ConfigError) as caught:
        Source("a.toml", 'a = 1\nb = """x')
    assert caught.value.problems[0].line == 2


def test_toml_nested_beyond_reason_is_a_problem_and_no_crash() -> None:
    with pytest.raises(ConfigError):
        Source("a.toml", "a = " + "[" * 100_000)


def test_the_nearest_name_is_offered() -> None:
    assert nearest("conf", ["action", "confidence"]) == "Did you mean confidence?"
    assert nearest("finanse", ["finance", "owner"]) == "Did you mean finance?"


def test_all_names_are_offered_where_none_is_near() -> None:
    assert nearest("x", ["b", "a"]) == "Known are: a, b"


def test_a_path_is_written_as_in_the_file() -> None:
    assert dotted(("kinds", "a.b", "x", 2)) == 'kinds."a.b".x[2]'
