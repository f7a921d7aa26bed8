"""Sentences about cases, for mails and pages."""

from __future__ import annotations

from typing import Any

_STATUS = {
    "pending": "It waits for a decision.",
    "approved": "It is approved and about to run.",
    "executing": "It is running now.",
    "held": "It failed and a person decides what happens next.",
    "in_doubt": "Nobody can tell whether it ran; a person decides.",
    "executed": "It was carried out.",
    "failed": "It was approved, but carrying it out failed.",
    "rejected": "It was rejected and will not run.",
    "expired": "Nobody decided in time; it will not run.",
    "denied": "The policy forbids it; it will not run.",
    "canceled": "The agent withdrew it; it will not run.",
}


def outcome_sentence(status: str, outcome: dict[str, Any] | None) -> str:
    """What became of a case, in one or two sentences."""
    sentence = _STATUS.get(status, "")
    if not isinstance(outcome, dict):
        return sentence
    error = outcome.get("error")
    if error and status in ("failed", "held", "in_doubt"):
        return f"{sentence} {str(error)[:300]}"
    code = outcome.get("exit_code")
    if status == "failed" and code is not None:
        return f"{sentence} Exit status {code}."
    return sentence
