"""What the daemon says of itself, for `status` and for monitoring. Nothing secret is in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hitl_mail import __version__
from hitl_mail.core.documents import iso
from hitl_mail.ports import Pulse

if TYPE_CHECKING:
    from hitl_mail.daemon.daemon import Daemon

_TROUBLES = 5
"""The first of many mails, or of many faults, that have the same reason say it all."""


def health(daemon: Daemon, started_at: float) -> dict[str, Any]:
    """The daemon's state now: one JSON object."""
    now, head = daemon.engine.clock.now(), daemon.engine.desk.head
    waits = daemon.overview.look(daemon.engine.cases.values(), daemon.waiting, now)
    web = daemon.web
    return {
        "version": __version__,
        "pid": os.getpid(),
        "started_at": iso(started_at),
        "at": iso(now),
        "policy": daemon.runner.world.policy.digest,
        "policy_error": daemon.reload.error or None,
        "site_changed": daemon.reload.site_changed(),
        "templates": dict(sorted(daemon.overrides.now.items())),
        "tightened": daemon.engine.desk.tightened,
        "cases": waits.pop("cases"),
        "queue": waits,
        "refused": daemon.refusals.summary(),
        "pace": daemon.intake.pace.last_hour(now),
        "head": None if head is None else {"seq": head.seq, "digest": head.digest},
        "stranded": sorted(daemon.reach.stranded.values())[:_TROUBLES],
        "mail_out": {
            "waiting": daemon.mailer.waiting,
            "last_ok": _when(daemon.mailer.last_ok),
            "last_error": daemon.mailer.last_error or None,
            "next_try": _when(daemon.mailer.next_try),
            "troubles": sorted(daemon.mailer.troubles.values())[:_TROUBLES],
        },
        "mail_in": _pulse(daemon.inbox.pulse),
        "web": None if web is None else {"error": web.error},
        "faults": sorted(daemon.engine.faults.now.values())[:_TROUBLES],
        "receipts_error": daemon.clerk.missing or None,
        "storage_error": str(daemon.engine.failure) if daemon.engine.failure else None,
    }


def _pulse(pulse: Pulse) -> dict[str, Any]:
    return {"last_ok": _when(pulse.last_ok), "last_error": pulse.last_error or None}


def _when(at: float | None) -> str | None:
    return iso(at) if at is not None else None
