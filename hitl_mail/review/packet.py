"""What a reviewer is shown of one revision of a case, before it becomes a mail or a page.

Text in a `Packet` is as the agent wrote it: who shows it makes it visible and escapes it. Knows
nothing of mail, HTML or links; how one is filled from a case is in `packing`.
"""

from __future__ import annotations

import msgspec

from hitl_mail.core.events import Verb
from hitl_mail.core.verdict import Door, Gate
from hitl_mail.review.rows import Row


class Risk(msgspec.Struct, frozen=True):
    """A rule that spoke: why, and on which values. `winning`: it reached the gate that counts.
    `rule` is empty where the kind itself, and no rule, gives the reason."""

    rule: str
    reason: str
    values: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    winning: bool = True


class Context(msgspec.Struct, frozen=True):
    """Something the agent read. Untrusted unless the admin trusts its source."""

    title: str
    text: str
    source: str | None
    trusted: bool


class FileFacts(msgspec.Struct, frozen=True):
    """An attachment of the action; `size` in bytes."""

    name: str
    content_type: str
    size: int
    digest: str


class Trouble(msgspec.Struct, frozen=True):
    """What is known of the attempts of a case that is held or in doubt, or (`ran`) of one that ran
    by itself and is looked at afterwards. `permit`: until when the agent might have run it itself,
    where that is the doubt: whether it ever began, nobody but the agent can know."""

    in_doubt: bool
    attempts: int
    error: str = ""
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    ran: bool = False
    permit: str | None = None

    @property
    def unreported(self) -> str:
        """One sentence on a permit that ran out; empty where there was none."""
        if self.permit is None:
            return ""
        until = f" until {self.permit}" if self.permit else ""
        given = f"The agent was given a permit{until}"
        return f"{given} and has not reported: nobody knows whether it ran."


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """All that one person is shown of one revision, in the order of design 1.5.

    `summary` and `why` are the agent's words. `json` is the payload's canonical form, which is
    what runs. `diff` is unified, from the revision before; `changed` says why there is a new one.
    `choices` are what may be said of the case as it stands, `doors` the ways this person may say
    it. `whole` is false where it is too long to show whole in a mail: then the mail must not take
    an approval, only the page that shows all of it. `asked` is when this revision was first asked
    about, `edited_by` who made it by an edit, and `edit_note` what they wrote to it. `routes` are
    the people and groups this person may hand the question to, `notes` who handed it to them, and
    what each wrote. `needs` says how many have to approve, where one alone does not do.
    """

    case: str
    revision: int
    seen: str
    person: str
    agent: str
    kind: str
    title: str
    summary: str
    why: str | None
    gate: Gate
    conflict: bool
    risks: tuple[Risk, ...]
    effects: tuple[str, ...]
    claims: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    json: str
    changed: str | None
    diff: tuple[str, ...]
    context: tuple[Context, ...]
    attachments: tuple[FileFacts, ...]
    choices: tuple[Verb, ...]
    doors: tuple[Door, ...]
    expires: str
    expires_in: str
    run_id: str | None
    action_id: str
    trouble: Trouble | None
    whole: bool
    asked: str = ""
    edited_by: str | None = None
    edit_note: str = ""
    routes: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    needs: str = ""
