"""`doctor`: every part of a home looked at, each line well or with what to do."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from hitl_mail import bootstrap
from hitl_mail.cli.output import emit_json, json_option, safe
from hitl_mail.errors import ConfigError
from hitl_mail.home import Home, find_home

if TYPE_CHECKING:
    from hitl_mail.doctor.finding import Finding

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "fault": ("FAULT", "red")}


@click.command()
@click.option("--no-mail", is_flag=True, help="Leave the mail servers alone.")
@json_option
@click.pass_obj
def doctor(home: str, no_mail: bool, as_json: bool) -> None:
    """Look for faults in configuration, files, daemon and mail, and say the mend of each.

    Over SMTP it sends one mail to the site's own address and waits up to a minute for it. Nothing
    is changed. Exits 1 where there is a fault.
    """
    found = []
    for finding in _findings(find_home(home), no_mail):
        found.append(finding)
        if not as_json:
            _tell(finding)
    faults = sum(finding.level == "fault" for finding in found)
    if as_json:
        emit_json({"ok": not faults, "findings": [finding.document() for finding in found]})
    elif faults:
        click.echo(f"\n{faults} fault{'s' if faults > 1 else ''}.")
    sys.exit(1 if faults else 0)


def _findings(home: Home, no_mail: bool) -> Iterator[Finding]:
    from hitl_mail.doctor import config, daemon, disk

    now = time.time()
    if stranger := [*disk.check_user(home)]:
        # All else would be about what this OS user may not see.
        yield from stranger
        return
    yield from config.check_files(home)
    yield from daemon.check_daemon(home, now)
    yield from disk.check_disk(home)
    yield from disk.check_keys(home)
    yield from disk.check_journal(home, now)
    yield from disk.check_receipts(home, now)
    try:
        site = bootstrap.load_site(home)
    except ConfigError:
        # What follows would be about another site than the one that was meant.
        return
    yield from disk.check_permissions(home, site)
    yield from disk.check_spools(home, site, now)
    yield from config.check_users(home, site)
    yield from config.check_executors(home, site)
    yield from asyncio.run(daemon.check_web(home, site, now))
    if not no_mail:
        from hitl_mail.doctor import mail

        yield from asyncio.run(mail.check_mail(home, site))


def _tell(finding: Finding) -> None:
    word, color = _MARKS[finding.level]
    mark = click.style(f"{word:<5}", fg=color)
    click.echo(f"{mark}  {finding.check:<14}  {safe(finding.what, 600)}")
    if finding.mend:
        click.echo(f"{'':<23}mend: {safe(finding.mend, 600)}")
