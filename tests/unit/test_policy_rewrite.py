"""One rule's block in the text: found, rewritten, and nothing else touched."""

from __future__ import annotations

import tomllib

import pytest

from hitl_mail.policy.rewrite import block, change

TEXT = """\
# The head.
[policy]
unmatched = "hard"

# About labels.
[[rules]]
name = "labels"   # short
when = 'kind == "crm.label"'
gate = "hard"

# About money.
[[rules]]
name = "money"
when = '"money" in effects'
gate = "hard"
  [rules.tighten]
  flagged = 0.1
  of = 20

[kinds."crm.label"]
effects = []
"""


def test_only_the_rule_asked_for_changes() -> None:
    found = change(TEXT, "labels", {"gate": "auto"})
    assert found is not None
    expected = tomllib.loads(TEXT)
    expected["rules"][0]["gate"] = "auto"
    assert tomllib.loads(found.text) == expected


def test_the_blocks_are_whole_and_leave_the_comments_around_them() -> None:
    found = change(TEXT, "labels", {"gate": "auto"})
    assert found is not None
    assert found.old.splitlines()[0] == "[[rules]]" and found.old.endswith('gate = "hard"')
    assert found.new == '[[rules]]\nname = "labels"\nwhen = \'kind == "crm.label"\'\ngate = "auto"'
    assert found.text == TEXT.replace(found.old, found.new)


def test_a_table_below_the_rule_belongs_to_it() -> None:
    found = change(TEXT, "money", {"gate": "auto"})
    assert found is not None
    assert "[rules.tighten]" in found.old
    assert "tighten = { flagged = 0.1, of = 20 }" in found.new


@pytest.mark.parametrize(
    "text",
    [
        'rules = [{ name = "labels", when = "true", gate = "hard" }]',
        '[[ "rules" ]]\nname = "labels"\nwhen = "true"\ngate = "hard"\n',
    ],
)
def test_a_rule_without_a_block_of_its_own_is_left_alone(text: str) -> None:
    assert change(text, "labels", {"gate": "auto"}) is None


def test_a_text_that_looks_like_a_header_is_given_up_on() -> None:
    text = TEXT.replace('gate = "hard"', 'gate = "hard"\nreason = """\n[policy]\n"""', 1)
    assert change(text, "labels", {"gate": "auto"}) is None


@pytest.mark.parametrize(
    "value", ["plain", 'a "b"', 'it\'s "so"', "ü\x7f\n", 0.05, 3, True, [1, ["a"]], {"a b": 'x"'}]
)
def test_every_value_reads_back_as_it_was(value: object) -> None:
    written = block({"name": "a", "x": value, "long": ["y" * 60, "z" * 60]})
    expected = {"name": "a", "x": value, "long": ["y" * 60, "z" * 60]}
    assert tomllib.loads(written)["rules"] == [expected]
