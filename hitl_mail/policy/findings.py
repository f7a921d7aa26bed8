"""What the rules demand of one action under one set of facts, and on which values.

The raw material of a verdict: `judge` asks for two `Answer`s, one under what is known and one
with the claims added, and puts the stricter together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hitl_mail.core.verdict import STRICTNESS, Gate, Standing
from hitl_mail.policy.gaps import Gap
from hitl_mail.policy.model import UNKNOWN_KIND, UNMATCHED, FailClosed, PolicyTable, Rule
from hitl_mail.policy.templates import fill
from hitl_mail.policy.variables import Facts

if TYPE_CHECKING:
    from hitl_mail.policy.conditions import Condition, Outcome, Weighing

AUTO, QUIET, SAMPLE, TRIGGERED, HARD, DENY = range(6)
"""What can be demanded, milder first: the gates, an exception triggered or not (design 1.3)."""

GATE_OF: tuple[Gate, ...] = ("auto", "exception", "sample", "exception", "hard", "deny")

_SIMPLE = ("auto", "hard", "deny")
_STAND_IN = {UNKNOWN_KIND: "The kind is not registered", UNMATCHED: "No rule speaks for it"}


class Ready:
    """A rule with its conditions compiled: its `when`, and one for each of its exceptions.

    `uses` are the dotted names that all of them read. `plain` is what it demands where nothing
    unusual does more: most actions need no other.
    """

    __slots__ = ("plain", "rule", "triggers", "uses", "when")

    def __init__(self, rule: Rule, when: Condition, triggers: tuple[Condition, ...] = ()) -> None:
        self.rule = rule
        self.when = when
        self.triggers = triggers
        reads = (name for condition in (when, *triggers) for name in condition.uses)
        self.uses = tuple(dict.fromkeys(reads))
        self.plain = Demand(STRICTNESS[rule.gate], None, self)


class Demand(NamedTuple):
    """What one name demands, for which reasons, and in words what could not be told.

    `reasons` is None where they are the rule's own. `ready` is None for what stands for no rule:
    `unmatched`, `unknown_kind`.
    """

    level: int
    reasons: tuple[str, ...] | None
    ready: Ready | None = None
    error: str | None = None

    @property
    def side(self) -> int:
        """Whether it would let the action run, ask or refuse; 0 for an exception rule, which
        says both, alone and asked, and so disagrees with none."""
        exception = self.ready is not None and self.ready.rule.gate == "exception"
        return 0 if exception and self.level != HARD else max(self.level, TRIGGERED)

    def reasons_by(self, facts: Facts) -> tuple[str, ...]:
        """The reasons, filled from these facts where they are the rule's own."""
        if self.reasons is not None or self.ready is None:
            return self.reasons or ()
        rule = self.ready.rule
        return (
            f"Rule {rule.name} applies" if rule.reason is None else fill(rule.reason, facts.find),
        )


class Answer(NamedTuple):
    """All that is demanded under one set of facts, by name; whether the rules disagree."""

    demands: dict[str, Demand]
    conflict: bool


class Question(NamedTuple):
    """One action as the rules see it: under one set of facts, with what it lacks."""

    facts: Facts
    weighing: Weighing
    outcomes: Sequence[Outcome]
    missing: Sequence[Gap]
    standing: Standing


def answer(
    question: Question, rules: Iterable[Ready], table: PolicyTable, registered: bool
) -> Answer:
    """What the rules demand. Whatever cannot be told is a person's question."""
    demands: dict[str, Demand] = {}
    for ready, outcome in zip(rules, question.outcomes, strict=True):
        if outcome is False:
            continue
        simple = outcome is True and ready.rule.gate in _SIMPLE
        demands[ready.rule.name] = ready.plain if simple else _demand(question, ready, outcome)
    if not registered:
        demands[UNKNOWN_KIND] = _stand_in(UNKNOWN_KIND, table.unknown_kind)
    elif not demands:
        demands[UNMATCHED] = _stand_in(UNMATCHED, table.unmatched)
    conflict = _disagree(demands.values())
    if conflict or question.missing:
        _interrupt(demands)
    return Answer(demands, conflict)


