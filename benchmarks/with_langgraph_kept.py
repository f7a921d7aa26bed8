"""The same work in LangGraph with the guarantees that hitl-mail gives, as near as it can come.

What each step is for, over the least graph: the verdict is durable before a person is asked, so
that a rule changed meanwhile does not decide what they were shown; who decides, what they saw and
whether it still waits is looked up before the answer counts; that it begins is durable before it
runs, so that a crash leaves a doubt and not a second run; a signed receipt follows the one before,
in one place for all cases. Still less than ours: no conditions with a trace, no mail that is owed.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import sys
from pathlib import Path
from typing import Any, TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from langgraph.types import interrupt

from benchmarks import work
from benchmarks.with_langgraph import InLangGraph, thread

_LIFE = secrets.token_hex(8)
"""This process: what another one began may have run."""


class State(TypedDict, total=False):
    """What the graph keeps of a case."""

    action: dict[str, Any]
    verdict: dict[str, Any]
    decision: dict[str, Any]
    begun: dict[str, str]
    outcome: dict[str, Any]
    receipt: dict[str, Any]


def judge(state: State) -> State:
    """Judge it, once."""
    gate = work.gate(state["action"])
    return {"verdict": {"gate": gate, "who": [work.REVIEWER], "shown": _digest(state["action"])}}


def ask(state: State) -> State:
    """Wait for a person."""
    return {"decision": interrupt({"action": state["action"], **state["verdict"]})}


def begin(state: State) -> State:
    """Say that it begins, and in which process."""
    decision = state["decision"]
    assert (decision["verb"], decision["seen"]) == ("approve", state["verdict"]["shown"])
    return {"begun": {"attempt": secrets.token_hex(8), "life": _LIFE}}


def run(state: State) -> State:
    """Carry it out, unless a process that is gone has begun it."""
    if state["begun"]["life"] != _LIFE:
        return {"outcome": {"ok": False, "doubt": True}}
    return {"outcome": work.refund(state["action"]["payload"])}


class Receipts:
    """The chain of them: a table of its own, a transaction each."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.execute(
            "create table if not exists receipts (seq integer primary key, about text unique"
            " not null, prev text not null, digest text not null, signature blob not null,"
            " body text not null) strict"
        )
        self._key = Ed25519PrivateKey.generate()
        last = "select seq, digest from receipts order by seq desc limit 1"
        self._head = self._db.execute(last).fetchone() or (0, "")

    def receipt(self, state: State) -> State:
        """What is left as evidence: all that is known of the case, after the receipt before."""
        about = state["action"]["id"]
        there = "select seq, digest from receipts where about = ?"
        if (found := self._db.execute(there, (about,)).fetchone()) is not None:
            return {"receipt": {"seq": found[0], "digest": found[1]}}
        seq, prev = self._head[0] + 1, self._head[1]
        body = _canonical({"seq": seq, "prev": prev, **state})
        digest = hashlib.sha256(body.encode()).hexdigest()
        signature = self._key.sign(digest.encode())
        row = (seq, about, prev, digest, signature, body)
        self._db.execute("insert into receipts values (?, ?, ?, ?, ?, ?)", row)
        self._head = (seq, digest)
        return {"receipt": {"seq": seq, "digest": digest}}


class Kept(InLangGraph):
    """The program."""

    def __init__(self, directory: Path) -> None:
        receipts = Receipts(directory / "receipts.sqlite")
        nodes = (judge, ask, begin, run, receipts.receipt)
        super().__init__(directory / "checkpoints.sqlite", State, nodes)

    def answer(self, number: int) -> dict[str, Any]:
        """The person's answer, if it may count."""
        found = self.graph.get_state(thread(number))
        verdict = found.values["verdict"]
        assert found.next == ("ask",)
        assert work.REVIEWER in verdict["who"]
        return {**super().answer(number), "seen": verdict["shown"]}


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _digest(document: Any) -> str:
    return hashlib.sha256(_canonical(document).encode()).hexdigest()


if __name__ == "__main__":
    Kept(Path(sys.argv[1])).serve()
