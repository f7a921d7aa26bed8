"""`stats`: what asking people costs and brings, and where it asks too much or too little."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from hitl_mail import bootstrap
from hitl_mail.cli.history import start_of, watched
from hitl_mail.cli.output import emit_json, json_option, lines, safe, table
from hitl_mail.cli.stats_words import bars, duration, outcomes, pace, share
from hitl_mail.core.receipt import ERASED
from hitl_mail.errors import HitlError, UsageError, explain_os
from hitl_mail.home import Home, find_home

_SHOWN = 12
_DAYS = 60
"""The days that a line of bars shows."""
_ASKED = ("approved", "edited", "rejected", "expired", "other")
_COUNTS = ("actions", "ran_alone", "asked", *_ASKED[:4], "flagged")


@click.command()
@click.option("--since", default="30d", metavar="30d", help="Only cases closed in this last time.")
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write one page with plots, too.",
)
@json_option
@click.pass_obj
def stats(home: str, since: str, page: Path | None, as_json: bool) -> None:
    """How often people are asked, how fast they decide, and what could be asked less.

    By rule, by kind and by reviewer, from receipts; times to decide run from the mail. A warning
    names the rule and the mend.
    """
    found = find_home(home)
    report = _report(found, start_of(since), since)
    if as_json:
        emit_json(report)
    else:
        _tell(report)
    # Last: what keeps the page from being written keeps nobody from the numbers.
    if page is not None:
        _write(page, report)
        if not as_json:
            click.echo(f"\nwritten: {page}")


def _report(home: Home, start: str, since: str) -> dict[str, Any]:
    from hitl_mail.policy.advice import warnings
    from hitl_mail.policy.economics import Economics

    sums = Economics(start)
    receipts: Iterable[dict[str, Any]] = bootstrap.past_receipts(home, start)
    if sys.stderr.isatty():
        receipts = watched(receipts, bootstrap.read_receipts(home).head()[0], "Reading")
    for receipt in receipts:
        # That contents were erased is no case.
        if receipt["status"] != ERASED:
            sums.add(receipt)
    document = sums.document()
    return {**document, "warnings": list(warnings(document)), "time": since}


def _write(page: Path, report: dict[str, Any]) -> None:
    try:
        from hitl_mail.cli.stats_page import stats_page
    except ImportError as error:
        raise HitlError(
            f"--html needs a library for plots, and {error.name} is missing. Install it for the"
            f" Python that runs this: {sys.executable} -m pip install 'matplotlib>=3.9'"
        ) from None
    try:
        page.write_text(stats_page(report), "utf-8")
    except OSError as error:
        raise UsageError(explain_os(error, page)) from None


def _tell(report: dict[str, Any]) -> None:
    every = report["all"]
    if not every["actions"]:
        click.echo(f"No case was closed in the last {report['time']}: nothing to tell yet.")
        return
    days = report["days"][-_DAYS:]
    asked = [sum(day[name] for name in _ASKED) for day in days]
    waits = bars([row["answers"] for row in report["waits"]])
    lines(
        [
            ("actions", f"{every['actions']} in {report['time']}"),
            ("ran alone", share(every["ran_alone"], every["actions"])),
            ("asked", share(every["asked"], every["actions"])),
            ("answers", outcomes(every)),
            ("to decide", pace(every)),
            ("people", f"{every['people_minutes']:g} minutes"),
            ("asked by day", f"{bars(asked)}  {days[0]['day']} to {days[-1]['day']}"),
            ("times", f"{waits}  15s, 1m, 5m, 15m, 1h, 4h, 1d, longer"),
        ]
    )
    for title, name in (("rule", "rules"), ("kind", "kinds")):
        rows = report[name][:_SHOWN]
        table(
            (title, "actions", "alone", "asked", "approved", "edited", "rejected", "expired",
             "flagged", "median", "p90", "minutes"),
            [_row(row, title) for row in rows],
        )  # fmt: skip
        if len(report[name]) > _SHOWN:
            click.echo(f"{len(report[name]) - _SHOWN} more: --json")
    people = report["reviewers"][:_SHOWN]
    if people:
        table(
            ("reviewer", "answered", "silent", "median", "short", "middling", "long", "p90",
             "minutes", "fast runs"),
            [_person(row) for row in people],
        )  # fmt: skip
    for warning in report["warnings"]:
        click.echo(f"warning: {safe(warning['text'], 500)}.\n  mend: {safe(warning['mend'], 500)}")


def _row(row: dict[str, Any], title: str) -> list[object]:
    times = (duration(row["median_seconds"]), duration(row["p90_seconds"]))
    return [row[title], *(row[name] for name in _COUNTS), *times, f"{row['people_minutes']:g}"]


def _person(row: dict[str, Any]) -> list[object]:
    sizes = [duration(row["median_by_size"][name]) for name in ("short", "middling", "long")]
    median, p90 = duration(row["median_seconds"]), duration(row["p90_seconds"])
    minutes = f"{row['people_minutes']:g}"
    runs = row["fast_runs"] or ""
    answered, silent = row["answered"], row["unanswered"]
    return [row["reviewer"], answered, silent, median, *sizes, p90, minutes, runs]
