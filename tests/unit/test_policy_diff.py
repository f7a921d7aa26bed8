"""What changed between two policies, in words."""

from __future__ import annotations

from hitl_mail.policy.diff import diff
from hitl_mail.tables import Source
from tests.rulebook import KINDS, rule


def words(old: str, new: str) -> list[str]:
    return [found.words() for found in diff(Source("a", old), Source("b", new))]


def test_the_same_rules_in_another_order_and_spelling_do_not_differ() -> None:
    one, two = rule("a", "true"), rule("b", "false", "auto")
    assert words(KINDS + one + two, "# new\n" + KINDS + two + one) == []


def test_a_rule_that_came_or_went_is_named_with_its_gate() -> None:
    old, new = KINDS + rule("a", "true"), KINDS + rule("b", "false", "auto")
    assert words(old, new) == [
        'rule a: removed (gate "hard", when "true")',
        'rule b: added (gate "auto", when "false")',
    ]


def test_a_gate_says_which_way_it_went() -> None:
    hard, deny = rule("a", "true"), rule("a", "true", "deny")
    assert words(hard, deny) == ['rule a: gate was "hard", is "deny" (stricter)']
    assert words(deny, hard) == ['rule a: gate was "deny", is "hard" (milder)']


def test_keys_are_told_one_by_one() -> None:
    old = rule("a", "true", more='expires = "4h"\napprovals = 1')
    new = rule("a", "false", more='approvals = 2\nreviewers = ["ada"]')
    assert words(old, new) == [
        'rule a: when was "true", is "false"',
        'rule a: expires removed; it was "4h"',
        "rule a: approvals was 1, is 2",
        'rule a: reviewers added: ["ada"]',
    ]


def test_kinds_and_the_policy_table_are_compared_too() -> None:
    old = '[policy]\nunmatched = "hard"\n[kinds."a.b"]\neffects = []\n'
    new = '[policy]\nunmatched = "deny"\n[kinds."a.b"]\neffects = ["money"]\n[kinds.c]\n'
    assert words(old, new) == [
        'policy: unmatched was "hard", is "deny" (stricter)',
        'kind a.b: effects was [], is ["money"]',
        "kind c: added",
    ]


def test_a_difference_is_one_json_value() -> None:
    (found,) = diff(Source("a", rule("a", "true")), Source("b", rule("a", "true", "deny")))
    assert found.document() == {
        "part": "rule",
        "name": "a",
        "change": "changed",
        "key": "gate",
        "old": "hard",
        "new": "deny",
        "words": 'rule a: gate was "hard", is "deny" (stricter)',
    }
