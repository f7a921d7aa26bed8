"""Looking at cases: the queue, and one case whole."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from hitl_mail.cli.completion import open_cases
from hitl_mail.cli.down import tell_if_down
from hitl_mail.cli.output import drawn, emit_json, json_option, lines, safe, table
from hitl_mail.cli.reader import Reader
from hitl_mail.core import documents
from hitl_mail.core.case import Case
from hitl_mail.core.duration import show_duration
from hitl_mail.core.quorum import unreached_now
from hitl_mail.daemon.undecided import Stuck, Undecided
from hitl_mail.errors import HitlError, UsageError
from hitl_mail.home import NO_DAEMON, Home, find_home
from hitl_mail.review.timeline import timeline

_TICK = 1.0
"""Seconds between two looks of `queue --watch`."""
_AROUND = 6
"""Lines of the screen that are no case."""


_COLUMNS = ("case", "action", "agent", "status", "waits for", "expires in", "mail")


@click.command()
@click.option("--watch", "watching", is_flag=True, help="Stay, and show what changes in its place.")
@json_option
@click.pass_obj
def queue(home: str, watching: bool, as_json: bool) -> None:
    """All open cases: what waits, for whom, until when."""
    found = find_home(home)
    if watching:
        if as_json or not sys.stdout.isatty():
            raise UsageError("--watch is for people at a terminal; programs ask again with --json")
        _watch(found)
        return
    waiting = _waiting(found)
    tell_if_down(found)
    if as_json:
        emit_json([documents.queue_row(case) for case in waiting])
    elif not waiting:
        click.echo("Nothing waits.")
    else:
        table(_COLUMNS, _rows(waiting, undecided_of(found)))


def _waiting(home: Home) -> list[Case]:
    """The open cases, what expires first on top."""
    cases = Reader(home).cases()
    waiting = [case for case in cases.values() if not case.final or case.in_review]
    return sorted(waiting, key=lambda case: (case.expires_at, case.id))


def _rows(waiting: list[Case], undecided: Undecided | None) -> list[tuple[str, ...]]:
    now = time.time()
    return [
        (
            case.id,
            case.title,
            case.agent,
            case.status,
            _waits_for(case, undecided),
            _left(_ends(case) - now) if case.status in ("pending", "approved") else "-",
            "; ".join(sorted(filter(None, {documents.mail_error(case, m) for m in case.mails}))),
        )
        for case in waiting
    ]


def _watch(home: Home) -> None:
    """Until interrupted. The journal is read when it has changed; times run on between."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    console = Console()
    seen: object = None
    waiting: list[Case] = []
    undecided = undecided_of(home)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            now = _state_of(home.journal)
            if now != seen:
                seen, waiting = now, _waiting(home)
            rows = _rows(waiting[: max(1, console.height - _AROUND)], undecided)
            parts = [f"{len(waiting)} open"]
            if len(waiting) > len(rows):
                parts.append(f"{len(waiting) - len(rows)} more below")
            if not home.running():
                parts.append(NO_DAEMON)
            below = Text(f"{', '.join(parts)}. Ctrl-C ends.")
            live.update(Group(drawn(_COLUMNS, rows), below) if rows else below, refresh=True)
            time.sleep(_TICK)


def _state_of(journal: Path) -> object:
    """Something that is another when the journal has changed."""
    files = sorted(journal.iterdir()) if journal.is_dir() else []
    return [
        (path.name, status.st_size, status.st_mtime_ns)
        for path, status in ((path, path.stat()) for path in files)
    ]


@click.command()
@click.argument("id", shell_complete=open_cases)
@json_option
@click.pass_obj
def show(home: str, id: str, as_json: bool) -> None:
    """One case, open or closed, with all that happened to it."""
    reader = Reader(find_home(home))
    document = reader.show(id)
    if as_json:
        emit_json(document)
        return
    case, undecided = reader.cases().get(document["case"]), undecided_of(reader.home)
    _tell(document, undecided.look(case) if case is not None and undecided is not None else None)


