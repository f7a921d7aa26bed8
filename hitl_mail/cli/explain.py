"""What the daemon would make of one mail now, and why: read beside it, changing nothing.

The same code reads the mail here and in `hitl_mail.daemon.letters`: `find_belief`, `identify`,
`read_reply`, `Deciding`, and the core's own `decide` on what comes of them.
"""

from __future__ import annotations

import time
from typing import Any, Literal

import msgspec

from hitl_mail import bootstrap
from hitl_mail.cli.reader import Reader
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.daemon.deciding import Deciding, Spoken
from hitl_mail.errors import NotAllowed
from hitl_mail.home import Home
from hitl_mail.review.edits import edit_document
from hitl_mail.review.packing import build_packet
from hitl_mail.review.reply import Reply, read_reply
from hitl_mail.review.sender import Belief, Identity, believe, identify
from hitl_mail.review.tokens import Tokens
from hitl_mail.settings import Site

_READ = {
    "ambiguous": "what it says is more than one plain command, or has a condition, so it asks back",
    "help": "it asks for help",
    "not_understood": "its first paragraph is no command",
}


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """`problems` are sentences: whatever keeps the mail from deciding, in the order of finding.

    `command` is there where the mail is a reply, by the person it claims, that says one; whether
    it can still be followed is among the problems. `follows` tells of a mail that looks automatic
    whether its person is told so, or others are asked because they are away.
    """

    class_: str
    case: str | None
    person: str | None
    text: str
    command: dict[str, Any] | None
    authentication: dict[str, Any]
    problems: tuple[str, ...]
    follows: Literal["", "told", "away"] = ""

    def document(self) -> dict[str, Any]:
        """As `mail explain --json` prints it."""
        return {
            "class": self.class_,
            "case": self.case,
            "person": self.person,
            "text": self.text,
            "command": self.command,
            "authentication": self.authentication,
            "problems": list(self.problems),
        }


def explain_text(message: bytes, home: Home | None) -> Explained:
    """Only what a mail says, whoever wrote it about whatever. Needs no home."""
    if home is None:
        # An address that no mail can be sent to: nothing is ours.
        tokens, require, server = Tokens("nobody@home.invalid", [b"none"]), "token", None
    else:
        site = bootstrap.load_site(home)
        settings = site.mail.authentication
        tokens, require = bootstrap.read_tokens(home, site), settings.require
        server = settings.authserv_id
    belief = believe(message, tokens, "dmarc" if require == "dmarc" else "token", server)
    reply = read_reply(message, tokens.is_ours)
    machine = belief.class_ in ("bounce", "auto-reply")
    return _explained(
        belief,
        reply,
        case=None,
        person=None,
        command=None if machine else _command(reply, None),
        problems=(*belief.problems, *(() if machine else _reading(reply))),
    )


def explain(message: bytes, home: Home) -> Explained:
    """What the daemon of a home would make of a mail now. Raises `HitlError` where the home cannot
    be read."""
    site = bootstrap.load_site(home)
    tokens = bootstrap.read_tokens(home, site)
    belief = bootstrap.read_belief(message, site, tokens)
    reply = read_reply(message, tokens.is_ours)
    follows = _follows(belief, reply)
    if belief.case is None or not (belief.class_ == "reply" or follows):
        return _explained(belief, reply, case=None, person=None, problems=belief.problems)
    reader = Reader(home)
    case = reader.cases().get(belief.case)
    revisions, status = _known(reader, belief.case, case)
    if status is None:
        problem = f"there is no case {belief.case} here"
        return _explained(
            belief, reply, case=belief.case, person=None, problems=(*belief.problems, problem)
        )
    people = bootstrap.site_facts(site).people
    who = identify(belief, belief.case, revisions, people, tokens)
    if who.person is None or who.problems or follows:
        return _explained(
            belief,
            reply,
            case=belief.case,
            person=who.person,
            problems=who.problems or belief.problems,
            follows=follows if who.person and case is not None and not case.closed else "",
        )
    command = _command(reply, case)
    problems = _reading(reply) or _following(reader, site, case, status, who, reply)
    return _explained(
        belief, reply, case=belief.case, person=who.person, command=command, problems=problems
    )


def _explained(
    belief: Belief,
    reply: Reply,
    *,
    case: str | None,
    person: str | None,
    problems: tuple[str, ...],
    command: dict[str, Any] | None = None,
    follows: Literal["", "told", "away"] = "",
) -> Explained:
    return Explained(
        class_=belief.class_,
        case=case,
        person=person,
        text="\n".join(reply.lines),
        command=command,
        authentication=belief.authentication.document(),
        problems=problems,
        follows=follows,
    )


def _follows(belief: Belief, reply: Reply) -> Literal["", "told", "away"]:
    """What becomes of a mail that looks automatic, as `daemon.letters` has it."""
    says = reply.verb is not None
    if belief.class_ == "reply" or (belief.class_ == "bounce" and not (belief.weak and says)):
        return ""
    if belief.weak and (says or not belief.absent):
        return "told"
    return "away" if belief.absent else ""


def _known(reader: Reader, case_id: str, case: Case | None) -> tuple[dict[int, str], str | None]:
    """The digests of a case's revisions, open or closed, and its status; None for no case."""
    if case is not None:
        return {revision.number: revision.digest for revision in case.revisions}, case.status
    row = reader.receipts.by_about(case_id)
    if row is None:
        return {}, None
    receipt = reader.receipts.receipt(row)
    stored = receipt["revisions"]
    revisions = stored if isinstance(stored, list) else []
    return {one["number"]: one["digest"] for one in revisions}, str(receipt["status"])


def _command(reply: Reply, case: Case | None) -> dict[str, Any] | None:
    if reply.verb is None:
        return None
    payload = case.payload if case is not None else None
    told: dict[str, Any] = {
        "verb": reply.verb,
        "note": reply.note,
        "edit": edit_document(reply.edit, payload) if reply.edit is not None else None,
    }
    return {**told, "to": reply.to} if reply.verb == "route" else told


def _reading(reply: Reply) -> tuple[str, ...]:
    """Why the text is no command."""
    if reply.verb is not None:
        return ()
    if reply.key == "bad_edit":
        return (reply.detail,)
    if not any(reply.lines):
        return ("it has no new text",)
    return (_READ[reply.key],)


def _following(
    reader: Reader, site: Site, case: Case | None, status: str, who: Identity, reply: Reply
) -> tuple[str, ...]:
    """Why a command that was understood cannot be followed as things stand now."""
    if case is None or case.closed:
        return (f"the case is closed: {status}",)
    if who.person is None or who.seen is None or reply.verb is None:
        return ()
    now = time.time()
    facts = bootstrap.site_facts(site)
    if reply.verb == "approve" and not build_packet(case, who.person, facts, now).whole:
        return ("the mail could not show it whole, so it takes no approval",)
    said = Spoken(
        person=who.person,
        verb=reply.verb,
        via="mail",
        seen=who.seen,
        note=reply.note,
        to=reply.to,
        edit=reply.edit,
    )
    deciding = Deciding(bootstrap.read_world(reader.home, site, reader.state))
    try:
        decide(case, deciding.command(case, said), now)
    except NotAllowed as error:
        return (error.detail,)
    return ()
