"""`status`: one screen on how the home is. It imports nothing slow."""

from __future__ import annotations

import datetime as dt
import sys
import time
from typing import Any

import click

from hitl_mail.cli.output import emit_json, json_option, lines
from hitl_mail.core.duration import show_duration
from hitl_mail.doctor.finding import of_problem
from hitl_mail.doctor.told import faults, said, stale
from hitl_mail.errors import ConfigError
from hitl_mail.home import Home, find_home

_MOST = 12
"""Names on one line."""


@click.command()
@json_option
@click.pass_obj
def status(home: str, as_json: bool) -> None:
    """How the daemon and its mail are. Exits 0 if all is well, else 1."""
    report = _report(find_home(home))
    if as_json:
        emit_json(report)
    else:
        _tell(report)
    sys.exit(0 if report["ok"] else 1)


def _report(home: Home) -> dict[str, Any]:
    running = home.running()
    health = said(home)
    told = [one.sentence() for one in faults(home, running, health, time.time())]
    return {
        "home": str(home.root),
        "running": running,
        "ok": not told,
        "faults": told,
        "notes": [*_doubts(health.get("cases") or {}), *_notes(home, running, health)],
        "daemon": {key: health.get(key) for key in ("pid", "version", "started_at", "at")},
        "cases": health.get("cases", {}),
        "queue": health.get("queue"),
        "pace": health.get("pace"),
        "refused": health.get("refused"),
        "tightened": health.get("tightened"),
        "head": health.get("head"),
        "policy": health.get("policy"),
        "mail_out": health.get("mail_out"),
        "mail_in": health.get("mail_in"),
        "web": health.get("web"),
    }


def _doubts(cases: dict[str, int]) -> list[str]:
    """People were asked what becomes of these, so the daemon is well; they should not lie long."""
    doubts = {"in_doubt": "nobody knows whether it ran", "held": "its execution failed"}
    return [
        f"{cases[status]} {status}: {why}, and a person has to say; hitl-mail queue"
        for status, why in doubts.items()
        if cases.get(status)
    ]


def _notes(home: Home, running: bool, health: dict[str, Any]) -> list[str]:
    from hitl_mail.bootstrap import load_site, shared_users

    outdated = [f"{what}; start the daemon again" for what in stale(running, health)]
    try:
        return [*outdated, *shared_users(home, load_site(home))]
    except ConfigError as error:
        # Where none runs it is a fault; one that runs has read what was there before.
        problems = (of_problem(problem).sentence() for problem in error.problems)
        return [*outdated, *(problems if running else ())]


def _tell(report: dict[str, Any]) -> None:
    daemon, out, into = report["daemon"], report["mail_out"] or {}, report["mail_in"] or {}
    cases = ", ".join(f"{count} {name}" for name, count in report["cases"].items())
    head = report["head"]
    since = f"process {daemon['pid']} since {daemon['started_at']}"
    lines(
        [
            ("home", report["home"]),
            ("daemon", since if report["running"] else "not running"),
            ("cases", cases or "none open"),
            *_queue(report["queue"] or {}),
            ("pace", _counts(report["pace"], " in the last hour")),
            ("refused", _refused(report["refused"])),
            ("mail out", _mail(out)),
            ("mail in", _mail(into)),
            ("policy", report["policy"]),
            ("receipts", f"#{head['seq']} {head['digest']}" if head else "none yet"),
        ]
    )
    for fault in report["faults"]:
        lines([("fault", fault)])
    for note in report["notes"]:
        lines([("note", note)])


def _queue(queue: dict[str, Any]) -> list[tuple[str, object]]:
    """What waits for people: how long, for whom, and what expires next."""
    expires = queue.get("expires")
    soonest = ""
    if expires is not None:
        left = dt.datetime.fromisoformat(expires["at"]).timestamp() - time.time()
        soonest = f"{expires['case']} in {show_duration(left)}: {expires['title']}"
    return [
        ("waiting", _counts(queue.get("ages"))),
        ("waits for", _reviewers(queue)),
        ("from agents", _counts(queue.get("agents"))),
        ("expires next", soonest),
    ]


def _refused(found: dict[str, Any] | None) -> str:
    """Files that agents were not understood by: whoever looks in `refused/` is the agent alone."""
    if not found:
        return ""
    newest = found["newest"]
    return (
        f"{found['hour']} in the last hour, {found['day']} in the last day; the newest, at"
        f" {newest['at']}, {newest['file']} of {newest['agent']}: {newest['error']}"
    )


def _reviewers(queue: dict[str, Any]) -> str:
    nobody = f"nobody {queue['nobody']}" if queue.get("nobody") else ""
    return ", ".join(filter(None, (_counts(queue.get("reviewers")), nobody)))


def _counts(counts: dict[str, int] | None, after: str = "") -> str:
    """`ada 3, bob 1`; the first of many."""
    found = [f"{name} {count}" for name, count in (counts or {}).items()]
    more = f", and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return f"{', '.join(found[:_MOST])}{more}{after}" if found else ""


def _mail(part: dict[str, Any]) -> str:
    words = []
    if part.get("waiting"):
        words.append(f"{part['waiting']} waiting")
    words.append(f"last success {part['last_ok']}" if part.get("last_ok") else "none yet")
    if part.get("next_try"):
        words.append(f"next try {part['next_try']}")
    return ", ".join(words)
