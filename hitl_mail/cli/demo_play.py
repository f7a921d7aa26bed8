"""What `demo` plays: the whole loop on a fresh machine, with nothing configured.

An agent wants five things. A real daemon runs beside us, on a home of its own; the person at the
terminal is the reviewer and answers real mails, one case at a time. `--auto` plays the reviewer
through the same mails, replies and pages, and checks that each of the five ended as it should.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TypeVar

import click

from hitl_mail.cli.demo_mail import gist, link, readable
from hitl_mail.cli.demo_stage import FIVE, Deed, Stage
from hitl_mail.cli.output import program, safe, table
from hitl_mail.errors import HitlError

T = TypeVar("T")

_PATIENCE = 30.0
_PLAN = {
    "refund-8841": "approve",
    "thanks-207": "link",
    "cleanup-3": "reject because the customer has to be asked first",
}
_ASKED = tuple(deed for deed in FIVE if deed.gate == "hard")
_COLOURS = {"executed": "green", "denied": "red", "rejected": "yellow"}


def play(auto: bool, keep: bool) -> bool:
    """Play the demo in a directory of its own; whether all went as it should."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _leave)
    root = Path(tempfile.mkdtemp(prefix="hitl-mail-demo-"))
    try:
        with Stage(root / "home") as stage:
            _open(stage)
            for number, deed in enumerate(_ASKED, 1):
                _review(stage, deed, f"{number} of {len(_ASKED)}", auto)
            fine = _close(stage, auto)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped." if keep else "\nStopped; nothing is left behind.", err=True)
        raise
    finally:
        if keep:
            click.echo(f"The demo's home is kept in {root / 'home'}")
        else:
            shutil.rmtree(root)
    return fine


def _leave(number: int, _frame: FrameType | None) -> None:
    """Leave by the same door as Ctrl-C, once: else the daemon stays behind."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _open(stage: Stage) -> None:
    _say("An AI agent wants five things. It drops each as a file into a spool:")
    for deed in FIVE:
        stage.drop(deed)
        click.echo(f"  {deed.id:<12} {safe(deed.document['summary'])}")
    _say("The rules let one run, refuse one, and put three before a person. That is you.")
    for deed in FIVE:
        if deed not in _ASKED:
            _outcome(stage, deed)


def _review(stage: Stage, deed: Deed, place: str, auto: bool) -> None:
    """Read the mail about one deed, and answer until it is decided."""
    case = _await(stage, lambda: stage.case_of(deed))
    mail = _await(stage, lambda: stage.packet(case))
    _say(f"Mail {place}: {safe(mail['Subject'])}")
    _show(gist(mail) if auto else readable(mail))
    while stage.undecided(case):
        heard, edits = stage.heard(case), stage.edits(case)
        if auto:
            _play(stage, mail, _PLAN[deed.id])
        else:
            _ask(stage, mail, case, edits)
        _await(stage, partial(stage.reacted, case, heard + edits))
        if stage.edits(case) > edits:
            mail = _await(stage, partial(stage.edited, case))
            _read(mail, place)
        elif stage.undecided(case):
            _answer(stage, case, place)
    _outcome(stage, deed)


def _answer(stage: Stage, case: str, place: str) -> None:
    """Read what comes back where a reply has decided nothing."""
    mail = _soon(lambda: stage.answer(case), 1.0)
    if mail is None:
        click.echo("  Nothing was decided. One mail an hour says why, and you had it; help always")
        click.echo("  gets an answer. Approve with: approve. Reject with: reject because...")
        return
    _read(mail, place)


def _read(mail: EmailMessage, place: str) -> None:
    _say(f"Mail {place}: {safe(mail['Subject'])}")
    _show(readable(mail))


def _play(stage: Stage, mail: EmailMessage, answer: str) -> None:
    """Say what the plan says."""
    if answer != "link":
        click.secho(f"  > you reply: {answer}", fg="cyan")
        stage.reply(mail, answer)
        return
    click.secho("  > you open the link in the mail, and press Approve on the page", fg="cyan")
    stage.press(_page(mail), "approve")


def _ask(stage: Stage, mail: EmailMessage, case: str, edits: int) -> None:
    """Let the person reply, or decide on the page, until a further edit is to be read."""
    _say("Your reply: approve | reject because... | edit key = value | help    or: link, its page")
    while stage.undecided(case) and stage.edits(case) == edits:
        answer = click.prompt("  >", prompt_suffix=" ", default="", show_default=False).strip()
        if answer.lower() == "link":
            click.echo(f"  Decide on this page, then press Enter here:\n{_page(mail)}")
        elif answer:
            stage.reply(mail, answer)
            return
        elif stage.undecided(case) and stage.edits(case) == edits:
            click.echo("  Nothing is decided yet. Reply, or decide on the page.")


def _page(mail: EmailMessage) -> str:
    url = link(mail)
    if url is None:
        raise HitlError("the mail has no link")
    return url


def _outcome(stage: Stage, deed: Deed) -> None:
    """Tell what became of one deed, and who or what decided it."""
    result = _await(stage, lambda: stage.result(deed.id))
    status, verdict = str(result["status"]), result["verdict"]
    why = [f"{said['by']} said {said['verb']} ({said['via']})" for said in result["decisions"]]
    if not why:
        why = [f"rule {', '.join(verdict['rules'])}: {'; '.join(verdict['reasons'])}"]
    click.secho(f"  {deed.id}: {status}", fg=_COLOURS.get(status), bold=True, nl=False)
    click.echo(f"  {safe('; '.join(why))}")
    if status == "executed" and deed.document["kind"] == "mail.send":
        mail = _await(stage, stage.outgoing)
        click.echo(f"  This leaves for {safe(mail['To'])}, exactly as it was approved:")
        _show(readable(mail))
    elif printed := (result["outcome"] or {}).get("stdout"):
        _show([f"The demo does no harm; it would have {json.loads(printed)['would_have']}."])


def _close(stage: Stage, auto: bool) -> bool:
    """The table of what happened, and whether it is what should have."""
    rows, fine = [], True
    for deed in FIVE:
        result = stage.result(deed.id) or {}
        right = (result["status"], result["verdict"]["gate"]) == (deed.status, deed.gate)
        fine = fine and (right or not auto)
        who = ", ".join(said["by"] for said in result["decisions"]) or "the rules"
        row = (deed.id, deed.document["kind"], result["verdict"]["gate"], who, result["status"])
        check = "as it should" if right else f"should be {deed.status}"
        rows.append((*row, f"#{result['receipt']['seq']}", *([check] if auto else [])))
    _say("What happened to each of the five:")
    columns = ("action", "kind", "gate", "decided by", "status", "receipt")
    table((*columns, "check") if auto else columns, rows)
    report = stage.verify()
    if report["ok"]:
        click.echo(f"{report['count']} receipts, chained and signed: all of them verify.")
    else:
        click.echo(f"The receipts do not verify: {json.dumps(report['fault'])}")
    if not auto:
        click.echo(f"\nYour own: {program()} init DIR")
    return fine and bool(report["ok"]) and report["count"] == len(FIVE)


def _await(stage: Stage, look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it does."""
    found = _soon(look, _PATIENCE)
    if found is None:
        words = stage.last_words() or "nothing"
        raise HitlError(f"nothing happened for {_PATIENCE:g} s; the daemon said: {words}")
    return found


def _soon(look: Callable[[], T | None], seconds: float) -> T | None:
    end = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _say(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


def _show(text: list[str]) -> None:
    for line in text:
        click.echo(f"  | {safe(line, 500)}".rstrip())
