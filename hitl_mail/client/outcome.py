"""What became of an action: a `Result`, or the error that says why there is none to act on.

Knows the shape of result files (design 1.2) and no file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hitl_mail.errors import HitlError


@dataclass(frozen=True)
class Decision:
    """What one reviewer said: `verb` is approve, reject, edit, route, ..., `via` mail, link, cli;
    `at` is ISO 8601."""

    by: str
    verb: str
    via: str
    at: str
    note: str


@dataclass(frozen=True)
class Permit:
    """Leave to act: for exactly the result's payload, once, until then (a moment with its UTC
    offset). `digest` is SHA-256 over the payload's RFC 8785 form; `token` is a secret."""

    digest: str
    token: str
    until: dt.datetime


@dataclass(frozen=True)
class Result:
    """One result file. `payload` is what was approved, `edited` whether that is not what was asked
    for. `outcome` and `receipt` are there once the case is closed, `permit` while it is the
    agent's turn. `document` is the whole file."""

    id: str
    case: str
    status: str
    payload: dict[str, Any]
    edited: bool
    decisions: tuple[Decision, ...]
    outcome: dict[str, Any] | None
    receipt: dict[str, Any] | None
    permit: Permit | None
    document: dict[str, Any]


class Ended(HitlError):
    """The action did not run, or nobody knows whether it did. `result` says by whose word."""

    def __init__(self, text: str, result: Result) -> None:
        super().__init__(text)
        self.result = result


class Rejected(Ended):
    """A reviewer said no. `by` is who, `reason` what they wrote, perhaps nothing."""

    def __init__(self, result: Result) -> None:
        said = next((d for d in reversed(result.decisions) if d.verb == "reject"), None)
        self.by: Final = said.by if said else ""
        self.reason: Final = said.note if said else ""
        who = self.by or "a reviewer"
        because = f": {self.reason}" if self.reason else ""
        super().__init__(f"{result.case}: {who} rejected it{because}", result)


class Expired(Ended):
    """Nobody decided in time; silence is never consent."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{result.case}: nobody decided in time; it may be asked again", result)


class Denied(Ended):
    """The rules forbid it; `reasons` are theirs."""

    def __init__(self, result: Result) -> None:
        verdict = result.document.get("verdict") or {}
        self.reasons: Final = tuple(map(str, verdict.get("reasons", ())))
        super().__init__(f"{result.case}: the rules forbid it: {'; '.join(self.reasons)}", result)


class Failed(Ended):
    """It was tried, and failed. `outcome` has `error`, and `exit_code`, `stdout`, `stderr` where
    the daemon ran it."""

    def __init__(self, result: Result) -> None:
        self.outcome: Final = result.outcome or {}
        what = self.outcome.get("error") or f"exit code {self.outcome.get('exit_code')}"
        super().__init__(f"{result.case}: it was tried and failed: {what}", result)


class Canceled(Ended):
    """It was withdrawn, or replaced by another action of this agent."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{result.case}: it was withdrawn", result)


class InDoubt(Ended):
    """Nobody knows whether it ran: do not run it again. A person looks, and decides."""

    def __init__(self, result: Result, why: str) -> None:
        super().__init__(
            f"{result.case}: in doubt: {why}. Do not run it again: a person looks whether it ran",
            result,
        )


class StillOpen(HitlError, TimeoutError):
    """No result within the time; the action still stands, and can be waited for again."""


_ENDS: dict[str, type[Rejected | Expired | Denied | Failed | Canceled]] = {
    "rejected": Rejected,
    "expired": Expired,
    "denied": Denied,
    "failed": Failed,
    "canceled": Canceled,
}


def read_result(document: Mapping[str, Any]) -> Result:
    """A result file's JSON. Raises KeyError or ValueError where it is none."""
    permit = document.get("permit")
    return Result(
        id=document["id"],
        case=document["case"],
        status=document["status"],
        payload=document["payload"] or {},
        edited=document["edited"],
        decisions=tuple(
            Decision(said["by"], said["verb"], said["via"], said["at"], said["note"])
            for said in document["decisions"]
        ),
        outcome=document.get("outcome"),
        receipt=document.get("receipt"),
        permit=None if permit is None else _permit(permit),
        document=dict(document),
    )


def _permit(permit: Mapping[str, Any]) -> Permit:
    until = dt.datetime.fromisoformat(permit["until"])
    return Permit(permit["digest"], permit["token"], until)


def settled(result: Result, now: dt.datetime) -> Result:
    """The result where there is something to act on; raises the error of its status where not.

    `now` has a UTC offset: a permit that ran out is no permit.
    """
    end = _ENDS.get(result.status)
    if end is not None:
        raise end(result)
    if result.status == "in_doubt":
        raise InDoubt(result, "its executor's answer is lost")
    if result.permit is not None and result.permit.until <= now:
        raise InDoubt(result, "its permit ran out and no report of it is known")
    return result
