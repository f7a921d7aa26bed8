"""The daemon in numbers, for monitoring: what waits, what happened, what is wrong.

No label says whose case it is: neither case ids, agents, kinds nor people are in it, so how many
series there are is known beforehand, and nobody's text can add one. What it costs to look is
bounded as for `status`: the open cases are looked at as seldom as there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hitl_mail.core.case import TRANSITIONS
from hitl_mail.daemon.health import health
from hitl_mail.daemon.tally import Durations, Tally
from hitl_mail.ports import Measure, Sample, Spread

if TYPE_CHECKING:
    from hitl_mail.daemon.daemon import Daemon

_STATUSES = tuple(str(status) for status in TRANSITIONS if status is not None)


@dataclass(frozen=True)
class Around:
    """What adapters know: how many files wait in all spools, the records and bytes that a start
    would read after the journal's newest snapshot, the bytes that are free for the state, and how
    many lines of the log nobody took."""

    files: Callable[[], int]
    journal: Callable[[], tuple[int, int]]
    free: Callable[[], float]
    lost_lines: Callable[[], int]


def measures(daemon: Daemon, tally: Tally, around: Around, started_at: float) -> list[Measure]:
    """All of them as they are now; the names and labels are always the same."""
    found = health(daemon, started_at)
    return [
        _by("build", "info", "The version of hitl-mail that runs.", "version", _one(found)),
        _gauge("start_time_seconds", "When this daemon started, in Unix time.", started_at),
        *_what_waits(found, around, daemon.engine.clock.now()),
        *_what_happened(tally),
        *_mail(found, tally),
        *_storage(found, tally, around),
        *_what_is_wrong(daemon, found),
        _counter(
            "log_lost_lines", "Lines of the log that nobody took in time.", around.lost_lines()
        ),
    ]


def _one(found: Mapping[str, Any]) -> dict[str, float]:
    return {str(found["version"]): 1.0}


def _what_waits(found: Mapping[str, Any], around: Around, now: float) -> Iterator[Measure]:
    queue, cases = found["queue"], found["cases"]
    yield _by(
        "open_cases",
        "gauge",
        "Cases that are open, or closed and still owe a receipt, a result or a mail.",
        "status",
        {status: cases.get(status, 0) for status in _STATUSES},
    )
    yield _gauge("waiting_cases", "Cases that wait for a person.", sum(queue["ages"].values()))
    waits = max(0.0, now - _epoch(queue["since"])) if queue["since"] else 0.0
    yield _gauge(
        "oldest_wait_seconds",
        "How long ago the oldest case that waits for a person came in; 0 where none waits.",
        waits,
    )
    yield _gauge(
        "spool_files",
        "Files of agents that wait in their spools, counted up to 10000.",
        around.files(),
    )


def _what_happened(tally: Tally) -> Iterator[Measure]:
    yield _by("events", "counter", "Events of cases, by kind.", "event", tally.events)
    yield _by("actions", "counter", "Actions that became cases, by gate.", "gate", tally.actions)
    yield Measure(
        "hitl_mail_decisions",
        "counter",
        "Decisions of people, by what they said and by which door.",
        tuple(
            Sample(count, {"verb": verb, "via": via})
            for (verb, via), count in tally.decisions.items()
        ),
    )
    yield _by("ended_cases", "counter", "Cases that ended, by final status.", "status", tally.ended)
    yield _spread(
        "asked_seconds",
        "From an action's coming in to a server's taking each mail that asks about it.",
        tally.asked,
    )
    yield _spread(
        "decided_seconds",
        "From an action's coming in to its approval or rejection by people.",
        tally.decided,
    )


def _mail(found: Mapping[str, Any], tally: Tally) -> Iterator[Measure]:
    out, into = found["mail_out"], found["mail_in"]
    yield _by(
        "mails_offered",
        "counter",
        "Mails offered to the server or Maildir, by what it said: those deferred or in doubt are"
        " offered again.",
        "result",
        tally.mails,
    )
    yield _gauge(
        "mails_waiting", "Mails that are to be sent, those put off included.", out["waiting"]
    )
    yield _gauge(
        "mail_out_last_success_timestamp_seconds",
        "When a mail was last taken, in Unix time; 0 if none was since the start.",
        _epoch(out["last_ok"]),
    )
    yield _by(
        "letters",
        "counter",
        "Letters that came in: done with, or kept because handling them failed.",
        "result",
        tally.letters,
    )
    yield _gauge(
        "mail_in_last_success_timestamp_seconds",
        "When the mailbox was last looked at, in Unix time; 0 if it was not since the start.",
        _epoch(into["last_ok"]),
    )


def _storage(found: Mapping[str, Any], tally: Tally, around: Around) -> Iterator[Measure]:
    head = found["head"]
    written = tally.events["filed"] + tally.events["review_filed"]
    yield _counter("receipts_written", "Receipts of cases and reviews that are durable.", written)
    yield _gauge(
        "receipts_last_seq",
        "Number of the newest receipt; 0 where there is none.",
        head["seq"] if head else 0,
    )
    records, size = around.journal()
    yield _gauge("journal_records", "Records in the journal since its newest snapshot.", records)
    yield _gauge("journal_bytes", "Bytes of these records: what the next start reads.", size)
    yield _gauge("disk_free_bytes", "Bytes free for the daemon's state.", around.free())


def _what_is_wrong(daemon: Daemon, found: Mapping[str, Any]) -> Iterator[Measure]:
    """By the names that `status --json` and state/health.json have for them."""
    yield _by(
        "faults",
        "gauge",
        "What status calls a fault, by where it is: how many such faults there are now.",
        "fault",
        {
            "mail_out": bool(found["mail_out"]["last_error"]),
            "mail_in": bool(found["mail_in"]["last_error"]),
            "troubles": len(daemon.mailer.troubles),
            "stranded": len(daemon.reach.stranded),
            "web": bool((found["web"] or {}).get("error")),
            "policy_error": bool(found["policy_error"]),
            "templates": len(found["templates"]),
            "tightened": len(found["tightened"]),
            "receipts_error": bool(found["receipts_error"]),
            "faults": len(daemon.engine.faults.now),
            "storage_error": bool(found["storage_error"]),
        },
    )


def _by(
    name: str,
    sort: Literal["counter", "gauge", "info"],
    words: str,
    label: str,
    values: Mapping[str, float],
) -> Measure:
    samples = tuple(Sample(float(value), {label: key}) for key, value in values.items())
    return Measure(f"hitl_mail_{name}", sort, words, samples)


def _gauge(name: str, words: str, value: float) -> Measure:
    return Measure(f"hitl_mail_{name}", "gauge", words, (Sample(float(value)),))


def _counter(name: str, words: str, value: float) -> Measure:
    return Measure(f"hitl_mail_{name}", "counter", words, (Sample(float(value)),))


def _spread(name: str, words: str, durations: Durations) -> Measure:
    spread = Spread(durations.bounds, tuple(durations.counts), durations.sum)
    return Measure(f"hitl_mail_{name}", "histogram", words, spread=spread)


def _epoch(at: str | None) -> float:
    return dt.datetime.fromisoformat(at).timestamp() if at else 0.0