def _tell(document: dict[str, Any], stuck: Stuck | None) -> None:
    action, verdict = document["action"], document["verdict"]
    claims = action if "summary" in action else {}
    permit_until = document.get("permit_until")
    lines(
        [
            ("case", document["case"]),
            ("action", document["title"]),
            ("status", document["status"]),
            ("kind", document["kind"]),
            ("agent", f"{document['agent']}, as {document['id']}"),
            ("agent says", claims.get("summary")),
            ("why", claims.get("why")),
            ("gate", f"{verdict['gate']} by {', '.join(verdict['rules']) or 'policy'}"),
            ("reasons", "; ".join(verdict["reasons"])),
            ("waits for", ", ".join(document.get("waiting_for", []))),
            ("fault", stuck),
            ("expires", None if permit_until else document.get("expires_at")),
            ("permit ends", permit_until and f"{permit_until}; without a report it is in doubt"),
            ("outcome", _outcome(document["outcome"])),
            ("review", _review(document["review"])),
            ("receipt", _receipt(document.get("receipt"))),
        ]
    )
    click.echo("\npayload")
    erased = isinstance(action.get("erased"), str) and document["payload"] is None
    click.echo("  erased" if erased else _indented(document["payload"]))
    _tell_missed(document["packets"])
    click.echo("\nwhat happened")
    for at, since, words in timeline(document):
        click.echo(f"  {at}  {since:>8}  {safe(words, 500)}")


def _tell_missed(packets: Any) -> None:
    """Who was not asked, and why; the packets of a receipt may be erased."""
    missed = [one for one in packets if one.get("error")] if isinstance(packets, list) else []
    if missed:
        click.echo("\nnot delivered")
    for packet in missed:
        click.echo(f"  {safe(packet['to'])}: {safe(packet['error'], 500)}")


def _review(review: dict[str, Any] | None) -> str:
    """What became of a look at it afterwards, or until when there may be one."""
    if review is None:
        return ""
    if review["status"] == "open":
        return f"open until {review['expires_at']}"
    if not review["decisions"]:
        return f"{review['status']}: nobody answered until {review['expires_at']}"
    said = review["decisions"][-1]
    note = f": {safe(said['note'], 500)}" if said["note"] else ""
    return f"{review['status']} by {safe(said['by'])} ({said['via']}) at {said['at']}{note}"


def _outcome(outcome: Any) -> str:
    if not isinstance(outcome, dict):
        return ""
    # What a program prints ends with a line feed, which says nothing.
    told = {k: v.rstrip("\n") if isinstance(v, str) else v for k, v in outcome.items()}
    return ", ".join(f"{key} {safe(value)}" for key, value in told.items() if value != "")


def _receipt(receipt: dict[str, Any] | None) -> str:
    return f"#{receipt['seq']} {receipt['digest']}" if receipt else ""


def _indented(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "\n".join("  " + safe(line, 2000) for line in text.splitlines())


def undecided_of(home: Home) -> Undecided | None:
    """Who may decide what, by the settings on disk; None where they cannot be read."""
    from hitl_mail import bootstrap

    try:
        return Undecided(bootstrap.load_site(home), time.time)
    except (HitlError, OSError):
        # Who looks at the queue is told what waits all the same; `status` tells what is wrong.
        return None


def _waits_for(case: Case, undecided: Undecided | None) -> str:
    """Who the case waits for, and why a question does not reach somebody."""
    if undecided is not None and (stuck := undecided.look(case)) is not None:
        return f"{stuck.who} may decide"
    people = documents.waited_for(case)
    marks = {person: f" ({case.unreached[person]})" for person in unreached_now(case)}
    return ", ".join(person + marks.get(person, "") for person in people) or "-"


def _ends(case: Case) -> float:
    """When its time is over: that of the permit, where the agent holds one."""
    return case.permit.until if case.permit is not None else case.expires_at


def _left(seconds: float) -> str:
    return show_duration(seconds) if seconds > 0 else "now"
