"""What the web door shows and takes: `pages.Pages` over the engine and the receipts.

Looking is `core.decide` tried on a copy: what it would allow is what the page offers. So a page
never promises what a decision would then be refused for.

Every link made here bears the time of the link it was made for: what one link leads to is never
younger, and so never believed longer, than that link itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from hitl_mail.core import documents
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.events import Verb
from hitl_mail.core.said import verbs
from hitl_mail.daemon.closed import find_closed
from hitl_mail.daemon.deciding import Deciding, Spoken
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.page_edits import edit_of, form_of
from hitl_mail.daemon.page_facts import (
    compared,
    facts_of,
    facts_of_closed,
    handed,
    receipt_view,
)
from hitl_mail.daemon.queues import Queues, doors_of
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.daemon.world import World
from hitl_mail.errors import NotAllowed
from hitl_mail.pages import LookUp, Outcome, PageState, Posted, QueueView, ReceiptView
from hitl_mail.ports import Receipts
from hitl_mail.review.edits import Edit
from hitl_mail.review.facts import SiteFacts
from hitl_mail.review.form_values import BadForm
from hitl_mail.review.links import BadLink, LinkClaim, Links
from hitl_mail.review.packing import build_packet

_STATES: dict[str, PageState] = {
    "changed": "changed",
    "expired": "expired",
    "not_reviewer": "not_reviewer",
    "own_request": "own_request",
    "door": "elsewhere",
    "already": "under_way",
    "not_now": "under_way",
}

_SECRET: tuple[PageState, ...] = ("not_reviewer", "own_request")
"""In these, the case is no business of who follows the link."""

_UNSAID = ("unchanged", "no_target")
"""What an edit without a change and a route without a target are refused for: may be said."""


@dataclass
class Front:
    """Serves pages to whoever holds a signed link."""

    engine: Engine
    receipts: Receipts
    world: World
    links: Links
    facts: SiteFacts
    deciding: Deciding
    waiting: Waiting
    stopping: bool = False

    def look(self, token: str) -> LookUp:
        """See `pages.Pages.look`."""
        self.engine.check()
        try:
            claim = self.links.read("decide", token)
        except BadLink:
            return LookUp(state="bad_link")
        if self._gone(claim):
            return LookUp(state="not_reviewer", reader=claim.person)
        case = self.engine.cases.get(claim.case)
        if case is None or (case.final and not case.in_review):
            return self._closed(claim, case)
        allowed, code = self._allowed(case, claim)
        if allowed:
            return self._open(case, claim, allowed)
        state = _STATES[code]
        waiting, queue = self._others(claim)
        return LookUp(
            state=state,
            reader=claim.person,
            facts=None if state in _SECRET else facts_of(case),
            doors=doors_of(case, claim.person),
            receipt=None if state in _SECRET else self._receipt(claim),
            waiting=waiting,
            queue=queue,
            newer=self._newer(case, claim) if state == "changed" else None,
        )

    async def decide(self, token: str, posted: Posted, evidence: dict[str, Any]) -> Outcome:
        """See `pages.Pages.decide`."""
        try:
            claim = self.links.read("decide", token)
        except BadLink as error:
            return Outcome(False, "bad_link", str(error))
        case = self.engine.cases.get(claim.case)
        if case is None:
            return Outcome(False, "closed", "the case is closed")
        if self._gone(claim):
            return Outcome(False, "not_reviewer", f"{claim.person} is nobody of this site any more")
        if posted.seen != _stamp(claim.seen, case):
            return Outcome(False, "changed", "it is not any more as this page showed it")
        try:
            # What is refused anyway is not read: nobody learns what the rules would say of it.
            self._try(case, claim, posted.verb)
            edit = edit_of(case, posted, self.world.policy) if posted.verb == "edit" else None
            spoken = _spoken(claim, posted, edit, evidence)
            after = await self.engine.handle(case.id, self.deciding.command(case, spoken))
        except BadForm as error:
            return Outcome(False, "bad_edit", str(error), error.problems)
        except NotAllowed as error:
            return Outcome(False, error.code, error.detail)
        if posted.verb == "edit" and after is not None:
            return Outcome(True, next=self._decision(after, claim))
        return Outcome(True)

    def receipt(self, token: str) -> ReceiptView | None:
        """See `pages.Pages.receipt`."""
        self.engine.check()
        try:
            claim = self.links.read("receipt", token)
        except BadLink:
            return None
        case = self.engine.cases.get(claim.case)
        if case is not None:
            document = documents.case_document(case)
            return receipt_view(facts_of(case), document, case.payload)
        closed = find_closed(self.receipts, claim.case)
        if closed is None:
            return None
        document = closed.receipt
        revisions = document["revisions"]
        payload = revisions[-1]["payload"] if isinstance(revisions, list) else None
        return receipt_view(facts_of_closed(closed), document, payload)

    def queue(self, token: str) -> QueueView | None:
        """See `pages.Pages.queue`."""
        self.engine.check()
        try:
            claim = self.links.read("queue", token)
        except BadLink:
            return None
        if self._gone(claim):
            return QueueView(state="nobody", reader=claim.person)
        return self._queues().view(claim, lambda case: self._of_newest(case, claim))

    def health(self) -> dict[str, Any]:
        """See `pages.Pages.health`."""
        if self.engine.failure is not None:
            return {"status": "failed"}
        return {"status": "stopping" if self.stopping else "ok"}

    def _open(self, case: Case, claim: LinkClaim, allowed: tuple[Verb, ...]) -> LookUp:
        packet = build_packet(case, claim.person, self.facts, self.engine.clock.now())
        routes = tuple(name for name in packet.routes if self._leads_on(case, claim, name))
        packet = msgspec.structs.replace(packet, routes=routes)
        waiting, queue = self._others(claim)
        return LookUp(
            state="open",
            reader=claim.person,
            packet=packet,
            seen=_stamp(case.revision.digest, case),
            verbs=tuple(verb for verb in allowed if verb != "route" or routes),
            form=form_of(case, self.world.policy) if "edit" in allowed else None,
            compared=compared(case),
            handed=handed(case, claim.person),
            facts=facts_of(case),
            receipt=self._receipt(claim),
            waiting=waiting,
            queue=queue,
        )

    def _closed(self, claim: LinkClaim, case: Case | None) -> LookUp:
        if case is not None:
            facts = facts_of(case)
        else:
            closed = find_closed(self.receipts, claim.case)
            if closed is None:
                return LookUp(state="bad_link")
            facts = facts_of_closed(closed)
        waiting, queue = self._others(claim)
        return LookUp(
            state="expired" if facts.status == "expired" else "closed",
            reader=claim.person,
            facts=facts,
            receipt=self._receipt(claim),
            waiting=waiting,
            queue=queue,
        )

    def _allowed(self, case: Case, claim: LinkClaim) -> tuple[tuple[Verb, ...], str]:
        """What this person may say of the case now; and why not, where that is nothing."""
        allowed, code = [], "not_now"
        for verb in verbs(case):
            try:
                self._try(case, claim, verb)
            except NotAllowed as error:
                code = error.code
            else:
                allowed.append(verb)
        # Who has approved already may still reject, but is not asked again.
        return (() if code == "already" else tuple(allowed)), code

    def _try(self, case: Case, claim: LinkClaim, verb: Verb) -> None:
        """Raises `NotAllowed` where this person may not say it, whatever else they say with it."""
        spoken = _spoken(claim, Posted(verb=verb, seen=claim.seen), None, {})
        try:
            decide(case, self.deciding.plain(case, spoken), self.engine.clock.now())
        except NotAllowed as error:
            if error.code not in _UNSAID:
                raise

    def _of_newest(self, case: Case, claim: LinkClaim) -> tuple[tuple[Verb, ...], str]:
        """What the person of a queue may say of a case."""
        newest = LinkClaim("decide", case.id, case.revision.digest, claim.person, claim.at)
        return self._allowed(case, newest)

    def _leads_on(self, case: Case, claim: LinkClaim, name: str) -> bool:
        """Whether there is anybody of that name to hand a question to."""
        people = self.world.site.groups.get(name, (name,))
        return not {*people} <= {claim.person, *self.world.excluded(case)}

    def _gone(self, claim: LinkClaim) -> bool:
        """A verdict keeps the names of people who have left since."""
        return claim.person not in self.world.site.people

    def _queues(self) -> Queues:
        return Queues(self.engine, self.waiting, self.links, self.facts)

    def _others(self, claim: LinkClaim) -> tuple[int, str | None]:
        """How many other cases wait for this person, and the token of their queue."""
        return self._queues().others(claim)

    def _receipt(self, claim: LinkClaim) -> str:
        return self.links.make("receipt", claim.case, claim.seen, claim.person, claim.at)

    def _decision(self, case: Case, claim: LinkClaim) -> str:
        """The link of the same person to the newest revision.

        It gives whoever bears the old link what the newer mail gives its reader, so only they get
        it who made that revision, by this link; see docs/decisions/web-pages.md.
        """
        return self.links.make("decide", case.id, case.revision.digest, claim.person, claim.at)

    def _newer(self, case: Case, claim: LinkClaim) -> str | None:
        own = case.revision.by == claim.person and any(
            (d.by, d.verb, d.via, d.seen) == (claim.person, "edit", "link", claim.seen)
            for d in case.decisions
        )
        return self._decision(case, claim) if own else None


def _stamp(seen: str, case: Case) -> str:
    """What a page shows of a case: the revision, and how often it was tried. So a page that was
    shown before an attempt says nothing of the case after it."""
    return f"{seen}.{case.attempts}"


def _spoken(
    claim: LinkClaim, posted: Posted, edit: Edit | None, evidence: dict[str, Any]
) -> Spoken:
    return Spoken(
        person=claim.person,
        verb=posted.verb,
        via="link",
        seen=claim.seen,
        note=posted.note,
        to=posted.to,
        edit=edit,
        evidence=evidence,
    )
