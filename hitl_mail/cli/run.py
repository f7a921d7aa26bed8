"""`run`: the daemon in the foreground, or one pass of it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import click

from hitl_mail.home import Home, find_home


@click.command()
@click.option("--once", is_flag=True, help="Do all that is there and due now, then exit.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_obj
def run(home: str, once: bool, verbose: bool) -> None:
    """Run the daemon of a home until it is told to stop."""
    found = find_home(home)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    # It would log whole mails, and with them the secrets in their addresses.
    logging.getLogger("aioimaplib").setLevel(logging.WARNING)
    with found.lock():
        asyncio.run(_once(found) if once else _run(found))


async def _once(home: Home) -> None:
    from hitl_mail.bootstrap.wiring import build

    await build(home, web=False).once()


async def _run(home: Home) -> None:
    from hitl_mail.bootstrap.wiring import build

    daemon = build(home, web=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_now)
    click.echo(f"hitl-mail runs on {home.root}", err=True)
    await daemon.run(stop)
    click.echo("hitl-mail has stopped", err=True)
