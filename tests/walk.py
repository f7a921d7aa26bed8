"""A breadth-first walk over every state that a small case can reach.

It drives `decide` and `evolve` with an alphabet of commands at a few times, shows every event to
a `Watch`, and takes two states for one where they differ only in what no later step can tell
apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import msgspec

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import TRANSITIONS, Case
from hitl_mail.core.decide import CODES, decide
from hitl_mail.core.effects import ASKS, File, Mail, Result
from hitl_mail.core.evolve import evolve
from hitl_mail.core.quorum import askable, waiting_for
from hitl_mail.core.said import verbs
from hitl_mail.core.timing import due
from hitl_mail.core.verdict import Verdict
from hitl_mail.errors import Impossible, NotAllowed
from tests.factories import EXPIRES, NAMES, OWNER, executor_ref, receive
from tests.watch import Watch

TIMES = (0.0, 1.0, 99.0, EXPIRES, 101.0, 200.0)
"""Before a retry is due, when it is, just before expiry, at it, after it; and when an asking after
expiry expires. A permit given at 0 or 1 runs out before 99."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(list[ev.Event])


@dataclass(frozen=True)
class World:
    """What stays the same during one walk: the verdict, what a changed policy may say instead, the
    executor before and after its settings changed, what people may edit it to, whom they may name
    to hand it on, and who may go away, with their stand-ins."""

    verdict: Verdict
    type: Literal["command", "agent"] = "command"
    rejudgings: tuple[Verdict, ...] = ()
    edits: tuple[cmd.Change, ...] = ()
    targets: tuple[str, ...] = ()
    away: tuple[tuple[str, str], ...] = ()

    @property
    def executors(self) -> tuple[ev.ExecutorRef, ev.ExecutorRef]:
        return (
            executor_ref(type=self.type, digest="sha256:a"),
            executor_ref(type=self.type, digest="sha256:b"),
        )


@dataclass
class Walk:
    """What a walk saw."""

    states: int = 0
    transitions: int = 0
    moves: set[tuple[str | None, type]] = field(default_factory=set)
    statuses: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    stuck: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Node:
    case: Case
    watch: Watch
    now: int
    events: tuple[ev.Event, ...]
    rejudged: bool = False

    @property
    def key(self) -> Any:
        """What later steps can tell apart.

        Of a time that has come it is enough that it has; of attempts, whether a retry is left;
        of approvals that are enough and cannot become too few, that they are.
        """
        case, watch = self.case, self.watch
        effects = list(case.pending.values())
        settled = case.status != "approved" or case.started or not self.rejudged
        if case.status != "pending" and settled:
            watch = replace(watch, approvals=frozenset(), quorums=(), gate=f"met {watch.met}")
        return (
            case.status,
            case.revision.executor.digest,
            case.verdict.on_failure,
            case.payload["amount"],
            tuple(
                (q.rule, q.approvals, frozenset(q.refs), q.reviewers, q.escalate)
                for q in case.quorums
            ),
            tuple(self._until(case.revision.at + after) for after in self._nudges),
            self._until(case.reminded),
            self._until(case.expires_at),
            min(case.attempts, 2),
            self._until(case.retry_at),
            case.doubtful,
            case.permit and self._until(case.permit.until),
            tuple(effect.of for effect in effects if isinstance(effect, File)),
            case.review and (case.review.status, self._until(case.review.expires_at)),
            min(2, sum(isinstance(effect, Result) for effect in effects)),
            tuple((q.rule, q.approvals, frozenset(q.refs)) for q in watch.quorums),
            replace(watch, quorums=(), expires=0.0, review_expires=0.0, asked_at=0.0, reminded=0.0),
            self.now,
        )

    @property
    def _nudges(self) -> list[float]:
        """When somebody is reminded or asked too, in seconds after the asking."""
        quorums = self.case.quorums if self.case.status == "pending" else ()
        after = [seconds for quorum in quorums for seconds in quorum.remind]
        return sorted([*after, *(q.escalate.after for q in quorums if q.escalate)])

    def _until(self, moment: float | None) -> int:
        """How many steps of time until a moment has come."""
        return 0 if moment is None else sum(now < moment for now in TIMES[self.now :])


