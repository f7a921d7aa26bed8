"""The same work in LangGraph with its SQLite checkpointer, durability `sync`, in the least graph.

Two nodes, as few as there can be: one judges the action by the same criteria and asks a person by
`interrupt`, the other runs it; `Command(resume=...)` is the person's answer. A crash runs it twice,
nobody is checked, nothing is left as evidence: `with_langgraph_kept` keeps what we promise.
Imported only in LangGraph's own environment (see `environment`); knows nothing of hitl-mail.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from benchmarks import work
from benchmarks.contender import obey, timed

Node = Callable[[Any], Any]


class State(TypedDict, total=False):
    """What the graph keeps of a case."""

    action: dict[str, Any]
    gate: str
    decision: dict[str, Any]
    outcome: dict[str, Any]


def ask(state: State) -> State:
    """Judge it, and wait for a person; LangGraph begins the node again with their answer."""
    gate = work.gate(state["action"])
    return {"gate": gate, "decision": interrupt({"action": state["action"], "gate": gate})}


def run(state: State) -> State:
    """Carry it out."""
    assert state["decision"]["verb"] == "approve"
    return {"outcome": work.refund(state["action"]["payload"])}


class InLangGraph:
    """The program: these nodes, one after the other."""

    def __init__(self, file: Path, state: type, nodes: Sequence[Node]) -> None:
        connection = sqlite3.connect(file, check_same_thread=False)
        # Its own default; said here because it is what makes it durable.
        connection.execute("pragma synchronous = full")
        graph = StateGraph(state)
        before = START
        for node in nodes:
            graph.add_node(node.__name__, node)
            graph.add_edge(before, node.__name__)
            before = node.__name__
        graph.add_edge(before, END)
        self.graph = graph.compile(checkpointer=SqliteSaver(connection))
        self._made = self._approved = 0

    def submit(self, count: int) -> dict[str, Any]:
        """So many actions arrive, one after the other."""
        numbers = range(self._made, self._made + count)
        self._made += count
        return timed(self._submit, numbers)

    def approve(self, count: int) -> dict[str, Any]:
        """So many that wait are approved and run, one after the other."""
        numbers = range(self._approved, min(self._made, self._approved + count))
        self._approved = numbers.stop
        return timed(self._approve, numbers)

    def serve(self) -> None:
        """Serve the benchmark."""
        obey({"ready": lambda _: {}, "submit": self.submit, "approve": self.approve})

    def answer(self, number: int) -> dict[str, Any]:
        """What the person says to this action. Nobody asks first whether it still waits."""
        return {"verb": "approve", "by": work.REVIEWER}

    def _submit(self, number: int) -> None:
        state = {"action": json.loads(work.document(number))}
        found = self.graph.invoke(state, thread(number), durability="sync")
        assert "__interrupt__" in found

    def _approve(self, number: int) -> None:
        answer: Command[Any] = Command(resume=self.answer(number))
        found = self.graph.invoke(answer, thread(number), durability="sync")
        assert found["outcome"]["ok"]


def thread(number: int) -> Any:
    """Where LangGraph keeps this action."""
    return {"configurable": {"thread_id": f"refund-{number}"}}


if __name__ == "__main__":
    InLangGraph(Path(sys.argv[1]) / "checkpoints.sqlite", State, (ask, run)).serve()
