"""The verdict on one action: all rules asked twice, the strictest answer, with its whole trace.

`Policy.judge` gathers what each rule says (`Finding`), makes of it who speaks and how strictly
(`Speaker`), seats the quorums (`_Bench`), and puts the verdict together. Whatever cannot be told
on the way becomes a person's question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from hitl_mail.core.action import Action
from hitl_mail.core.duration import parse_duration
from hitl_mail.core.events import AGENT_EXECUTOR
from hitl_mail.core.quorum import seat
from hitl_mail.core.verdict import ADMINS, DOORS, Door, Gate, Quorum, Trace, Verdict
from hitl_mail.errors import Problem
from hitl_mail.policy.findings import Evidence, Finding, silent, weigh
from hitl_mail.policy.gaps import Gap, PayloadSchema, gaps
from hitl_mail.policy.model import STANDBY, UNKNOWN_KIND, UNMATCHED, Kind, Names, PolicyTable, Rule
from hitl_mail.policy.templates import fill, shown
from hitl_mail.policy.variables import Facts

if TYPE_CHECKING:
    from hitl_mail.policy.conditions import Condition, Plan

STRICTNESS: dict[Gate, int] = {"auto": 0, "hard": 1, "deny": 2}
"""The gates of this version, milder first."""

_STAND_IN = {UNKNOWN_KIND: "The kind is not registered", UNMATCHED: "No rule speaks for it"}


class Speaker(NamedTuple):
    """What speaks of the action: a rule, or (`finding` is None) a name that stands for none."""

    name: str
    gate: Gate
    finding: Finding | None = None

    @property
    def rule(self) -> Rule | None:
        return self.finding.rule if self.finding else None


class Policy:
    """One rules file in force, everything compiled. Made by `load.load_policy`."""

    def __init__(
        self,
        text: str,
        digest: str,
        table: PolicyTable,
        kinds: Mapping[str, tuple[Kind, PayloadSchema | None]],
        rules: Iterable[tuple[Rule, Condition]],
        plan: Plan,
        names: Names,
        notes: Iterable[Problem] = (),
    ) -> None:
        self.text = text
        self.digest = digest
        self.table = table
        self.kinds = dict(kinds)
        self.rules = tuple(rules)
        self.names = names
        self._plan = plan
        self.notes = list(notes)
        """What the file asks for that this version does not do yet; nothing there is milder."""

    def judge(
        self, action: Action, agent: str, excluded: Collection[str], case_id: str | None = None
    ) -> Verdict:
        """What the rules say of an action of that agent. Never raises.

        `excluded` are the people who may not decide about it. Without `case_id`, whether it is
        sampled stays open (None).
        """
        kind, schema = self.kinds.get(action.kind, (None, None))
        trusted = self.names.trusted_sources(agent)
        known = Facts(action, agent, kind, trusted, claimed=False)
        claimed = Facts(action, agent, kind, trusted, claimed=True)
        findings = weigh(self.rules, self._plan, known, claimed)
        evidence = Evidence(known, claimed)
        stand_in = self._stand_in(findings, registered=kind is not None)
        speakers = [*_speakers(findings), *stand_in]
        missing = gaps(action, kind, schema, claimed) if kind else []
        gate, speakers, reasons = _strictest(speakers, missing, evidence)
        bench = _Bench(self.table, self.names.members(), excluded)
        asks = gate == "hard"
        return Verdict(
            gate=gate,
            asks=asks,
            rules=tuple(speaker.name for speaker in speakers),
            reasons=reasons,
            quorums=tuple(bench.quorum(speaker) for speaker in speakers) if asks else (),
            expires=self._expires(speakers if asks else (), action),
            policy=self.digest,
            standby=bench.seat(STANDBY),
            sampled=None if case_id is None else False,
            conflict=_conflict(findings, stand_in),
            trace=_trace(findings, evidence, stand_in, missing),
        )

    def title(self, action: Action) -> str:
        """What would run, on one line, from the payload and never in the agent's words."""
        kind, _ = self.kinds.get(action.kind, (None, None))
        if kind is not None and kind.title is not None:
            return fill(kind.title, Facts(action, "", kind, (), claimed=False).find)
        some = ", ".join(f"{shown(k)}={shown(v)}" for k, v in list(action.payload.items())[:3])
        return f"{action.kind}: {some}" if some else action.kind

    def executor_of(self, kind: str) -> str:
        """The name of the executor that carries such actions out."""
        found, _ = self.kinds.get(kind, (None, None))
        return (found.executor if found else None) or AGENT_EXECUTOR

    def _stand_in(self, findings: list[Finding], registered: bool) -> list[Speaker]:
        """What speaks beside the rules: `unknown_kind`, or `unmatched`.

        `unmatched` speaks where no rule does under one set of facts, whatever they say under the
        other: else a claim that unsettles an `auto` rule would count for nothing.
        """
        if not registered:
            return [Speaker(UNKNOWN_KIND, self.table.unknown_kind)]
        if silent(findings):
            return [Speaker(UNMATCHED, self.table.unmatched)]
        return []

    def _expires(self, asking: Iterable[Speaker], action: Action) -> int:
        usual = self.table.expires
        rules = [speaker.rule for speaker in asking]
        shortest = min((r.expires or usual if r else usual for r in rules), default=usual)
        return min(shortest, parse_duration(action.expires)) if action.expires else shortest


