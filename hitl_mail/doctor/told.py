"""What is wrong with a daemon, by what it says of itself and what its silence says of it.

`status` exits 1 for exactly what is here, and `doctor` names each of it, so neither can be well
where the other is not. It must stay quick: it reads the health file, asks the disk for its room,
and reads the journal only where no daemon runs. It imports nothing slow.
"""

from __future__ import annotations

import datetime as dt
import os
import shlex
from collections.abc import Iterator
from typing import Any

from hitl_mail import __version__
from hitl_mail.doctor.finding import Finding, fault, of_problem
from hitl_mail.errors import ConfigError, HitlError
from hitl_mail.home import NO_DAEMON, START_ONE, Home

Health = dict[str, Any]

_LITTLE = 256 << 10
"""Free bytes below which the next write may well fail."""

_SILENT = 60.0
"""Seconds after which a daemon that said nothing of itself is held up."""

_MAIL = (
    "It is tried again by itself. If it stays, mend [mail] in hitl-mail.toml;"
    " hitl-mail doctor tries what is there."
)


_SHAPES: dict[str, type] = {
    **dict.fromkeys(("mail_out", "mail_in", "web", "templates", "tightened"), dict),
    **dict.fromkeys(("cases", "queue", "pace", "head", "refused"), dict),
    **dict.fromkeys(("stranded", "faults"), list),
}


def said(home: Home) -> Health:
    """What the daemon last said of itself. One of another version may say some of it otherwise:
    that is left out."""
    told = (home.read_health() or {}).items()
    return {key: value for key, value in told if isinstance(value, _SHAPES.get(key, object))}


def faults(home: Home, running: bool, health: Health, now: float) -> Iterator[Finding]:
    """Everything for which `status` exits 1."""
    yield from daemon_faults(home, running, health, now)
    if not running:
        yield from settings(home)
        yield from damage(home)
    yield from no_room(home)


def daemon_faults(home: Home, running: bool, health: Health, now: float) -> Iterator[Finding]:
    """That none runs or answers, and what it said last, running or not."""
    if not running:
        yield fault("daemon", NO_DAEMON, f"{START_ONE.capitalize()}.")
    elif (silent := now - _last_sign(home, health)) > _SILENT:
        yield fault(
            "daemon",
            f"the daemon (process {health.get('pid')}) has said nothing for {silent:.0f} s",
            "It may be held up: look at its log, then stop it and start it again.",
        )
    if health.get("storage_error"):
        yield fault(
            "daemon",
            f"it takes no work any more: disk: {health['storage_error']}",
            "Mend the disk, then start the daemon again: hitl-mail run.",
        )
    yield from _mail(health)
    yield from _people(health)
    yield from _files(health)
    if running:
        # The next start looks afresh.
        yield from _looked_at(health)
    for what in health.get("faults") or []:
        mend = "It is tried again by itself, ever later; the daemon's log says more."
        yield fault("daemon", what, mend)


def stale(running: bool, health: Health) -> Iterator[str]:
    """What the daemon does not know yet; it works, so `status` only notes it."""
    if not running:
        return
    if health.get("site_changed"):
        yield "hitl-mail.toml was changed after the daemon had read it"
    if health.get("version", __version__) != __version__:
        yield f"the daemon runs version {health['version']}, and {__version__} is installed"


def settings(home: Home) -> Iterator[Finding]:
    """What is wrong with hitl-mail.toml, and whether rules.toml is TOML at all: what it says takes
    longer to read, and is for doctor."""
    from hitl_mail.bootstrap import load_site, parse_rules

    for read in (load_site, parse_rules):
        try:
            read(home)
        except ConfigError as error:
            yield from map(of_problem, error.problems)


def damage(home: Home) -> Iterator[Finding]:
    """What would keep a daemon from starting."""
    from hitl_mail.adapters.journal.files import read_journal

    try:
        read_journal(home.journal)
    except PermissionError:
        # Not everybody may read it.
        return
    except (HitlError, OSError) as error:
        yield fault("journal", str(error), "The text says the way out; nothing was changed.")


def no_room(home: Home) -> Iterator[Finding]:
    """What a daemon cannot write down of a disk that takes no writes."""
    disk = os.statvfs(home.state)
    if disk.f_flag & os.ST_RDONLY:
        yield fault("disk", f"{home.state} is on a disk that is mounted read-only",
                    "Mount it to be written to.")  # fmt: skip
    elif disk.f_bavail * disk.f_frsize < _LITTLE:
        yield fault("disk", f"less than {_LITTLE >> 10} KiB are free for {home.state}",
                    "Make room; a full disk stops the daemon.")  # fmt: skip


def _last_sign(home: Home, health: Health) -> float:
    """When it last said something, or began: until then the file is of the one before."""
    began = (home.state / "lock").stat().st_mtime
    try:
        return max(began, dt.datetime.fromisoformat(str(health.get("at"))).timestamp())
    except ValueError:
        return began


def _mail(health: Health) -> Iterator[Finding]:
    for key, name in (("mail_out", "outgoing mail"), ("mail_in", "incoming mail")):
        part = health.get(key) or {}
        if part.get("last_error"):
            again = f"; next try {part['next_try']}" if part.get("next_try") else ""
            yield fault("mail", f"{name}: {part['last_error']}{again}", _MAIL)
    for trouble in (health.get("mail_out") or {}).get("troubles", []):
        mend = "If it stays, mend that address under [people] in hitl-mail.toml."
        yield fault("mail", f"outgoing mail: {trouble}", mend)


def _people(health: Health) -> Iterator[Finding]:
    for told in health.get("stranded") or []:
        # Whether somebody is to be reached or to be named, it says itself.
        what, _, look = str(told).rpartition("; ")
        yield fault("people", what or look, f"See: {look}." if what else "See: hitl-mail queue.")


def _looked_at(health: Health) -> Iterator[Finding]:
    if (health.get("web") or {}).get("error"):
        mend = "It is tried again by itself; a changed [web] is read when the daemon starts."
        yield fault("web", health["web"]["error"], mend)
    if health.get("policy_error"):
        why = "; ".join(str(health["policy_error"]).splitlines())
        mend = "Mend it and save: it is taken up at once. hitl-mail rules check tries it."
        yield fault("rules", f"the changed rules.toml is not used: {why}", mend)


def _files(health: Health) -> Iterator[Finding]:
    for name, what in (health.get("templates") or {}).items():
        mend = "Mend that file, or take it away."
        yield fault("templates", f"templates/{name} is not used, the shipped one is: {what}", mend)
    for rule, why in (health.get("tightened") or {}).items():
        mend = f"Once it is right again: hitl-mail rules relax {shlex.quote(rule)}"
        yield fault("rules", f"the rule {rule} is tightened: {why}", mend)
    if health.get("receipts_error"):
        mend = "hitl-mail receipts verify names the first that is wrong."
        yield fault("receipts", health["receipts_error"], mend)
