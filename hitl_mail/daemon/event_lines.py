"""A line of the log for each event of a case: which case, which revision, who, what.

Nothing of what agents, mails or programs say is in it, nor any secret: of an event only the fields
in `_TOLD` are told, which are names of the site's own files, words of ours, and numbers; of an
action, its id and its kind. Who listens to the log, and in which form, is not known here.
"""

from __future__ import annotations

import logging
from typing import Any

from hitl_mail.core.case import Case, Moment

EVENTS = "hitl_mail.events"
"""The logger, for whoever wants these lines or does not."""

_TOLD = frozenset(
    (
        *("about", "attempt", "attempts", "by", "gate", "key", "person", "receipt", "revision"),
        *("rules", "said", "to", "verb", "via"),
    )
)

_ENDS = ("attempt_failed", "failed", "held", "doubted", "succeeded")

_log = logging.getLogger(EVENTS)


def tell(case: Case, moment: Moment) -> None:
    """A listener of `daemon.news.News`."""
    if not _log.isEnabledFor(logging.INFO):
        return
    # Without the look-up of who called: it takes longer than all the rest.
    record = logging.LogRecord(EVENTS, logging.INFO, "", 0, moment.event, None, None)
    record.created = moment.at
    record.fields = fields(case, moment)
    _log.handle(record)


def fields(case: Case, moment: Moment) -> dict[str, Any]:
    """What is told beside the event's name."""
    told: dict[str, Any] = {
        "case": case.id,
        "agent": case.agent,
        "revision": case.revision.number,
    }
    told.update((key, value) for key, value in moment.detail.items() if key in _TOLD)
    if moment.event == "received":
        told.update(id=case.action_id, kind=case.kind, gate=case.verdict.gate)
        told["rules"] = list(case.verdict.rules)
    elif moment.event == "handed":
        told["why"] = moment.detail["why"]
    elif moment.event in _ENDS and isinstance((case.outcome or {}).get("exit_code"), int):
        told["exit_code"] = case.outcome["exit_code"] if case.outcome else None
    return told
