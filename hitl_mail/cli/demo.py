"""`demo`: the whole loop on a fresh machine, with nothing configured.

An agent wants five things. A real daemon runs beside us, on a home of its own; the person at the
terminal is the reviewer and answers real mails. `--auto` plays the reviewer through the same mails,
replies and pages, and checks that each of the five ended as it should.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from hitl_mail.cli.demo_stage import FIVE, Deed, Stage, body
from hitl_mail.cli.output import safe, table
from hitl_mail.errors import HitlError

_PATIENCE = 30.0
_PLAN = {
    "refund-8841": "approve",
    "thanks-207": "link",
    "cleanup-3": "reject: ask the customer first",
}


@click.command()
@click.option("--auto", is_flag=True, help="Play the reviewer, too; exit 0 if all went well.")
@click.option("--keep", is_flag=True, help="Keep the demo's home afterwards.")
def demo(auto: bool, keep: bool) -> None:
    """Show the whole loop: five actions, a reviewer, receipts. Two minutes, nothing to set up."""
    auto = auto or not sys.stdin.isatty()
    root = Path(tempfile.mkdtemp(prefix="hitl-mail-demo-"))
    try:
        with Stage(root / "home") as stage:
            _open(stage)
            _play(stage, auto)
            fine = _close(stage, auto)
    finally:
        if keep:
            click.echo(f"The demo's home is kept in {root / 'home'}")
        else:
            shutil.rmtree(root)
    sys.exit(0 if fine else 1)


def _open(stage: Stage) -> None:
    _say("An AI agent at work wants five things. It drops each as a file into a spool:")
    for deed in FIVE:
        stage.drop(deed)
        click.echo(f"  {deed.id:<14} {safe(deed.document['summary'])}")
    _say("The rules (rules.toml) decide which run alone, which need a person, which never run.")


def _play(stage: Stage, auto: bool) -> None:
    """Be the reviewer until nothing waits for one."""
    end = time.monotonic() + _PATIENCE
    waiting = {deed.id for deed in FIVE}
    while waiting:
        for action_id in sorted(waiting):
            result = stage.result(action_id)
            if result is not None:
                waiting.discard(action_id)
                _outcome(action_id, result)
                end = time.monotonic() + _PATIENCE
        mail = stage.next_mail()
        if mail is None:
            if time.monotonic() > end:
                raise HitlError(f"nothing happened for {_PATIENCE:g} s; the log: {stage.log}")
            time.sleep(0.05)
            continue
        _read(stage, mail, auto)
        end = time.monotonic() + _PATIENCE


def _read(stage: Stage, mail: Any, auto: bool) -> None:
    if not stage.is_mine(mail):
        _say(f"A mail leaves for {mail['To']}, exactly as it was approved:")
        click.echo(_indented(body(mail)))
        return
    action_id = stage.asks_about(mail)
    if action_id is None:
        _say(f"In your inbox, an answer: {safe(mail['Subject'])}")
        click.echo(_indented(body(mail)))
        return
    _say(f"In your inbox: {safe(mail['Subject'])}")
    click.echo(_indented(body(mail)))
    answer = _PLAN[action_id] if auto else _ask()
    if answer == "link":
        url = stage.link(mail)
        if auto:
            click.secho(f"  > opens the link and presses Approve: {url[:60]}…", fg="cyan")
            stage.press(url, "approve")
        else:
            click.echo(f"  Open this in a browser, decide there, and come back:\n  {url}")
        return
    if auto:
        click.secho(f"  > replies: {answer}", fg="cyan")
    if answer:
        stage.reply(mail, answer)


def _ask() -> str:
    click.secho("\nYou are the reviewer. Reply as you would by mail:", bold=True)
    choices = "approve, reject and a reason, help"
    words = f"  {choices}; or: link, for the page"
    answer: str = click.prompt(words, prompt_suffix="\n  > ").strip()
    return answer.lower() if answer.lower() == "link" else answer


def _outcome(action_id: str, result: dict[str, Any]) -> None:
    colours = {"executed": "green", "denied": "red", "rejected": "yellow"}
    status = str(result["status"])
    who = ", ".join(f"{d['by']} by {d['via']}" for d in result["decisions"]) or "the policy"
    click.secho(f"\n{action_id}: {status}, decided by {who}", fg=colours.get(status), bold=True)
    outcome = result["outcome"] or {}
    if outcome.get("stdout"):
        click.echo(_indented(outcome["stdout"]))


def _close(stage: Stage, auto: bool) -> bool:
    """The table of what happened, and whether it is what should have."""
    rows, fine = [], True
    for deed in FIVE:
        result = stage.result(deed.id) or {}
        right = _right(deed, result) if auto else True
        fine = fine and right
        who = ", ".join(d["by"] for d in result.get("decisions", [])) or "-"
        receipt = (result.get("receipt") or {}).get("seq", "-")
        rows.append(
            (deed.id, deed.document["kind"], result["verdict"]["gate"], who, result["status"])
            + (f"#{receipt}",)
            + (("as it should" if right else f"should be {deed.status}",) if auto else ())
        )
    _say("What happened to each of the five:")
    columns = ("action", "kind", "gate", "decided by", "status", "receipt")
    table((*columns, "check") if auto else columns, rows)
    report = stage.verify()
    fine = fine and bool(report["ok"]) and report["count"] == len(FIVE)
    if report["ok"]:
        click.echo(
            f"{report['count']} receipts, chained and signed, verify. Head: {report['digest']}"
        )
    else:
        click.echo(f"The receipts do not verify: {json.dumps(report['fault'])}")
    if not auto:
        click.echo("\nYour own: hitl-mail init DIR, then hitl-mail --home DIR run")
    return fine


def _right(deed: Deed, result: dict[str, Any]) -> bool:
    verdict = result.get("verdict", {})
    return (result.get("status"), verdict.get("gate")) == (deed.status, deed.gate)


def _say(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


def _indented(text: str) -> str:
    return "\n".join(f"  | {safe(line, 500)}" for line in text.strip().splitlines())
