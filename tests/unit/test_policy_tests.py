"""`[[tests]]`: what an admin expects, held against what the rules say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from hitl_mail.errors import ConfigError
from hitl_mail.policy.tests import Difference, Result, load_tests, run_test
from tests.rulebook import KINDS, policy, problems, rule

RULES = (
    KINDS
    + rule("money", '"money" in effects', "hard", 'reviewers = ["finance"]\napprovals = 2')
    + rule("labels", 'kind == "crm.label"', "sample", "rate = 0.1")
    + rule("dear", "has(action.cost) && cost > 3.0 * typical.cost")
)


def written(expect: str, more: str = "", action: str = "") -> str:
    return f"""
[[tests]]
name = "t"
expect = {{ {expect} }}
{more}
[tests.action]
kind = "payment.refund"
summary = "x"
payload = {{ amount = 4 }}
{action}
"""


def nobody(agent: str, requester: str | None) -> Collection[str]:
    return {"dora"} if agent == "billing" else ()


def run(text: str) -> Result:
    return run_test(policy(RULES), load_tests(text, "tests/a.toml")[0], "default", nobody)


EXACT = 'gate = "hard", asks = true, rules = ["money"], reviewers = ["bob", "ada"], approvals = 2'


def test_what_is_as_expected_differs_in_nothing() -> None:
    assert run(written(EXACT)).differences == ()


def test_reviewers_can_be_named_by_their_group() -> None:
    assert run(written('gate = "hard", reviewers = ["finance"]')).differences == ()


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ('gate = "auto"', Difference("gate", "auto", "hard")),
        ('gate = "hard", asks = false', Difference("asks", False, True)),
        ('gate = "hard", rules = []', Difference("rules", [], ["money"])),
        ('gate = "hard", approvals = 1', Difference("approvals", 1, 2)),
        ('gate = "hard", reviewers = ["cleo"]', Difference("reviewers", ["cleo"], ["ada", "bob"])),
    ],
)
def test_what_is_otherwise_is_told(expect: str, difference: Any) -> None:
    assert run(written(expect)).differences == (difference,)


def test_a_draw_can_be_given() -> None:
    text = written('gate = "sample", sampled = true', "draw = 0.02")
    assert run(text.replace("payment.refund", "crm.label")).differences == ()


def test_what_is_typical_can_be_given() -> None:
    text = written('gate = "hard", rules = ["dear"]', "typical = { cost = 1 }", "cost = 9")
    assert run(text.replace("payment.refund", "crm.label")).differences == ()


def test_whose_action_it_is_decides_who_is_left_out() -> None:
    text = written('gate = "hard"', 'agent = "billing"')
    assert run(text).verdict.quorums[0].reviewers == ("ada", "bob")


def test_tests_stand_in_the_rules_file_too() -> None:
    assert [test.name for test in policy(RULES + written(EXACT)).tests] == ["t"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (written(""), "tests[0].expect: gate is missing"),
        (written('gate = "soft"'), 'tests[0].expect.gate: must be one of "auto", "sample",'),
        (written('gate = "hard"', "draw = 2"), "tests[0].draw: must be a number from 0 to 1"),
        (written('gate = "hard", nope = 1'), "tests[0].expect.nope: no such key"),
        (written('gate = "hard"', "", 'efects = ["x"]'), "tests[0].action.efects: no such field"),
        (written('gate = "hard"', "", "confidence = 3"), "tests[0].action.confidence: a number"),
        (written('gate = "hard"').replace("summary", "why"), "tests[0].action.summary: summary"),
    ],
)
def test_a_test_that_is_none_is_refused(text: str, complaint: str) -> None:
    found = [f"{problem.where}: {problem.what}" for problem in problems(RULES + text)]
    assert [text[: len(complaint)] for text in found] == [complaint]


def test_a_file_of_tests_is_refused_with_its_name() -> None:
    with pytest.raises(ConfigError, match=r"^tests/a\.toml:2: rules: no such key"):
        load_tests("\n[[rules]]\n", "tests/a.toml")
