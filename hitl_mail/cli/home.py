"""`init`: make a home that works at once."""

from __future__ import annotations

import click

from hitl_mail.cli.output import emit_json, json_option, program, safe


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
    call, shown = program(), safe(directory, 2000)
    click.echo(
        f"{safe(home.root, 2000)} is ready. Next:\n"
        f"  {call} --home {shown} run          the daemon, in a terminal of its own\n"
        f"  {call} --home {shown} submit FILE  an action\n"
        f"  {call} --home {shown} queue        what waits\n"
        "Settings are in hitl-mail.toml, the policy is in rules.toml."
    )
