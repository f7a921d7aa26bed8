"""Sentences about cases, for mails and pages."""

from __future__ import annotations

from typing import Any

from hitl_mail.review.answers import REVIEWED, STANDS


def outcome_sentence(status: str, outcome: dict[str, Any] | None) -> str:
    """What became of a case, or of its review, in one or two sentences."""
    sentence = STANDS.get(status) or REVIEWED.get(status, "")
    if not isinstance(outcome, dict):
        return sentence
    error = outcome.get("error")
    if error and status in ("failed", "held", "in_doubt"):
        return f"{sentence} {str(error)[:300]}"
    code = outcome.get("exit_code")
    if status == "failed" and code is not None:
        return f"{sentence} Exit status {code}."
    return sentence
