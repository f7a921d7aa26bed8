"""The benchmarks measure what they say: the same criteria in each language."""

from __future__ import annotations

import pytest

from benchmarks import replies
from benchmarks.policy import AGENT, CRITERIA, DOCUMENT, SITE, WORST, Criterion, plain, rules_text
from hitl_mail.core.action import Action, read_message
from hitl_mail.policy.conditions import compile_condition
from hitl_mail.policy.load import load_policy


def traced() -> dict[str, bool]:
    policy = load_policy(rules_text(len(CRITERIA)), SITE, "rules.toml", lambda _: b"")
    action = read_message(DOCUMENT, "x")
    assert isinstance(action, Action)
    verdict = policy.judge(action, AGENT, frozenset())
    return {trace.rule: trace.matched for trace in verdict.trace if trace.error is None}


@pytest.mark.parametrize(("number", "criterion"), list(enumerate(CRITERIA)))
def test_a_criterion_says_the_same_in_cel_and_in_python(number: int, criterion: Criterion) -> None:
    assert traced()[f"r{number}"] is criterion.python(plain())


@pytest.mark.parametrize("source", WORST)
def test_the_worst_conditions_still_load(source: str) -> None:
    assert compile_condition(source).source == source


def test_the_replies_are_told_in_tables() -> None:
    row = {"median": 100.0, "worst": 200.0}
    bad = [{"mail": "rules", "bytes": 9, "worst": 300.0}]
    told = replies.told({"programs": [{"program": "mutt", **row}], **row, "bad": bad})
    assert [line.split() for line in told.splitlines() if line.startswith(("mutt", "rules"))] == [
        ["mutt", "100", "200"],
        ["rules", "9", "300"],
    ]
