"""What was promised, and what came of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.versus import LANGGRAPH, LEAST


class Goal(NamedTuple):
    """One promise: `found` is None where it could not be measured. Where nothing is `wanted`, what
    was found is told beside the promise that it belongs to."""

    what: str
    wanted: str
    found: str | None
    reached: bool | None


def goals(results: dict[str, Any]) -> list[Goal]:
    """All promises, in the order of docs/performance.md."""
    ratios, growth = results["versus"]["ratios"], results["growth"]
    mail = results["delivery"]["mail"]
    most_open, most_filed = growth["open"][-1], growth["receipts"][-1]
    return [
        _at_least(
            "approvals a second, one client, to LangGraph's with the same guarantees",
            5,
            ratios,
            f"approvals to {LANGGRAPH}",
        ),
        _told("the same, to those of its least graph, without", ratios, f"approvals to {LEAST}"),
        _at_least(
            "decisions journalled, 64 at once, to sqlite3's", 1, ratios, "decisions to sqlite3"
        ),
        _at_most("file drop to mail handed over, p50", 20, mail["p50"], "ms"),
        _at_most("file drop to mail handed over, p99", 60, mail["p99"], "ms"),
        _at_most(f"start-up at {most_open['count']:,} open cases", 3, most_open["start"], "s"),
        _flat("cost of an action, open cases", growth["open"]),
        _flat("cost of an action, receipts", growth["receipts"]),
        _at_most(
            f"memory at {most_filed['count']:,} receipts, to that at none",
            1.25,
            most_filed["memory"] / max(growth["receipts"][0]["memory"], 0.1),
            "×",
        ),
    ]


def _at_least(what: str, wanted: float, ratios: dict[str, float], name: str) -> Goal:
    found = ratios.get(name)
    told = None if found is None else f"{found:.1f} ×"
    return Goal(what, f"at least {wanted:g} ×", told, None if found is None else found >= wanted)


def _told(what: str, ratios: dict[str, float], name: str) -> Goal:
    found = ratios.get(name)
    return Goal(what, "", None if found is None else f"{found:.1f} ×", None)


def _at_most(what: str, wanted: float, found: float, unit: str) -> Goal:
    return Goal(what, f"at most {wanted:g} {unit}", f"{found:.2f} {unit}", found <= wanted)


def _flat(what: str, rows: list[dict[str, Any]]) -> Goal:
    """Submit and approve together, at the most there is, against none."""
    costs = [row["submit"] + row["approve"] for row in rows]
    ratio = costs[-1] / costs[0]
    return Goal(
        f"{what}, at {rows[-1]['count']:,} to at none",
        "at most 1.5 ×",
        f"{ratio:.2f} ×",
        ratio <= 1.5,
    )
