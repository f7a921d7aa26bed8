"""`rules diff`: what changed between two policies."""

from __future__ import annotations

import click

from hitl_mail import bootstrap
from hitl_mail.cli.output import emit_json, json_option, safe
from hitl_mail.home import find_home


@click.command()
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@json_option
@click.pass_obj
def diff(home: str, old: str, new: str, as_json: bool) -> None:
    """What changed from A to B: two rules files, or digests of policies that were used."""
    from hitl_mail.policy.diff import diff as compare
    from hitl_mail.tables import Source

    found = find_home(home)
    sources = []
    for name in (old, new):
        text, called = bootstrap.read_rules(found, name)
        sources.append(Source(called, text))
    differences = compare(*sources)
    if as_json:
        emit_json([difference.document() for difference in differences])
        return
    for difference in differences:
        click.echo(safe(difference.words(), 1000))
    if not differences:
        click.echo("They say the same.")
