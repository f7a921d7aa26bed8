"""What the rules say of one action: the gate, who must agree, and why.

The policy computes a `Verdict`; the case keeps it. `document` is its public JSON (design 1.3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec

Gate = Literal["auto", "sample", "exception", "hard", "deny"]
Door = Literal["mail", "link", "cli"]
DOORS: tuple[Door, ...] = ("mail", "link", "cli")

ADMINS = "@admins"
"""The reference that stands for every admin of the site, beside names of people and groups."""


class Escalation(msgspec.Struct, frozen=True):
    """`after` so many seconds without enough answers, `refs` are asked too: these `people`."""

    after: int
    refs: tuple[str, ...]
    people: tuple[str, ...]


class Quorum(msgspec.Struct, frozen=True, omit_defaults=True):
    """One asking rule's demand: `approvals` of its own people.

    `refs` are names of people and groups (or `ADMINS`) and are what counts: who may decide is
    looked up when they decide. `reviewers` are the people they meant when the question was asked,
    sorted, somebody's stand-in in the place of whoever is away. `remind` are seconds after the
    asking, `route_to` whom the question may be handed to, beyond `refs`.
    """

    rule: str
    approvals: int
    refs: tuple[str, ...]
    reviewers: tuple[str, ...]
    doors: tuple[Door, ...] = DOORS
    remind: tuple[int, ...] = ()
    escalate: Escalation | None = None
    route_to: tuple[str, ...] = ()


class Trace(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One rule's part in a verdict: whether it matched, and on which values.

    A `sample` rule's values hold its `rate` and the `draw`, so that the draw can be recomputed.
    """

    rule: str
    matched: bool
    values: dict[str, Any] = {}
    error: str | None = None


class Standing(msgspec.Struct, frozen=True):
    """What the past says at the moment of judging.

    `draw` in [0, 1) is the keyed hash of the case id (`core.sampling.draw`), None where there is
    no case yet. `typical` are `cost`, `latency` (as agents stated them) and `seconds` of past
    executions of this kind, each absent where too few are known. `tightened` are the sample rules
    that gate hard until an admin relaxes them, each with the reason that a reviewer is shown.
    `away` maps people who are away to those who are asked in their place.
    """

    draw: float | None = None
    typical: Mapping[str, float] = MappingProxyType({})
    tightened: Mapping[str, str] = MappingProxyType({})
    away: Mapping[str, str] = MappingProxyType({})


_QUIET, _SAMPLE, _TRIGGERED = 1, 2, 3
STRICTNESS: Mapping[Gate, int] = MappingProxyType(
    {"auto": 0, "exception": _QUIET, "sample": _SAMPLE, "hard": 4, "deny": 5}
)
"""The gates, milder first, an exception that nothing has triggered among them."""


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rules' answer. `expires` is in seconds; `standby` are the people who are asked when a
    case that no rule asked about needs a person after all. `spoken` are the reasons
    as (rule, reason), the rule empty where the kind itself gives it.

    `sampled` is None where no draw was made yet. Where it is True, `reviews` says for each rule
    that drew the case who may say ok or flag, and `review_expires` within how many seconds.
    """

    gate: Gate
    asks: bool
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    quorums: tuple[Quorum, ...]
    expires: int
    policy: str
    standby: Quorum
    sampled: bool | None = None
    conflict: bool = False
    on_failure: Literal["fail", "review"] = "fail"
    trace: tuple[Trace, ...] = ()
    reviews: tuple[Quorum, ...] = ()
    review_expires: int = 0
    spoken: tuple[tuple[str, str], ...] = ()

    @property
    def strictness(self) -> int:
        """Its place in the order of design 1.3, higher is stricter: `deny` > `hard` > `exception`
        triggered > `sample` > `exception` quiet > `auto`."""
        return _TRIGGERED if self.gate == "exception" and self.asks else STRICTNESS[self.gate]

    def document(self) -> dict[str, Any]:
        """The verdict as design 1.3 prints it."""
        return {
            "gate": self.gate,
            "asks": self.asks,
            "sampled": self.sampled,
            "rules": list(self.rules),
            "reasons": list(self.reasons),
            "quorums": [
                {"rule": q.rule, "reviewers": list(q.reviewers), "approvals": q.approvals}
                for q in self.quorums
            ],
            "expires": self.expires,
            "policy": self.policy,
            "conflict": self.conflict,
            "trace": [_trace(trace) for trace in self.trace],
        }


def _trace(trace: Trace) -> dict[str, Any]:
    line = {"rule": trace.rule, "matched": trace.matched, "values": trace.values}
    return line if trace.error is None else {**line, "error": trace.error}


Said = Mapping[str, Collection[tuple[str, Door]]]
"""By rule, those whose approval counts for what would run, and by which door it came."""

_NOBODY: Said = MappingProxyType({})


def stricter(old: Verdict, new: Verdict, said: Said = _NOBODY) -> Verdict | None:
    """The verdict of an open case after the policy changed, or None where it keeps its own.

    A case never gets milder: every quorum it had stays, with the larger number and, where the new
    people are among the old and enough, the smaller circle; quorums of the new verdict are added.
    Where a rule names other people than before, both circles have to agree; so they do where
    somebody has approved already whom it no longer names, or by a door that it no longer takes.
    """
    if new.gate == "deny":
        return new if old.gate != "deny" else None
    both = combined(old, new, said)
    return None if _demands(both) == _demands(old) else both


def _demands(verdict: Verdict) -> set[Quorum]:
    """Its quorums, without when their people are reminded: that alone asks nobody anew."""
    return {msgspec.structs.replace(quorum, remind=()) for quorum in verdict.quorums}


def combined(old: Verdict, new: Verdict, said: Said = _NOBODY) -> Verdict:
    """Both verdicts at once, neither a denial: all that either asks for, told as `new` tells it."""
    before = {quorum.rule: quorum for quorum in old.quorums}
    merged = dict(before)
    for quorum in new.quorums:
        name = _name(quorum, before, said)
        named = msgspec.structs.replace(quorum, rule=name)
        merged[name] = _narrower(before.get(name), named, new.expires < old.expires)
    spoken = tuple(
        sorted(
            {**dict.fromkeys(reasons_by_rule(old)), **dict.fromkeys(reasons_by_rule(new))},
            key=_rule,
        )
    )
    return msgspec.structs.replace(
        new,
        gate=max(old, new, key=lambda verdict: verdict.strictness).gate,
        asks=bool(merged),
        rules=tuple(sorted({*old.rules, *new.rules})),
        reasons=tuple(dict.fromkeys(reason for _, reason in spoken)),
        spoken=spoken,
        quorums=tuple(merged[rule] for rule in sorted(merged)),
        expires=min(old.expires, new.expires),
        on_failure="review" if "review" in (old.on_failure, new.on_failure) else "fail",
        sampled=None,
        reviews=(),
    )


def said_anew(old: Verdict, new: Verdict) -> Verdict:
    """The old verdict without the reasons of rules that the new one speaks for: after an edit they
    would tell of values that are no more."""
    again = {rule for rule, _ in reasons_by_rule(new) if rule}
    spoken = tuple((rule, why) for rule, why in reasons_by_rule(old) if rule not in again)
    reasons = tuple(dict.fromkeys(why for _, why in spoken))
    return msgspec.structs.replace(old, spoken=spoken, reasons=reasons)


def reasons_by_rule(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Its reasons with their rules; of a verdict that was kept before they were, without."""
    return verdict.spoken or tuple(("", reason) for reason in verdict.reasons)


