"""`run`: the daemon in the foreground, or one pass of it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading

import click

from hitl_mail.core.text import visible
from hitl_mail.home import Home, find_home

_LONGEST_END = 8.5
"""Seconds from a SIGTERM to the end; people were promised ten."""


@click.command()
@click.option("--once", is_flag=True, help="Do all that is there and due now, then exit.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_obj
def run(home: str, once: bool, verbose: bool) -> None:
    """Run the daemon of a home, in the foreground.

    It takes actions from the spools, sends mails, reads replies, serves the pages and runs what
    is approved. Ctrl-C or SIGTERM stops it; nothing is lost by that.
    """
    found = find_home(home)
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(_Visible("%(asctime)s %(levelname)s %(message)s"))
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(handlers=[shown], level=level)
    # It would log whole mails, and with them the secrets in their addresses.
    logging.getLogger("aioimaplib").setLevel(logging.WARNING)
    # It would log the whole address of each hook, and some hold a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with found.lock():
        asyncio.run(_once(found) if once else _run(found))


class _Visible(logging.Formatter):
    """A record's words on one line and nothing hidden: they quote agents, servers and strangers.
    The lines of a traceback are kept, each set in, so that none looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        said = logging.makeLogRecord({**record.__dict__, "msg": _one_line(record), "args": ()})
        head, *rest = super().format(said).split("\n")
        return "\n".join([visible(head, keep=""), *(f"  {visible(line)}" for line in rest)])


def _one_line(record: logging.LogRecord) -> str:
    return visible(record.getMessage(), keep="")


async def _once(home: Home) -> None:
    from hitl_mail.bootstrap.wiring import build

    await build(home, web=False).once()


async def _run(home: Home) -> None:
    from hitl_mail.bootstrap.wiring import build

    daemon = build(home, web=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        _end_in_time()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, end)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_now)
    click.echo(f"hitl-mail runs on {home.root}; Ctrl-C stops it", err=True)
    await daemon.run(stop)
    click.echo("hitl-mail has stopped", err=True)


def _end_in_time() -> None:
    """Nothing stops a thread that looks a name up, and Python waits for its threads for ever.

    Going without them loses nothing: what has to last is durable before anything is done.
    """
    limit = threading.Timer(_LONGEST_END, os._exit, (0,))
    limit.daemon = True
    limit.start()
