"""The attempts of a case: when one may start, and what follows from what became of it."""

from __future__ import annotations

from typing import Any

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.canonical import digest
from hitl_mail.core.case import Case
from hitl_mail.core.duration import show_duration
from hitl_mail.core.said import next_revision
from hitl_mail.core.timing import expired, has_come, no_more
from hitl_mail.errors import NotAllowed

_OURS = ("attempts", "settled_by", "settled_as")
"""Keys of an outcome that no agent can set."""

_CRASHES = 3
"""Attempts beyond its retries that an idempotent executor gets when the daemon dies over it."""

_FIRST_RETRY, _LONGEST_RETRY = 1.0, 300.0


def is_due(case: Case, now: float) -> bool:
    """Whether no retry has to be waited for."""
    return case.retry_at is None or has_come(case.retry_at, now, _LONGEST_RETRY)


def begin(case: Case, c: cmd.Begin, now: float) -> list[ev.Event]:
    """A slot is free: start, permit, or ask again. Raises `NotAllowed`."""
    if case.status != "approved" or case.permit is not None:
        raise NotAllowed("not_now", f"the case is {case.status}")
    if now >= case.expires_at:
        return [expired(case, now)]
    if case.retry_at is not None and not is_due(case, now):
        raise NotAllowed("not_due", f"next attempt in {show_duration(case.retry_at - now)}")
    if c.executor != case.revision.executor:
        if case.doubtful:
            return [no_more(case, now, "the executor's settings changed")]
        revision = next_revision(case, c.executor, now, "the executor's settings changed")
        revised = ev.Revised(now, revision)
        return [revised] if case.quorums else [revised, ev.Approved(now, by_policy=True)]
    if c.executor.type == "agent":
        until = min(case.expires_at, now + c.permit_seconds)
        return [ev.Permitted(now, digest(case.payload), until)]
    return [ev.Started(now, case.attempts + 1)]


def finish(case: Case, c: cmd.Finish, now: float) -> list[ev.Event]:
    """What became of an attempt; one that is not under way tells nothing."""
    if case.status != "executing" or c.attempt != case.attempts:
        return []
    outcome = {**c.outcome, "attempts": case.attempts}
    if c.result == "ok":
        return [ev.Succeeded(now, outcome)]
    left = c.retries - (case.attempts - 1)
    doubt = c.result == "doubt"
    again = c.result == "temporary" or (doubt and c.idempotent)
    if c.crashed and c.idempotent and left > -_CRASHES:
        return [ev.AttemptFailed(now, c.attempt, outcome, now, doubt)]
    if again and left > 0:
        retry_at = now + _backoff(case.attempts)
        return [ev.AttemptFailed(now, c.attempt, outcome, retry_at, doubt)]
    if doubt or (c.result == "temporary" and case.doubtful):
        return [ev.Doubted(now, outcome)]
    return [_failed(case, outcome, now)]


def tell(case: Case, c: cmd.Tell, now: float) -> list[ev.Event]:
    """What the agent reports of its permit. Raises `NotAllowed`."""
    doubted = case.status == "in_doubt" and case.revision.executor.type == "agent"
    if doubted or (case.permit is not None and now >= case.permit.until):
        raise NotAllowed("late", "the permit has run out; a person decides what became of it")
    if case.permit is None or case.status != "approved":
        raise NotAllowed("no_permit", f"the case holds no permit; it is {case.status}")
    told = {key: value for key, value in c.outcome.items() if key not in _OURS}
    outcome = {**told, "attempts": case.attempts}
    if c.outcome["ok"]:
        return [ev.Succeeded(now, outcome)]
    return [_failed(case, outcome, now)]


def _backoff(attempts: int) -> float:
    return min(_LONGEST_RETRY, _FIRST_RETRY * 2.0 ** min(attempts - 1, 16))


def _failed(case: Case, outcome: dict[str, Any], now: float) -> ev.Event:
    if case.verdict.on_failure == "review":
        return ev.Held(now, outcome)
    return ev.Failed(now, outcome)
