"""From a spool file to a command: actions, cancels, reports.

A file is forgotten only when its command is durable; one that cannot be taken is set aside with
the reason. The same file handled twice, because a crash fell in between, changes nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hitl_mail.core import documents
from hitl_mail.core.action import (
    Action,
    Cancel,
    Message,
    Report,
    attachment_facts,
    content_digest,
    is_cut_off,
    parse_document,
    read_message,
)
from hitl_mail.core.case import Case
from hitl_mail.core.commands import Command, Receive, Tell, Withdraw
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.faults import LONGEST
from hitl_mail.daemon.overview import Pace
from hitl_mail.daemon.together import together
from hitl_mail.daemon.world import World
from hitl_mail.errors import NotAllowed, Refused, StorageFailed
from hitl_mail.ports import ReceiptRow, Receipts, Spool, Spooled

log = logging.getLogger(__name__)

_Read = tuple[dict[str, Any], Message]

_BATCH = 64
"""Files taken from one agent before the next agent's turn."""

_BEGUN = ("executed", "failed")


@dataclass
class Intake:
    """Serves the agents' spools in turn."""

    engine: Engine
    receipts: Receipts
    world: World
    spools: dict[str, Spool]
    new_case_id: Callable[[float], str]
    new_salt: Callable[[], str]
    seal: Callable[[str], str]
    permit_token: Callable[[Case], str]
    right_permit: Callable[[Case, str], bool]
    pace: Pace = field(default_factory=Pace)
    _turn: int = field(default=0)
    _put_off: dict[str, list[tuple[float, Spooled]]] = field(default_factory=dict)
    """Claimed files of an agent that could not be dealt with, and when to try again."""

    async def serve(self) -> int:
        """One round: up to a batch of each agent's files. How many, at least 1 where more wait."""
        handled = 0
        agents = list(self.spools)
        self._turn += 1
        for index in range(len(agents)):
            agent = agents[(index + self._turn) % len(agents)]
            try:
                handled += await self._serve(agent)
            except StorageFailed:
                raise
            except Exception as error:  # noqa: BLE001
                # Whatever is wrong with one spool must not stop the others.
                self.engine.faults.broke(("spool", agent), f"the spool of {agent}", error)
            else:
                self.engine.faults.works(("spool", agent))
        return handled

    async def _serve(self, agent: str) -> int:
        room = self.world.site.limits.waiting - self._waiting(agent)
        files = self._due_again(agent)
        if room > 0:
            files += self.spools[agent].claim(min(_BATCH, room))
        else:
            # What ends cases must not wait behind what would open more.
            files += self.spools[agent].claim(_BATCH, _ends_a_case)
        # What is said about an action may have been dropped beside it: actions first.
        messages = await together([self._read(agent, spooled) for spooled in files])
        for actions in (True, False):
            await together(
                [
                    self._take(agent, spooled, read)
                    for spooled, read in zip(files, messages, strict=True)
                    if read is not None and isinstance(read[1], Action) == actions
                ]
            )
        return len(files) + self.spools[agent].more

    def _due_again(self, agent: str) -> list[Spooled]:
        now, waiting = self.engine.clock.now(), self._put_off.pop(agent, [])
        later = [(at, spooled) for at, spooled in waiting if now < at <= now + LONGEST]
        if later:
            self._put_off[agent] = later
        return [spooled for at, spooled in waiting if (at, spooled) not in later]

    def _later(self, agent: str, spooled: Spooled, error: OSError) -> None:
        """The file is as good as any other; what it needs of the disk is not to be had now."""
        key = ("file", agent, spooled.name)
        wait = self.engine.faults.broke(key, f"{spooled.name} of {agent} waits", error)
        self.spools[agent].survived(spooled)
        self._put_off.setdefault(agent, []).append((self.engine.clock.now() + wait, spooled))

    def _waiting(self, agent: str) -> int:
        # Counting is linear in open cases: only when an agent may be near its limit at all.
        if len(self.engine.cases) + _BATCH <= self.world.site.limits.waiting:
            return 0
        return sum(1 for case in self.engine.cases.values() if case.agent == agent)

    async def _read(self, agent: str, spooled: Spooled) -> _Read | None:
        """The message in a file; None where it was refused."""
        try:
            document = await _parse(spooled)
            return document, read_message(document, spooled.name.rsplit(".", 1)[0])
        except Refused as error:
            await self._refuse(agent, spooled, error)
        except Exception:  # noqa: BLE001
            await self._refuse_ours(agent, spooled)
        return None

    async def _take(self, agent: str, spooled: Spooled, read: _Read) -> None:
        try:
            await self._carry_out(agent, spooled, read)
        except OSError as error:
            self._later(agent, spooled, error)
        else:
            self.engine.faults.works(("file", agent, spooled.name))

    async def _carry_out(self, agent: str, spooled: Spooled, read: _Read) -> None:
        document, message = read
        decided = partial(self.spools[agent].survived, spooled)
        try:
            match message:
                case Action():
                    await self._action(agent, document, message, decided)
                case Cancel():
                    await self._cancel(agent, message, decided)
                case Report():
                    await self._report(agent, message, decided)
        except Refused as error:
            await self._refuse(agent, spooled, error)
        except (StorageFailed, OSError):
            raise
        except Exception:  # noqa: BLE001
            await self._refuse_ours(agent, spooled)
        else:
            decided()
            self.spools[agent].done(spooled)

    async def _refuse(self, agent: str, spooled: Spooled, error: Refused) -> None:
        reason = {"error": error.code, "detail": error.detail, "field": error.field}
        try:
            await asyncio.to_thread(self.spools[agent].refuse, spooled, reason)
        except OSError as failure:
            self._later(agent, spooled, failure)
        else:
            self.engine.faults.works(("file", agent, spooled.name))

    async def _refuse_ours(self, agent: str, spooled: Spooled) -> None:
        """A fault of ours must neither stop the daemon nor swallow the file."""
        log.exception("could not handle %s of %s", spooled.name, agent)
        detail = "hitl-mail failed on this file; see its log"
        await self._refuse(agent, spooled, Refused("internal", detail))

    async def _action(
        self, agent: str, document: dict[str, Any], action: Action, decided: Callable[[], None]
    ) -> None:
        action_id = action.id or ""
        digest = self.seal(content_digest(document, action_id))
        open_case = self.engine.open_case(agent, action_id)
        if open_case is not None:
            _same(open_case.action_digest, digest, document, action_id, open_case.id)
            self._write_again(agent, open_case)
            return
        filed = self._remembered(agent, action_id)
        if filed is not None:
            _same(filed.action_digest, digest, document, action_id, filed.case)
            receipt = self.receipts.lookup.receipt(filed)
            self.spools[agent].result(action_id, documents.result_from_receipt(receipt))
            return
        commands: list[tuple[str, Command]] = []
        if action.supersedes is not None:
            commands += self._superseded(agent, action.supersedes, action_id)
        receive = self._receive(agent, document, action, digest)
        try:
            await self.engine.handle_together([*commands, (receive.case, receive)], decided)
            self.pace.took(agent, self.engine.clock.now())
        except NotAllowed as error:
            raise Refused(f"supersedes_{error.code}", error.detail, "supersedes") from None

    def _receive(
        self, agent: str, document: dict[str, Any], action: Action, digest: str
    ) -> Receive:
        now = self.engine.clock.now()
        case_id = self._fresh_id(now)
        verdict = self.world.judge(action, agent, case_id)
        return Receive(
            case_id,
            agent,
            document,
            action.id or "",
            digest,
            self.world.policy.title(action),
            verdict,
            self.world.executor_ref(action.kind),
            attachment_facts(action),
            now + verdict.expires,
            self.new_salt(),
        )

    def _fresh_id(self, now: float) -> str:
        while True:
            case_id = self.new_case_id(now)
            if case_id not in self.engine.cases and self.receipts.lookup.by_about(case_id) is None:
                return case_id

    def _remembered(self, agent: str, action_id: str) -> ReceiptRow | None:
        filed = self.receipts.lookup.by_agent_id(agent, action_id)
        if filed is None:
            return None
        oldest = documents.iso(self.engine.clock.now() - self.world.site.limits.remember)
        # By a clock that was behind it closed before what stands in front of it.
        closed = max(filed.closed_at, filed.month)
        return filed if closed >= oldest[: len(closed)] else None

    def _write_again(self, agent: str, case: Case) -> None:
        """A result that is there already, for an agent that asks again."""
        if case.open_permit is not None:
            document = documents.result(case, self.permit_token(case))
            self.spools[agent].result(case.action_id, document)

    def _superseded(self, agent: str, old: str, new: str) -> list[tuple[str, Command]]:
        if old == new:
            raise Refused("bad_value", "an action cannot supersede itself", "supersedes")
        case = self.engine.open_case(agent, old)
        if case is not None and not case.final:
            return [(case.id, Withdraw(agent, f"superseded by {new}"))]
        filed = self.receipts.lookup.by_agent_id(agent, old)
        status = case.status if case is not None else filed.status if filed else None
        if status is None:
            raise Refused("unknown", f"no action {old} of this agent is known", "supersedes")
        if status in _BEGUN:
            raise Refused("supersedes_started", f"{old} is already {status}", "supersedes")
        return []

    async def _cancel(self, agent: str, message: Cancel, decided: Callable[[], None]) -> None:
        case = self._mine(agent, message.cancel)
        if case is None:
            filed = self._filed(agent, message.cancel)
            if filed is None:
                raise Refused("unknown", f"no case {message.cancel} of this agent", "cancel")
            if filed.status != "canceled":
                raise Refused("closed", f"{filed.case} is already {filed.status}", "cancel")
            return
        if case.status == "canceled":
            return
        try:
            await self.engine.handle(case.id, Withdraw(agent), decided)
        except NotAllowed as error:
            raise Refused(error.code, error.detail, "cancel") from None

    async def _report(self, agent: str, message: Report, decided: Callable[[], None]) -> None:
        case = self._mine(agent, message.report)
        if case is None or case.final:
            self._reported_before(agent, message, case)
            return
        if case.permit is not None and not self.right_permit(case, message.permit):
            raise Refused("bad_permit", "this is not the permit of that case", "permit")
        try:
            await self.engine.handle(case.id, Tell(message.outcome), decided)
        except NotAllowed as error:
            raise Refused(error.code, error.detail, "report") from None

    def _reported_before(self, agent: str, message: Report, case: Case | None) -> None:
        """A report that a crash made us read twice is fine; another one is refused."""
        outcome = case.outcome if case else None
        if case is None:
            filed = self._filed(agent, message.report)
            if filed is None:
                raise Refused("unknown", f"no case {message.report} of this agent", "report")
            outcome = self.receipts.lookup.receipt(filed)["outcome"]
        if any((outcome or {}).get(key) != message.outcome[key] for key in message.outcome):
            raise Refused("closed", f"{message.report} is closed already", "report")

    def _mine(self, agent: str, name: str) -> Case | None:
        case = self.engine.open_case(agent, name) or self.engine.cases.get(name)
        return case if case is not None and case.agent == agent else None

    def _filed(self, agent: str, name: str) -> ReceiptRow | None:
        lookup = self.receipts.lookup
        filed = lookup.by_agent_id(agent, name) or lookup.by_about(name)
        return filed if filed is not None and filed.agent == agent else None


