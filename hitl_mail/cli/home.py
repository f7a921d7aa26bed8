"""`init`: make a home that works at once."""

from __future__ import annotations

import click

from hitl_mail.cli.output import emit_json, json_option, program


@click.command()
@click.argument("directory", metavar="DIR")
@json_option
def init(directory: str, as_json: bool) -> None:
    """Make a home that works at once.

    DIR gets commented settings, starter rules, keys, and mailboxes
    that are directories. You are its person, reviewer and admin.
    """
    from hitl_mail import bootstrap

    home = bootstrap.create_home(directory)
    if as_json:
        emit_json({"home": str(home.root)})
        return
    call = program()
    click.echo(
        f"{home.root} is ready. Next:\n"
        f"  {call} --home {directory} run          the daemon, in a terminal of its own\n"
        f"  {call} --home {directory} submit FILE  an action\n"
        f"  {call} --home {directory} queue        what waits\n"
        "Settings are in hitl-mail.toml, the policy is in rules.toml."
    )
