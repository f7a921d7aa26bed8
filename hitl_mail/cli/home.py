"""`init`: make a home that works at once."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import click

from hitl_mail.cli.output import emit_json, json_option, program, safe
from hitl_mail.errors import UsageError
from hitl_mail.home import Home

_PATIENCE = 600.0
"""Seconds that somebody gets to answer the test mail."""


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--name", metavar="TEXT", help="The site's name, as mails show it.")
@click.option("--person", metavar="NAME", help="You: a short name.")
@click.option("--mail", metavar="ADDRESS", help="Your mail address.")
@click.option("--address", metavar="ADDRESS", help="Whose mailbox the approvals use.")
@click.option("--smtp", metavar="HOST[:PORT]", help="Where mail goes out.")
@click.option("--imap", metavar="HOST[:PORT]", help="Where replies are read.")
@click.option("--username", metavar="TEXT", help="The login there; else the address.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Its first line is copied into the home.",
)
@click.option("--with", "people", multiple=True, metavar="NAME=ADDRESS", help="Another person.")
@click.option("--group", "groups", multiple=True, metavar="NAME=A,B", help="People by one name.")
@click.option("--test", is_flag=True, help="Send yourself a mail, and wait for your answer.")
@click.option("--no-input", is_flag=True, help="Ask nothing, not even at a terminal.")
@json_option
def init(directory: str, as_json: bool, no_input: bool, test: bool, **given: object) -> None:
    """Make a home that works at once.

    DIR gets commented settings, starter rules, keys, and mailboxes that are directories. You are
    its person, reviewer and admin. At a terminal it asks about mail and people; with options, or
    without a terminal, it asks nothing.
    """
    from hitl_mail import bootstrap
    from hitl_mail.cli import home_answers

    answers = {name: value for name, value in given.items() if value}
    asks = not (answers or no_input or as_json) and sys.stdin.isatty() and sys.stdout.isatty()
    if (Path(directory) / "hitl-mail.toml").exists():
        there = shlex.quote(str(Path(directory).absolute()))
        raise UsageError(
            f"{directory} is a home already; nothing was changed. Name another directory, or start"
            f" its daemon: {program()} --home {there} run"
        )
    if asks:
        setup, password = home_answers.ask()
        test = setup.smtp is not None and home_answers.agreed(
            "Send yourself a test mail now?", True
        )
    elif answers:
        setup, password = home_answers.read(answers)
    else:
        setup, password = None, None
    home = bootstrap.create_home(directory, setup, password)
    if as_json:
        emit_json({"home": str(home.root)})
    else:
        _tell(home)
    if test:
        _test(home)


def _tell(home: Home) -> None:
    call, shown = program(), safe(shlex.quote(str(home.root)), 2000)
    click.echo(
        f"{safe(home.root, 2000)} is ready. In every shell that works with it:\n"
        f"  export HITL_MAIL_HOME={shown}\n"
        "Then:\n"
        f"  {call} run          the daemon, in a terminal of its own\n"
        f"  {call} submit FILE  an action\n"
        f"  {call} queue        what waits\n"
        f"  {call} doctor       whether all is well\n"
        "Settings are in hitl-mail.toml there, the policy is in rules.toml."
    )


def _test(home: Home) -> None:
    """A mail to the home's person, and their answer."""
    from hitl_mail import bootstrap
    from hitl_mail.doctor.mail import ask_person

    site = bootstrap.load_site(home)
    person = site.site.admins[0]
    to = site.people[person].mail

    def sent() -> None:
        text = f"A mail is on its way to {safe(to)}: answer it with any word. Ctrl-C to go on."
        click.echo(text, err=True)

    found = asyncio.run(ask_person(home, site, to, _PATIENCE, sent))
    click.echo(f"{'ok' if found.level == 'ok' else 'FAULT'}  {safe(found.what, 600)}", err=True)
    if found.mend:
        click.echo(f"  mend: {safe(found.mend, 600)}", err=True)
    if found.level == "fault":
        sys.exit(1)
