"""The work that everybody is measured at: the same action, judged by the same criteria.

An agent wants a refund; a rule says that a person decides first; that person approves; what then
runs does nothing. Knows nothing of hitl-mail, so that the others' environments can import it.
"""

from __future__ import annotations

import json
from typing import Any

REVIEWER = "ada"

KIND = "payment.refund"

LARGE = 10_000


def document(number: int) -> bytes:
    """The action as its agent wrote it, 0.8 KiB."""
    return json.dumps(
        {
            "id": f"refund-{number}",
            "kind": KIND,
            "payload": {"amount": 40 + number % 50, "currency": "EUR", "customer": "Ada Lovelace"},
            "summary": "Refund the second of two identical charges",
            "why": "Charged twice on May 3; the customer wrote in and the bank confirms it",
            "run_id": "run-7",
            "confidence": 0.93,
            "cost": 0.4,
            "context": [
                {
                    "title": "The customer's mail",
                    "source": "crm",
                    "text": "Hello, my card was charged twice for order 8841. " * 8,
                }
            ],
            "labels": {"team": "emea"},
        }
    ).encode()


RULES = f"""
[policy]
unmatched = "hard"
reviewers = ["ada"]
expires = "24h"

[kinds."{KIND}"]
title = "Refund {{payload.amount}} {{payload.currency}} to {{payload.customer}}"
effects = ["money"]
reversible = false
executor = "refund"

[[rules]]
name = "money"
when = '"money" in effects'
gate = "hard"
reason = "Moves funds"

[[rules]]
name = "unsure"
when = 'confidence < 0.8'
gate = "hard"
reason = "Confidence {{confidence}} is below 0.8"

[[rules]]
name = "large"
when = 'payload.amount > {LARGE}.0'
gate = "deny"
reason = "Never so much"
"""
"""The rules as hitl-mail reads them; `gate` is the same by hand."""


def gate(action: dict[str, Any]) -> str:
    """What the rules say, as whoever writes them by hand would."""
    if action["payload"]["amount"] > LARGE:
        return "deny"
    if action["kind"] == KIND or action["confidence"] < 0.8:
        return "hard"
    return "auto"


def refund(payload: dict[str, Any]) -> dict[str, Any]:
    """What runs in the end: nothing, so that what is around it is measured."""
    return {"ok": True, "refunded": payload["amount"]}
