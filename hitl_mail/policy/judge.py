"""The verdict on one action: all rules asked twice, the strictest answer, with its whole trace.

`Policy.judge` asks under what is known and with the claims added (`findings.answer`), takes the
stricter demand of each rule, seats the quorums (`_Bench`) and puts the verdict together. Whatever
cannot be told on the way becomes a person's question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from hitl_mail.core.action import Action
from hitl_mail.core.duration import parse_duration
from hitl_mail.core.events import AGENT_EXECUTOR
from hitl_mail.core.quorum import seat
from hitl_mail.core.verdict import ADMINS, DOORS, Door, Escalation, Quorum, Standing, Verdict
from hitl_mail.policy.findings import (
    DENY,
    GATE_OF,
    SAMPLE,
    Demand,
    Question,
    Ready,
    answer,
    asking,
    only_claimed,
    stricter,
)
from hitl_mail.policy.gaps import gaps
from hitl_mail.policy.model import STANDBY, Kind, Names, PolicyTable, PolicyTest, Rule
from hitl_mail.policy.obligations import moments
from hitl_mail.policy.schema import PayloadSchema
from hitl_mail.policy.templates import fill, shown
from hitl_mail.policy.trace import Tracer
from hitl_mail.policy.variables import Facts

if TYPE_CHECKING:
    from hitl_mail.policy.conditions import Plan

_FRESH = Standing()
_SURE_DOORS: tuple[Door, ...] = ("mail", "cli")
"""Where no door is open by every rule, those that prove who it was."""


class Policy:
    """One rules file in force, everything compiled. Made by `load.load_policy`."""

    def __init__(
        self,
        text: str,
        digest: str,
        table: PolicyTable,
        kinds: Mapping[str, tuple[Kind, PayloadSchema | None]],
        rules: Iterable[Ready],
        plan: Plan,
        names: Names,
        tests: tuple[PolicyTest, ...] = (),
    ) -> None:
        self.text = text
        self.digest = digest
        self.table = table
        self.kinds = dict(kinds)
        self.rules = tuple(rules)
        self.names = names
        self.tests = tests
        self._plan = plan
        self._whens = tuple(ready.when for ready in self.rules)
        self._tracer = Tracer(self.rules)

    def tighten_of(self, rule: str) -> tuple[float, int] | None:
        """The share of flagged samples, and of how many, over which a rule is tightened."""
        found = next((r.rule.tighten for r in self.rules if r.rule.name == rule), None)
        return (found.flagged, found.of) if found is not None else None

    def judge(
        self,
        action: Action,
        agent: str,
        excluded: Collection[str],
        case_id: str | None = None,
        standing: Standing = _FRESH,
    ) -> Verdict:
        """What the rules say of an action of that agent. Never raises.

        `excluded` are the people who may not decide about it. `standing` is what the past says;
        without its draw, whether the case is sampled stays open (None).
        """
        kind, schema = self.kinds.get(action.kind, (None, None))
        known, claimed = self._ask(action, agent, kind, schema, standing)
        first = answer(known, self.rules, self.table, kind is not None)
        second = first
        if claimed is not known:
            second = answer(claimed, self.rules, self.table, kind is not None)
        demands = stricter(first, second)
        strictest = max(demand.level for demand in demands.values())
        won = sorted(name for name, demand in demands.items() if demand.level == strictest)
        spoken: list[tuple[str, str]] = []
        for name in won:
            facts = claimed.facts if only_claimed(name, first, second) else known.facts
            spoken.extend((name, reason) for reason in demands[name].reasons_by(facts))
        if strictest < DENY:
            spoken.extend(("", gap.reason) for gap in known.missing)
        asked = asking(demands)
        expires = self._expires((demands[name] for name in asked), action)
        bench = _Bench(self.table, self.names.members(), excluded, standing.away, expires)
        drawn = _drawn(demands, won, standing) if strictest == SAMPLE else []
        return Verdict(
            gate=GATE_OF[strictest],
            asks=bool(asked),
            rules=tuple(won),
            reasons=tuple(dict.fromkeys(reason for _, reason in spoken)),
            quorums=tuple(bench.quorum(name, demands[name]) for name in asked),
            expires=expires,
            policy=self.digest,
            standby=bench.standby(d.ready.rule for d in demands.values() if d.ready),
            sampled=_sampled(strictest, drawn, case_id, standing),
            conflict=first.conflict or second.conflict,
            on_failure=_on_failure(demands.values()),
            trace=self._tracer.trace(known, claimed, first, second, demands),
            reviews=tuple(bench.review(ready) for ready in drawn),
            review_expires=min((r.rule.expires or self.table.expires for r in drawn), default=0),
            spoken=tuple(dict.fromkeys(spoken)),
        )

    def without_gaps(self) -> Policy:
        """The same rules where no kind requires anything of its actions: for trying them out."""
        kinds = {
            name: (msgspec.structs.replace(kind, requires=(), schema=None), None)
            for name, (kind, _) in self.kinds.items()
        }
        plan, names = self._plan, self.names
        return Policy(self.text, self.digest, self.table, kinds, self.rules, plan, names)

    def title(self, action: Action) -> str:
        """What would run, on one line, from the payload and never in the agent's words."""
        kind, _ = self.kinds.get(action.kind, (None, None))
        if kind is not None and kind.title is not None:
            return fill(kind.title, Facts(action, "", kind, (), claimed=False).find)
        some = ", ".join(f"{shown(k)}={shown(v)}" for k, v in list(action.payload.items())[:3])
        return f"{action.kind}: {some}" if some else action.kind

    def complaints(self, kind: str, payload: dict[str, Any]) -> list[str]:
        """What the kind's schema has against a payload, in words."""
        _, schema = self.kinds.get(kind, (None, None))
        return schema.complaints(payload) if schema is not None else []

    def schema_of(self, kind: str) -> Any:
        """The kind's JSON Schema as it was read; None where it has none."""
        _, schema = self.kinds.get(kind, (None, None))
        return schema.validator.schema if schema is not None else None

    def executor_of(self, kind: str) -> str:
        """The name of the executor that carries such actions out."""
        found, _ = self.kinds.get(kind, (None, None))
        return (found.executor if found else None) or AGENT_EXECUTOR

    def _ask(
        self,
        action: Action,
        agent: str,
        kind: Kind | None,
        schema: PayloadSchema | None,
        standing: Standing,
    ) -> tuple[Question, Question]:
        """The rules' conditions under what is known, and with the claims added; twice the same
        where the claims add nothing that conditions can read."""
        from hitl_mail.policy.conditions import Weighing

        trusted, typical = self.names.trusted_sources(agent), standing.typical
        known = Facts(action, agent, kind, trusted, claimed=False, typical=typical)
        missing = gaps(action, kind, schema, known) if kind else []
        weighing = Weighing(known, self._plan)
        outcomes = weighing.weigh_all(self._whens)
        first = Question(known, weighing, outcomes, missing, standing)
        claimed = Facts(action, agent, kind, trusted, claimed=True, typical=typical)
        if claimed.judged == known.judged:
            return first, first
        again = Weighing(claimed, self._plan, like=weighing)
        outcomes = [
            again.weigh(when) if when.claimable else outcome
            for when, outcome in zip(self._whens, outcomes, strict=True)
        ]
        return first, Question(claimed, again, outcomes, missing, standing)

    def _expires(self, asked: Iterable[Demand], action: Action) -> int:
        usual = self.table.expires
        rules = [demand.ready.rule if demand.ready else None for demand in asked]
        shortest = min((r.expires or usual if r else usual for r in rules), default=usual)
        return min(shortest, parse_duration(action.expires)) if action.expires else shortest


