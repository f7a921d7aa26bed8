"""What a case can owe the world: mails, a result file, a receipt.

The daemon does it once the record is durable, and tells the case what became of it by another
command. Execution is not among these: an `approved` case *is* the wish to execute, and starting
needs a turning point of its own (`Started`). What follows from which event is in `core.owed`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

About = Literal["ask", "remind", "escalate", "doubt", "review", "outcome", "recorded", "answer"]

QUESTIONS: tuple[About, ...] = ("ask", "remind", "escalate", "doubt", "review")
"""The mails that ask somebody for a decision: packets."""

ASKS: tuple[About, ...] = ("ask", "remind", "escalate")
"""Those of them about a revision that waits for its quorums."""


class Mail(msgspec.Struct, frozen=True, tag_field="k", tag="mail", omit_defaults=True):
    """A mail to one person. `about`: ask (a packet to decide), remind (the same once more),
    escalate (the same, to somebody who was not asked at first), doubt (a packet of a case that is
    held or in doubt), review (a packet of what ran already), outcome (what became of a decision),
    recorded (more approvals needed, or a question handed over), answer (a reply that decided
    nothing; `key` says why, `said` what was read, `detail` what was wrong with it).

    `attempts`, `next_at` and `error` survive a restart, so that a retry waits its time.
    """

    about: About
    to: str
    revision: int
    at: float
    id: str = ""
    key: str = ""
    said: str = ""
    detail: str = ""
    reply_to: str | None = None
    attempts: int = 0
    next_at: float = 0.0
    error: str = ""

    @property
    def what(self) -> str:
        return "mail"


class Result(msgspec.Struct, frozen=True, tag_field="k", tag="result", omit_defaults=True):
    """Write the agent's result file, as the case now stands."""

    id: str = ""

    @property
    def what(self) -> str:
        return "result"


class File(msgspec.Struct, frozen=True, tag_field="k", tag="receipt", omit_defaults=True):
    """Seal the case, or its review, in a receipt."""

    of: Literal["case", "review"] = "case"
    id: str = ""

    @property
    def what(self) -> str:
        return "receipt"


Effect = Mail | Result | File
