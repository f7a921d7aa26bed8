"""Who is who and what the rules say, now. The daemon asks here, so that a reload is one swap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hitl_mail.core.action import Action
from hitl_mail.core.case import Case
from hitl_mail.core.events import ExecutorRef
from hitl_mail.core.verdict import Verdict
from hitl_mail.settings import Executor, Site


class Rules(Protocol):
    """What the daemon needs of a loaded policy."""

    @property
    def digest(self) -> str: ...

    def judge(
        self, action: Action, agent: str, excluded: frozenset[str], case_id: str | None = None
    ) -> Verdict: ...

    def title(self, action: Action) -> str: ...

    def executor_of(self, kind: str) -> str: ...

    def tighten_of(self, rule: str) -> tuple[float, int] | None:
        """The flagged share, of how many samples, over which a rule is tightened."""


@dataclass
class World:
    """The site and the policy in force."""

    site: Site
    policy: Rules

    def judge(self, action: Action, agent: str, case_id: str | None) -> Verdict:
        """The verdict, with those who may not decide about this action left out."""
        excluded = self.site.excluded(agent, action.requested_by)
        return self.policy.judge(action, agent, excluded, case_id)

    def executor_ref(self, kind: str) -> ExecutorRef:
        return self.site.executor_ref(self.policy.executor_of(kind))

    def executor(self, kind: str) -> Executor:
        return self.site.executor(self.policy.executor_of(kind))

    def may_not_decide(self, case: Case, person: str) -> bool:
        """Nobody approves their own request: looked up when they decide."""
        return person in self.site.excluded(case.agent, case.action.get("requested_by"))
