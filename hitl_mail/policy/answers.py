"""What people said of one past case, and how long they had it before them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hitl_mail.core.canonical import canonical

ANSWERS = frozenset({"approve", "reject", "edit", "route"})
REVIEWS = frozenset({"ok", "flag"})

_SHOWN = ("summary", "why", "context")
"""Fields of an action, beside its payload, that a reviewer reads."""


class Answer(msgspec.Struct, frozen=True):
    """What one person said: `at` and `asked_at` in seconds since the epoch; `asked_at`, when the
    last mail about that revision had left to them, is None where none had. `size` is how much they
    were shown, in characters; None where it was erased."""

    case: str
    person: str
    verb: str
    at: float
    asked_at: float | None
    size: int | None

    @property
    def waited(self) -> float | None:
        """Seconds from the mail to the answer."""
        return None if self.asked_at is None else max(0.0, self.at - self.asked_at)


def read_answers(receipt: Mapping[str, Any]) -> Iterator[Answer]:
    """What people said, in their order; `receipt` is as stored, with its parts or without."""
    said = [d for d in receipt["decisions"] if d.get("at") and d["verb"] in ANSWERS | REVIEWS]
    if not said:
        return
    size = shown_size(receipt["action"])
    for decision in said:
        at = seconds(decision["at"])
        yield Answer(
            receipt["case"],
            decision["by"],
            decision["verb"],
            at,
            _asked(receipt, decision, at),
            size,
        )


def unanswered(receipt: Mapping[str, Any]) -> set[str]:
    """The people who were mailed about a case and said nothing of it."""
    packets = receipt["packets"] if isinstance(receipt["packets"], list) else []
    asked = {packet["to"] for packet in packets if packet.get("about") != "doubt"}
    return asked - {decision["by"] for decision in receipt["decisions"]}


def shown_size(action: Mapping[str, Any]) -> int | None:
    """Characters that a reviewer of an action is shown; None where it was erased."""
    if "payload" not in action:
        return None
    size = len(canonical(action["payload"]))
    return size + sum(len(canonical(action[name])) for name in _SHOWN if action.get(name))


def seconds(text: str) -> float:
    """A receipt's time (ISO 8601) as seconds since the epoch."""
    return dt.datetime.fromisoformat(text).timestamp()


def _asked(receipt: Mapping[str, Any], decision: Mapping[str, Any], at: float) -> float | None:
    """When the last mail to them had left before they answered."""
    packets = receipt["packets"] if isinstance(receipt["packets"], list) else []
    sent = [
        seconds(packet["at"])
        for packet in packets
        if packet["to"] == decision["by"] and packet.get("at") and packet.get("status") != "failed"
    ]
    return max((moment for moment in sent if moment <= at), default=None)
