"""The texts of a receipt that stand outside its large parts, and may hold what somebody wrote.

A title is filled from the payload, a trace tells the values that rules looked at, a person's note
may quote anything. They stand where readers look for them, and are digested together as a part of
its own, so that they can be erased, too. Pure, and defined for every JSON value: what is checked
may be anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXTS = "texts"

_KEPT_VALUES = frozenset({"draw", "rate"})
"""Of the values in a trace: what a sample can be recomputed from, and nobody's words."""

_KEPT_DETAILS = frozenset(
    {
        *("at", "event", "by", "verb", "via", "rules", "person", "to", "key", "said"),
        *("revision", "attempt", "policy", "gate"),
    }
)
"""Of an event: who and what, not what was said about it."""


def split(receipt: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A receipt without its texts, each replaced by nothing; and the texts."""
    shell = dict(receipt)
    texts: dict[str, Any] = {"title": receipt.get("title")}
    shell["title"] = ""
    verdict = receipt.get("verdict")
    if isinstance(verdict, Mapping):
        traces, texts["trace"] = _each(verdict.get("trace"), _trace)
        texts["reasons"] = verdict.get("reasons")
        shell["verdict"] = {**verdict, "reasons": [], "trace": traces}
    shell["decisions"], texts["notes"] = _each(receipt.get("decisions"), _decision)
    shell["events"], texts["events"] = _each(receipt.get("events"), _event)
    return shell, texts


def _each(items: Any, halve: Any) -> tuple[list[Any], list[Any]]:
    pairs = [halve(item) for item in items] if isinstance(items, list | tuple) else []
    return [shell for shell, _ in pairs], [text for _, text in pairs]


def _trace(trace: Any) -> tuple[Any, Any]:
    if not isinstance(trace, Mapping):
        return None, trace
    values = trace.get("values")
    known = values if isinstance(values, Mapping) else {}
    kept = {name: value for name, value in known.items() if _is_kept(name, value)}
    shell = {name: value for name, value in trace.items() if name != "error"}
    return {**shell, "values": kept}, {"values": values, "error": trace.get("error")}


def _is_kept(name: str, value: Any) -> bool:
    return name in _KEPT_VALUES and type(value) in (int, float)


def _decision(decision: Any) -> tuple[Any, Any]:
    if not isinstance(decision, Mapping):
        return None, decision
    return {**decision, "note": ""}, decision.get("note")


def _event(event: Any) -> tuple[Any, Any]:
    if not isinstance(event, Mapping):
        return None, event
    return {name: event[name] for name in event if name in _KEPT_DETAILS}, dict(event)
