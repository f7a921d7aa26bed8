"""`keys`: new keys for old ones, and which there are. Secrets are never shown."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from hitl_mail.cli.output import emit_json, json_option, table
from hitl_mail.core.duration import parse_duration
from hitl_mail.errors import UsageError
from hitl_mail.home import find_home

_KINDS = ("links", "addresses", "sampling", "signatures")
_COLUMNS = ("kind", "id", "created", "retires", "signs")


@click.group()
def keys() -> None:
    """New keys for old ones, and which there are."""


@keys.command()
@click.argument("kinds", nargs=-1, type=click.Choice([*_KINDS, "all"]))
@click.option(
    "--keep",
    default="30d",
    metavar="TIME",
    help="How long mails that are out can be answered; 1s where a key was stolen.",
)
@json_option
@click.pass_obj
def rotate(home: str, kinds: tuple[str, ...], keep: str, as_json: bool) -> None:
    """Make new keys: of all kinds, or of those named.

    \b
    links       of decision links and pages
    addresses   of reply addresses and Message-IDs
    sampling    that draws samples; older ones stay, so that old draws recompute
    signatures  of receipts; the public halves of older ones stay

    A running daemon takes them up within a second; the older key of links and addresses verifies
    for --keep longer. Only the OS user who runs the daemon may.
    """
    from hitl_mail.adapters.keys.rotate import list_keys
    from hitl_mail.adapters.keys.rotate import rotate as run

    found = find_home(home)
    wanted = tuple(kind for kind in _KINDS if not kinds or kind in kinds or "all" in kinds)
    try:
        seconds = parse_duration(keep)
    except ValueError as error:
        raise UsageError(f"--keep: {error}") from None
    run(found.state, wanted, dt.datetime.now(dt.UTC), dt.timedelta(seconds=seconds))
    made = [row for row in list_keys(found.state) if row["signs"] and row["kind"] in wanted]
    if as_json:
        emit_json(made)
        return
    for row in made:
        click.echo(f"{row['kind']}: {row['id']} is used from now on")
    if "signatures" in wanted:
        click.echo("Give the new public key to who verifies: hitl-mail receipts verify --print-key")


@keys.command("list")
@json_option
@click.pass_obj
def list_(home: str, as_json: bool) -> None:
    """Which keys there are, oldest first; the last of each kind is the one in use."""
    from hitl_mail.adapters.keys.rotate import list_keys

    rows = list_keys(find_home(home).state)
    if as_json:
        emit_json(rows)
        return
    table(_COLUMNS, [_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> list[str]:
    moments = [(row[name] or "")[:16] for name in ("created", "retires")]
    return [row["kind"], row["id"], *moments, "yes" if row["signs"] else "no"]
