"""What the world asks of a case: a spool file, a reply, a click, a timer, an executor's outcome.

Commands carry all that `decide` needs to know of the world at that moment: who somebody is now,
what the executor's settings are now. They are never stored; the events they lead to are.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from hitl_mail.core.events import ExecutorRef, Verb, Via
from hitl_mail.core.verdict import Verdict


class _Command(msgspec.Struct, frozen=True):
    pass


class Receive(_Command, frozen=True):
    """A new action. `digest` tells whether another document is the same action; `salt` is random
    (see `events.Revision`); `attachments` are `action.attachment_facts`."""

    case: str
    agent: str
    action: dict[str, Any]
    action_id: str
    digest: str
    title: str
    verdict: Verdict
    executor: ExecutorRef
    attachments: list[dict[str, str]]
    expires_at: float
    salt: str


class Change(_Command, frozen=True):
    """What an edit makes of a case: the payload that would run, and what the rules say of it."""

    payload: dict[str, Any]
    title: str
    verdict: Verdict
    executor: ExecutorRef


class Target(_Command, frozen=True):
    """Whom a question is to be handed to: a person's or a group's name, and the people it stands
    for, each with the references they answer to themselves. Those who may not decide are not among
    them. In the place of people who are `away`, those they are mapped to are asked.
    """

    name: str
    people: dict[str, frozenset[str]]
    away: dict[str, str] = {}


class Decide(_Command, frozen=True):
    """A person's decision. `names` are the references they answer to now: their own name, their
    groups, `ADMINS`, and those of people they stand in for. `excluded`: they may not decide about
    this action (owner, requester). `seen` is the digest of the revision they saw; `message_id`
    makes a mail count once. `edit` needs `change`, `route` needs `target`.
    """

    person: str
    names: frozenset[str]
    excluded: bool
    verb: Verb
    via: Via
    seen: str
    note: str = ""
    evidence: dict[str, Any] = {}
    message_id: str | None = None
    change: Change | None = None
    target: Target | None = None


class Answer(_Command, frozen=True):
    """A reply that decides nothing gets an answer: `key` says which, `said` what was read,
    `detail` what was wrong with it."""

    person: str
    key: str
    said: str = ""
    message_id: str | None = None
    detail: str = ""


class Absent(_Command, frozen=True):
    """A question does not reach `person`: an automatic reply says that they are away. `away` is as
    in `Tick`."""

    person: str
    detail: str = ""
    message_id: str | None = None
    away: dict[str, str] = {}


class Withdraw(_Command, frozen=True):
    """The agent cancels, or an action supersedes this one."""

    by: str
    why: str = ""


class Rejudge(_Command, frozen=True):
    """The policy changed; this is what it says now."""

    verdict: Verdict


class Tick(_Command, frozen=True):
    """Time has passed. `away` maps people who are away to those asked in their place. `names` are
    the references that everybody who may decide answers to now; empty where nobody looked."""

    away: dict[str, str] = {}
    names: dict[str, frozenset[str]] = {}


class Begin(_Command, frozen=True):
    """An execution slot is free. `executor` is as configured now; for type agent, a permit may
    last `permit_seconds`."""

    executor: ExecutorRef
    permit_seconds: float = 0.0


class Finish(_Command, frozen=True):
    """What became of an attempt. `doubt`: nobody can tell whether it ran.

    `retries` and `idempotent` are the executor's settings now. `crashed`: the daemon died over
    it, so a further attempt is due whatever `retries` says.
    """

    attempt: int
    result: Literal["ok", "failed", "temporary", "doubt"]
    outcome: dict[str, Any]
    retries: int = 0
    idempotent: bool = False
    crashed: bool = False


class Tell(_Command, frozen=True):
    """The agent reports what became of its permit (whose token the caller has checked)."""

    outcome: dict[str, Any]


class MailWas(_Command, frozen=True):
    """A mail was handed over (`digest` of its bytes), must wait, or can never be delivered. `full`:
    it waits because its person's mailbox takes nothing now. `away` is as in `Tick`."""

    effect: str
    result: Literal["sent", "deferred", "failed"]
    digest: str = ""
    error: str = ""
    next_at: float = 0.0
    full: bool = False
    away: dict[str, str] = {}


class FiledAs(_Command, frozen=True):
    """The receipt of the case, or of its review, is durable; with `result` the result file that
    names the case's is, too."""

    seq: int
    digest: str
    of: Literal["case", "review"] = "case"
    result: bool = False


class ResultWas(_Command, frozen=True):
    """The result file is durable."""

    effect: str


Command = (
    Receive
    | Decide
    | Answer
    | Absent
    | Withdraw
    | Rejudge
    | Tick
    | Begin
    | Finish
    | Tell
    | MailWas
    | FiledAs
    | ResultWas
)
