"""What a past case is, read from its receipt, and what was typical of its kind by then.

Receipts come in the order in which they were sealed, one at a time; what is kept of them here is
bounded by the number of kinds. Knows neither where receipts are nor what is asked of the past.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from hitl_mail.core.action import Action
from hitl_mail.core.typical import FEWEST, LAST

TYPICAL = ("cost", "latency", "seconds")

_ANSWERS = frozenset({"approve", "reject", "edit", "route"})
_RAN = frozenset({"executed", "failed"})


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """One closed case. `action` is as received; None where it was erased, or (`erased` is false)
    is nothing that this version can read.

    `rules` are those that reached the gate then, `asking` those of which people were asked;
    `approved`, that they let it run as it was. `waited` is in seconds, from asking to the first
    decision; `seconds` is how long the executor took.
    """

    seq: int
    case: str
    id: str
    agent: str
    kind: str
    title: str
    status: str
    gate: str
    rules: tuple[str, ...]
    asking: tuple[str, ...]
    asked: bool
    sampled: bool | None
    action: Action | None
    erased: bool
    decided_by: tuple[str, ...]
    verbs: frozenset[str]
    approved: bool
    edited: bool
    waited: float | None
    seconds: float | None
    closed_at: str

    @property
    def refused(self) -> bool:
        """Whether a person rejected it, or let it run only after a change."""
        return self.edited or "reject" in self.verbs

    @property
    def ran(self) -> bool:
        """Whether its execution came to an end."""
        return self.status in _RAN

    @property
    def ran_alone(self) -> bool:
        """Whether it ran and nobody was asked before."""
        return self.ran and not self.asked


class Review(msgspec.Struct, frozen=True):
    """What became of looking at a sampled case after the fact."""

    seq: int
    case: str
    kind: str
    result: Literal["ok", "flagged", "lapsed"]
    closed_at: str


Entry = Past | Review


def read_entry(receipt: Mapping[str, Any]) -> Entry:
    """What one receipt says. `receipt` is as stored, with its parts or without."""
    if receipt.get("about", receipt["case"]) != receipt["case"]:
        return _review(receipt)
    verdict, decisions, erased = receipt["verdict"], receipt["decisions"], _erased(receipt)
    verbs = frozenset(said["verb"] for said in decisions)
    edited = "edit" in verbs or _revised(receipt["revisions"])
    gate = str(receipt["gate"])
    asked = bool(verdict.get("asks", gate == "hard"))
    rules = tuple(verdict.get("rules", ()))
    quorums = tuple(quorum["rule"] for quorum in verdict.get("quorums", ()))
    return Past(
        seq=receipt["seq"],
        case=receipt["case"],
        id=receipt["id"],
        agent=receipt["agent"],
        kind=receipt["kind"],
        title=receipt["title"],
        status=receipt["status"],
        gate=gate,
        rules=rules,
        asking=(quorums or rules) if asked else (),
        asked=asked,
        sampled=verdict.get("sampled"),
        action=None if erased else _action(receipt["action"]),
        erased=erased,
        decided_by=tuple(receipt["decided_by"]),
        verbs=verbs,
        approved=asked and "approve" in verbs and not edited and _let_run(receipt),
        edited=edited,
        waited=_waited(receipt) if asked else None,
        seconds=_number((receipt["outcome"] or {}).get("seconds")),
        closed_at=receipt["closed_at"],
    )


class Medians:
    """What is typical of each kind, kept up along the way."""

    def __init__(self) -> None:
        self._windows: dict[str, dict[str, _Window]] = {}
        self._found: dict[str, dict[str, float]] = {}

    def add(self, past: Past) -> None:
        """Take one more closed case in; only executed ones count."""
        if past.status != "executed":
            return
        action = past.action
        values = {
            "cost": action.cost if action else None,
            "latency": action.latency if action else None,
            "seconds": past.seconds,
        }
        windows = self._windows.setdefault(past.kind, {name: _Window() for name in TYPICAL})
        for name, value in values.items():
            windows[name].add(value)
        self._found.pop(past.kind, None)

    def of(self, kind: str) -> Mapping[str, float]:
        """The typical values of a kind by name; what too few cases have is absent."""
        if kind not in self._found:
            medians = {name: w.median() for name, w in self._windows.get(kind, {}).items()}
            self._found[kind] = {n: value for n, value in medians.items() if value is not None}
        return self._found[kind]


def walk(entries: Iterable[Entry], since: str = "") -> Iterator[tuple[Entry, Mapping[str, float]]]:
    """Every entry closed at `since` (ISO 8601, UTC) or later, with what was typical before it.

    Earlier ones only count towards what is typical.
    """
    medians = Medians()
    for entry in entries:
        if entry.closed_at >= since:
            yield entry, medians.of(entry.kind)
        if isinstance(entry, Past):
            medians.add(entry)


class _Window:
    """The last values and, sorted, those of them that are there."""

    def __init__(self) -> None:
        self._last: deque[float | None] = deque()
        self._sorted: list[float] = []

    def add(self, value: float | None) -> None:
        self._last.append(value)
        if value is not None:
            insort(self._sorted, value)
        if len(self._last) > LAST:
            gone = self._last.popleft()
            if gone is not None:
                del self._sorted[bisect_left(self._sorted, gone)]

    def median(self) -> float | None:
        there, middle = self._sorted, len(self._sorted) // 2
        if len(there) < FEWEST:
            return None
        return there[middle] if len(there) % 2 else (there[middle - 1] + there[middle]) / 2


def _review(receipt: Mapping[str, Any]) -> Review:
    verbs = {said["verb"] for said in receipt["decisions"]}
    result: Literal["ok", "flagged", "lapsed"] = "lapsed"
    if receipt["status"] == "flagged" or "flag" in verbs:
        result = "flagged"
    elif receipt["status"] == "ok" or "ok" in verbs:
        result = "ok"
    return Review(receipt["seq"], receipt["case"], receipt["kind"], result, receipt["closed_at"])


def _erased(receipt: Mapping[str, Any]) -> bool:
    # An action's own keys never hold `erased`: unknown fields are refused.
    return "erased" in receipt["action"]


def _action(document: Mapping[str, Any]) -> Action | None:
    try:
        return msgspec.convert(document, Action)
    except msgspec.ValidationError:
        return None


def _revised(revisions: Any) -> bool:
    return isinstance(revisions, list) and any(revision.get("by") for revision in revisions)


def _let_run(receipt: Mapping[str, Any]) -> bool:
    """Whether all quorums agreed, whatever came of it then."""
    return receipt["status"] in _RAN or any(
        event["event"] == "approved" and event.get("by") != "policy" for event in receipt["events"]
    )


def _waited(receipt: Mapping[str, Any]) -> float | None:
    """Seconds from the first mail that asked, or else from the arrival, to the first decision."""
    said = [d["at"] for d in receipt["decisions"] if d["verb"] in _ANSWERS and d.get("at")]
    if not said:
        return None
    packets = receipt["packets"] if isinstance(receipt["packets"], list) else []
    asked = [p["at"] for p in packets if p.get("about") == "ask" and p.get("at")]
    begin = min(asked) if asked else receipt.get("received_at")
    return max(0.0, (_moment(min(said)) - _moment(begin)).total_seconds()) if begin else None


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None
