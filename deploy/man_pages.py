"""Manual pages of all commands, from their own help: `python deploy/man_pages.py DIR`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click_man.core import write_man_pages

from hitl_mail import __version__
from hitl_mail.cli import cli


def main(directory: str) -> None:
    """Write one page for each command into `directory`, which is made if missing."""
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    context = click.Context(cli, info_name="hitl-mail")
    # They are loaded when called; whoever lists them all has to have them all.
    for name in cli.list_commands(context):
        if command := cli.get_command(context, name):
            cli.add_command(command, name)
    write_man_pages("hitl-mail", cli, version=__version__, target_dir=str(target))


if __name__ == "__main__":
    main(sys.argv[1])
