"""`schema`: the JSON Schemas of what goes in and comes out."""

from __future__ import annotations

import click

from hitl_mail.cli.output import emit_json


@click.command()
@click.argument("what", type=click.Choice(["action", "result", "receipt"]))
@click.option("--json", "as_json", is_flag=True, hidden=True)
def schema(what: str, as_json: bool) -> None:
    """Print a JSON Schema."""
    from hitl_mail.core.schemas import SCHEMAS

    emit_json(SCHEMAS[what]())
