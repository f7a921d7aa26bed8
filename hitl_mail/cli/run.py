"""`run`: the daemon in the foreground, or one pass of it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Literal

import click

from hitl_mail.cli import in_words
from hitl_mail.home import Home, find_home

_LONGEST_END = 8.5
"""Seconds from a SIGTERM to the end; people were promised ten."""

_OUR_FAULT = 70
"""EX_SOFTWARE: whoever mends it needs the traceback."""

_LAST_LINES = 3.0
"""Seconds that the last lines of the log get to be written: where they are the first, too, what
writes them is still being loaded."""

_LAST_WORD = 0.5
"""Seconds for what is said of an error where nobody has read the log."""

log = logging.getLogger(__name__)


@click.command()
@click.option("--once", is_flag=True, help="Do all that is there and due now, then exit.")
@click.option(
    "--log-format",
    "form",
    type=click.Choice(["console", "json"]),
    default="console",
    help="Lines of the log for people (console) or for programs (json).",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_obj
def run(home: str, once: bool, form: Literal["console", "json"], verbose: bool) -> None:
    """Run the daemon of a home, in the foreground.

    It takes actions from the spools, sends mails, reads replies, serves the pages and runs what
    is approved. Ctrl-C or SIGTERM stops it; nothing is lost by that. Its log, a line for each event
    of a case, goes to stderr.
    """
    from hitl_mail.bootstrap.logs import begin

    if not once:
        # Until it can be answered: what was saved meanwhile is noticed without it.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # What runs once, for cron perhaps, says nothing where nothing is wrong.
    lines = begin(form, verbose=verbose, events=not once)
    try:
        found = find_home(home)
        with found.lock():
            asyncio.run(_once(found) if once else _run(found, lambda: lines.lost))
    except Exception as error:
        if form == "console":
            raise
        # For programs, that is a line as any other.
        said, status = in_words(error)
        for text in said:
            log.critical("%s", text, exc_info=error if status == _OUR_FAULT else None)
        sys.exit(status)
    finally:
        if not lines.end(_LAST_LINES):
            # Nobody reads what is said: nor would anybody read how it ended, and it must end.
            _end_in_time(1 if sys.exc_info()[0] else 0, _LAST_WORD)


async def _once(home: Home) -> None:
    from hitl_mail.bootstrap.wiring import build

    await build(home, web=False).once()


async def _run(home: Home, lost_lines: Callable[[], int]) -> None:
    from hitl_mail.bootstrap.wiring import build

    daemon = build(home, web=True, lost_lines=lost_lines)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        _end_in_time()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, end)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_now)
    text = "hitl-mail runs on %s; Ctrl-C stops it"
    await daemon.run(stop, lambda: log.info(text, home.root))
    log.info("hitl-mail has stopped")


def _end_in_time(status: int = 0, seconds: float = _LONGEST_END) -> None:
    """Nothing stops a thread that looks a name up, and Python waits for its threads for ever.

    Going without them loses nothing: what has to last is durable before anything is done.
    """
    limit = threading.Timer(seconds, os._exit, (status,))
    limit.daemon = True
    limit.start()
