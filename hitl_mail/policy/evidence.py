"""What people said, rule by rule: the counts on which `suggest` rests.

One rule's evidence is the cases of which it asked then, as far as today's rules still ask of
them for it; streaming, so that a number or two stays of each case.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from itertools import chain
from statistics import median
from typing import Any

from hitl_mail.policy.history import Past, Review


class Asked:
    """What became of the questions of one rule."""

    def __init__(self) -> None:
        self.approved = 0
        self.refused = 0
        self.unanswered = 0
        self.guarded = 0
        self.unreadable_refused = 0
        self.approved_of: Counter[str] = Counter()
        self.disturbed: set[str] = set()
        """Kinds of which a case was refused, or never answered."""
        self.waits: dict[str, array[float]] = {}
        """The seconds to each decision, by kind."""
        self.agreed = array("d")
        self.disagreed = array("d")
        """The confidences of the approved and of the refused."""
        self.unsure = 0
        """Cases that gave no confidence."""
        self.first = self.last = ""

    @property
    def count(self) -> int:
        return self.approved + self.refused + self.unanswered

    @property
    def seconds(self) -> float | None:
        """The median time to a decision."""
        waits = list(chain.from_iterable(self.waits.values()))
        return median(waits) if waits else None

    def seconds_of(self, kind: str) -> float:
        """The same for one kind; endless where nobody's time is known."""
        return median(self.waits[kind]) if kind in self.waits else math.inf

    def add(self, past: Past, *, is_guarded: bool) -> None:
        """One case of which this rule asked. A case withdrawn before anybody spoke says nothing."""
        if past.status == "canceled" and not past.verbs:
            return
        self.first, self.last = self.first or past.closed_at, past.closed_at
        if past.waited is not None:
            self.waits.setdefault(past.kind, array("d")).append(past.waited)
        self.guarded += is_guarded
        confidence = past.action.confidence if past.action else None
        self.unsure += confidence is None
        if past.refused:
            self.refused += 1
            self.disturbed.add(past.kind)
            if confidence is not None:
                self.disagreed.append(confidence)
        elif past.approved:
            self.approved += 1
            self.approved_of[past.kind] += 1
            if confidence is not None:
                self.agreed.append(confidence)
        else:
            self.unanswered += 1
            self.disturbed.add(past.kind)

    def add_unreadable(self, past: Past) -> None:
        """A case whose action is gone: it can speak against a change, never for one."""
        self.unreadable_refused += past.refused

    def facts(self, actions: int) -> dict[str, Any]:
        """The evidence as it is shown; `actions` is how many cases there were in all."""
        return {
            "asked": self.count,
            "approved": self.approved,
            "refused": self.refused,
            "unanswered": self.unanswered,
            "share": round(self.count / actions, 4) if actions else 0.0,
            "median_seconds": self.seconds,
            "first": self.first,
            "last": self.last,
        }


class Sampled:
    """What became of the reviews of one sample rule."""

    def __init__(self) -> None:
        self.ran = 0
        self.guarded = 0
        self.results: Counter[str] = Counter()
        self.first = self.last = ""

    @property
    def reviewed(self) -> int:
        return self.results["ok"] + self.results["flagged"]

    def add(self, past: Past, *, is_guarded: bool) -> None:
        """One case that ran under this rule, sampled or not."""
        self.ran += 1
        self.guarded += is_guarded
        self.first, self.last = self.first or past.closed_at, past.closed_at

    def add_review(self, review: Review) -> None:
        """One review of such a case."""
        self.results[review.result] += 1
        self.last = review.closed_at

    def facts(self) -> dict[str, Any]:
        """The evidence as it is shown: counts, and what the flagged share may be."""
        low, high = wilson(self.results["flagged"], self.reviewed)
        return {
            "ran": self.ran,
            "reviewed": self.reviewed,
            **{name: self.results[name] for name in ("ok", "flagged", "lapsed")},
            "flagged_share": [round(low, 4), round(high, 4)],
            "first": self.first,
            "last": self.last,
        }


def wilson(hits: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The interval that holds a share with 95 % confidence, by E. B. Wilson (JASA 22, 1927)."""
    if trials == 0:
        return 0.0, 1.0
    share, room = hits / trials, z * z / trials
    middle = (share + room / 2) / (1 + room)
    half = z * math.sqrt((share * (1 - share) + room / 4) / trials) / (1 + room)
    return max(0.0, middle - half), min(1.0, middle + half)
