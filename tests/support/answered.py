"""Closed cases as the economics read them: whom a mail asked, and who answered what how soon."""

from __future__ import annotations

from typing import Any

from hitl_mail.core.documents import iso
from tests.support.receipts import body

NOON = 1_790_000_000.0
Said = tuple[str, str, float]
"""Who, what, and how many seconds after the mail."""


def case(
    number: int = 0,
    *said: Said,
    status: str = "executed",
    asks: bool = True,
    rules: tuple[str, ...] = ("money",),
    to: tuple[str, ...] = ("ada", "bob"),
    at: float = NOON,
    text: str = "x",
    **fields: Any,
) -> dict[str, Any]:
    """A closed case as its receipt tells of it: mailed at `at`, and what people said."""
    name = f"261122-{number:06d}"
    decisions = [
        {"by": who, "verb": verb, "via": "mail", "at": iso(at + after), "note": "", "revision": 1}
        for who, verb, after in said
    ]
    action = {"kind": "payment.refund", "payload": {"text": text}, "summary": "Pay"}
    last = max((after for _, _, after in said), default=1.0)
    quorums = [{"rule": rule, "reviewers": list(to), "approvals": 1} for rule in rules]
    whole: dict[str, Any] = {
        "seq": number + 1,
        "status": status,
        "decided_by": [who for who, _, _ in said],
        "received_at": iso(at),
        "closed_at": iso(at + last),
        "action": action,
        "revisions": [{"number": 1, "payload": action["payload"], "digest": "x", "by": None}],
        "verdict": {"asks": asks, "rules": list(rules), "quorums": quorums if asks else []},
        "packets": [
            {"to": person, "about": "ask", "at": iso(at), "status": "sent"}
            for person in (to if asks else ())
        ],
        "decisions": decisions,
        "events": [],
    }
    return body(name, **{**whole, **fields})
