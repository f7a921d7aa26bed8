"""`receipts export`: receipts for those who work elsewhere, whole or as a table."""

from __future__ import annotations

import datetime as dt
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from hitl_mail import bootstrap
from hitl_mail.cli.output import emit_json, json_option
from hitl_mail.core.documents import RECEIPT_STATUSES, iso
from hitl_mail.core.duration import parse_duration
from hitl_mail.core.text import escape_json
from hitl_mail.errors import UsageError
from hitl_mail.home import find_home

_MOMENT = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9:.]*Z?)?)?)?")


status_option = click.option(
    "--status",
    type=click.Choice(sorted(RECEIPT_STATUSES)),
    metavar="STATUS",
    help="Only cases of this status.",
)


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    help="Whole receipts, one a line; or a table for people.",
)
@click.option("--since", metavar="TIME", help="Closed then or later: 2026-11-22 (UTC), or 90d.")
@click.option("--until", metavar="TIME", help="Closed then or before: 2026-11-30, or 1w.")
@status_option
@click.option("--kind", help="Only of this kind.")
@click.option("--reviewer", metavar="PERSON", help="Only what this person decided.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file, 0600."
)
@json_option
@click.pass_obj
def export(
    home: str,
    form: str,
    since: str | None,
    until: str | None,
    status: str | None,
    kind: str | None,
    reviewer: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Receipts as a file, oldest first; beside a running daemon.

    \b
    hitl-mail receipts export --output all.jsonl
    hitl-mail receipts verify all.jsonl --key PUB     anywhere, without a home

    Only an export of all receipts shows that none is missing. Times are UTC.
    """
    from hitl_mail.adapters.receipts.export import Wanted, as_array, as_lines, as_table, select

    if as_json and output is None and form == "csv":
        raise UsageError("--format csv is not JSON: leave one of the two out, or give --output")
    found = find_home(home)
    wanted = Wanted(
        since=_moment(since), until=_moment(until), status=status, kind=kind, reviewer=reviewer
    )
    counted = _Counted(select(lambda: bootstrap.past_receipts(found, wanted.since), wanted))
    if output is not None:
        _write(output, as_table(counted) if form == "csv" else as_lines(counted))
        whole = wanted == Wanted()
        if as_json:
            emit_json({"output": str(output), "count": counted.count, "whole": whole})
        else:
            click.echo(f"{counted.count} receipts in {output}", err=True)
        return
    if form == "csv":
        chunks = as_table(counted)
    else:
        chunks = as_array(counted) if as_json else as_lines(counted)
    out, watched = sys.stdout.buffer, sys.stdout.isatty()
    for chunk in chunks:
        # The exact bytes are for files and programs; a terminal is shown the same, and no more.
        out.write(escape_json(chunk.decode()).encode() if watched and form != "csv" else chunk)
    # Who reads us may be gone: that is told here, where it is nobody's fault.
    out.flush()


class _Counted:
    """Receipts on their way, counted."""

    def __init__(self, receipts: Iterable[dict[str, Any]]) -> None:
        self._receipts = receipts
        self.count = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for receipt in self._receipts:
            self.count += 1
            yield receipt


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    from hitl_mail.adapters.durable import replace_file

    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file; without --output, receipts go to standard output")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no directory {path.parent}; make it first")
    replace_file(path, chunks, 0o600)


def _moment(text: str | None) -> str:
    """A time as receipts have it, or its beginning."""
    if text is None:
        return ""
    if _MOMENT.fullmatch(text) and _is_there(text.removesuffix("Z")):
        # As the beginning of a text: a whole second is before its first millisecond.
        return text.removesuffix("Z")
    try:
        return iso(time.time() - parse_duration(text))
    except ValueError:
        raise UsageError(
            f"{text!r} is no time; write a day such as 2026-11-22, a moment such as"
            " 2026-11-22T13:00:00Z, or how long ago, such as 90d"
        ) from None


def _is_there(begun: str) -> bool:
    """Whether the calendar has a time that begins so: of one that it lacks no receipt would be."""
    try:
        dt.datetime.fromisoformat(begun + "0001-01-01T00:00:00"[len(begun) :])
    except ValueError:
        return False
    return True
