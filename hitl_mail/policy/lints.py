"""What a good reviewer of policy would raise: rules that are sound and still not meant so.

A lint never stops a policy from loading. Whatever is told of what the rules do was seen in a
made-up action (`trials`); that nothing is told proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from hitl_mail.core.quorum import members
from hitl_mail.core.verdict import ADMINS, Door
from hitl_mail.errors import Problem
from hitl_mail.policy.contradictions import contradiction
from hitl_mail.policy.doors import shut_out
from hitl_mail.policy.findings import Ready
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.source import blank, named_kinds, unregistered, unwrapped, uses
from hitl_mail.policy.trials import RISKY, Trial, trials
from hitl_mail.tables import Source, nearest

_EFFECT_IN = re.compile(r"""["']([^"'\\]*)["']\s*in\s+(?:action\.)?effects\b""")
_AMOUNT = re.compile(
    r"payload\.[\w.]+\s*(?:[<>]=?)\s*-?[0-9]|-?[0-9][0-9.eE]*\s*(?:[<>]=?)\s*payload\."
)
USUAL_EFFECTS = (*RISKY, "external", "system")
"""What rules may speak of though no kind has it: agents may still claim it."""

_NATURE = frozenset({"kind", "effects", "reversible", "payload", "agent", "labels"})
_KEYS = ("HITL_IDEMPOTENCY_KEY", "HITL_CASE")


class Executes(Protocol):
    """What must be known of an executor: `settings.Executor` is one."""

    @property
    def type(self) -> str: ...

    @property
    def argv(self) -> tuple[str, ...]: ...

    @property
    def env(self) -> dict[str, str]: ...

    @property
    def idempotent(self) -> bool: ...


def lint(
    policy: Policy,
    file: str,
    owners: Mapping[str, str],
    mailing: Collection[str] = (),
    doors: Mapping[Door, Collection[str]] | None = None,
) -> list[Problem]:
    """What to raise about the rules. `owners` are the people who own agents, by agent; `mailing`
    the executors of type mail; `doors` who can decide by each, None where that is not known."""
    found = _Lints(policy, Source(file, policy.text), owners, mailing, doors)
    return sorted(found.all(), key=lambda problem: problem.line or 0)


def lint_site(
    executors: Mapping[str, Executes], groups: Mapping[str, Collection[str]], source: Source
) -> list[Problem]:
    """What to raise about hitl-mail.toml, as far as rules depend on it."""
    found = [
        source.problem(("groups", name), "nobody is in this group", "Add people, or remove it.")
        for name, people in groups.items()
        if not people and name != ADMINS
    ]
    for name, executor in executors.items():
        said = " ".join((*executor.argv, *executor.env, *executor.env.values()))
        # `http` and `mail` always pass a key of their own accord.
        if executor.type == "command" and executor.idempotent and not any(k in said for k in _KEYS):
            what = "nothing shows that the command uses $HITL_IDEMPOTENCY_KEY, so that it is safe"
            mend = "Hand it on in argv or env, or say idempotent = false."
            path = ("executors", name, "idempotent")
            found.append(source.problem(path, f"{what} to run twice", mend))
    return sorted(found, key=lambda problem: problem.line or 0)


class _Lints:
    def __init__(
        self,
        policy: Policy,
        source: Source,
        owners: Mapping[str, str],
        mailing: Collection[str],
        doors: Mapping[Door, Collection[str]] | None,
    ) -> None:
        self.policy = policy
        self.source = source
        self.owners = owners
        self.mailing = mailing
        self.doors = doors
        self.trials = trials(policy)
        self.plain = [trial for trial in self.trials if trial.claim is None]
        self.matched: dict[str, list[Trial]] = {ready.rule.name: [] for ready in policy.rules}
        for trial in self.plain:
            for trace in trial.verdict.trace:
                if trace.matched and trace.rule in self.matched:
                    self.matched[trace.rule].append(trial)
        known = (effect for kind, _ in policy.kinds.values() for effect in kind.effects)
        self.effects = {*USUAL_EFFECTS, *known}
        self.tried = {
            kind: [trial for trial in self.plain if trial.kind == kind] for kind in policy.kinds
        }

    def all(self) -> Iterator[Problem]:
        for kind in self.policy.kinds:
            yield from self.kind(kind)
        yield from self.claims()
        for index, ready in enumerate(self.policy.rules):
            yield from self.rule(ready, index)

    def kind(self, name: str) -> Iterator[Problem]:
        path = ("kinds", name)
        risky = [effect for effect in self.policy.kinds[name][0].effects if effect in RISKY]
        alone = next((trial for trial in self.tried[name] if trial.alone), None)
        if risky and alone is not None:
            gate, by = alone.verdict.gate, ", ".join(alone.verdict.rules)
            what = f"has the effect {' and '.join(risky)}, and can run alone: {by} ({gate})"
            mend = f"""Add a rule with when = '"{risky[0]}" in effects' and gate = "hard"."""
            yield self.source.problem(path, what, mend)
        if not self.spoken_for(name):
            mend = f"Write a rule with when = 'kind == \"{name}\"'."
            what = f'no rule speaks for it: each is "{self.policy.table.unmatched}" as unmatched'
            yield self.source.problem(path, what, mend)

    def spoken_for(self, kind: str) -> bool:
        """Whether a rule speaks for the kind itself, or always, and not of evidence alone."""
        for ready in self.policy.rules:
            hits = sum(trial.kind == kind for trial in self.matched[ready.rule.name])
            if hits and (ready.when.names & _NATURE or hits == len(self.tried[kind])):
                return True
        return False

    def claims(self) -> Iterator[Problem]:
        for effect in RISKY:
            kinds = {t.kind: None for t in self.trials if t.claim == effect and t.alone}
            own = {k for k in kinds if effect in self.policy.kinds[k][0].effects}
            if kinds.keys() - own:
                some = ", ".join(sorted(kinds.keys() - own)[:3])
                what = (
                    f"an action that says itself it has the effect {effect} can run alone: {some}"
                )
                mend = f"""Add a rule with when = '"{effect}" in effects' and gate = "hard"."""
                yield self.source.problem(("rules",), what, mend)

    def rule(self, ready: Ready, index: int) -> Iterator[Problem]:
        path = ("rules", index)
        never = self.never(ready)
        if never is not None:
            yield self.source.problem((*path, "when"), *never)
        else:
            overruled = self.overruled(ready)
            if overruled:
                what = f"is overruled wherever it matches, by {', '.join(sorted(overruled))}"
                yield self.source.problem(path, what, "Narrow those rules, or remove this one.")
        if self.exempts(ready):
            what = "a threshold exempts small amounts of money from a person"
            mend = "Many small payments are a large one: ask about all, or sample what is repaid."
            yield self.source.problem((*path, "when"), what, mend)
        if self.copies_unseen(ready):
            what = "lets mails go alone by their payload.to, and nothing looks at payload.cc"
            mend = "Add && !has(payload.cc): the mail goes to everybody in both."
            yield self.source.problem((*path, "when"), what, mend)
        rate = ready.rule.rate
        if rate == 0:
            yield self.source.problem((*path, "rate"), "looks at no case", "Name a share, or auto.")
        if rate == 1:
            what = "has every case looked at afterwards"
            yield self.source.problem((*path, "rate"), what, "Use a share such as 0.05, or hard.")
        yield from self.owned(ready, path)
        shut = self.doors and shut_out(ready.rule, self.people(ready), self.doors)
        if shut and ready.rule.gate not in ("auto", "deny"):
            yield self.source.problem((*path, "doors"), *shut)
        yield from self.empty(ready, path)

    def never(self, ready: Ready) -> tuple[str, str] | None:
        """Why a rule can never match, and the mend, where the source tells."""
        source = ready.when.source
        stranger = next(unregistered(source, self.policy.kinds), None)
        if stranger is not None:
            return stranger
        if not ready.when.names and not self.matched[ready.rule.name]:
            return "is never true", "Remove the rule."
        for effect in _EFFECT_IN.findall(source):
            meant = nearest(effect, self.effects, otherwise="")
            if effect not in self.effects and meant.startswith("Did"):
                return f'no kind has the effect "{effect}"', meant
        excluded = contradiction(source)
        return (excluded, "Use || between them, or remove the rule.") if excluded else None

    def overruled(self, ready: Ready) -> set[str]:
        """The rules that win wherever this one matches; none if it wins anywhere."""
        winners: set[str] = set()
        for trial in self.matched[ready.rule.name]:
            won = {*trial.verdict.rules, *(quorum.rule for quorum in trial.verdict.quorums)}
            if ready.rule.name in won:
                return set()
            winners.update(trial.verdict.rules)
        return winners

    def exempts(self, ready: Ready) -> bool:
        """Whether an amount in this rule decides if money moves without a person."""
        rule = ready.rule
        sources = (unwrapped(condition.source) for condition in (ready.when, *ready.triggers))
        if rule.gate == "deny" or not any(_AMOUNT.search(blank(source)) for source in sources):
            return False
        for name, (kind, _) in self.policy.kinds.items():
            tried = self.tried[name]
            if "money" not in kind.effects or not any(trial.alone for trial in tried):
                continue
            if rule.gate == "hard":
                decides = any(trial.verdict.rules == (rule.name,) for trial in tried)
            else:
                decides = any(trial.alone and rule.name in trial.verdict.rules for trial in tried)
                decides = decides and any(not t.alone or t.verdict.asks for t in tried)
            if decides:
                return True
        return False

    def copies_unseen(self, ready: Ready) -> bool:
        """Whether the rule lets a mail run by whom it is to, whoever gets a copy of it."""
        if ready.rule.gate in ("hard", "deny"):
            return False
        named = named_kinds(ready.when.source)
        mails = any(
            kind.executor in self.mailing
            for name, (kind, _) in self.policy.kinds.items()
            if name in named or not named
        )
        asking = (other for other in self.policy.rules if other.rule.gate in ("hard", "deny"))
        seen = any(_reads(other, "payload.cc") for other in (ready, *asking))
        return mails and _reads(ready, "payload.to") and not seen

    def people(self, ready: Ready) -> set[str]:
        """Those whom the rule asks."""
        refs = ready.rule.reviewers or self.policy.table.reviewers or (ADMINS,)
        return set(members(refs, self.policy.names.members()))

    def owned(self, ready: Ready, path: tuple[str | int, ...]) -> Iterator[Problem]:
        groups, people = self.policy.names.members(), self.people(ready)
        for agent, owner in self.owners.items():
            if people == {owner} and ready.rule.gate not in ("auto", "deny"):
                what = f"its only reviewer {owner} owns the agent {agent}, and never approves its"
                asked = members((ADMINS,), groups) - {owner}
                until = "the admins are asked" if asked else "nobody can decide those"
                mend = f"Name another reviewer: until then {until}."
                key = "reviewers" if ready.rule.reviewers else "name"
                yield self.source.problem((*path, key), f"{what} actions", mend)

    def empty(self, ready: Ready, path: tuple[str | int, ...]) -> Iterator[Problem]:
        groups = self.policy.names.members()
        rule = ready.rule
        for key, refs in (("reviewers", rule.reviewers or ()), ("route_to", rule.route_to)):
            for index, name in enumerate(refs):
                if name in groups and not groups[name]:
                    what, mend = f'nobody is in the group "{name}"', "Add people to it."
                    yield self.source.problem((*path, key, index), what, mend)


def _reads(ready: Ready, name: str) -> bool:
    """Whether a condition of the rule reads this dotted name, or something in it."""
    read = (one for part in (ready.when, *ready.triggers) for one in uses(part.source))
    return any(one == name or one.startswith(f"{name}.") for one in read)
