"""What a policy would have done on every past case, beside what was done.

Pure and streaming: cases come in one at a time and only sums and a bounded number of names stay.
Judging is handed in, so that the caller decides with which samples and people.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any

from hitl_mail.core.action import Action
from hitl_mail.core.verdict import Verdict
from hitl_mail.policy.history import Entry, Past, walk
from hitl_mail.policy.model import Kind

Judge = Callable[[Past, Mapping[str, float]], Verdict]
"""The verdict on a past case whose action can be read, given what was typical of its kind."""

GUARDED = frozenset({"money", "destructive", "publish", "permission"})
"""Effects that nothing here ever proposes to let run unseen."""

OUTCOMES = ("auto", "sample", "quiet", "exception", "hard", "deny")
"""What a verdict comes to; `quiet` is an exception gate that nothing triggered."""

MOST_NAMED = 10_000
"""How many cases of one finding are named; all are counted."""


def guarded(action: Action, kind: Kind | None) -> bool:
    """Whether it has one of the `GUARDED` effects, known or claimed, or there is no way back."""
    if kind is None or not kind.reversible or action.reversible is False:
        return True
    return not GUARDED.isdisjoint((*kind.effects, *action.effects))


def outcome(gate: str, asks: bool) -> str:
    """Which of `OUTCOMES` a gate came to."""
    return "quiet" if gate == "exception" and not asks else gate


def alone(verdict: Verdict) -> bool:
    """Whether nobody is asked before it runs."""
    return not verdict.asks and verdict.gate != "deny"


class Replay:
    """The sums of one policy over a history. `report` may be asked for at any time."""

    def __init__(self) -> None:
        self.replayed = 0
        self.asks_before = 0
        self.asks_after = 0
        self._reviews: Counter[str] = Counter()
        self._gates: Counter[tuple[str, str]] = Counter()
        self._waits = array("d")
        self._erased = _Named()
        self._unreadable = _Named()
        self._unseen = _Named()
        self._denied = _Named()
        self._stopped = _Named()

    def skip(self, past: Past) -> None:
        """A case whose action is gone: counted and named, never guessed at."""
        (self._erased if past.erased else self._unreadable).add({"case": past.case})

    def add(self, past: Past, verdict: Verdict) -> None:
        """One case, and what the policy says of it."""
        self.replayed += 1
        self.asks_before += past.asked
        self.asks_after += verdict.asks
        self._gates[outcome(past.gate, past.asked), outcome(verdict.gate, verdict.asks)] += 1
        self._reviews["before"] += past.sampled is True
        self._reviews["after"] += verdict.sampled is True
        self._reviews["unknown"] += verdict.gate == "sample" and verdict.sampled is None
        if past.waited is not None:
            self._waits.append(past.waited)
        if past.refused and alone(verdict):
            self._unseen.add(_row(past, verdict))
        elif past.approved and past.status == "executed" and verdict.gate == "deny":
            self._denied.add(_row(past, verdict))
        elif past.ran_alone and verdict.asks:
            self._stopped.add(_row(past, verdict))

    def report(self) -> dict[str, Any]:
        """All of it as one JSON value; times are minutes unless they say seconds."""
        usual = median(self._waits) if self._waits else None
        before, after = self.asks_before, self.asks_after
        return {
            "receipts": self.replayed + self._erased.count + self._unreadable.count,
            "replayed": self.replayed,
            "erased": self._erased.names(),
            "unreadable": self._unreadable.names(),
            "asks": {"before": before, "after": after, "change": after - before},
            "reviews": {name: self._reviews[name] for name in ("before", "after", "unknown")},
            "seconds_per_ask": usual,
            "decisions_timed": len(self._waits),
            "minutes": {
                name: None if usual is None else round(count * usual / 60, 1)
                for name, count in (
                    ("before", before),
                    ("after", after),
                    ("change", after - before),
                )
            },
            "gates": {
                then: {now: self._gates[then, now] for now in OUTCOMES if self._gates[then, now]}
                for then in OUTCOMES
                if any(self._gates[then, now] for now in OUTCOMES)
            },
            "alone_though_refused": self._unseen.rows(),
            "denied_though_approved": self._denied.rows(),
            "asked_though_ran_alone": self._stopped.rows(),
        }


def replay(entries: Iterable[Entry], judge: Judge, since: str = "") -> Replay:
    """What `judge` says of every case closed at `since` or later."""
    found = Replay()
    for entry, typical in walk(entries, since):
        if isinstance(entry, Past):
            if entry.action is None:
                found.skip(entry)
            else:
                found.add(entry, judge(entry, typical))
    return found


class _Named:
    """Cases of one finding: how many, and the first of them by name."""

    def __init__(self) -> None:
        self.count = 0
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        self.count += 1
        if self.count <= MOST_NAMED:
            self._rows.append(row)

    def names(self) -> dict[str, Any]:
        return {"count": self.count, "cases": [row["case"] for row in self._rows]}

    def rows(self) -> dict[str, Any]:
        return {"count": self.count, "cases": self._rows}


def _row(past: Past, verdict: Verdict) -> dict[str, Any]:
    return {
        "case": past.case,
        "id": past.id,
        "agent": past.agent,
        "kind": past.kind,
        "title": past.title,
        "status": past.status,
        "edited": past.edited,
        "decided_by": list(past.decided_by),
        "closed_at": past.closed_at,
        "before": {"gate": past.gate, "rules": list(past.rules)},
        "after": {"gate": verdict.gate, "rules": list(verdict.rules)},
    }
