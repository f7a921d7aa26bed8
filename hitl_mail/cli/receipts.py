"""`receipts`: what is closed, and whether anybody tampered with it."""

from __future__ import annotations

import click

from hitl_mail import bootstrap
from hitl_mail.cli.output import emit_json, json_option, table
from hitl_mail.cli.reader import Reader
from hitl_mail.cli.receipts_erase import erase
from hitl_mail.cli.receipts_export import export, status_option
from hitl_mail.cli.receipts_verify import verify
from hitl_mail.home import find_home

_COLUMNS = ("seq", "case", "id", "agent", "kind", "status", "gate", "decided_by", "closed_at")


@click.group()
def receipts() -> None:
    """Look at receipts, verify them, take them elsewhere."""


@receipts.command("list")
@click.option("--limit", type=click.IntRange(1), help="Only the newest so many.")
@status_option
@click.option("--kind", help="Only cases of this kind.")
@json_option
@click.pass_obj
def list_(
    home: str, limit: int | None, status: str | None, kind: str | None, as_json: bool
) -> None:
    """Closed cases, oldest first."""
    lookup = bootstrap.read_receipts(find_home(home))
    found = lookup.rows(limit=-1 if limit is None else limit, status=status, kind=kind)
    rows = [{column: getattr(row, column) for column in _COLUMNS} for row in found]
    if as_json:
        emit_json(rows)
        return
    if not rows:
        click.echo("No such receipts." if status or kind else "No receipts yet.")
        return
    shown = [
        {
            **row,
            "decided_by": ", ".join(row["decided_by"]) or "-",
            "closed_at": row["closed_at"][:16],
        }
        for row in rows
    ]
    table(_COLUMNS, [list(row.values()) for row in shown])


@receipts.command()
@click.argument("id")
@click.option("--json", is_flag=True, expose_value=False, help="The only form there is.")
@click.pass_obj
def show(home: str, id: str) -> None:
    """One receipt, whole, as it is stored."""
    reader = Reader(find_home(home))
    case_id = reader.case_id(id)
    emit_json(reader.receipt(case_id))


receipts.add_command(erase)
receipts.add_command(export)
receipts.add_command(verify)
