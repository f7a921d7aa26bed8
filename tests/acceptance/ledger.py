"""What a power cut would leave of a home. Tests only.

`kill -9` takes nothing from a file: what was written is there, synced or not. So a ledger is kept
of every call that changes the home, in their order, and `faults` looks for what was relied on
before it was durable. Nothing else shows such a gap, until the power fails.
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.acceptance.failpoints import POINTS, RENAMES, SYNCS, Calls, Nth, replace

Entry = tuple[str, ...]
"""`write`, `sync` or `unlink` and a path; `rename` and two; `point` and its name."""

RELIED_ON = ("executor, before start", "spool done, before", "inbox, before put away")
"""Points at which something leaves our hands for good: the journal has to be durable before."""

JOURNAL, RECEIPTS, RESULTS = "state/journal", "state/receipts", "spool/results"
OUT = "mail/out/new"
SENT = "outbox, after"

_COMES_AGAIN = (
    "spool/new",
    "spool/cur",
    "control/new",
    "control/cur",
    "mail/in/new",
    "mail/in/cur",
)
"""Names in here may be lost: the file comes once more, and what was decided of it is known."""


class _Each(Nth):
    def due(self) -> bool:
        return True


def keep_ledger(path: Path, home: Path) -> None:
    """In this process, from now on."""
    calls = Calls(home)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    write = os.write

    def note(*what: str) -> None:
        write(descriptor, json.dumps(what).encode() + b"\n")

    def noted(name: str, word: str) -> None:
        real = getattr(os, name)

        @functools.wraps(real)
        def replaced(place: Any, *args: Any, **options: Any) -> Any:
            # Where it is at work is known only as long as it is there.
            found = calls.place(place, options)
            returned = real(place, *args, **options)
            if found is not None:
                note(word, found, *(_to(args[0], options) if word == "rename" else ()))
            return returned

        replace(name, replaced)

    def _to(target: Any, options: dict[str, Any]) -> list[str]:
        return [calls.place(target, {"dir_fd": options.get("dst_dir_fd")}) or str(target)]

    for name in SYNCS:
        noted(name, "sync")
    for name in RENAMES:
        noted(name, "rename")
    noted("write", "write")
    noted("unlink", "unlink")
    for point in (*RELIED_ON, SENT):
        POINTS[point](_Each(1, functools.partial(note, "point", point)))


def read_ledger(path: Path) -> list[Entry]:
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()]


def faults(entries: list[Entry]) -> list[str]:
    """Every place where a power cut takes what somebody relied on already, in words."""
    return [*_Account().of(entries)]


class _Account:
    """What is not durable yet: the contents of files, and their names. What is written aside is
    nobody's business until it gets its name."""

    def __init__(self) -> None:
        self.contents: set[str] = set()
        self.names: set[str] = set()
        self.counts: Counter[tuple[str, str]] = Counter()

    def of(self, entries: list[Entry]) -> Iterator[str]:
        for word, place, *more in entries:
            self.counts[word, place] += 1
            match word:
                case "write":
                    yield from self._written(place)
                case "sync":
                    self.contents.discard(place)
                    self.names = {one for one in self.names if _directory(one) != place}
                case "rename":
                    yield from self._renamed(place, more[0])
                case "unlink":
                    yield from self._removed(place)
                case _:
                    yield from self._relied_on(place)
        yield from (f"{place} is never synced" for place in sorted(self.contents | self.names))

    def _written(self, place: str) -> Iterator[str]:
        if _is_journal(place):
            if place in self.names:
                yield f"{place} takes a record before its name is durable"
            if self._new_in(RESULTS):
                yield "a record tells of a result before its name is durable"
        self.contents.add(place)

    def _renamed(self, place: str, to: str) -> Iterator[str]:
        if place in self.contents:
            yield f"{to} has its name before its content is durable"
        if _directory(to) == RESULTS and (self._new_in(RECEIPTS) or self._open(RECEIPTS)):
            yield f"{to} tells of a receipt that is not durable"
        self.contents.discard(place)
        if _directory(to) not in _COMES_AGAIN:
            self.names.add(to)

    def _removed(self, place: str) -> Iterator[str]:
        snapshots = {one for one in self.contents | self.names if one.endswith(".snapshot")}
        if _is_journal(place) and snapshots:
            yield f"{place} is removed before what replaces it is durable"
        self.contents.discard(place)
        self.names.discard(place)

    def _relied_on(self, point: str) -> Iterator[str]:
        if point in RELIED_ON and self._open(JOURNAL):
            yield f"{point}: the journal is not durable"
        if point == SENT and self.counts["sync", OUT] < self.counts["point", SENT]:
            yield "a mail counts as sent before its name is durable"

    def _open(self, directory: str) -> bool:
        return any(_directory(one) == directory and not _aside(one) for one in self.contents)

    def _new_in(self, directory: str) -> bool:
        return any(_directory(one) == directory for one in self.names)


def _directory(place: str) -> str:
    return place.rpartition("/")[0]


def _aside(place: str) -> bool:
    return place.rpartition("/")[2].startswith(".")


def _is_journal(place: str) -> bool:
    return _directory(place) == JOURNAL and place.endswith(".log")
