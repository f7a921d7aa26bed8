"""What is said where no daemon runs, and what was handed in waits unseen.

`tell_if_down` has a word on standard error, and changes neither what a command prints nor its exit
status.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from hitl_mail import bootstrap
from hitl_mail.errors import HitlError
from hitl_mail.home import NO_DAEMON, START_ONE, Home


def tell_if_down(home: Home) -> None:
    """Say so where no daemon works on this home, with how many files wait for one."""
    if home.running():
        return
    count = sum(_waiting(root) for root in _of_agents(home).values())
    some = "1 file waits" if count == 1 else f"{count} files wait"
    waits = f": {some} in the spool" if count else ""
    click.echo(f"{NO_DAEMON}{waits}; {START_ONE}", err=True)


def tell_queued(what: str) -> None:
    """Say of something that was asked for in `control/` that nobody has read it yet."""
    click.echo(f"queued: {what}; it counts when the daemon runs")


def waiting_file(home: Home, name: str) -> Path | None:
    """The spool in which a file of this name waits that is no case yet: `ID` or `AGENT/ID`."""
    from hitl_mail.adapters.spool.of_id import file_waits

    agent, slash, action_id = name.rpartition("/")
    for owner, root in _of_agents(home).items():
        if (not slash or owner == agent) and file_waits(root, action_id, sure=True):
            return root
    return None


def _of_agents(home: Home) -> dict[str, Path]:
    try:
        return home.spools(bootstrap.load_site(home))
    except HitlError:
        return {"default": home.root / "spool"}


def _waiting(root: Path) -> int:
    count = 0
    for place in ("new", "cur"):
        with contextlib.suppress(OSError):
            count += sum(1 for path in (root / place).iterdir() if not path.name.startswith("."))
    return count
