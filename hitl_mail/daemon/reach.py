"""When a rule's people cannot be reached, none or too few of them, the admins are told.

Each mail that comes back tells them already (`undelivered`); this is about the moment when nobody
is left who could decide, absences among them. `status` and `queue` say it, too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

from hitl_mail.core.case import Case
from hitl_mail.core.quorum import out_of_reach, waiting_for
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.notices import tell_admins
from hitl_mail.daemon.world import World

log = logging.getLogger(__name__)


@dataclass
class Reach:
    """Looks at each case it is shown. `stranded` says what to do, by case."""

    engine: Engine
    world: World
    stranded: dict[str, str] = field(default_factory=dict)
    chores: Chores = field(init=False)

    def __post_init__(self) -> None:
        self.chores = Chores(self.engine.faults, self.engine.fail)

    def watch(self, case: Case) -> None:
        people = out_of_reach(case)
        if not people:
            self.stranded.pop(case.id, None)
            return
        who = "nobody" if people == waiting_for(case) else "too few"
        why = ", ".join(f"{person} ({case.unreached[person]})" for person in people)
        text = f"{case.id}: {who} who may decide can be reached: {why}; hitl-mail show {case.id}"
        if self.stranded.get(case.id) != text:
            self.stranded[case.id] = text
            log.error("%s", text)
        mark = f"stranded {case.id}/{case.revision.number}"
        if mark not in self.engine.desk.seen:
            self.chores.start(mark, partial(self._tell, case, who, why, mark))

    async def _tell(self, case: Case, who: str, why: str, mark: str) -> None:
        told = tell_admins(
            self.engine,
            self.world,
            f"{who.capitalize()} can be reached: {case.title}",
            (
                f"A case waits, and {who} who may decide it can be reached by mail.",
                f"Out of reach: {why}.",
                f"Reach one of them some other way: hitl-mail show {case.id} tells the case, and "
                "whoever may decide can do so at the command line. Without a decision it expires, "
                "and does not run.",
            ),
            mark,
        )
        if told:
            await self.engine.note(*told)