def walk(world: World) -> Walk:
    """Visit every reachable state of `world`, checking each step."""
    seen = Walk()
    command = receive(verdict_=world.verdict, executor=world.executors[0])
    first = _step(None, Watch(), command, 0, (), seen)
    assert first is not None
    first = replace(first, rejudged=bool(world.rejudgings))
    queue, reached = deque([first]), {first.key}
    before: dict[Any, set[Any]] = {}
    done = []
    while queue:
        node = queue.popleft()
        seen.states += 1
        seen.statuses.add(node.case.status)
        _check_state(node)
        if node.watch.all_filed or (due(node.case) or 0.0) > TIMES[-1]:
            done.append(node.key)
        for follower in _followers(node, world, seen):
            key = follower.key
            before.setdefault(key, set()).add(node.key)
            if key not in reached:
                reached.add(key)
                queue.append(follower)
    while done:
        key = done.pop()
        if key in reached:
            reached.discard(key)
            done.extend(before.get(key, ()))
    seen.stuck = list(reached)
    return seen


def _followers(node: _Node, world: World, seen: Walk) -> Iterator[_Node]:
    if node.now + 1 < len(TIMES):
        yield replace(node, now=node.now + 1)
    before = _ENCODER.encode(node.case)
    for command in _alphabet(node.case, world):
        try:
            following = _step(node.case, node.watch, command, node.now, node.events, seen)
        except NotAllowed as error:
            assert error.code in CODES
            seen.codes.add(error.code)
            continue
        if following is not None:
            yield replace(following, rejudged=node.rejudged)
    assert _ENCODER.encode(node.case) == before, "a command changed a case in place"


def _step(
    case: Case | None,
    watch: Watch,
    command: cmd.Command,
    now: int,
    events: tuple[ev.Event, ...],
    seen: Walk,
) -> _Node | None:
    told = decide(case, command, TIMES[now])
    if not told:
        return None
    seen.transitions += 1
    if isinstance(command, cmd.Finish):
        begun = sum(isinstance(event, ev.Started | ev.Permitted) for event in events)
        assert command.attempt == begun, "the outcome of another attempt was taken"
    for event in told:
        status, digest = (case.status, case.revision.digest) if case else (None, "")
        following = evolve(case, event)
        watch = watch.after(command, event, digest)
        _check_effects(case, event, following)
        if status is None or type(event) in TRANSITIONS[status]:
            seen.moves.add((status, type(event)))
        case = following
    assert case is not None
    if watch.final:
        assert case.status == watch.final
    nudged = all(isinstance(event, (ev.Handed, ev.Reminded)) for event in told)
    if isinstance(command, cmd.Tick) and not nudged:
        assert case.final or case.status == "in_doubt"
    if isinstance(command, cmd.Decide) and command.verb in ("edit", "route"):
        assert case.status == "pending", "an edit or a route has approved it"
    if isinstance(command, cmd.Rejudge):
        assert case.status in ("pending", "approved", "denied")
    return _Node(case, watch, now, (*events, *told))


