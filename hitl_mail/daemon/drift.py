"""Watches the samples: a rule too many of whose actions were flagged is tightened, and admins told.

A tightened rule gates hard until an admin relaxes it (`rules relax NAME`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from hitl_mail.core.case import Case
from hitl_mail.core.desk import RuleTightened
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.notices import tell_admins
from hitl_mail.daemon.world import World


@dataclass
class Drift:
    """Looks at a rule's last reviews whenever one of its samples was reviewed, and at start."""

    engine: Engine
    world: World
    chores: Chores = field(init=False)

    def __post_init__(self) -> None:
        self.chores = Chores(self.engine.faults, self.engine.fail)

    def watch(self, case: Case) -> None:
        if case.review is not None and case.review.status in ("ok", "flagged"):
            for quorum in case.verdict.reviews:
                self._look(quorum.rule)

    def look_at_all(self) -> None:
        for rule in self.engine.desk.samples:
            self._look(rule)

    def _look(self, rule: str) -> None:
        limit = self.world.policy.tighten_of(rule)
        if limit is None or rule in self.engine.desk.tightened:
            return
        share, of = limit
        last = self.engine.desk.samples.get(rule, ())[-of:]
        # Over the share of a full window already, however the rest of it turns out. A quotient is
        # rounded once, as the share was: at the share it is the same double, a product need not be.
        if sum(last) / of > share:
            self.chores.start(rule, partial(self._tighten, rule, sum(last), len(last)))

    async def _tighten(self, rule: str, flagged: int, of: int) -> None:
        now = self.engine.clock.now()
        told = tell_admins(
            self.engine,
            self.world,
            f"The rule {rule} asks from now on",
            (
                f"{flagged} of the last {of} samples of the rule {rule} were flagged. Its actions"
                " no longer run alone: each waits for a person.",
                f"When you trust it again: hitl-mail rules relax {rule}",
            ),
        )
        await self.engine.note(RuleTightened(now, rule, flagged, of), *told)