class _Bench:
    """Seats quorums for one action; rules that ask the same people share the look-up."""

    def __init__(
        self,
        table: PolicyTable,
        members: Mapping[str, Collection[str]],
        excluded: Collection[str],
    ) -> None:
        self.reviewers = table.reviewers or (ADMINS,)
        self.members = members
        self.excluded = excluded
        self.seated: dict[tuple[int, tuple[str, ...]], Quorum] = {}

    def quorum(self, speaker: Speaker) -> Quorum:
        rule = speaker.rule
        if rule is None:
            return self.seat(speaker.name)
        return self.seat(rule.name, rule.approvals, rule.reviewers, rule.doors)

    def seat(
        self,
        name: str,
        approvals: int = 1,
        refs: tuple[str, ...] | None = None,
        doors: tuple[Door, ...] = DOORS,
    ) -> Quorum:
        asked = approvals, refs or self.reviewers
        if asked not in self.seated:
            self.seated[asked] = seat(name, *asked, self.members, self.excluded)
        found = self.seated[asked]
        return Quorum(name, approvals, found.refs, found.reviewers, doors)


def _reason(speaker: Speaker, evidence: Evidence) -> str:
    finding = speaker.finding
    if finding is None:
        return _STAND_IN[speaker.name]
    if finding.error is not None:
        return f"Rule {finding.rule.name} cannot be told: {finding.error}"
    if finding.rule.reason is None:
        return f"Rule {finding.rule.name} applies"
    return fill(finding.rule.reason, evidence.find(finding))


def _speakers(findings: Iterable[Finding]) -> list[Speaker]:
    """Every rule that matches under either set of facts, at its strictest."""
    speakers = []
    for finding in findings:
        if finding.known is not False or finding.claimed is not False:
            gate: Gate = max(filter(None, finding.demands), key=STRICTNESS.__getitem__)
            speakers.append(Speaker(finding.rule.name, gate, finding))
    return speakers


def _conflict(findings: Iterable[Finding], stand_in: list[Speaker]) -> bool:
    """Whether rules that match under the same facts demand different gates."""
    unknown = {speaker.gate for speaker in stand_in if speaker.name == UNKNOWN_KIND}
    demands = [finding.demands for finding in findings if finding.matched]
    known = unknown.union(gate for gate, _ in demands if gate)
    claimed = unknown.union(gate for _, gate in demands if gate)
    return len(known) > 1 or len(claimed) > 1


def _strictest(
    speakers: list[Speaker], missing: list[Gap], evidence: Evidence
) -> tuple[Gate, list[Speaker], tuple[str, ...]]:
    """The winning gate, those who reached it by name, and their reasons.

    What is missing of the action makes those who would have let it run ask instead.
    """
    gate: Gate = max((speaker.gate for speaker in speakers), key=STRICTNESS.__getitem__)
    won = sorted((s for s in speakers if s.gate == gate), key=lambda speaker: speaker.name)
    reasons = [_reason(speaker, evidence) for speaker in won]
    if missing and gate != "deny":
        reasons = (reasons if gate == "hard" else []) + [gap.reason for gap in missing]
        gate = "hard"
    return gate, won, tuple(dict.fromkeys(reasons))


def _trace(
    findings: Iterable[Finding], evidence: Evidence, stand_in: list[Speaker], missing: list[Gap]
) -> tuple[Trace, ...]:
    rules = [evidence.trace(finding) for finding in findings]
    pseudo = [Trace(speaker.name, True) for speaker in stand_in]
    return (*rules, *pseudo, *(Trace(gap.rule, True, gap.values) for gap in missing))
