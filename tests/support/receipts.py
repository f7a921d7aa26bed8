"""Factories of the storage tests: receipt bodies, keys and books, with defaults for everything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hitl_mail.adapters.keys.keys import key_id
from hitl_mail.adapters.receipts.book import ReceiptBook

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = PRIVATE.public_key().public_bytes_raw()
KEY = key_id(PUBLIC)
PUBLIC_KEYS = {KEY: PUBLIC}


def body(case: str = "261122-k3f9ma", **changes: Any) -> dict[str, Any]:
    """What the daemon hands over to be sealed."""
    return {
        "case": case,
        "id": "refund-8841",
        "agent": "default",
        "run_id": None,
        "kind": "payment.refund",
        "status": "executed",
        "action": {"kind": "payment.refund", "payload": {"amount": 40}, "summary": "Refund Ada"},
        "revisions": [{"n": 1, "payload": {"amount": 40}, "digest": "sha256:1"}],
        "verdict": {"gate": "hard", "rules": ["money"]},
        "packets": [{"to": "ada", "digest": "sha256:2"}],
        "decisions": [{"by": "ada", "verb": "approve", "via": "mail"}],
        "outcome": {"ok": True, "exit_code": 0, "seconds": 0.1},
        "events": [{"event": "arrived", "at": "2026-11-22T12:00:00.000Z"}],
        "closed_at": "2026-11-22T13:00:00.123Z",
        "gate": "hard",
        "decided_by": ["ada"],
        "action_digest": "sha256:3",
        "title": "Refund 40 EUR to Ada",
        **changes,
    }


def open_book(state: Path, mode: int = 0o600) -> ReceiptBook:
    """The writer of a state directory, with the tests' key."""
    return ReceiptBook(state, KEY, PRIVATE.sign, mode)


def home(path: Path) -> Path:
    """A directory that passes for a home."""
    path.mkdir(exist_ok=True)
    (path / "hitl-mail.toml").touch()
    return path


async def write(state: Path, bodies: Iterable[dict[str, Any]]) -> list[Any]:
    """Add all bodies, in order, in one session of the daemon; their references."""
    book = open_book(state)
    references = await asyncio.gather(*(book.add(item) for item in bodies))
    await book.close()
    return references