def _rule(spoken: tuple[str, str]) -> tuple[bool, str]:
    """By rule, what none of them gives last."""
    return not spoken[0], spoken[0]


def _name(quorum: Quorum, before: Mapping[str, Quorum], said: Said) -> str:
    """What a quorum is called beside those of before: its rule, or, where neither circle is the
    stricter and both have to agree, `RULE (new)`, then `RULE (new 2)` and so on."""
    name, number = quorum.rule, 0
    while (was := before.get(name)) is not None and not _same_circle(
        was, quorum, said.get(name, ())
    ):
        number += 1
        name = f"{quorum.rule} (new{f' {number}' if number > 1 else ''})"
    return name


def _same_circle(old: Quorum, new: Quorum, said: Collection[tuple[str, Door]]) -> bool:
    """Whether one of two circles of a rule can stand for both, so that nobody is asked twice."""
    if not _a_door_in_common(old, new) or not _takes_every_door(new, said):
        return False
    if old.refs == new.refs:
        # The same names are the same circle, whoever of it is away today.
        return True
    if not _could_give(old, old.approvals):
        # Nobody could ever have met it: the changed rule is the mend for that.
        return _asks_everybody(new, said)
    approvals = max(old.approvals, new.approvals)
    if not (_could_give(old, approvals) and _could_give(new, approvals)):
        return _within(old, new) and _within(new, old)
    return _within(old, new) or (_within(new, old) and _asks_everybody(new, said))


def _a_door_in_common(one: Quorum, other: Quorum) -> bool:
    return not {*one.doors}.isdisjoint(other.doors)


def _takes_every_door(quorum: Quorum, said: Collection[tuple[str, Door]]) -> bool:
    """Whether all approvals came by a door that it takes."""
    return {door for _, door in said} <= {*quorum.doors}


def _asks_everybody(quorum: Quorum, said: Collection[tuple[str, Door]]) -> bool:
    """Whether all who have approved are among its people."""
    return {person for person, _ in said} <= {*quorum.reviewers}


def _could_give(quorum: Quorum, approvals: int) -> bool:
    return len({*quorum.reviewers}) >= approvals


def _within(inner: Quorum, outer: Quorum) -> bool:
    return {*inner.reviewers} <= {*outer.reviewers}


def _narrower(old: Quorum | None, new: Quorum, sooner: bool) -> Quorum:
    if old is None:
        return new
    approvals = max(old.approvals, new.approvals)
    smaller = new.refs != old.refs and _within(new, old)
    circle, other = (new, old) if smaller else (old, new)
    # A circle too small for the larger number would let nobody approve, ever.
    if not _could_give(circle, approvals) and _could_give(other, approvals):
        circle = other
    doors = tuple(door for door in old.doors if door in new.doors)
    return msgspec.structs.replace(
        circle,
        approvals=approvals,
        doors=doors,
        # Half of a time that has become shorter is sooner.
        remind=new.remind if sooner and new.remind else old.remind,
        escalate=old.escalate,
        route_to=old.route_to,
    )
