"""A home to throw files at, and the daemon that goes through it once, in this process.

ada is this OS user and decides about refunds; labels run by themselves, by a program that writes a
line for each run into the file `ran`.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hitl_mail import bootstrap
from hitl_mail.core.records import State
from hitl_mail.home import Home

SITE = """
[site]
name = "Test approvals"
admins = ["cleo"]
[mail]
transport = "maildir"
address = "approvals@example.com"
[mail.authentication]
require = "token"
[people.ada]
mail = "ada@example.com"
os_user = "{user}"
[people.cleo]
mail = "cleo@example.com"
[executors.run]
type = "command"
argv = ["/bin/sh", "-c", "cat >> ran"]
"""
RULES = """
[policy]
unmatched = "hard"
reviewers = ["ada", "cleo"]
expires = "24h"
[kinds."payment.refund"]
title = "Refund {payload.amount} {payload.currency} to {payload.customer}"
effects = ["money"]
executor = "run"
[kinds."crm.label"]
reversible = true
executor = "run"
[[rules]]
name = "labels"
when = 'kind == "crm.label"'
gate = "auto"
"""


@contextmanager
def new_home(site: str = SITE, rules: str = RULES) -> Iterator[Home]:
    """A home with this configuration, gone afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        home = bootstrap.create_home(Path(directory) / "home")
        home.site_file.write_text(site.replace("{user}", getpass.getuser()))
        home.rules_file.write_text(rules)
        yield home


@contextmanager
def copied(home: Home) -> Iterator[Home]:
    """The same again, to be spoiled."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "home"
        shutil.copytree(home.root, root)
        yield Home(root)


def once(home: Home) -> None:
    """`run --once`."""
    from hitl_mail.bootstrap.wiring import build

    async def run() -> None:
        await build(home, web=False).once()

    with home.lock():
        asyncio.run(run())


def state(home: Home) -> State:
    """The open cases as the journal has them."""
    return bootstrap.read_state(home)


@contextmanager
def no_fault() -> Iterator[None]:
    """Nothing is logged as a fault of our own while this lasts: no exception was caught by the last
    net of a loop, a spool or a page."""
    seen: list[str] = []

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info:
                seen.append(logging.Formatter().format(record))

    watch = Watch()
    logging.getLogger().addHandler(watch)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(watch)
    assert seen == [], "\n".join(seen)
