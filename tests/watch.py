"""An account of a case's events that refuses what must never happen (design part 3).

It knows nothing of `Case` and keeps its own books, so that a mistake in the core is not repeated
in its test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import FINAL
from hitl_mail.core.verdict import Quorum
from tests.factories import NAMES, OWNER


@dataclass(frozen=True)
class Watch:
    """An account of the events so far, which refuses what must never happen (design part 3)."""

    gate: str = ""
    quorums: tuple[Quorum, ...] = ()
    approvals: frozenset[tuple[str, str]] = frozenset()
    expires: float = 0.0
    executor: str = ""
    running: bool = False
    permitted: bool = False
    begun: bool = False
    may_begin: bool = True
    unsure: str = ""
    final: str = ""
    filed: bool = False

    def after(self, command: cmd.Command, event: ev.Event, digest: str) -> Watch:
        """The account with one more event; `digest` is the newest revision's before it."""
        if not isinstance(event, ev.Note):
            assert not self.final, f"{event} after {self.final}"
        match event:
            case ev.Received():
                return Watch(
                    gate=event.verdict.gate,
                    quorums=event.verdict.quorums if event.verdict.asks else (),
                    expires=event.expires_at,
                    executor=event.revision.executor.digest,
                )
            case ev.Decided(decision=decision):
                return self._decided(decision, digest)
            case ev.Revised(revision=revision):
                assert not self.unsure, "what may have run under other settings is run again"
                return replace(self, approvals=frozenset(), executor=revision.executor.digest)
            case ev.Reopened(revision=revision, quorums=quorums, expires_at=expires):
                assert quorums
                return replace(
                    self,
                    quorums=quorums,
                    approvals=frozenset(),
                    expires=expires,
                    executor=revision.executor.digest,
                    may_begin=True,
                    unsure="",
                )
            case ev.Resumed():
                return replace(self, may_begin=True, unsure="")
            case ev.Started() | ev.Permitted():
                return self._begun(command, event)
            case ev.AttemptFailed():
                return self._attempt_failed(command)
            case ev.Held() | ev.Doubted():
                assert self.begun
                return replace(self, running=False, permitted=False, may_begin=False)
            case ev.Filed():
                assert self.final, "a receipt of an open case"
                assert not self.filed, "a second receipt"
                return replace(self, filed=True)
            case ev.Approved():
                self._check_quorums()
                return self
            case _ if isinstance(event, ev.Note):
                return self
            case _:
                return self._ended(command, event)

    def _decided(self, decision: ev.Decision, digest: str) -> Watch:
        assert decision.by != OWNER, "the owner decided"
        assert decision.seen == digest, "what was seen is not what is there"
        if decision.verb != "approve":
            return self
        assert decision.at < self.expires
        counted = {
            (quorum.rule, decision.by)
            for quorum in self.quorums
            if NAMES[decision.by] & set(quorum.refs) and decision.via in quorum.doors
        }
        assert {rule for rule, _ in counted} == set(decision.counts)
        assert not counted <= self.approvals, "an approval that adds nothing"
        return replace(self, approvals=self.approvals | counted)

    @property
    def met(self) -> bool:
        """Whether each quorum has its approvals, by different people."""
        return all(
            sum(rule == quorum.rule for rule, _ in self.approvals) >= quorum.approvals
            for quorum in self.quorums
        )

    def _check_quorums(self) -> None:
        assert self.gate != "deny"
        assert self.met, "not every quorum has its approvals"

    def _begun(self, command: cmd.Command, event: ev.Started | ev.Permitted) -> Watch:
        assert isinstance(command, cmd.Begin)
        self._check_quorums()
        assert not self.running, "two attempts at once"
        assert not self.permitted, "an attempt beside a permit"
        assert self.may_begin, "run again, though nobody knows or allowed it"
        assert self.executor == command.executor.digest, "not what was approved"
        assert self.unsure in ("", self.executor), "may have run elsewhere"
        assert event.at < self.expires, "begun after expiry"
        assert not isinstance(event, ev.Permitted) or event.until <= self.expires
        agent = command.executor.type == "agent"
        return replace(self, begun=True, running=not agent, permitted=agent, may_begin=False)

    def _attempt_failed(self, command: cmd.Command) -> Watch:
        assert isinstance(command, cmd.Finish)
        assert self.running
        if command.result == "temporary":
            return replace(self, running=False, may_begin=True)
        assert command.result == "doubt"
        assert command.idempotent, "what is not idempotent is tried again"
        return replace(self, running=False, may_begin=True, unsure=self.executor)

    def _ended(self, command: cmd.Command, event: ev.Event) -> Watch:
        if isinstance(event, ev.Canceled):
            assert not self.begun, "canceled after a start"
        if isinstance(event, (ev.Canceled, ev.Expired, ev.Rejected, ev.Denied)):
            assert not self.running
            assert not self.permitted
            assert not self.unsure, "what may have run ends as if it had not"
        elif isinstance(event, ev.Failed) and isinstance(command, cmd.Finish):
            assert command.result == "failed" or not self.unsure, "what may have run has failed"
        if isinstance(event, ev.Expired):
            assert event.at >= self.expires
        name = type(event).__name__.lower()
        status = "executed" if name == "succeeded" else name
        assert status in FINAL
        return replace(self, running=False, permitted=False, final=status)
