"""Pages of one case, in memory: the smallest thing that keeps the promises of `pages.Pages`."""

from typing import Any

import msgspec

from hitl_mail.pages import (
    CaseFacts,
    LookUp,
    Outcome,
    Posted,
    QueueRow,
    QueueView,
    ReceiptView,
    Said,
)
from hitl_mail.review.form_values import BadForm, edit_of_document, edit_of_fields
from hitl_mail.review.forms import build_form
from hitl_mail.review.packet import Packet
from hitl_mail.review.side import compare
from tests.web.packets import SCHEMA, packet, rows

NOON = 1_795_348_800.0
"""2026-11-22 12:00 UTC."""

PAYLOAD: dict[str, Any] = {
    "amount": 49,
    "currency": "EUR",
    "customer": "Ada Lovelace",
    "invoice": "2026-1183",
}


def row(**changes: Any) -> QueueRow:
    """A case in a queue, to be decided by ada's link."""
    plain = QueueRow(
        case="261122-k3f9ma",
        title="Refund 49 EUR to Ada Lovelace",
        agent="billing",
        kind="payment.refund",
        status="pending",
        verbs=("approve", "reject"),
        expires="Sun 22 Nov 2026, 16:00 (+00:00)",
        expires_in="4h",
        token="ada",
    )
    return msgspec.structs.replace(plain, **changes)


def facts(**changes: Any) -> CaseFacts:
    """A case that waits, as a page tells it."""
    plain = CaseFacts(
        case="261122-k3f9ma",
        id="refund-8841",
        agent="billing",
        kind="payment.refund",
        title="Refund 49 EUR to Ada Lovelace",
        status="pending",
        received_at=NOON,
        expires_at=NOON + 4 * 3600,
        run_id="run-2026-11-22-0815",
    )
    return msgspec.structs.replace(plain, **changes)


