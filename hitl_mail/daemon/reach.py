"""When a rule's people cannot be reached, none or too few of them, the admins are told.

Each mail that comes back tells them already (`undelivered`); this is about the moment when nobody
is left who could decide, absences among them, and about cases that nobody may decide at all
(`undecided`). `status` and `queue` say it, too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

from hitl_mail.core.case import Case
from hitl_mail.core.quorum import askable, out_of_reach, waiting_for
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.notices import tell_admins
from hitl_mail.daemon.undecided import Stuck, Undecided
from hitl_mail.daemon.world import World

log = logging.getLogger(__name__)


@dataclass
class Reach:
    """Looks at each case it is shown. `stranded` says what to do, by case."""

    engine: Engine
    world: World
    stranded: dict[str, str] = field(default_factory=dict)
    chores: Chores = field(init=False)
    undecided: Undecided = field(init=False)

    def __post_init__(self) -> None:
        self.chores = Chores(self.engine.faults, self.engine.fail)
        self.undecided = Undecided(self.world.site, self.world.now)

    def watch(self, case: Case) -> None:
        stuck = self.undecided.look(case)
        if stuck is not None:
            self._strand(case, str(stuck), "nobody", *_words(case, stuck))
        elif case.status in ("held", "in_doubt") and not askable(case):
            # Whoever was named since may settle it, and nobody told them.
            what = "nobody could be asked about it; an admin may decide now"
            self._strand(case, what, "unasked", *_unasked(case))
        elif people := out_of_reach(case):
            who = "nobody" if people == waiting_for(case) else "too few"
            why = ", ".join(f"{person} ({case.unreached[person]})" for person in people)
            what = f"{who} who may decide can be reached: {why}; reach them some other way"
            self._strand(case, what, "stranded", *_out_of_reach(case, who, why))
        else:
            self.stranded.pop(case.id, None)

    def _strand(
        self, case: Case, what: str, about: str, subject: str, paragraphs: tuple[str, ...]
    ) -> None:
        text = f"{case.id}: {what}; hitl-mail show {case.id}"
        if self.stranded.get(case.id) != text:
            self.stranded[case.id] = text
            log.error("%s", text)
        mark = f"{about} {case.id}/{case.revision.number}"
        if case.status != "pending":
            mark = f"{mark}/{case.status} {case.attempts}"
        if mark not in self.engine.desk.seen:
            self.chores.start(mark, partial(self._tell, subject, paragraphs, mark))

    async def _tell(self, subject: str, paragraphs: tuple[str, ...], mark: str) -> None:
        told = tell_admins(self.engine, self.world, subject, paragraphs, mark)
        if told:
            await self.engine.note(*told)


def _out_of_reach(case: Case, who: str, why: str) -> tuple[str, tuple[str, ...]]:
    return f"{who.capitalize()} can be reached: {case.title}", (
        f"A case waits, and {who} who may decide it can be reached by mail.",
        f"Out of reach: {why}.",
        f"Reach one of them some other way: hitl-mail show {case.id} tells the case, and "
        "whoever may decide can do so at the command line. Without a decision it expires, "
        "and does not run.",
    )


def _words(case: Case, stuck: Stuck) -> tuple[str, tuple[str, ...]]:
    return f"{stuck.who.capitalize()} may decide: {case.title}", (
        f"A case waits, and {stuck.who} may decide it.",
        f"Why: {stuck.why}.",
        f"The mend: {stuck.mend}.",
        f"hitl-mail show {case.id} tells the case. {_end(case)}",
    )


def _unasked(case: Case) -> tuple[str, tuple[str, ...]]:
    return f"Nobody was asked: {case.title}", (
        "A case waits for somebody to settle it, and when it came to that nobody could be asked.",
        f"An admin may decide now: hitl-mail show {case.id} tells the case, and retry, done or "
        "abandon at the command line settles it.",
        _end(case),
    )


def _end(case: Case) -> str:
    if case.in_review:
        return "It ran by itself; without a word the time to look at it ends."
    if case.status == "pending":
        return "Without a decision it expires, and does not run."
    return "It stays open until somebody says what becomes of it."
