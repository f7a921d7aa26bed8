"""Who is who and what the rules say, now. The daemon asks here, so that a reload is one swap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from hitl_mail.core.action import Action
from hitl_mail.core.case import Case
from hitl_mail.core.commands import Tick
from hitl_mail.core.desk import Desk
from hitl_mail.core.events import ExecutorRef
from hitl_mail.core.quorum import deciders
from hitl_mail.core.typical import Typical
from hitl_mail.core.verdict import Standing, Verdict
from hitl_mail.errors import ConfigError, Problem
from hitl_mail.settings import DEFAULT_AGENT, Executor, Site


class Rules(Protocol):
    """What the daemon needs of a loaded policy."""

    @property
    def digest(self) -> str: ...

    def judge(
        self,
        action: Action,
        agent: str,
        excluded: frozenset[str],
        case_id: str | None = None,
        standing: Standing = ...,
    ) -> Verdict: ...

    def title(self, action: Action) -> str: ...

    def executor_of(self, kind: str) -> str: ...

    def complaints(self, kind: str, payload: dict[str, Any]) -> list[str]:
        """What the kind's schema has against a payload."""

    def schema_of(self, kind: str) -> Any:
        """The kind's JSON Schema; None where it has none."""

    def tighten_of(self, rule: str) -> tuple[float, int] | None:
        """The flagged share, of how many samples, over which a rule is tightened."""


@dataclass
class World:
    """The site and the policy in force, at the time that `now` tells."""

    site: Site
    policy: Rules
    desk: Callable[[], Desk]
    draw: Callable[[str], float]
    now: Callable[[], float]

    def judge(self, action: Action, agent: str, case_id: str | None) -> Verdict:
        """The verdict, with those who may not decide about this action left out."""
        excluded = self.site.excluded(agent, action.requested_by)
        return self.policy.judge(action, agent, excluded, case_id, self._standing(action, case_id))

    def _standing(self, action: Action, case_id: str | None) -> Standing:
        """What the past says: the draw, what is usual, which rules are tightened."""
        desk = self.desk()
        known = desk.typical.get(action.kind, Typical())
        draw = self.draw(case_id) if case_id is not None else None
        away = self.site.stand_ins(self.now())
        return Standing(draw, known.medians(), desk.tightened, away)

    def check_agents(self, cases: Iterable[Case]) -> None:
        """With an agent that is gone from the settings goes whom it acts for, who may then not be
        kept from approving, and where its results belong. Raises `ConfigError`."""
        known = {DEFAULT_AGENT, *self.site.agents}
        orphans: dict[str, list[str]] = {}
        for case in cases:
            if case.agent not in known and not case.closed:
                orphans.setdefault(case.agent, []).append(case.id)
        if orphans:
            raise ConfigError([_orphaned(agent, ids) for agent, ids in sorted(orphans.items())])

    def executor_ref(self, kind: str) -> ExecutorRef:
        return self.site.executor_ref(self.policy.executor_of(kind))

    def executor(self, kind: str) -> Executor:
        return self.site.executor(self.policy.executor_of(kind))

    def excluded(self, case: Case) -> frozenset[str]:
        """Nobody approves their own request: looked up when they decide."""
        return self.site.excluded(case.agent, case.requested_by)

    def names_of(self, case: Case, person: str) -> frozenset[str]:
        """What a person answers to about a case: their own names, and those of whom they stand in
        for. Who may not decide themselves, nobody stands in for."""
        stand_ins = self.site.stand_ins(self.now())
        return self.site.answered_by(person, self.excluded(case), stand_ins)

    def away(self, case: Case) -> dict[str, str]:
        """Who is away, and who is asked about this case in their place."""
        return _allowed(self.site.stand_ins(self.now()), self.excluded(case))

    def stands_for(self, case: Case, person: str) -> list[str]:
        """Those who are away, in whose place alone this person is asked about a case; sorted."""
        asked = {ref for quorum in deciders(case) for ref in quorum.refs}
        if self.site.names_of(person) & asked:
            return []
        away = self.away(case).items()
        return sorted(
            name for name, to in away if to == person and self.site.names_of(name) & asked
        )

    def who_is_there(self, excluded: frozenset[str]) -> Tick:
        """The tick that looks at everybody; the same for all cases that exclude these people."""
        stand_ins = self.site.stand_ins(self.now())
        return Tick(_allowed(stand_ins, excluded), self.site.answering(excluded, stand_ins))


def _orphaned(agent: str, ids: list[str]) -> Problem:
    many = len(ids) > 1
    return Problem(
        "hitl-mail.toml",
        None,
        f"agents.{agent}",
        f"it is gone, and {len(ids)} {'cases' if many else 'case'} of it {'are' if many else 'is'}"
        f" open, {min(ids)} for one",
        "Its owner, who must not approve them, and the place of their results are known from there:"
        " put it back, with its spool and owner, until they are closed",
    )


def _allowed(stand_ins: dict[str, str], excluded: frozenset[str]) -> dict[str, str]:
    return {name: to for name, to in stand_ins.items() if to not in excluded}
