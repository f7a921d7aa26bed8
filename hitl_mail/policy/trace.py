"""Each rule's line in a verdict: whether it matched, and on which values.

A verdict carries a line for every rule, so that what can be prepared once for a policy is: most
rules do not match, and many read the same values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hitl_mail.core.verdict import Trace
from hitl_mail.policy.findings import Answer, Demand, Question, Ready, only_claimed
from hitl_mail.policy.templates import LONGEST, look_up, shown
from hitl_mail.policy.variables import Facts

_ABSENT, _UNSEEN = object(), object()
_PLAIN = frozenset({bool, int, float})
_Values = dict[str, Any]
_Paths = dict[str, tuple[str, str | None]]
"""By the name that a condition reads: the variable, and the whole path where it goes further."""


class Tracer:
    """The lines of one policy's rules, ready to be filled."""

    def __init__(self, rules: Sequence[Ready]) -> None:
        self._readings = list(dict.fromkeys(ready.when.uses for ready in rules))
        self._paths = {name: _path(name) for ready in rules for name in ready.uses}
        places = {uses: place for place, uses in enumerate(self._readings)}
        # The values of a rule's own condition are all there is to tell of most rules.
        self._lines = [
            (
                ready.rule.name,
                places[ready.when.uses],
                not ready.triggers and ready.rule.gate != "sample",
            )
            for ready in rules
        ]

    def trace(
        self,
        known: Question,
        claimed: Question,
        first: Answer,
        second: Answer,
        demands: Mapping[str, Demand],
    ) -> tuple[Trace, ...]:
        """A line for every rule in the order of the file, then for what spoke beside them, then
        for what is missing. Rules that read the same share one dict; nobody changes it."""
        sight = _Sight(known.facts, self._paths)
        other = sight if claimed is known else _Sight(claimed.facts, self._paths)
        read = [sight.values(uses) for uses in self._readings]
        lines = []
        for name, reading, plain in self._lines:
            demand = demands.get(name)
            if demand is None:
                lines.append(Trace(name, False, read[reading]))
            elif plain and not only_claimed(name, first, second):
                lines.append(Trace(name, True, read[reading], demand.error))
            else:
                seen = other if only_claimed(name, first, second) else sight
                lines.append(_matched(name, demand, seen, known.standing.draw))
        beside = [Trace(name, True) for name, demand in demands.items() if demand.ready is None]
        return (*lines, *beside, *(Trace(gap.rule, True, gap.values) for gap in known.missing))


class _Sight:
    """The values that conditions read under one set of facts, each looked up once."""

    def __init__(self, facts: Facts, paths: _Paths) -> None:
        self._find = facts.find
        self._paths = paths
        self._seen: _Values = {}

    def values(self, uses: Iterable[str]) -> _Values:
        """By dotted name, short; absent ones left out."""
        seen, found = self._seen, {}
        for name in uses:
            value = seen.get(name, _UNSEEN)
            if value is _UNSEEN:
                value = seen[name] = _short(self._look(name))
            if value is not _ABSENT:
                found[name] = value
        return found

    def _look(self, name: str) -> Any:
        root, path = self._paths[name]
        if path is not None:
            return look_up(path, self._find, _ABSENT)
        try:
            return self._find(root)
        except KeyError:
            return _ABSENT


def _path(name: str) -> tuple[str, str | None]:
    path = name.removeprefix("action.")
    return path.split(".")[0], path if "." in path else None


def _matched(name: str, demand: Demand, sight: _Sight, draw: float | None) -> Trace:
    ready = demand.ready
    assert ready is not None  # noqa: S101 - only rules have a line
    values = sight.values(ready.uses)
    if ready.rule.gate == "sample":
        values["rate"] = ready.rule.rate
        if draw is not None:
            values["draw"] = draw
    return Trace(name, True, values, demand.error)


def _short(value: Any) -> Any:
    """A value as a trace keeps it: as received where it is small, else the start of its JSON."""
    if value is _ABSENT or value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, str):
        # All that needs no marks: the common case, in a tenth of the time.
        plain = len(value) <= LONGEST and value.isascii() and value.isprintable()
        return value if plain else shown(value)
    if len(msgspec.json.encode(value)) <= LONGEST:
        return value
    text = shown(value)
    return text if text.endswith("…") else value
