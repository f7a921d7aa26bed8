"""What asking people costs and brings, from receipts: by rule, by kind, by reviewer, by day.

Pure and streaming: receipts come in one at a time, in the order in which they were sealed; what
stays is numbers. The two ways to fail, an agent that acts too freely and a person who is asked too
often, are both to be seen here.
"""

from __future__ import annotations

import datetime as dt
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hitl_mail.policy.answers import ANSWERS, Answer, read_answers, unanswered
from hitl_mail.policy.history import Past, Review, read_entry

GOAL = 60.0
"""Seconds within which a packet should be decided."""

LONGEST_LOOK = 300.0
"""Seconds that one answer counts for at most in people's minutes: who answers after lunch has not
read all the while."""

READING = 60.0
"""Characters a second that nobody reads faster than."""

RUN = 3
"""So many approvals in a row, each too fast to have been read, are a run."""

OUTCOMES = ("ran_alone", "approved", "edited", "rejected", "expired", "denied", "other")

WAITS = (15.0, GOAL, 300.0, 900.0, 3600.0, 4 * 3600.0, 86400.0)
"""Seconds that bound the classes of times to decide; the last class has no end."""

SIZES = ((500, "short"), (2000, "middling"), (None, "long"))
"""Packets by the characters shown, up to each bound."""


@dataclass
class Tally:
    """The cases of one rule or kind. Times in seconds."""

    actions: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    waits: array[float] = field(default_factory=lambda: array("d"))
    people: float = 0.0

    def document(self) -> dict[str, Any]:
        """As `stats --json` prints it; minutes of people's time, seconds else."""
        waits = sorted(self.waits)
        within = sum(wait <= GOAL for wait in waits)
        names = ("ran_alone", "asked", "approved", "edited", "rejected", "expired", "denied")
        return {
            "actions": self.actions,
            **{name: self.counts[name] for name in (*names, "flagged")},
            "unread": self.counts["unread"],
            "median_seconds": quantile(waits, 0.5),
            "p90_seconds": quantile(waits, 0.9),
            "within_goal": round(within / len(waits), 3) if waits else None,
            "people_minutes": round(self.people / 60, 1),
        }


@dataclass
class Reviewer:
    """One person's part."""

    asked: int = 0
    verbs: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    people: float = 0.0
    waits: array[float] = field(default_factory=lambda: array("d"))
    by_size: dict[str, array[float]] = field(
        default_factory=lambda: {name: array("d") for _, name in SIZES}
    )
    fast_runs: int = 0
    longest_run: int = 0
    _run: int = 0
    _last: float | None = None

    def add(self, answer: Answer) -> float:
        """Take one more answer in; the seconds of the person's time that it stands for."""
        self.asked += 1
        self.verbs[answer.verb] += 1
        took = self._took(answer)
        self.people += took
        if answer.waited is not None:
            self.waits.append(answer.waited)
            if answer.size is not None:
                self.by_size[size_of(answer.size)].append(answer.waited)
        self._fast(answer)
        self._last = answer.at
        return took

    def _took(self, answer: Answer) -> float:
        """Since the mail came, or since this person's last answer if that is later."""
        begun = max(answer.asked_at or 0.0, self._last or 0.0)
        return min(max(0.0, answer.at - begun), LONGEST_LOOK) if begun else LONGEST_LOOK

    def _fast(self, answer: Answer) -> None:
        """Count approvals in a row that nobody can have read. The first of a run is known by no
        answer before it, and does not count."""
        gap = None if self._last is None else answer.at - self._last
        fast = (
            answer.verb == "approve"
            and gap is not None
            and answer.size is not None
            and 0 <= gap < answer.size / READING
        )
        self._run = self._run + 1 if fast else 0
        self.fast_runs += self._run == RUN
        self.longest_run = max(self.longest_run, self._run)

    def document(self, person: str) -> dict[str, Any]:
        """As `stats --json` prints it."""
        waits = sorted(self.waits)
        return {
            "reviewer": person,
            "answered": self.asked,
            "unanswered": self.unanswered,
            **{verb: self.verbs[verb] for verb in ("approve", "reject", "edit", "route")},
            "ok": self.verbs["ok"],
            "flag": self.verbs["flag"],
            "median_seconds": quantile(waits, 0.5),
            "p90_seconds": quantile(waits, 0.9),
            "median_by_size": {
                name: quantile(sorted(found), 0.5) for name, found in self.by_size.items()
            },
            "people_minutes": round(self.people / 60, 1),
            "fast_runs": self.fast_runs,
            "longest_fast_run": self.longest_run if self.fast_runs else 0,
        }