def stricter(known: Answer, claimed: Answer) -> dict[str, Demand]:
    """Each name's stricter demand. One that both answers hold keeps the reasons of both."""
    if known is claimed:
        return known.demands
    both = dict(known.demands)
    for name, demand in claimed.demands.items():
        before = both.get(name)
        if before is None or demand.level > before.level:
            both[name] = demand
        elif demand is not before and demand.level == before.level and demand.reasons:
            reasons = tuple(dict.fromkeys((*(before.reasons or ()), *demand.reasons)))
            both[name] = before._replace(reasons=reasons, error=before.error or demand.error)
    return both


def _demand(question: Question, ready: Ready, outcome: Outcome) -> Demand:
    rule = ready.rule
    if outcome is not True:
        # A deny rule that cannot be told asks a person too: a missing number is no reason to
        # refuse for good what may be right.
        words = f"Rule {rule.name} cannot be told: {outcome}"
        return Demand(HARD, (words,), ready, str(outcome))
    if rule.gate == "exception":
        return _exception(question, ready)
    tightened = question.standing.tightened.get(rule.name) if rule.gate == "sample" else None
    if tightened is not None:
        return Demand(HARD, (tightened,), ready)
    return ready.plain


def _exception(question: Question, ready: Ready) -> Demand:
    """Triggered by each of its conditions that holds or that cannot be told."""
    rule, reasons, errors = ready.rule, [], []
    for trigger, condition in zip(rule.exceptions, ready.triggers, strict=True):
        found = question.weighing.weigh(condition)
        if found is False:
            continue
        if found is not True:
            errors.append(str(found))
            reasons.append(f"Rule {rule.name} cannot be told: {found}")
        elif trigger.reason is not None:
            reasons.append(fill(trigger.reason, question.facts.find))
        elif rule.reason is not None:
            reasons.extend(ready.plain.reasons_by(question.facts))
        else:
            reasons.append(f"Rule {rule.name}: {trigger.when}")
    if not reasons:
        return ready.plain
    error = "; ".join(dict.fromkeys(errors)) or None
    return Demand(TRIGGERED, tuple(dict.fromkeys(reasons)), ready, error)


def _stand_in(name: str, gate: FailClosed) -> Demand:
    return Demand(STRICTNESS[gate], (_STAND_IN[name],))


def _disagree(demands: Iterable[Demand]) -> bool:
    """Whether one rule lets it run, one asks, one refuses."""
    return len({demand.side for demand in demands} - {0}) > 1


def _interrupt(demands: dict[str, Demand]) -> None:
    """What is missing, and rules that disagree, trigger every exception rule that matched.

    Where nobody is asked after that, those who would have let the action run ask. Rules that ask
    anyway keep their quorums, and nobody else is added to them.
    """
    for name, demand in demands.items():
        if demand.level == QUIET:
            demands[name] = demand._replace(level=TRIGGERED, reasons=())
    strictest = max(demand.level for demand in demands.values())
    if strictest < TRIGGERED:
        for name, demand in demands.items():
            if demand.level == strictest:
                demands[name] = demand._replace(level=HARD, reasons=())


def asking(demands: Mapping[str, Demand]) -> list[str]:
    """The names that want a person first, sorted; nobody is asked about what is denied."""
    if any(demand.level == DENY for demand in demands.values()):
        return []
    return sorted(name for name, demand in demands.items() if demand.level >= TRIGGERED)


def only_claimed(name: str, known: Answer, claimed: Answer) -> bool:
    """Whether the claims alone made it demand what it does."""
    if known is claimed:
        return False
    before, after = known.demands.get(name), claimed.demands.get(name)
    return after is not None and (before is None or after.level > before.level)
