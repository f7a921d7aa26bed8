"""Looking at cases: the queue, and one case whole."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from hitl_mail.cli.output import emit_json, json_option, lines, safe, table
from hitl_mail.cli.reader import Reader
from hitl_mail.core import documents
from hitl_mail.core.case import Case
from hitl_mail.core.duration import show_duration
from hitl_mail.core.quorum import unreached_now
from hitl_mail.home import find_home


@click.command()
@json_option
@click.pass_obj
def queue(home: str, as_json: bool) -> None:
    """All open cases: what waits, for whom, until when."""
    cases = Reader(find_home(home)).cases()
    waiting = [case for case in cases.values() if not case.final or case.in_review]
    waiting.sort(key=lambda case: (case.expires_at, case.id))
    if as_json:
        emit_json([documents.queue_row(case) for case in waiting])
        return
    if not waiting:
        click.echo("Nothing waits.")
        return
    now = time.time()
    rows = [
        (
            case.id,
            case.title,
            case.agent,
            case.status,
            _waits_for(case),
            _left(case.expires_at - now) if case.status in ("pending", "approved") else "-",
            "; ".join(sorted(filter(None, {documents.mail_error(case, m) for m in case.mails}))),
        )
        for case in waiting
    ]
    table(("case", "action", "agent", "status", "waits for", "expires in", "mail"), rows)


@click.command()
@click.argument("id")
@json_option
@click.pass_obj
def show(home: str, id: str, as_json: bool) -> None:
    """One case, open or closed, with all that happened to it."""
    document = Reader(find_home(home)).show(id)
    if as_json:
        emit_json(document)
        return
    _tell(document)


def _tell(document: dict[str, Any]) -> None:
    action, verdict = document["action"], document["verdict"]
    claims = action if "summary" in action else {}
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
            ("expires", document.get("expires_at")),
            ("outcome", _outcome(document["outcome"])),
            ("review", _review(document["review"])),
            ("receipt", _receipt(document.get("receipt"))),
        ]
    )
    click.echo("\npayload")
    click.echo(_indented(document["payload"]))
    _tell_missed(document["packets"])
    if document["decisions"]:
        click.echo("\ndecisions")
        for said in document["decisions"]:
            note = f": {said['note']}" if said["note"] else ""
            click.echo(
                f"  {said['at']}  {safe(said['by'])} {said['verb']} ({said['via']})", nl=False
            )
            click.echo(safe(note, 500))
    click.echo("\nevents")
    for moment in document["events"]:
        rest = ", ".join(f"{k} {v}" for k, v in moment.items() if k not in ("at", "event"))
        click.echo(f"  {moment['at']}  {moment['event']:<14} {safe(rest)}".rstrip())


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
    return ", ".join(f"{key} {safe(value)}" for key, value in outcome.items() if value != "")


def _receipt(receipt: dict[str, Any] | None) -> str:
    return f"#{receipt['seq']} {receipt['digest']}" if receipt else ""


def _indented(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "\n".join("  " + safe(line, 2000) for line in text.splitlines())


def _waits_for(case: Case) -> str:
    """Who the case waits for, and why a question does not reach somebody."""
    people = documents.waited_for(case)
    marks = {person: f" ({case.unreached[person]})" for person in unreached_now(case)}
    return ", ".join(person + marks.get(person, "") for person in people) or "-"


def _left(seconds: float) -> str:
    return show_duration(seconds) if seconds > 0 else "now"
