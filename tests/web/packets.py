"""Packets to show: one as agents send them, and one with the same hostile text everywhere."""

from typing import Any

import msgspec

from hitl_mail.review.packet import Context, FileFacts, Packet, Risk, Trouble
from hitl_mail.review.rows import Row, rows_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount", "currency"],
    "properties": {
        "amount": {
            "type": "number",
            "title": "Amount",
            "description": "What goes back to the customer",
            "minimum": 0,
            "maximum": 500,
        },
        "currency": {"enum": ["EUR", "USD"], "title": "Currency"},
        "customer": {"type": "string", "maxLength": 80},
    },
}


def rows(payload: dict[str, Any]) -> tuple[Row, ...]:
    """A payload as a packet shows it."""
    return tuple(rows_of(payload))


def packet(**changes: Any) -> Packet:
    """A refund that waits for ada."""
    plain = Packet(
        case="261122-k3f9ma",
        revision=1,
        seen="sha256:" + "a" * 64,
        person="ada",
        agent="billing",
        kind="payment.refund",
        title="Refund 49 EUR to Ada Lovelace",
        summary="Refund the double charge on invoice 2026-1183",
        why="The customer was charged twice on 19 November and asked for the second charge back.",
        gate="hard",
        conflict=False,
        risks=(Risk("money", "Moves funds", (("effects", '["money"]'),)),),
        effects=("money",),
        claims=(("confidence", "0.93"), ("cost so far", "0.41")),
        rows=(
            Row("amount", "49"),
            Row("currency", "EUR"),
            Row("customer", "Ada Lovelace"),
            Row("invoice", "2026-1183"),
        ),
        json='{"amount":49,"currency":"EUR","customer":"Ada Lovelace","invoice":"2026-1183"}',
        changed=None,
        diff=(),
        context=(
            Context("Charges on the card", "19 Nov 49.00\n19 Nov 49.00", "crm", True),
            Context("Mail of the customer", "You charged me twice! Fix it.", "mailbox", False),
        ),
        attachments=(),
        choices=("approve", "reject", "edit", "route"),
        routes=("bob", "owner"),
        doors=("mail", "link", "cli"),
        expires="Sun 22 Nov 2026, 16:00 (+00:00)",
        expires_in="4h",
        run_id="run-2026-11-22-0815",
        action_id="refund-8841",
        trouble=None,
        whole=True,
    )
    return msgspec.structs.replace(plain, **changes)


def edited_packet() -> Packet:
    """The same, after somebody changed the amount."""
    diff = ("--- revision 1", "+++ revision 2", "@@ -1,2 +1,2 @@", '-  "amount": 49,')
    return packet(revision=2, changed="bob edited it", diff=(*diff, '+  "amount": 40,', " }"))


def troubled_packet(*, in_doubt: bool = False, permit: str | None = None) -> Packet:
    """The same, after it ran and did not end well."""
    trouble = Trouble(in_doubt, 2, "exited with 1", 1, "", "bank: connection refused")
    trouble = msgspec.structs.replace(trouble, permit=permit)
    return packet(choices=("retry", "done", "abandon"), trouble=trouble)


def hostile_packet(text: str) -> Packet:
    """Every text is `text`."""
    names = ("case", "agent", "kind", "title", "summary", "why", "json", "changed", "expires")
    more = ("expires_in", "run_id", "action_id", "edit_note")
    return packet(
        **dict.fromkeys((*names, *more), text),
        risks=(Risk(text, text, ((text, text),), text), Risk(text, text, (), None, False)),
        effects=(text,),
        claims=((text, text),),
        rows=(Row(text, text),),
        diff=(text, f"+{text}", f"-{text}"),
        context=(Context(text, text, text, False), Context(text, text, text, True)),
        attachments=(FileFacts(text, text, 1, text),),
        trouble=Trouble(True, 1, text, 1, text, text),
        routes=(text,),
        notes=((text, text),),
    )
