"""What the web door asks of the daemon, as a Protocol, and the shapes of what is answered.

Everything a page shows is in one of these; templates know nothing else.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

from hitl_mail.core.case import Status
from hitl_mail.core.events import Verb, Via
from hitl_mail.core.verdict import Door
from hitl_mail.review.form_values import Problem
from hitl_mail.review.forms import EditForm
from hitl_mail.review.packet import Packet
from hitl_mail.review.side import Compared

PageState = Literal[
    "open",
    "under_way",
    "closed",
    "expired",
    "changed",
    "elsewhere",
    "own_request",
    "not_reviewer",
    "bad_link",
]
"""What a link leads to. `open`: this person may decide now. `under_way`: the case is open, but
there is nothing for this person to decide now (they have, or it is being executed). `closed`,
`expired`: final. `changed`: there is a newer revision, and a newer mail with its link.
`elsewhere`: this person may decide, but by no link. `own_request`: nobody decides what they asked
for. `not_reviewer`: may not decide this (any more). `bad_link`: not one of ours, cut off, or signed
with a key that has been retired."""


class Said(msgspec.Struct, frozen=True):
    """One decision, as a page tells it. `at` is in seconds since the epoch, UTC; `to` whom the
    question was handed to."""

    by: str
    verb: Verb
    via: Via
    at: float
    note: str = ""
    to: str = ""


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case stands and how it came there. Times are seconds since the epoch, UTC.

    `waiting_for` are the people who still have to say something; `detail` is one sentence about
    the outcome, where there is one; `revised` is why and when there is a newer revision than the
    first; `permitted` that its agent has a permit to run it, and has not reported yet.
    """

    case: str
    id: str
    agent: str
    kind: str
    title: str
    status: Status
    received_at: float
    expires_at: float
    closed_at: float | None = None
    run_id: str | None = None
    decisions: tuple[Said, ...] = ()
    waiting_for: tuple[str, ...] = ()
    detail: str = ""
    revised: tuple[str, float] | None = None
    permitted: bool = False


class LookUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision link shows now.

    `open` needs `packet`, `seen` (what the page's forms post back: which revision, tried how
    often), `verbs` (what this person may say now) and `reader`, whom the link was made for; with
    `edit` among the verbs, `form` as well. All other states but `bad_link` should have `facts`,
    unless the person may not see the case any more. `compared` is the payload beside that of the
    revision before; `handed` what this person said when they handed the question on; `doors` the
    ways to decide that an `elsewhere` leaves. `receipt` is the token of their receipt page,
    `queue` of their queue page, on which `waiting` other cases stand; `newer` of the page of a
    newer revision that they made themselves.
    """

    state: PageState
    reader: str = ""
    packet: Packet | None = None
    seen: str = ""
    verbs: tuple[Verb, ...] = ()
    form: EditForm | None = None
    compared: Compared | None = None
    handed: Said | None = None
    doors: tuple[Door, ...] = ()
    facts: CaseFacts | None = None
    receipt: str | None = None
    queue: str | None = None
    waiting: int = 0
    newer: str | None = None


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """What a page's form says. `seen` is its `LookUp.seen`; `to` is whom a route names; an edit is
    either `fields`, by their names, or a whole `document`, as it was typed."""

    verb: Verb
    seen: str
    note: str = ""
    to: str = ""
    fields: dict[str, str] = {}
    document: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """Whether a decision was recorded, durably. If not: `code` is one of `core.decide.CODES`,
    `bad_edit` or `bad_link`, `detail` says why in a sentence, and `problems` what is wrong with
    which field. `next` is the token of the decision page to show after an edit."""

    decided: bool
    code: str = ""
    detail: str = ""
    problems: tuple[Problem, ...] = ()
    next: str | None = None


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case that waits for the queue's reader. `token` is of their decision page of it; without
    one they decide through `doors`. `verbs` is what they may say; `expires_in` is empty where it
    waits until somebody decides."""

    case: str
    title: str
    agent: str
    kind: str
    status: Status
    verbs: tuple[Verb, ...]
    expires: str = ""
    expires_in: str = ""
    token: str | None = None
    doors: tuple[Door, ...] = ()


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for one reviewer, the soonest to expire first; `more` are not shown.

    `state`: `lapsed` is a link too old to be believed, `nobody` one of a person who is not of
    this site any more; both without rows.
    """

    state: Literal["open", "lapsed", "nobody"]
    reader: str
    rows: tuple[QueueRow, ...] = ()
    more: int = 0


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """What the receipt page shows. `seq`, `digest`, `prev` are None until it is filed.

    `history` are (time, sentence); `payload` is what ran, or would.
    """

    facts: CaseFacts
    seq: int | None = None
    digest: str | None = None
    prev: str | None = None
    reasons: tuple[str, ...] = ()
    payload: dict[str, Any] | None = None
    history: tuple[tuple[float, str], ...] = ()


class Pages(Protocol):
    """What the web door asks of the daemon. A token is an opaque string of a hostile visitor."""

    def look(self, token: str) -> LookUp:
        """What a decision link shows now. Changes nothing, whoever asks and however often."""

    async def decide(self, token: str, posted: Posted, evidence: dict[str, Any]) -> Outcome:
        """Record what the link's person says of what they saw.

        Returns once it is durable. `evidence` is {"address", "user_agent"}.
        """

    def receipt(self, token: str) -> ReceiptView | None:
        """What a receipt link shows now, the case open or closed; None for a bad link."""

    def queue(self, token: str) -> QueueView | None:
        """What a queue link shows now; None for a bad link. Changes nothing."""

    def health(self) -> dict[str, Any]:
        """{"status": "ok" | "stopping" | …, …}: public, so without secrets, names or counts that
        tell of cases."""
