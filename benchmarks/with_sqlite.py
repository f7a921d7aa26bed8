"""The same work by hand on sqlite3: one table, WAL, synchronous=FULL, a transaction a step.

What a careful programmer writes: a decision is a transaction; that it was begun is durable before
it runs, so that a crash cannot run it twice; then the outcome. No receipt, no signature, no
history. `decide` is the decision alone; `decide_together` puts 64 into one transaction, which a
program that serves many people at once would have to arrange first.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

from benchmarks import work
from benchmarks.contender import obey, timed

TOGETHER = 64

_SCHEMA = """
create table cases (
  id text primary key, action text not null, status text not null, gate text not null,
  decided_by text, decided_at text, outcome text
) strict
"""


class ByHand:
    """The program."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.execute(_SCHEMA)
        self._made = 0

    def submit(self, count: int) -> dict[str, Any]:
        """So many actions arrive, one after the other."""
        numbers = range(self._made, self._made + count)
        self._made += count
        return timed(lambda number: self._submit(work.document(number)), numbers)

    def approve(self, count: int) -> dict[str, Any]:
        """So many that wait are approved and run, one after the other."""
        return timed(self._approve, self._waiting(count))

    def decide(self, count: int) -> dict[str, Any]:
        """So many decisions, a transaction each."""
        return timed(self._decide, self._waiting(count))

    def decide_together(self, count: int) -> dict[str, Any]:
        """So many decisions, 64 in a transaction."""
        waiting = self._waiting(count)
        groups = [waiting[at : at + TOGETHER] for at in range(0, len(waiting), TOGETHER)]
        return timed(self._decide_all, groups)

    def _waiting(self, count: int) -> list[str]:
        sql = "select id from cases where status = 'pending' limit ?"
        return [row[0] for row in self._db.execute(sql, (count,))]

    def _submit(self, data: bytes) -> None:
        action = json.loads(data)
        gate = work.gate(action)
        sql = "insert into cases (id, action, status, gate) values (?, ?, 'pending', ?)"
        self._db.execute(sql, (action["id"], data.decode(), gate))

    def _decide(self, case: str) -> None:
        sql = (
            "update cases set status = 'approved', decided_by = ?, decided_at = datetime('now')"
            " where id = ? and status = 'pending'"
        )
        assert self._db.execute(sql, (work.REVIEWER, case)).rowcount == 1

    def _decide_all(self, cases: list[str]) -> None:
        self._db.execute("begin immediate")
        for case in cases:
            self._decide(case)
        self._db.execute("commit")

    def _approve(self, case: str) -> None:
        self._decide(case)
        sql = "update cases set status = 'executing' where id = ? and status = 'approved'"
        assert self._db.execute(sql, (case,)).rowcount == 1
        (action,) = self._db.execute("select action from cases where id = ?", (case,)).fetchone()
        outcome = work.refund(json.loads(action)["payload"])
        sql = "update cases set status = 'executed', outcome = ? where id = ?"
        self._db.execute(sql, (json.dumps(outcome), case))


def main() -> None:
    """Serve the benchmark."""
    program = ByHand(Path(sys.argv[1]) / "cases.sqlite")
    obey(
        {
            "ready": lambda _: {},
            "submit": program.submit,
            "approve": program.approve,
            "decide": program.decide,
            "decide_together": program.decide_together,
        }
    )


if __name__ == "__main__":
    main()
