"""What changed between two texts of rules.toml: rule by rule, kind by kind, key by key, in words.

Compares what the files say and judges nothing, so that a policy of the past, whose people and
executors may be gone, can still be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from hitl_mail.tables import Source

_STRICTNESS = {"auto": 0, "exception": 1, "sample": 1, "hard": 2, "deny": 3}
_ABSENT = object()


class Difference(NamedTuple):
    """One table added or removed, or one key of it changed. `part` is `policy`, `kind`, `rule`
    or `test`; `name` is empty for `policy`, `key` where the whole table came or went."""

    part: str
    name: str
    change: Literal["added", "removed", "changed"]
    key: str
    old: Any
    new: Any

    def words(self) -> str:
        """The difference as one line."""
        what = f"{self.part} {self.name}".rstrip()
        if not self.key:
            table = self.new if self.change == "added" else self.old
            return f"{what}: {self.change}{_gist(table)}"
        if self.change == "added":
            return f"{what}: {self.key} added: {_shown(self.new)}"
        if self.change == "removed":
            return f"{what}: {self.key} removed; it was {_shown(self.old)}"
        words = f"{what}: {self.key} was {_shown(self.old)}, is {_shown(self.new)}"
        return words + self._direction()

    def document(self) -> dict[str, Any]:
        """The difference as JSON; an absent value is null."""
        return {**self._asdict(), "words": self.words()}

    def _direction(self) -> str:
        if self.key not in ("gate", "unmatched", "unknown_kind"):
            return ""
        old, new = (_STRICTNESS.get(value) for value in (self.old, self.new))
        if old is None or new is None or old == new:
            return ""
        return " (stricter)" if new > old else " (milder)"


def diff(old: Source, new: Source) -> list[Difference]:
    """All differences: of `[policy]`, then kinds, rules and tests by name. Order means nothing,
    and neither do comments and the spelling of values."""
    found = list(_keys("policy", "", _table(old, "policy"), _table(new, "policy")))
    for part, key in (("kind", "kinds"), ("rule", "rules"), ("test", "tests")):
        found.extend(_tables(part, _named(old, key), _named(new, key)))
    return found


def _tables(
    part: str, old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]]
) -> Iterator[Difference]:
    for name in {**old, **new}:
        if name not in new:
            yield Difference(part, name, "removed", "", old[name], None)
        elif name not in old:
            yield Difference(part, name, "added", "", None, new[name])
        else:
            yield from _keys(part, name, old[name], new[name])


def _keys(
    part: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in {**old, **new}:
        before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if after is _ABSENT:
            yield Difference(part, name, "removed", key, before, None)
        elif before is _ABSENT:
            yield Difference(part, name, "added", key, None, after)
        elif before != after:
            yield Difference(part, name, "changed", key, before, after)


def _table(source: Source, key: str) -> dict[str, Any]:
    found = source.data.get(key)
    return found if isinstance(found, dict) else {}


def _named(source: Source, key: str) -> dict[str, dict[str, Any]]:
    """The tables under a key by name; of two with one name, each as often as it stands there."""
    found = source.data.get(key, {})
    if isinstance(found, dict):
        return {name: table for name, table in found.items() if isinstance(table, dict)}
    named: dict[str, dict[str, Any]] = {}
    for index, table in enumerate(found if isinstance(found, list) else []):
        if isinstance(table, dict):
            name = str(table.get("name", f"[{index}]"))
            named[name if name not in named else f"{name} [{index}]"] = table
    return named


def _gist(table: Mapping[str, Any]) -> str:
    some = [f"{key} {_shown(table[key])}" for key in ("gate", "when", "effects") if key in table]
    return f" ({', '.join(some)})" if some else ""


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
