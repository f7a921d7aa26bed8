"""What the conditions gave for one action, on which values: the raw material of a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_mail.core.verdict import Gate, Trace
from hitl_mail.policy.model import Rule
from hitl_mail.policy.templates import look_up, shown
from hitl_mail.policy.variables import Facts

if TYPE_CHECKING:
    from hitl_mail.policy.conditions import Condition, Outcome, Plan

_ABSENT = object()

_Read = dict[tuple[str, ...], dict[str, Any]]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What one rule's condition gave, with what is known alone and with the claims added."""

    rule: Rule
    condition: Condition
    known: Outcome
    claimed: Outcome

    @property
    def matched(self) -> bool:
        """Whether it counts as matched under either set of facts."""
        return self.known is not False or self.claimed is not False

    @property
    def demands(self) -> tuple[Gate | None, Gate | None]:
        """The gates it demands under both sets of facts: none where it does not match, `hard`
        where that cannot be told.

        A `deny` rule that cannot be told asks a person too: a missing number is no reason to
        refuse for good what may be right.
        """
        return self._demand(self.known), self._demand(self.claimed)

    def _demand(self, outcome: Outcome) -> Gate | None:
        if outcome is False:
            return None
        return self.rule.gate if outcome is True else "hard"

    @property
    def error(self) -> str | None:
        """In words, what could not be told."""
        if self.known is True or self.known is False:
            return self.claimed if isinstance(self.claimed, str) else None
        return self.known


def weigh(
    rules: Iterable[tuple[Rule, Condition]], plan: Plan, known: Facts, claimed: Facts
) -> list[Finding]:
    """Every rule asked twice; once where the claims add nothing that its condition reads."""
    from hitl_mail.policy.conditions import Weighing

    first = Weighing(known, plan)
    second = first if known.judged == claimed.judged else Weighing(claimed, plan, like=first)
    findings = []
    for rule, condition in rules:
        found = again = first.weigh(condition)
        if second is not first and condition.claimable:
            again = second.weigh(condition)
        findings.append(Finding(rule, condition, found, again))
    return findings


def silent(findings: Iterable[Finding]) -> bool:
    """Whether no rule matches under one of the two sets of facts."""
    known = claimed = False
    for finding in findings:
        known = known or finding.known is not False
        claimed = claimed or finding.claimed is not False
    return not (known and claimed)


class Evidence:
    """The values that conditions read, each looked up once."""

    def __init__(self, known: Facts, claimed: Facts) -> None:
        self._sides = (known, claimed)
        self._seen: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._read: tuple[_Read, _Read] = ({}, {})

    def find(self, finding: Finding) -> Callable[[str], Any]:
        """Look-up of a variable, for the reason of a rule."""
        return self._sides[_side(finding)].find

    def trace(self, finding: Finding) -> Trace:
        """The rule's line, with the values by dotted name, short; absent ones left out."""
        name, uses = finding.rule.name, finding.condition.uses
        if finding.known is False and finding.claimed is False:
            return Trace(name, False, self._values(uses, 0))
        return Trace(name, True, self._values(uses, _side(finding)), finding.error)

    def _values(self, uses: tuple[str, ...], side: int) -> dict[str, Any]:
        # Rules that read the same share one dict; nobody changes it.
        read = self._read[side]
        if uses not in read:
            seen = ((name, self._see(name, side)) for name in uses)
            read[uses] = {name: value for name, value in seen if value is not _ABSENT}
        return read[uses]

    def _see(self, name: str, side: int) -> Any:
        seen = self._seen[side]
        if name not in seen:
            path = name.removeprefix("action.")
            seen[name] = _short(look_up(path, self._sides[side].find, _ABSENT))
        return seen[name]


def _side(finding: Finding) -> int:
    """The facts that decided: what is known, unless only the claims made the rule match."""
    return int(finding.known is False and finding.claimed is not False)


def _short(value: Any) -> Any:
    """A value as a trace keeps it: as received where it is small, else the start of its JSON."""
    if value is _ABSENT or value is None or isinstance(value, bool | int | float):
        return value
    text = shown(value)
    return text if isinstance(value, str) or text.endswith("…") else value
