"""A changed rules.toml, or a schema that it names: checked whole, then swapped; a bad one leaves
the old one in force."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.commands import Rejudge
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.notices import tell_admins
from hitl_mail.daemon.world import Rules, World
from hitl_mail.errors import ConfigError, StorageFailed

log = logging.getLogger(__name__)

STALE_SITE = "hitl-mail.toml was changed after the daemon had read it; start the daemon again"


@dataclass
class Reload:
    """`changed` looks at the files, `load` reads and keeps them. Open cases take the stricter of
    the verdict they got and the new one. `site_changed` says whether the people and executors
    that are known here are no longer those of the file on disk: only a start reads that."""

    engine: Engine
    world: World
    changed: Callable[[], bool]
    load: Callable[[], Rules]
    site_changed: Callable[[], bool] = lambda: False
    error: str = ""

    async def look(self, *, forced: bool = False) -> None:
        """Take up a changed file, if it changed or (`forced`) somebody asks for it."""
        if not forced and not self.changed():
            return
        try:
            policy = self.load()
        except ConfigError as error:
            stale = f"; {STALE_SITE}" if self.site_changed() else ""
            await self._keep_old(f"{error}{stale}")
            return
        self.error = ""
        log.warning("the policy is now %s", policy.digest)
        # Also under the same digest: a schema it names may be another.
        self.world.policy = policy
        await self._judge_all()

    async def judge_again(self) -> None:
        """Ask the policy in force about every case judged by another that has not started."""
        await self._judge_all(other_than=self.world.policy.digest)

    async def _judge_all(self, other_than: str | None = None) -> None:
        """All at once: none may start, or close, while another's record becomes durable."""
        waiting = [
            self._judge(case.id)
            for case in self.engine.cases.values()
            if case.status in ("pending", "approved")
            and not case.started
            and case.verdict.policy != other_than
        ]
        await asyncio.gather(*waiting)

    async def _judge(self, case_id: str) -> None:
        case = self.engine.cases.get(case_id)
        if case is None:
            return
        key = ("judge", case_id)
        try:
            # What would run, which somebody may have edited.
            action = read_message({**case.action, "payload": case.payload}, case.action_id)
            if isinstance(action, Action):
                verdict = self.world.judge(action, case.agent, case.id)
                await self.engine.handle(case.id, Rejudge(verdict))
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001
            # It keeps the verdict it has; whatever is wrong with one must not stop the others.
            self.engine.faults.broke(key, f"{case_id} cannot be judged by the new rules", error)
        else:
            self.engine.faults.works(key)

    async def _keep_old(self, error: str) -> None:
        log.error("rules.toml is not used: %s", "; ".join(error.splitlines()))
        if error == self.error:
            return
        self.error = error
        told = tell_admins(
            self.engine,
            self.world,
            "The changed rules.toml is not used",
            ("The policy from before stays in force, because of this:", error, "Mend it and save."),
        )
        if told:
            await self.engine.note(*told)