async def _parse(spooled: Spooled) -> dict[str, Any]:
    if spooled.name.endswith(".toml"):
        # A megabyte of hostile TOML takes seconds; nobody else waits for it.
        return await asyncio.to_thread(parse_document, spooled.data, True)
    try:
        return parse_document(spooled.data)
    except Refused as error:
        if error.code == "malformed" and is_cut_off(spooled.data):
            mend = "is that half a file? Write it to tmp/, then rename it into new/"
            raise Refused(error.code, f"{error.detail}; {mend}", error.field) from None
        raise


def _ends_a_case(name: str, data: bytes) -> bool:
    """Whether a file is a cancel or a report."""
    if b"cancel" not in data and b"report" not in data:
        return False
    try:
        document = parse_document(data, toml=name.endswith(".toml"))
    except Exception:  # noqa: BLE001
        # What is wrong with it is found when it is claimed.
        return False
    return "cancel" in document or "report" in document


def _same(
    known: str | None, digest: str, document: dict[str, Any], action_id: str, case: str
) -> None:
    if known == digest:
        return
    named = "id" not in document
    source, mend = (" (from the file's name)", ", or another file name") if named else ("", "")
    what = f"the id {action_id}{source} was used for another action, {case}"
    raise Refused("id_conflict", f"{what}; give another id{mend}", "id")
