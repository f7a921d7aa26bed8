"""`[[tests]]`: what an admin expects of the rules, and where the rules say otherwise.

Pure: the action is written in the file, the past (`draw`, `typical`) too. A test is run as the
daemon would judge, with the people left out who may not decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.canonical import check
from hitl_mail.core.quorum import members
from hitl_mail.core.verdict import Standing, Verdict
from hitl_mail.errors import ConfigError, Problem, Refused
from hitl_mail.policy.model import ExamplesFile, Expect, PolicyTest
from hitl_mail.tables import Source, read_table
from hitl_mail.tables.lines import Path

if TYPE_CHECKING:
    from hitl_mail.policy.judge import Policy

_TOP = re.compile(r"[.\[]")

Excluded = Callable[[str, str | None], Collection[str]]
"""Who may not decide, from an agent's name and the `requested_by` of its action."""


class Difference(NamedTuple):
    """One thing that a verdict is and a test expected otherwise."""

    field: str
    expected: Any
    actual: Any


class Result(NamedTuple):
    """What one test gave; it holds where `differences` is empty."""

    test: PolicyTest
    verdict: Verdict
    differences: tuple[Difference, ...]


def load_tests(text: str, file: str) -> tuple[PolicyTest, ...]:
    """The tests of one file beside rules.toml. Raises `ConfigError` with all its problems."""
    source = Source(file, text)
    problems: list[Problem] = []
    table = read_table(ExamplesFile, source.data, (), source, problems) or ExamplesFile()
    problems.extend(check_tests(source))
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return table.tests


def check_tests(source: Source) -> Iterable[Problem]:
    """What is no action in a file's tests."""
    written = source.data.get("tests")
    for index, table in enumerate(written if isinstance(written, list) else ()):
        action = table.get("action") if isinstance(table, dict) else None
        if not isinstance(action, dict):
            continue
        try:
            _action(action)
        except Refused as error:
            path: Path = ("tests", index, "action")
            if error.field:
                path = (*path, _TOP.split(error.field)[0])
            yield source.problem(path, error.detail)


def run_test(policy: Policy, test: PolicyTest, agent: str, excluded: Excluded) -> Result:
    """One test against the policy; `agent` is whose action it is where the test does not say."""
    action, whose = _action(test.action), test.agent or agent
    standing = Standing(draw=test.draw, typical=test.typical)
    left_out = excluded(whose, action.requested_by)
    verdict = policy.judge(action, whose, left_out, standing=standing)
    found = _differences(test.expect, verdict, policy)
    return Result(test, verdict, tuple(found))


def _action(document: dict[str, Any]) -> Action:
    check(document)
    message = read_message(document, "test")
    if not isinstance(message, Action):
        raise Refused("bad_value", "a test needs an action, not a message about one")
    return message


def _differences(expect: Expect, verdict: Verdict, policy: Policy) -> Iterable[Difference]:
    seats = verdict.quorums or verdict.reviews
    found: dict[str, Any] = {
        "gate": verdict.gate,
        "asks": verdict.asks,
        "rules": sorted(verdict.rules),
        "reviewers": sorted({person for seat in seats for person in seat.reviewers}),
        "approvals": max((quorum.approvals for quorum in verdict.quorums), default=0),
        "sampled": verdict.sampled,
    }
    wanted: dict[str, Any] = {
        "gate": expect.gate,
        "asks": expect.asks,
        "rules": None if expect.rules is None else sorted(expect.rules),
        "reviewers": None,
        "approvals": expect.approvals,
        "sampled": expect.sampled,
    }
    if expect.reviewers is not None:
        wanted["reviewers"] = sorted(members(expect.reviewers, policy.names.members()))
    for field, expected in wanted.items():
        if expected is not None and expected != found[field]:
            yield Difference(field, expected, found[field])
