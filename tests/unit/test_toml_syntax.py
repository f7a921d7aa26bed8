"""What is no TOML is told with its line and the mend."""

from __future__ import annotations

import pytest

from hitl_mail.errors import ConfigError
from hitl_mail.tables import Source


def told(text: str) -> str:
    with pytest.raises(ConfigError) as found:
        Source("rules.toml", text)
    return str(found.value)


def test_a_table_that_stands_there_twice_is_told_with_its_first_line() -> None:
    text = (
        'a = """\n[x]\n"""\n\n[kinds."payment.refund"]\ntitle = "A"\n\n[kinds."payment.refund"]\n'
    )
    assert told(text) == (
        'rules.toml:8: not TOML: [kinds."payment.refund"] stands here a second time.'
        " It is on line 5 first: keep one of them."
    )


def test_a_text_that_does_not_end_is_told() -> None:
    assert told('a = 1\nname = "money\ngate = "hard"\n') == (
        "rules.toml:2: not TOML: a text on this line does not end. Close it with the quote it"
        " begins with."
    )


def test_a_key_that_stands_there_twice_is_told() -> None:
    assert told("a = 1\na = 2\n") == (
        "rules.toml:2: not TOML: this key has a value already. Keep one of the two lines."
    )


@pytest.mark.parametrize("text", ["a = \nb = 1\n", "a = [1\n", "[a\n", "[a]\n[a.b]\n[a]\nx\n"])
def test_whatever_else_has_a_line_and_a_mend(text: str) -> None:
    said = told(text)
    assert said.startswith("rules.toml:")
    assert said.endswith((" Mend that line, or what stands before it.", " keep one of them."))
