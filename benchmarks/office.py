"""hitl-mail in this process, as `bootstrap` wires it: journal, receipts, policy and keys are real.

Given by the benchmark, because the others have nothing in their place: the agent's files come from
memory and results stay there, the executor is a function, and no mail is composed or sent; the
engine is told that mails were taken. What the whole daemon does is measured in `delivery`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import work
from hitl_mail.bootstrap.making import create_home
from hitl_mail.bootstrap.wiring import build
from hitl_mail.core.case import Case
from hitl_mail.core.commands import MailWas
from hitl_mail.core.effects import Mail
from hitl_mail.daemon.deciding import Spoken
from hitl_mail.errors import Refused, SyncFailed
from hitl_mail.home import Home
from hitl_mail.ports import Attempt, Order, Spooled

SITE = """
[site]
name = "Benchmark"
admins = ["cleo"]

[mail]
transport = "maildir"
address = "approvals@example.com"
[mail.authentication]
require = "token"

[people.ada]
mail = "ada@example.com"
[people.cleo]
mail = "cleo@example.com"

[limits]
waiting = 10000000

[executors.refund]
type = "command"
argv = ["/bin/true"]
"""

AGENT = "default"


class MemorySpool:
    """`ports.Spool` without a disk: `put` is the agent."""

    more = False

    def __init__(self) -> None:
        self._new: list[Spooled] = []
        self.results_written = 0

    def put(self, name: str, data: bytes) -> None:
        """A file arrives."""
        self._new.append(Spooled(Path(name), name, data, 0))

    def claim(self, limit: int, only: Callable[[str, bytes], bool] | None = None) -> list[Spooled]:
        """The oldest files, whatever is in them."""
        claimed, self._new = self._new[:limit], self._new[limit:]
        return claimed

    def survived(self, spooled: Spooled) -> None:
        """Nobody counts here."""

    def done(self, spooled: Spooled) -> None:
        """It is gone already."""

    def sweep(self, before: float) -> None:
        """Nothing is kept here."""

    def refuse(self, spooled: Spooled, error: Mapping[str, Any]) -> None:
        """A benchmark whose actions are refused measures something else."""
        raise AssertionError(f"{spooled.name} was refused: {error}")

    def result(self, name: str, document: Mapping[str, Any]) -> None:
        """Count it."""
        self.results_written += 1

    def results(
        self, documents: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[OSError | Refused | SyncFailed | None]:
        """Count them."""
        self.results_written += len(documents)
        return [None] * len(documents)


class InProcess:
    """`ports.Executor` that calls the function."""

    async def run(self, order: Order) -> Attempt:
        """Done at once."""
        return Attempt("ok", work.refund(order.payload))


class Office:
    """A home and its daemon's parts, to be driven step by step."""

    def __init__(self, home: Home) -> None:
        self.daemon = build(home, web=False)
        self.engine = self.daemon.engine
        self.spool = MemorySpool()
        self.daemon.intake.spools = {AGENT: self.spool}
        self.daemon.clerk.spools = {AGENT: self.spool}
        self.daemon.runner.executor_for = lambda _: InProcess()
        self._waits: dict[str, asyncio.Future[Case]] = {}

    async def start(self) -> None:
        """As the daemon starts, without mail."""
        daemon = self.daemon
        self.engine.recover()
        daemon.clerk.recover()
        self.engine.watchers += [
            daemon.timers.watch,
            daemon.waiting.watch,
            daemon.runner.watch,
            daemon.clerk.watch,
            daemon.drift.watch,
            daemon.reach.watch,
            daemon.news.watch,
            self._tell,
        ]
        self.engine.follower = daemon.runner
        await daemon.runner.recover()
        self.engine.show_all()

    @contextmanager
    def put_aside(self) -> Iterator[None]:
        """Meanwhile nothing is done about decided cases: only the journal is left."""
        watchers, follower = self.engine.watchers[:], self.engine.follower
        self.engine.watchers.clear()
        self.engine.follower = None
        yield
        self.engine.watchers[:], self.engine.follower = watchers, follower

    async def send_mails(self) -> None:
        """Say of every mail that is owed that a server took it."""
        owed = [
            (case.id, effect.id)
            for case in self.engine.cases.values()
            for effect in case.pending.values()
            if isinstance(effect, Mail)
        ]
        for at in range(0, len(owed), 500):
            await asyncio.gather(
                *(
                    self.engine.handle(case, MailWas(effect, "sent", "sha256:" + "0" * 64))
                    for case, effect in owed[at : at + 500]
                )
            )

    async def submit(self, documents: Sequence[bytes]) -> None:
        """All of these arrive at once; durable when it returns."""
        for number, data in enumerate(documents):
            self.spool.put(f"{number}.json", data)
        while await self.daemon.intake.serve():
            pass

    def waiting(self) -> list[Case]:
        """The cases that wait for somebody, oldest first."""
        return [case for case in self.engine.cases.values() if case.status == "pending"]

    async def decide(self, case: Case) -> None:
        """The reviewer approves what they saw; durable when it returns."""
        said = Spoken(
            person=work.REVIEWER,
            verb="approve",
            via="cli",
            seen=case.revision.digest,
            evidence={"os_user": work.REVIEWER},
        )
        await self.engine.handle(case.id, self.daemon.control.deciding.command(case, said))

    async def approve(self, case: Case) -> None:
        """The reviewer approves; returns when what came of it is durable."""
        executed = self._waits[case.id] = asyncio.get_running_loop().create_future()
        await self.decide(case)
        await executed

    async def settle(self) -> None:
        """Until every receipt is sealed and every result written."""
        while len(self.daemon.runner.chores) or len(self.daemon.clerk.chores):
            await self.daemon.runner.chores.settle()
            await self.daemon.clerk.chores.settle()

    async def close(self) -> None:
        """As the daemon ends."""
        await self.engine.close()
        for close in self.daemon.closing:
            await close()

    def _tell(self, case: Case) -> None:
        if case.final and (waits := self._waits.pop(case.id, None)) is not None:
            assert case.status == "executed", case.outcome
            waits.set_result(case)


def make_home(root: Path, site: str = SITE, rules: str = work.RULES) -> Home:
    """A home for `Office` at `root`, which must not be there yet."""
    home = create_home(root)
    home.site_file.write_text(site)
    home.rules_file.write_text(rules)
    return home
