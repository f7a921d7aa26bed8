"""hitl-mail against LangGraph, against sqlite3 by hand and against the disk, in turns.

Each is a process of its own that lives through all rounds; in a round each does its share, so that
what else happens on the machine happens to all.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.contender import Contender
from benchmarks.disk import appends
from benchmarks.environment import langgraph_python, made
from benchmarks.with_sqlite import TOGETHER

OURS, BY_HAND = "hitl-mail", "sqlite3 by hand"
LANGGRAPH = "LangGraph"
"""With the guarantees that ours gives."""
LEAST = "LangGraph, least graph"
"""Without: see `with_langgraph`."""

_ALONE = {OURS: 800, BY_HAND: 800, LANGGRAPH: 150, LEAST: 150}
"""How many of each in a round: about a second's work."""
_TOGETHER = 20 * TOGETHER

Found = dict[tuple[str, str], list[dict[str, Any]]]


def measure(directory: Path, rounds: int, quick: bool) -> dict[str, Any]:
    """Rates, latencies and ratios. In a quick run LangGraph only where it is there already."""
    directory.mkdir()
    contenders = {
        OURS: Contender(sys.executable, "with_hitl_mail", directory / "ours"),
        BY_HAND: Contender(sys.executable, "with_sqlite", directory / "sqlite"),
    }
    if not quick or made():
        python = langgraph_python()
        contenders[LANGGRAPH] = Contender(python, "with_langgraph_kept", directory / "langgraph")
        contenders[LEAST] = Contender(python, "with_langgraph", directory / "least")
    alone = {name: 10 if quick else _ALONE[name] for name in contenders}
    together = TOGETHER if quick else _TOGETHER
    found: Found = {}
    disk: dict[int, list[float]] = {1: [], TOGETHER: []}
    try:
        for number in range(rounds + (not quick)):
            # The first round warms all of them up, and does not count.
            into = {} if number == 0 and not quick else found
            _round(contenders, alone, together, into)
            for group, seen in disk.items():
                seen.append(appends(directory, group, 0.05 if quick else 0.5))
    finally:
        for contender in contenders.values():
            contender.close()
    told = _told(found, alone, together)
    disk_rates = {str(group): statistics.median(seen) for group, seen in disk.items()}
    return {**told, "disk": disk_rates, "rounds": rounds, "alone": alone, "together": together}


def _round(
    contenders: dict[str, Contender], alone: dict[str, int], together: int, into: Found
) -> None:
    for name, contender in contenders.items():
        for deed in ("submit", "approve"):
            into.setdefault((name, deed), []).append(contender.ask(deed, alone[name]))
    ours, by_hand = contenders[OURS], contenders[BY_HAND]
    into.setdefault((OURS, "submit_together"), []).append(ours.ask("submit_together", together))
    into.setdefault((OURS, "decide_together"), []).append(ours.ask("decide_together", together))
    ours.ask("submit_together", together)
    into.setdefault((OURS, "approve_together"), []).append(ours.ask("approve_together", together))
    for deed in ("decide", "decide_together"):
        by_hand.ask("submit", together)
        into.setdefault((BY_HAND, deed), []).append(by_hand.ask(deed, together))


def _told(found: Found, alone: dict[str, int], together: int) -> dict[str, Any]:
    def count(name: str, deed: str) -> int:
        return alone[name] if deed in ("submit", "approve") else together

    def rates(name: str, deed: str) -> list[float]:
        return figures.rates(found[name, deed], count(name, deed))

    table: dict[str, dict[str, Any]] = {}
    for (name, deed), rounds in found.items():
        table.setdefault(name, {})[deed] = figures.told(rounds, count(name, deed))
    decided = rates(OURS, "decide_together")
    ratios = {
        "decisions to sqlite3": figures.ratio(decided, rates(BY_HAND, "decide")),
        "decisions to sqlite3 in groups": figures.ratio(decided, rates(BY_HAND, "decide_together")),
        "approvals to sqlite3": figures.ratio(rates(OURS, "approve"), rates(BY_HAND, "approve")),
    }
    for name in (name for name in (LANGGRAPH, LEAST) if name in table):
        for deed, what in (("approve", "approvals"), ("submit", "submits")):
            ratios[f"{what} to {name}"] = figures.ratio(rates(OURS, deed), rates(name, deed))
    return {"table": table, "ratios": ratios}
