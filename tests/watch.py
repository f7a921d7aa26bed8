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
    judged: tuple[Quorum, ...] = ()
    asked_at: float = 0.0
    reminded: float = -1.0
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
    decided: str = ""
    reviews: tuple[Quorum, ...] = ()
    review_seconds: float = 0.0
    review_expires: float = 0.0
    review: str = ""
    review_filed: bool = False

    def after(self, command: cmd.Command, event: ev.Event, digest: str) -> Watch:
        """The account with one more event; `digest` is the newest revision's before it."""
        if not isinstance(event, ev.Note):
            reviewing = ev.Decided | ev.Reviewed | ev.Reminded
            of_review = self.in_review and isinstance(event, reviewing)
            assert of_review or not self.final, f"{event} after {self.final}"
        match event:
            case ev.Received():
                return Watch(
                    gate=event.verdict.gate,
                    quorums=event.verdict.quorums if event.verdict.asks else (),
                    judged=event.verdict.quorums,
                    asked_at=event.at,
                    expires=event.expires_at,
                    executor=event.revision.executor.digest,
                    reviews=event.verdict.reviews,
                    review_seconds=event.verdict.review_expires,
                )
            case ev.Decided(decision=decision):
                return self._said(decision, digest)
            case ev.Rejudged():
                return self._rejudged(command, event)
            case ev.Reviewed():
                return self._reviewed(command, event)
            case ev.Revised(revision=revision):
                assert not self.unsure, "what may have run under other settings is run again"
                assert revision.by == (command.person if isinstance(command, cmd.Decide) else None)
                return replace(
                    self,
                    approvals=frozenset(),
                    executor=revision.executor.digest,
                    asked_at=event.at,
                )
            case ev.Handed():
                return self._handed(command, event)
            case ev.Reminded():
                return self._reminded(command, event)
            case ev.Reopened(revision=revision, quorums=quorums, expires_at=expires):
                assert quorums
                return replace(
                    self,
                    quorums=quorums,
                    approvals=frozenset(),
                    expires=expires,
                    executor=revision.executor.digest,
                    asked_at=event.at,
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
            case ev.ReviewFiled():
                assert self.review not in ("", "open"), "a receipt of no review, or of an open one"
                assert self.filed, "a receipt of the review before the one it is about"
                assert not self.review_filed, "a second receipt of the review"
                return replace(self, review_filed=True)
            case ev.Approved():
                self._check_quorums()
                return self
            case _ if isinstance(event, ev.Note):
                return self
            case _:
                return self._ended(command, event)

    def _said(self, decision: ev.Decision, digest: str) -> Watch:
        assert decision.by != OWNER, "the owner decided"
        assert decision.seen == digest, "what was seen is not what is there"
        said = replace(self, decided=decision.verb)
        if decision.verb in ("ok", "flag"):
            assert self.in_review
            assert decision.at < self.review_expires
            counted = self._counted(self.reviews, decision)
            assert counted, "somebody else reviewed it"
        elif decision.verb == "approve":
            assert decision.at < self.expires
            counted = self._counted(self.quorums, decision)
            assert not counted <= self.approvals, "an approval that adds nothing"
            said = replace(said, approvals=self.approvals | counted)
        else:
            return said
        assert {rule for rule, _ in counted} == set(decision.counts)
        return said

    def _counted(
        self, quorums: tuple[Quorum, ...], decision: ev.Decision
    ) -> frozenset[tuple[str, str]]:
        return frozenset(
            (quorum.rule, decision.by)
            for quorum in quorums
            if NAMES[decision.by] & set(quorum.refs) and decision.via in quorum.doors
        )

    def _handed(self, command: cmd.Command, event: ev.Handed) -> Watch:
        assert OWNER not in event.people, "the owner is asked"
        theirs = [quorum for quorum in self.quorums if quorum.rule in event.rules]
        assert len(theirs) == len(event.rules) > 0
        for quorum in theirs:
            assert (quorum.rule, event.by) not in self.approvals, "who has approved hands it on"
            if event.why == "route":
                self._check_route(command, event, quorum)
            elif event.why == "escalation":
                assert quorum.escalate is not None, "escalated twice, or never to be"
                late = event.at >= self.asked_at + quorum.escalate.after
                assert late or isinstance(command, (cmd.Absent, cmd.MailWas)), "escalated too soon"
                assert event.refs == quorum.escalate.refs
            else:
                assert isinstance(command, cmd.Tick)
                assert set(event.people) <= {*command.away.values(), *command.names}
                assert event.refs == (), "an absence gives nobody a seat"
        escalated = event.why == "escalation"
        return replace(
            self,
            quorums=tuple(
                Quorum(
                    quorum.rule,
                    quorum.approvals,
                    tuple(dict.fromkeys((*quorum.refs, *event.refs))),
                    _asked(quorum, event),
                    quorum.doors,
                    quorum.remind,
                    None if escalated else quorum.escalate,
                    quorum.route_to,
                )
                if quorum in theirs
                else quorum
                for quorum in self.quorums
            ),
        )

    def _check_route(self, command: cmd.Command, event: ev.Handed, quorum: Quorum) -> None:
        assert isinstance(command, cmd.Decide)
        assert (command.verb, command.person) == ("route", event.by)
        assert command.target is not None
        assert event.refs == (command.target.name,)
        assert event.leaving == (event.by,)
        allowed = {*quorum.refs, *quorum.route_to}
        for person in event.people:
            assert NAMES[person] & allowed or command.target.name in allowed, "to somebody else"

    def _reminded(self, command: cmd.Command, event: ev.Reminded) -> Watch:
        assert isinstance(command, cmd.Tick)
        assert self.reminded < event.upto <= event.at, "reminded twice, or too soon"
        assert event.people or command.away, "nobody is reminded"
        return replace(self, reminded=event.upto)

    def _rejudged(self, command: cmd.Command, event: ev.Rejudged) -> Watch:
        assert event.expires_at <= self.expires, "a later expiry"
        verdict = event.verdict
        if isinstance(command, cmd.Decide):
            assert command.change is not None
            wanted = command.change.verdict
            assert verdict.asks, "an edit is taken for an approval"
            assert wanted.gate != "deny"
        else:
            assert isinstance(command, cmd.Rejudge)
            assert not self.begun, "judged again after a start"
            wanted = command.verdict
            anew = wanted.gate == "deny" or verdict.quorums != self.judged
            assert anew, "judged again for nothing"
        was = {quorum.rule: quorum for quorum in self.judged}
        held = {quorum.rule: quorum for quorum in self.quorums}
        # What is asked of the same circle stays with whom it was handed to.
        quorums = tuple(
            _still_handed(held[q.rule], q) if q.rule in was and was[q.rule].refs == q.refs else q
            for q in verdict.quorums
        )
        judged = replace(
            self,
            gate=verdict.gate,
            expires=event.expires_at,
            reviews=(),
            quorums=quorums,
            judged=verdict.quorums,
        )
        if wanted.gate == "deny":
            assert verdict.gate == "deny"
            return judged
        now = {quorum.rule: quorum for quorum in quorums}
        for before in self.quorums:
            assert now[before.rule].approvals >= before.approvals, "a smaller quorum"
            assert set(now[before.rule].doors) <= set(before.doors), "another door"
        for one in wanted.quorums:
            assert now[one.rule].approvals >= one.approvals, "less than the policy demands"
        for quorum in quorums:
            able = [p for p in NAMES if p != OWNER and NAMES[p] & set(quorum.refs)]
            assert len(able) >= quorum.approvals, "nobody can meet it"
        return judged

    def _reviewed(self, command: cmd.Command, event: ev.Reviewed) -> Watch:
        assert self.in_review, "no review, or a second end of one"
        if event.said == "lapsed":
            assert isinstance(command, cmd.Tick)
            assert event.at >= self.review_expires, "lapsed too soon"
            assert self.decided == "", "somebody answered in time"
        else:
            assert isinstance(command, cmd.Decide)
            assert (self.decided, event.said) in (("ok", "ok"), ("flag", "flagged"))
        return replace(self, review=event.said)

    @property
    def in_review(self) -> bool:
        return self.review == "open"

    @property
    def all_filed(self) -> bool:
        """Whether every receipt there must be is there."""
        return bool(self.final) and self.filed and (not self.review or self.review_filed)

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
        ended = replace(self, running=False, permitted=False, final=status)
        if status == "executed" and self.reviews and not self.decided:
            return replace(ended, review="open", review_expires=event.at + self.review_seconds)
        return ended


def _asked(quorum: Quorum, event: ev.Handed) -> tuple[str, ...]:
    """Whom a handing leaves to be asked: never fewer than have to approve."""
    everybody = {*quorum.reviewers, *event.people}
    left = everybody - {*event.leaving}
    return tuple(sorted(left if len(left) >= quorum.approvals else everybody))


def _still_handed(held: Quorum, wanted: Quorum) -> Quorum:
    few = len(held.reviewers) < wanted.approvals
    people = {*held.reviewers, *(wanted.reviewers if few else ())}
    return Quorum(
        held.rule,
        wanted.approvals,
        held.refs,
        tuple(sorted(people)),
        wanted.doors,
        held.remind,
        held.escalate,
        held.route_to,
    )
