"""`demo`: its options. The play itself is imported only when it begins."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--auto", is_flag=True, help="Play the reviewer, too; exit 0 if all went well.")
@click.option("--keep", is_flag=True, help="Keep the demo's home afterwards, to look into it.")
def demo(auto: bool, keep: bool) -> None:
    """Show the whole loop in two minutes, with nothing to set up.

    An agent wants five things, you are the reviewer, every case ends as a receipt. Without a
    terminal it is `demo --auto`.
    """
    from hitl_mail.cli.demo_play import play

    sys.exit(0 if play(auto or not sys.stdin.isatty(), keep) else 1)