class OneCase:
    """Approval takes `needed` people. A link's token is its person's name, of a newer revision
    with its number: `ada-2`; of a receipt `r-ada`, of a queue `q-ada`."""

    def __init__(
        self,
        *,
        needed: int = 1,
        shown: Packet | None = None,
        case: CaseFacts | None = None,
        first_receipt: bool = False,
        payload: dict[str, Any] | None = None,
        schema: Any = SCHEMA,
        queue: QueueView | None = None,
        waiting: int = 0,
    ) -> None:
        self.facts = case or facts()
        self.packet = shown or packet()
        self.payloads = [payload or PAYLOAD]
        self.schema = schema
        self.waiting = waiting
        self.shown_queue = queue or QueueView(state="open", reader="ada", rows=(row(),))
        self.revision = "sha256:" + "a" * 64
        self.sent_for = self.revision
        self.reviewers = {"ada", "bob"}
        self.needed = needed
        self.status = "ok"
        self.prev = None if first_receipt else "sha256:" + "c" * 64
        self.evidence: list[dict[str, Any]] = []

    def state(self) -> bytes:
        """All that a decision could change."""
        return msgspec.json.encode([self.facts, self.revision, self.evidence])

    def look(self, token: str) -> LookUp:
        person, _, number = token.partition("-")
        if person not in ("ada", "bob"):
            return LookUp(state="bad_link")
        if person not in self.reviewers:
            return LookUp(state="not_reviewer")
        others: dict[str, Any] = {"receipt": f"r-{person}"}
        if self.waiting:
            others |= {"queue": f"q-{person}", "waiting": self.waiting}
        if self.revision != self.sent_for or int(number or 1) != len(self.payloads):
            return LookUp(state="changed", facts=self.facts, **others)
        if self.facts.status == "expired":
            return LookUp(state="expired", facts=self.facts, **others)
        if self.facts.closed_at is not None:
            return LookUp(state="closed", facts=self.facts, **others)
        if any(said.by == person and said.verb == "approve" for said in self.facts.decisions):
            return LookUp(state="under_way", facts=self.facts, **others)
        mine = [said for said in self.facts.decisions if said.by == person]
        two = self.payloads[-2:]
        return LookUp(
            state="open",
            reader=person,
            packet=self.packet,
            seen=self.revision,
            verbs=self.packet.choices,
            form=build_form(self.payloads[-1], self.schema),
            compared=compare(*two) if len(two) == 2 else None,
            handed=mine[-1] if mine and mine[-1].verb == "route" else None,
            facts=self.facts,
            **others,
        )

    async def decide(self, token: str, posted: Posted, evidence: dict[str, Any]) -> Outcome:
        found = self.look(token)
        if found.state != "open":
            return Outcome(False, found.state, f"the case is {self.facts.status}")
        if posted.seen != self.revision:
            return Outcome(False, "changed", "it changed since this page was shown")
        if posted.verb not in found.verbs:
            return Outcome(False, "not_now", f"{posted.verb} cannot be said of a pending case")
        if posted.verb == "route" and posted.to not in self.packet.routes:
            return Outcome(False, "no_target", f"no person and no group is called {posted.to}")
        said = Said(found.reader, posted.verb, "link", NOON + 60, posted.note, posted.to)
        if posted.verb == "edit":
            return self._edit(found, said, posted)
        self.evidence.append(evidence)
        self._record(said)
        return Outcome(True)

    def _edit(self, found: LookUp, said: Said, posted: Posted) -> Outcome:
        payload = self.payloads[-1]
        assert found.form is not None
        try:
            if posted.document is not None:
                edit = edit_of_document(posted.document, payload)
            else:
                edit = edit_of_fields(found.form, posted.fields, payload)
        except BadForm as error:
            return Outcome(False, "bad_edit", str(error), error.problems)
        assert edit.document is not None
        self.payloads.append(edit.document)
        self.revision = self.sent_for = f"sha256:{len(self.payloads):064}"
        number, why = len(self.payloads), f"{said.by} edited it"
        self.packet = msgspec.structs.replace(
            self.packet, revision=number, changed=why, edited_by=said.by, rows=rows(edit.document)
        )
        self.facts = msgspec.structs.replace(
            self.facts, decisions=(*self.facts.decisions, said), revised=(why, said.at)
        )
        return Outcome(True, next=f"{said.by}-{number}")

    def queue(self, token: str) -> QueueView | None:
        return self.shown_queue if token == f"q-{self.shown_queue.reader}" else None

    def _record(self, said: Said) -> None:
        decisions = (*self.facts.decisions, said)
        changes: dict[str, Any] = {"decisions": decisions}
        approved = [one for one in decisions if one.verb == "approve"]
        if said.verb == "reject":
            changes |= {"status": "rejected", "closed_at": said.at}
        elif said.verb != "route" and len(approved) >= self.needed:
            changes |= {"status": "executed", "closed_at": said.at + 1, "detail": "It exited 0."}
        self.facts = msgspec.structs.replace(self.facts, **changes)

    def receipt(self, token: str) -> ReceiptView | None:
        if not token.startswith("r-"):
            return None
        filed: dict[str, Any] = {}
        if self.facts.closed_at is not None:
            filed = {"seq": 118, "digest": "sha256:" + "b" * 64, "prev": self.prev}
        return ReceiptView(
            facts=self.facts,
            reasons=("Moves funds",),
            payload={"amount": 49, "currency": "EUR", "customer": "Ada Lovelace"},
            history=((NOON, "received"),),
            **filed,
        )

    def health(self) -> dict[str, Any]:
        return {"status": self.status}


class BrokenCase(OneCase):
    """Fails at everything, with a secret in its words."""

    def look(self, token: str) -> LookUp:
        raise RuntimeError("hunter2")

    async def decide(self, token: str, posted: Posted, evidence: dict[str, Any]) -> Outcome:
        raise RuntimeError("hunter2")

    def queue(self, token: str) -> QueueView | None:
        raise RuntimeError("hunter2")