class _Bench:
    """Seats quorums for one action; rules that ask the same people share the look-up."""

    def __init__(
        self,
        table: PolicyTable,
        members: Mapping[str, Collection[str]],
        excluded: Collection[str],
        away: Mapping[str, str],
        expires: int,
    ) -> None:
        self.reviewers = table.reviewers or (ADMINS,)
        self.members = members
        self.excluded = excluded
        self.away = away
        self.expires = expires
        self.seated: dict[tuple[int, tuple[str, ...]], Quorum] = {}

    def quorum(self, name: str, demand: Demand) -> Quorum:
        if demand.ready is None:
            return self.seat(name)
        rule = demand.ready.rule
        seated = self.seat(name, rule.approvals, rule.reviewers, rule.doors)
        if not (rule.remind or rule.escalate or rule.route_to):
            return seated
        return msgspec.structs.replace(
            seated,
            remind=moments(rule.remind, self.expires),
            escalate=self.escalation(rule),
            route_to=rule.route_to,
        )

    def review(self, ready: Ready) -> Quorum:
        """Who may say ok or flag of what has run: one word of one of them is enough."""
        rule = ready.rule
        seated = self.seat(rule.name, 1, rule.reviewers, rule.doors)
        remind = moments(rule.remind, rule.expires or self.expires)
        return msgspec.structs.replace(seated, remind=remind) if remind else seated

    def standby(self, matched: Iterable[Rule]) -> Quorum:
        """Who is asked where no rule asked first and a person is needed after all: those whom the
        rules that let it run name, as for any question of theirs."""
        rules = list(matched)
        refs = dict.fromkeys(ref for rule in rules for ref in rule.reviewers or ())
        doors = tuple(door for door in DOORS if all(door in rule.doors for rule in rules))
        return self.seat(STANDBY, 1, tuple(refs), doors or _SURE_DOORS)

    def seat(
        self,
        name: str,
        approvals: int = 1,
        refs: tuple[str, ...] | None = None,
        doors: tuple[Door, ...] = DOORS,
    ) -> Quorum:
        asks = approvals, refs or self.reviewers
        if asks not in self.seated:
            self.seated[asks] = seat(name, *asks, self.members, self.excluded, self.away)
        found = self.seated[asks]
        return Quorum(name, approvals, found.refs, found.reviewers, doors)

    def escalation(self, rule: Rule) -> Escalation | None:
        """Whom the question goes to later; the admins where nobody of them may decide. Who is away
        then, and who is asked in their place, is looked up then."""
        if rule.escalate is None:
            return None
        seated = seat(rule.name, 1, rule.escalate.to, self.members, self.excluded)
        return Escalation(rule.escalate.after, seated.refs, seated.reviewers)


def _drawn(demands: Mapping[str, Demand], won: list[str], standing: Standing) -> list[Ready]:
    """The sample rules that take this case, of those that won."""
    draw = standing.draw
    ready = [demands[name].ready for name in won]
    return [r for r in ready if r and draw is not None and draw < (r.rule.rate or 0)]


def _sampled(
    strictest: int, drawn: list[Ready], case_id: str | None, standing: Standing
) -> bool | None:
    if standing.draw is None and (case_id is None or strictest == SAMPLE):
        return None
    return bool(drawn)


def _on_failure(demands: Iterable[Demand]) -> Literal["fail", "review"]:
    rules = (demand.ready.rule for demand in demands if demand.ready)
    return "review" if any(rule.on_failure == "review" for rule in rules) else "fail"
