"""`schema`: the JSON Schemas of what goes in and comes out."""

from __future__ import annotations

import click

from hitl_mail.cli.output import emit_json


@click.command()
@click.argument("what", type=click.Choice(["action", "result", "receipt"]))
@click.option("--json", is_flag=True, expose_value=False, help="The only form there is.")
def schema(what: str) -> None:
    """Print a JSON Schema."""
    from hitl_mail.core.schemas import SCHEMAS

    emit_json(SCHEMAS[what]())
