"""The shapes of rules.toml, as design 1.3 fixes them.

`hitl_mail.policy.load` reads them with all problems at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Protocol

import msgspec

from hitl_mail.core.quorum import SETTLE
from hitl_mail.core.verdict import DOORS, Door, Gate
from hitl_mail.tables import Duration

UNMATCHED = "unmatched"
UNKNOWN_KIND = "unknown_kind"
STANDBY = "standby"

RESERVED = frozenset(
    {UNMATCHED, UNKNOWN_KIND, STANDBY, SETTLE, "retry", "policy", "requires", "schema"}
)
"""Names that speak for something else in verdicts and receipts; no rule may carry them."""

FailClosed = Literal["hard", "deny"]


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    pass


class PolicyTable(_Table, frozen=True, kw_only=True):
    """`[policy]`: what holds where no rule, or a rule without a word on it, speaks."""

    unmatched: FailClosed = "hard"
    unknown_kind: FailClosed = "hard"
    reviewers: tuple[str, ...] | None = None
    expires: Duration = 86400


class Kind(_Table, frozen=True, kw_only=True):
    """`[kinds."a.b"]`: what is known of such actions. `schema` is a path, relative to the home."""

    title: str | None = None
    effects: tuple[str, ...] = ()
    reversible: bool = False
    requires: tuple[str, ...] = ()
    schema: str | None = None
    executor: str | None = None


class ExceptionTable(_Table, frozen=True, kw_only=True):
    """One trigger of an `exception` gate; its reason is the rule's where None."""

    when: str
    reason: str | None = None


class Tighten(_Table, frozen=True, kw_only=True):
    """Drift of a `sample` gate: over the share `flagged` of the last `of`, it gates hard."""

    flagged: Annotated[float, msgspec.Meta(ge=0, le=1)]
    of: Annotated[int, msgspec.Meta(ge=1)]


class Escalate(_Table, frozen=True, kw_only=True):
    """After so many seconds without a decision, `to` are asked too."""

    after: Duration
    to: tuple[str, ...]


class Rule(_Table, frozen=True, kw_only=True):
    """One of `[[rules]]`. `reviewers` and `expires` are the policy's where None.

    `on_expiry` has one value, since silence is never consent; it stands here to be told so.
    """

    name: str
    when: str
    gate: Gate
    reason: str | None = None
    reviewers: tuple[str, ...] | None = None
    approvals: Annotated[int, msgspec.Meta(ge=1)] = 1
    expires: Duration | None = None
    doors: tuple[Door, ...] = DOORS
    remind: tuple[str, ...] = ()
    escalate: Escalate | None = None
    route_to: tuple[str, ...] = ()
    exceptions: tuple[ExceptionTable, ...] = ()
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    tighten: Tighten | None = None
    on_failure: Literal["fail", "review"] = "fail"
    on_expiry: str = "reject"


class Expect(_Table, frozen=True, kw_only=True):
    """What a test expects of a verdict; what is None is not looked at.

    `reviewers` are people and groups, all that any quorum names together; `approvals` is what the
    most demanding quorum needs. A sampled case's reviewers are those of its review.
    """

    gate: Gate
    asks: bool | None = None
    rules: tuple[str, ...] | None = None
    reviewers: tuple[str, ...] | None = None
    approvals: Annotated[int, msgspec.Meta(ge=0)] | None = None
    sampled: bool | None = None


class PolicyTest(_Table, frozen=True, kw_only=True):
    """One of `[[tests]]`: an action as an agent would drop it, and what the rules should say.

    `draw` is the case's draw in [0, 1], `typical` what past cases of the kind cost.
    """

    name: str
    action: dict[str, Any]
    expect: Expect
    agent: str | None = None
    draw: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    typical: dict[str, float] = {}


class ExamplesFile(_Table, frozen=True, kw_only=True):
    """All of a file in `tests/` beside rules.toml."""

    tests: tuple[PolicyTest, ...] = ()


class RulesFile(_Table, frozen=True, kw_only=True):
    """All of rules.toml."""

    policy: PolicyTable = PolicyTable()
    kinds: dict[str, Kind] = {}
    rules: tuple[Rule, ...] = ()
    tests: tuple[PolicyTest, ...] = ()


class Names(Protocol):
    """What the policy must know of the site: `settings.Site` is one."""

    @property
    def people(self) -> Collection[str]: ...

    @property
    def executors(self) -> Collection[str]: ...

    def members(self) -> Mapping[str, Collection[str]]:
        """The people of each group, and of `core.verdict.ADMINS`."""

    def trusted_sources(self, agent: str) -> Collection[str]:
        """The sources whose context this agent may call trusted."""