class Economics:
    """The sums over a history. `document` may be asked for at any time."""

    def __init__(self, since: str = "") -> None:
        self._since = since
        self.all = Tally()
        self.rules: dict[str, Tally] = {}
        self.kinds: dict[str, Tally] = {}
        self.reviewers: dict[str, Reviewer] = {}
        self.days: dict[str, Counter[str]] = {}
        self._rules_of: dict[str, tuple[str, ...]] = {}

    def add(self, receipt: Mapping[str, Any]) -> None:
        """One receipt, of a case or of its review. One that was closed before `since` counts for
        nothing."""
        if receipt["closed_at"] < self._since:
            return
        entry = read_entry(receipt)
        took = sum(self._person(answer.person).add(answer) for answer in read_answers(receipt))
        if isinstance(entry, Review):
            self._review(entry, took)
        else:
            self._case(entry, receipt, took)

    def _case(self, past: Past, receipt: Mapping[str, Any], took: float) -> None:
        became = outcome_of(past)
        unread = past.asked and past.status == "expired" and not past.verbs & ANSWERS
        for person in unanswered(receipt) if past.status == "expired" else ():
            self._person(person).unanswered += 1
        names = past.asking or past.rules
        if past.sampled:
            self._rules_of[past.case] = names
        for tally in self._tallies(past.kind, names):
            tally.actions += 1
            tally.counts[became] += 1
            tally.counts["asked"] += past.asked
            tally.counts["unread"] += unread
            tally.people += took
            if past.waited is not None:
                tally.waits.append(past.waited)
        self.days.setdefault(past.closed_at[:10], Counter())[became] += 1

    def _review(self, review: Review, took: float) -> None:
        names = self._rules_of.pop(review.case, ())
        for tally in self._tallies(review.kind, names):
            tally.counts["flagged"] += review.result == "flagged"
            tally.people += took

    def _tallies(self, kind: str, rules: Iterable[str]) -> Iterable[Tally]:
        return (
            self.all,
            self.kinds.setdefault(kind, Tally()),
            *(self.rules.setdefault(rule, Tally()) for rule in rules),
        )

    def _person(self, name: str) -> Reviewer:
        return self.reviewers.setdefault(name, Reviewer())

    def document(self) -> dict[str, Any]:
        """All sums, as `stats --json` prints them."""
        return {
            "since": self._since or None,
            "goal_seconds": GOAL,
            "all": self.all.document(),
            "rules": [{"rule": name, **tally.document()} for name, tally in _busiest(self.rules)],
            "kinds": [{"kind": name, **tally.document()} for name, tally in _busiest(self.kinds)],
            "reviewers": [
                person.document(name)
                for name, person in sorted(
                    self.reviewers.items(), key=lambda item: (-item[1].asked, item[0])
                )
            ],
            "waits": [
                {"up_to_seconds": bound, "answers": count}
                for bound, count in zip((*WAITS, None), _classes(self.all.waits), strict=True)
            ],
            "days": [
                {"day": day, **{name: self.days.get(day, Counter())[name] for name in OUTCOMES}}
                for day in _days(self.days)
            ],
        }


def outcome_of(past: Past) -> str:
    """Which of `OUTCOMES` a case came to, as a person sees it: what they approved counts as
    approved whatever came of it then."""
    if past.ran_alone:
        return "ran_alone"
    if past.status in ("rejected", "expired", "denied"):
        return past.status
    if past.edited and past.ran:
        return "edited"
    return "approved" if past.approved else "other"


def size_of(characters: int) -> str:
    """Which of `SIZES` a packet is."""
    return next(name for bound, name in SIZES if bound is None or characters <= bound)


def quantile(values: list[float], share: float) -> float | None:
    """The value below which this share of the sorted `values` lies (nearest rank), rounded to a
    tenth; None of nothing."""
    if not values:
        return None
    rank = max(1, -(-int(share * 1000) * len(values) // 1000))
    return round(values[rank - 1], 1)


def _days(found: Collection[str]) -> list[str]:
    """Every day from the first to the last of these, those without a case among them."""
    if not found:
        return []
    first, last = (dt.date.fromisoformat(day) for day in (min(found), max(found)))
    return [(first + dt.timedelta(n)).isoformat() for n in range((last - first).days + 1)]


def _classes(waits: Iterable[float]) -> list[int]:
    """How many lie in each class of `WAITS`."""
    counts = [0] * (len(WAITS) + 1)
    for wait in waits:
        counts[bisect_left(WAITS, wait)] += 1
    return counts


def _busiest(tallies: Mapping[str, Tally]) -> list[tuple[str, Tally]]:
    return sorted(tallies.items(), key=lambda item: (-item[1].counts["asked"], -item[1].actions))