def _check_effects(before: Case | None, event: ev.Event, case: Case) -> None:
    """Every effect is new once, with an id of its own, and asked for by the right event."""
    known = before.pending if before else {}
    made = before.effects_made if before else 0
    fresh = {key: effect for key, effect in case.pending.items() if key not in known}
    assert all(effect.id == key for key, effect in case.pending.items())
    assert sorted(int(key[1:]) for key in fresh) == list(range(made + 1, case.effects_made + 1))
    receipts = [effect.of for effect in fresh.values() if isinstance(effect, File)]
    ended = case.final and not (before and before.final)
    assert receipts == ["case"] * ended + ["review"] * isinstance(event, ev.Reviewed)
    results = sum(isinstance(effect, Result) for effect in fresh.values())
    assert results == isinstance(event, (ev.Filed, ev.Permitted))
    mails = [effect for effect in fresh.values() if isinstance(effect, Mail)]
    reviewed = sorted(mail.to for mail in mails if mail.about == "review")
    asked_to_review = isinstance(event, (ev.Filed, ev.Reminded)) and case.in_review
    assert reviewed == (list(askable(case)) if asked_to_review else [])
    asked = sorted(mail.to for mail in mails if mail.about in ASKS)
    if isinstance(event, (ev.Handed, ev.Reminded)) and not case.in_review:
        assert asked == sorted(event.people), "somebody is not asked, or another"
    if isinstance(event, ev.Rejudged):
        _check_asked(case)
    if before is not None and before.final:
        assert (case.status, case.outcome) == (before.status, before.outcome)
        assert case.closed_at == before.closed_at


def _check_asked(case: Case) -> None:
    """After a stricter verdict everybody who may decide is asked, and nobody twice."""
    assert case.status == "pending", "approved, though the verdict it was approved by fell"
    number = case.revision.number
    mails = [mail for mail in case.mails if mail.revision == number]
    asked = [mail.to for mail in mails if mail.what == "ask"]
    handed = [moment for moment in case.history if moment.event == "handed"]
    assert len(asked) == len(set(asked)) or handed
    asked += [mail.to for mail in mails if mail.what in ASKS]
    assert set(asked) >= {person for quorum in case.quorums for person in quorum.reviewers}


def _check_state(node: _Node) -> None:
    case, now = node.case, TIMES[node.now]
    approvals = {
        (rule, d.by)
        for d in case.decisions
        if d.verb == "approve" and d.revision == case.revision.number
        for rule in d.counts
    }
    assert node.watch.approvals == approvals
    assert node.watch.expires == case.expires_at
    assert case.status != "pending" or not node.watch.met, "it waits for what is there"
    assert case.status != "pending" or waiting_for(case), "it waits for nobody"
    assert node.watch.in_review == case.in_review
    assert not case.closed or node.watch.all_filed
    replayed: Case | None = None
    for event in _DECODER.decode(_ENCODER.encode(list(node.events))):
        replayed = evolve(replayed, event)
    assert replayed == case, "its journal tells another story"
    assert msgspec.json.decode(_ENCODER.encode(case), type=Case) == case
    moment = due(case)
    if decide(case, cmd.Tick(), now):
        assert moment is not None, "a timer nobody would set"
        assert moment <= now
    for event in IMPOSSIBLE:
        over = case.status == "executed" and not case.in_review
        if type(event) in TRANSITIONS[case.status] and not over:
            continue
        try:
            evolve(case, event)
        except Impossible:
            continue
        raise AssertionError(f"{event} happened to a case that is {case.status}")


def _alphabet(case: Case, world: World) -> Iterator[cmd.Command]:
    yield from _decisions(case)
    yield cmd.Withdraw("billing")
    yield cmd.Tick()
    if world.away:
        yield cmd.Tick(dict(world.away))
    for person in ("ada", "bob") if world.targets or world.away else ():
        yield cmd.Absent(person, "on holiday")
    yield from _handings(case, world)
    for verdict in world.rejudgings:
        yield cmd.Rejudge(verdict)
    for executor in world.executors:
        yield cmd.Begin(executor, permit_seconds=20.0)
    yield from _finishes(case)
    yield cmd.Tell({"ok": True})
    yield cmd.Tell({"ok": False})
    yield cmd.Answer("ada", "help", "what?")
    yield cmd.FiledAs(1, "sha256:r")
    yield cmd.FiledAs(1, "sha256:r", result=True)
    yield cmd.FiledAs(2, "sha256:v", of="review")
    yield cmd.ResultWas("none")
    for key, effect in list(case.pending.items())[-2:]:
        yield cmd.ResultWas(key)
        if isinstance(effect, Mail):
            yield cmd.MailWas(key, "deferred", next_at=1e9, error="451", full=True)
        yield cmd.MailWas(key, "sent", digest="sha256:m")
        yield cmd.MailWas(key, "failed", error="550")


