"""The same work in LangGraph with its SQLite checkpointer, durability `sync`.

A graph of two nodes, as few as there can be: one judges the action by the same criteria and asks a
person by `interrupt`, the other runs it; `Command(resume=...)` is the person's answer. Imported
only in LangGraph's own environment (see `environment`); knows nothing of hitl-mail.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from benchmarks import work
from benchmarks.contender import obey, timed


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
    """The program."""

    def __init__(self, file: Path) -> None:
        connection = sqlite3.connect(file, check_same_thread=False)
        # Its own default; said here because it is what makes it durable.
        connection.execute("pragma synchronous = full")
        graph = StateGraph(State)
        graph.add_node("ask", ask)
        graph.add_node("run", run)
        graph.add_edge(START, "ask")
        graph.add_edge("ask", "run")
        graph.add_edge("run", END)
        self._graph = graph.compile(checkpointer=SqliteSaver(connection))
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

    def _submit(self, number: int) -> None:
        state: State = {"action": json.loads(work.document(number))}
        found = self._graph.invoke(state, _thread(number), durability="sync")
        assert "__interrupt__" in found

    def _approve(self, number: int) -> None:
        answer: Command[Any] = Command(resume={"verb": "approve", "by": work.REVIEWER})
        found = self._graph.invoke(answer, _thread(number), durability="sync")
        assert found["outcome"]["ok"]


def _thread(number: int) -> Any:
    return {"configurable": {"thread_id": f"refund-{number}"}}


def main() -> None:
    """Serve the benchmark."""
    program = InLangGraph(Path(sys.argv[1]) / "checkpoints.sqlite")
    obey({"ready": lambda _: {}, "submit": program.submit, "approve": program.approve})


if __name__ == "__main__":
    main()
