"""Microseconds a mail: reading a reply and believing its sender, from every mail program of the
tests in every language, and of made-up mails that are as bad as they come.

`median` and `worst` of a program are over its languages and texts; a bad mail is read once more,
and the quicker of the two counts.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from hitl_mail.review.reply import read_reply
from hitl_mail.review.sender import believe
from tests.bad_mails import BAD
from tests.clients import CLIENTS
from tests.factories import action, case_after, receive
from tests.languages import LANGUAGES
from tests.mails import AT, TOKENS, composed

ROUNDS = 5
"""Rounds of each measurement; the quickest counts, for it was disturbed least."""

TYPED = (
    "approve",
    "Approve: as agreed\n\nThanks\nAda",
    "reject because it is too high",
    "edit\namount = 40\ncurrency = “USD”",
    "What is this about?",
)


def measure() -> dict[str, Any]:
    """All figures, as JSON can hold them."""
    document = action(id="r", summary="Refund the double charge", why="Charged twice")
    ours = composed(case_after(receive(document, expires_at=AT + 99), now=AT)).message
    programs: list[dict[str, Any]] = []
    for name, client in CLIENTS.items():
        times = [
            _microseconds(client(f"{typed}\n\n{words.disclaimer}", ours, words))
            for words in LANGUAGES.values()
            for typed in TYPED
        ]
        programs.append({"program": name, "median": statistics.median(times), "worst": max(times)})
    bad: list[dict[str, Any]] = [
        {"mail": name, "bytes": len(message), "worst": _microseconds(message, 2)}
        for name, message in BAD.items()
    ]
    return {
        "programs": programs,
        "median": statistics.median(row["median"] for row in programs),
        "worst": max(row["worst"] for row in programs),
        "bad": sorted(bad, key=lambda row: -row["worst"]),
    }


def told(found: dict[str, Any]) -> str:
    """The figures as tables for people."""
    lines = [f"{'replies from':<20}{'median µs':>12}{'worst µs':>12}"]
    for row in (*found["programs"], {**found, "program": "all"}):
        lines.append(f"{row['program']:<20}{row['median']:>12.0f}{row['worst']:>12.0f}")
    lines += ["", f"{'made-up worst cases':<32}{'bytes':>12}{'µs':>12}"]
    lines += [f"{row['mail']:<32}{row['bytes']:>12}{row['worst']:>12.0f}" for row in found["bad"]]
    return "\n".join(lines)


def _microseconds(message: bytes, rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        believe(message, TOKENS, "token")
        read_reply(message, TOKENS.is_ours)
        times.append(time.perf_counter() - began)
    return min(times) * 1e6