def _decisions(case: Case) -> Iterator[cmd.Decide]:
    def said(person: str, verb: str, via: str, digest: str) -> cmd.Decide:
        return cmd.Decide(person, NAMES[person], person == OWNER, verb, via, digest)  # type: ignore[arg-type]

    current = case.revision.digest
    old = case.revisions[-2].digest if len(case.revisions) > 1 else "sha256:never"
    fitting = verbs(case)
    for verb in fitting:
        for person in NAMES:
            for via in ("mail", "link", "cli"):
                yield said(person, verb, via, current)
        yield said("ada", verb, "cli", old)
        yield said("cleo", verb, "cli", old)
    for verb in set(get_args(ev.Verb)) - set(fitting):
        yield said("ada", verb, "cli", current)
        yield said("cleo", verb, "mail", current)


def _handings(case: Case, world: World) -> Iterator[cmd.Decide]:
    """Edits and routes, by everybody, of what is there and of what was there before."""
    old = case.revisions[-2].digest if len(case.revisions) > 1 else "sha256:never"
    for seen in (case.revision.digest, old):
        for person in NAMES:
            said = (person, NAMES[person], person == OWNER)
            for change in world.edits:
                yield cmd.Decide(*said, "edit", "mail", seen, change=change)
            for name in world.targets:
                people = [p for p in NAMES if p != OWNER and (p == name or name in NAMES[p])]
                target = cmd.Target(name, {p: NAMES[p] for p in people})
                yield cmd.Decide(*said, "route", "link", seen, target=target)


def _finishes(case: Case) -> Iterator[cmd.Finish]:
    number = case.attempts
    for result in ("ok", "failed", "temporary", "doubt"):
        outcome = {"ok": result == "ok", "error": result}
        yield cmd.Finish(number - 1, result, outcome)
        yield cmd.Finish(number, result, outcome)
        if case.status == "executing":
            for retries, idempotent in ((1, False), (0, True), (1, True)):
                yield cmd.Finish(number, result, outcome, retries, idempotent)
    for idempotent in (False, True):
        yield cmd.Finish(number, "doubt", {"ok": False}, 0, idempotent, crashed=True)


_REVISION = ev.Revision(9, "sha256:x", executor_ref(), 0.0, "salt")
IMPOSSIBLE: tuple[ev.Event, ...] = (
    ev.Received(0.0, "c", "a", {}, "i", "d", "t", receive().verdict, _REVISION, [], EXPIRES),
    ev.Denied(0.0),
    ev.Decided(0.0, ev.Decision("ada", "approve", "cli", 0.0, 1, "sha256:x")),
    ev.Rejudged(0.0, receive().verdict, EXPIRES),
    ev.Approved(0.0),
    ev.Rejected(0.0),
    ev.Expired(0.0),
    ev.Canceled(0.0, "billing"),
    ev.Revised(0.0, _REVISION),
    ev.Handed(0.0, "route", ("money",), ("cleo",), ("cleo",), ("ada",), "ada"),
    ev.Reminded(0.0, 1.0, ("ada",)),
    ev.Started(0.0, 1),
    ev.Permitted(0.0, "sha256:x", 1.0),
    ev.AttemptFailed(0.0, 1, {}, 1.0),
    ev.Succeeded(0.0, {}),
    ev.Failed(0.0, {}),
    ev.Held(0.0, {}),
    ev.Doubted(0.0, {}),
    ev.Reviewed(0.0, "ok"),
    ev.Resumed(0.0),
    ev.Reopened(0.0, _REVISION, (), 1.0),
)
"""One of each turning point; what the table does not list for a status must raise."""
