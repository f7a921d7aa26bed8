"""Pages of one case, in memory: the smallest thing that keeps the promises of `ports.Pages`."""

from typing import Any

import msgspec

from hitl_mail.core.events import Verb
from hitl_mail.ports import CaseFacts, LookUp, Outcome, ReceiptView, Said
from hitl_mail.review.packet import Packet
from tests.web.packets import packet

NOON = 1_795_348_800.0
"""2026-11-22 12:00 UTC."""


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
    """Approval takes `needed` people. A link's token is its person's name."""

    def __init__(
        self,
        *,
        needed: int = 1,
        shown: Packet | None = None,
        case: CaseFacts | None = None,
        first_receipt: bool = False,
    ) -> None:
        self.facts = case or facts()
        self.packet = shown or packet()
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
        if token not in ("ada", "bob"):
            return LookUp(state="bad_link")
        if token not in self.reviewers:
            return LookUp(state="not_reviewer")
        if self.revision != self.sent_for:
            return LookUp(state="changed", facts=self.facts)
        if self.facts.status == "expired":
            return LookUp(state="expired", facts=self.facts)
        if self.facts.closed_at is not None:
            return LookUp(state="closed", facts=self.facts, receipt=f"r-{token}")
        if any(said.by == token for said in self.facts.decisions):
            return LookUp(state="under_way", facts=self.facts, receipt=f"r-{token}")
        return LookUp(
            state="open",
            reader=token,
            packet=self.packet,
            seen=self.revision,
            verbs=self.packet.choices,
            facts=self.facts,
            receipt=f"r-{token}",
        )

    async def decide(
        self, token: str, verb: Verb, note: str, seen: str, evidence: dict[str, Any]
    ) -> Outcome:
        found = self.look(token)
        if found.state != "open":
            return Outcome(False, found.state, f"the case is {self.facts.status}")
        if seen != self.revision:
            return Outcome(False, "changed", "it changed since this page was shown")
        if verb not in found.verbs:
            return Outcome(False, "not_now", f"{verb} cannot be said of a pending case")
        self.evidence.append(evidence)
        self._record(Said(token, verb, "link", NOON + 60, note))
        return Outcome(True)

    def _record(self, said: Said) -> None:
        decisions = (*self.facts.decisions, said)
        changes: dict[str, Any] = {"decisions": decisions}
        if said.verb == "reject":
            changes |= {"status": "rejected", "closed_at": said.at}
        elif len(decisions) >= self.needed:
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

    async def decide(
        self, token: str, verb: Verb, note: str, seen: str, evidence: dict[str, Any]
    ) -> Outcome:
        raise RuntimeError("hunter2")
