"""Seeded histories: past cases by the rules of a policy, as receipt bodies or as sealed receipts.

A case is what an agent wanted and what people said of it; the policy says whether they were asked.
Cases close a minute after one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from hitl_mail.adapters.framelog import scan, write_frames
from hitl_mail.adapters.receipts.book import receipts_directory
from hitl_mail.adapters.receipts.files import decode, month_paths
from hitl_mail.core.action import Action
from hitl_mail.core.canonical import canonical
from hitl_mail.core.documents import iso
from hitl_mail.core.receipt import erase
from hitl_mail.core.verdict import Verdict
from hitl_mail.policy.history import Entry, read_entry
from hitl_mail.policy.judge import Policy
from tests.support.receipts import body, open_book

AGENT = "default"
BEGIN = 1_790_000_000.0
_BATCH = 500

Said = Literal["approve", "reject", "edit", "nothing"]


class Case(NamedTuple):
    """What an agent wanted (`fields` of the action) and what people said, where they were asked,
    `seconds` after it."""

    kind: str
    said: Said
    seconds: float
    erased: bool
    fields: dict[str, Any]


def case(
    kind: str = "crm.label",
    said: Said = "approve",
    seconds: float = 12.0,
    erased: bool = False,
    **fields: Any,
) -> Case:
    """One case of a history."""
    return Case(kind, said, seconds, erased, fields)


def name(number: int) -> str:
    """The id of the case at this place, counted from 0."""
    return f"261122-{number:06d}"


def bodies(cases: Iterable[Case], policy: Policy) -> Iterator[dict[str, Any]]:
    """The receipts' bodies, in closing order."""
    for number, one in enumerate(cases):
        document = {"kind": one.kind, "payload": {"n": number}, "summary": "x", **one.fields}
        action = msgspec.convert(document, Action)
        verdict = policy.judge(action, AGENT, frozenset(), name(number))
        yield _body(number, one, document, verdict)


def entries(cases: Iterable[Case], policy: Policy) -> list[Entry]:
    """The history as replay and suggest get it, without sealing."""
    cases = list(cases)
    found = []
    for number, (one, made) in enumerate(zip(cases, bodies(cases, policy), strict=True)):
        receipt = {**made, "seq": number + 1}
        if one.erased:
            gone = {"erased": "sha256:" + "0" * 64}
            receipt |= dict.fromkeys(("action", "revisions", "packets", "outcome"), gone)
        found.append(read_entry(receipt))
    return found


def write_history(state: Path, made: Iterable[dict[str, Any]]) -> None:
    """Seal all bodies into the receipts of a home's `state`, in order."""

    async def write() -> None:
        book, left = open_book(state), iter(made)
        while batch := list(islice(left, _BATCH)):
            await asyncio.gather(*(book.add(item) for item in batch))
        await book.close()

    asyncio.run(write())


def erase_in(state: Path, case_ids: Iterable[str]) -> None:
    """Erase the contents of these cases where they are stored."""
    for path in month_paths(receipts_directory(state)):
        header, *payloads = (payload for _, payload in scan(path))
        receipts = [decode(payload) for payload in payloads]
        kept = [canonical(erase(r) if r["case"] in case_ids else r) for r in receipts]
        write_frames(path, [header, *kept], 0o600)


def _body(number: int, one: Case, document: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    at = BEGIN + 60.0 * number
    said = one.said if verdict.asks else "nothing"
    closed = at + one.seconds + 1.0
    decisions = [_decision(said, at + one.seconds)] if said != "nothing" else []
    if said == "edit":
        decisions.append(_decision("approve", at + one.seconds + 0.5))
    return body(
        name(number),
        id=f"a{number}",
        agent=AGENT,
        kind=one.kind,
        title=f"{one.kind} {number}",
        status=_status(said, verdict),
        gate=verdict.gate,
        decided_by=["ada"] if decisions else [],
        received_at=iso(at),
        closed_at=iso(closed),
        action=document,
        revisions=_revisions(document, said),
        verdict=verdict.document(),
        packets=[{"to": "ada", "about": "ask", "at": iso(at), "digest": "sha256:2"}]
        if verdict.asks
        else [],
        decisions=decisions,
        outcome={"ok": True, "exit_code": 0, "seconds": 0.1, "attempts": 1},
        events=[{"at": iso(at), "event": "received"}],
    )


def _status(said: Said, verdict: Verdict) -> str:
    if verdict.gate == "deny":
        return "denied"
    if said == "nothing" and verdict.asks:
        return "expired"
    return "rejected" if said == "reject" else "executed"


def _decision(verb: str, at: float) -> dict[str, Any]:
    return {"by": "ada", "verb": verb, "via": "mail", "at": iso(at), "note": "", "revision": 1}


def _revisions(document: dict[str, Any], said: Said) -> list[dict[str, Any]]:
    first = {"number": 1, "payload": document["payload"], "digest": "sha256:1", "by": None}
    if said != "edit":
        return [first]
    return [first, {**first, "number": 2, "by": "ada"}]
