"""The files of a home: who may read them, whether the disk takes more, whether they are whole."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from hitl_mail import bootstrap
from hitl_mail.core.documents import iso
from hitl_mail.doctor.finding import Finding, fault, note, ok
from hitl_mail.doctor.told import no_room
from hitl_mail.errors import HitlError, Newer
from hitl_mail.home import Home
from hitl_mail.settings import Site

_LEAST_FREE = 200 * 1024 * 1024
_LEAST_INODES = 1000
_SLOW = 0.25
"""Seconds in which a sync should be done: each decision waits for one."""

_NEWER = "Install that one: python -m pip install --upgrade hitl-mail. Nothing was changed."

_AHEAD = 300.0
"""Seconds by which what was written may seem to lie in the future."""

_STUCK = 120.0
"""Seconds after which a file that nobody took is told."""


def check_user(home: Home) -> Iterator[Finding]:
    """That whoever looks may see what the daemon sees."""
    owner, here = home.state.stat().st_uid, os.geteuid()
    if here not in (0, owner):
        user = bootstrap.os_user(owner)
        yield fault(
            "user",
            f"{bootstrap.os_user(here)} asks, and only {user}, who runs the daemon, may read all"
            f" of {home.root}",
            f"Ask as that OS user: sudo -u {user} hitl-mail --home {home.root} doctor",
        )


def check_permissions(home: Home, site: Site) -> Iterator[Finding]:
    """Secrets are the daemon's alone, and all it writes is its own."""
    found = [*_open_to_others(home, site), *_not_ours(home)]
    yield from found or [ok("permissions", "keys, mail and settings are the daemon's alone")]


def _open_to_others(home: Home, site: Site) -> Iterator[Finding]:
    shared = 0o027 if site.site.group is not None else 0o077
    closed = dict.fromkeys((home.root, home.state, home.site_file, home.rules_file), shared)
    closed |= {home.state / "keys": 0o077, home.root / "mail": 0o077}
    closed |= dict.fromkeys((home.state / "keys").glob("*.json"), 0o077)
    for path, mask in closed.items():
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & mask:
            yield fault(
                "permissions",
                f"{path} has mode {mode:04o}: others may read or write it",
                f"chmod {mode & ~mask:04o} {path}",
            )


def _not_ours(home: Home) -> Iterator[Finding]:
    """A command that somebody ran as root leaves files that the daemon cannot write."""
    owner = home.state.stat().st_uid
    user = bootstrap.os_user(owner)
    others = [
        path
        for place in (home.state, home.root / "mail", home.control / "results")
        for path in (place, *place.rglob("*"))
        if path.lstat().st_uid != owner
    ]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        yield fault(
            "permissions",
            f"{others[0]}{more} are not owned by {user}, who runs the daemon",
            f"chown -R {user} {home.state} {home.root / 'mail'} {home.control / 'results'}",
        )


def check_disk(home: Home) -> Iterator[Finding]:
    """Room, and the time that a sync takes; writes a small file and deletes it."""
    if full := [*no_room(home)]:
        yield from full
        return
    free = shutil.disk_usage(home.state).free
    inodes = os.statvfs(home.state)
    if free < _LEAST_FREE:
        yield fault(
            "disk",
            f"{free // 2**20} MiB are free under {home.state}; a full disk stops the daemon",
            "Make room, or shorten [store] keep.",
        )
        return
    if inodes.f_files and inodes.f_favail < _LEAST_INODES:
        yield fault("disk", f"{home.state} is short of inodes", "Delete files on that disk.")
        return
    try:
        took = _sync_time(home.state)
    except OSError as error:
        yield fault(
            "disk",
            f"nothing can be written in {home.state}: {error.strerror}",
            "Mount it to be written to, and run this as the OS user who runs the daemon.",
        )
        return
    what = f"{free // 2**30} GiB free; a write is safe after {1000 * took:.0f} ms"
    yield note("disk", f"{what}: each decision waits so long") if took > _SLOW else ok("disk", what)


def _sync_time(directory: Path) -> float:
    path = directory / f".doctor-{os.getpid()}"
    begun = time.perf_counter()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, b"x" * 1024)
        os.fsync(descriptor)
        return time.perf_counter() - begun
    finally:
        os.close(descriptor)
        path.unlink()


def check_keys(home: Home) -> Iterator[Finding]:
    """All of them, and that the public half is that of the private one."""
    from hitl_mail.adapters.keys.keys import load_keys, load_public_keys

    try:
        keys = load_keys(home.state)
        public = load_public_keys(home.state)
    except Newer as error:
        yield fault("keys", str(error), _NEWER)
        return
    except (HitlError, OSError) as error:
        yield fault("keys", str(error), "Restore state/keys from a backup of this home.")
        return
    if keys.key_id not in public:
        yield fault(
            "keys",
            f"{home.state / 'receipts.pub'} lacks the key that signs receipts ({keys.key_id})",
            "Restore state/receipts.pub from a backup: receipts are verified with it.",
        )
        return
    yield ok("keys", f"all there; receipts are signed by {keys.key_id}")


def check_journal(home: Home, now: float) -> Iterator[Finding]:
    """That it can be read, and says nothing of the future."""
    try:
        state = bootstrap.read_state(home)
    except (HitlError, OSError) as error:
        yield fault("journal", str(error), "The text says the way out; nothing was changed.")
        return
    yield ok("journal", f"{len(state.cases)} open cases")
    newest = max((case.received_at for case in state.cases.values()), default=0.0)
    if newest > now + _AHEAD:
        yield _clock_fault(newest, now)


def check_receipts(home: Home, now: float) -> Iterator[Finding]:
    """Every receipt, as `receipts verify` does."""
    from hitl_mail.adapters.receipts.verify import TORN_MEND

    try:
        report = bootstrap.verify_receipts(home)
        later = bootstrap.read_receipts(home).rows(since=iso(now + _AHEAD))
        ahead = [dt.datetime.fromisoformat(row.closed_at).timestamp() for row in later]
    except Newer as error:
        yield fault("receipts", str(error), _NEWER)
        return
    except (HitlError, OSError) as error:
        yield fault("receipts", str(error), "Restore state/receipts from a backup.")
        return
    if not report["ok"]:
        what = f"#{report['fault']['seq']} ({report['fault']['file']}): {report['fault']['what']}"
        cache = Path(report["fault"]["file"]).parent == home.state / "cache"
        mended = cache or what.endswith(TORN_MEND)
        restore = "docs/receipts.md: keep the file, and restore a backup."
        yield fault("receipts", what, "Then ask again." if mended else restore)
    else:
        yield ok("receipts", f"{report['count']} verified; the newest is #{report['seq']}")
    if ahead:
        yield _clock_fault(max(ahead), now)


def _clock_fault(newest: float, now: float) -> Finding:
    hours = (newest - now) / 3600
    return fault(
        "clock",
        f"this machine's clock is {hours:.1f} hours behind what the home has written already",
        "Set it, by NTP: expiry and reminders go by it.",
    )


def check_spools(home: Home, site: Site, now: float) -> Iterator[Finding]:
    """The directories of agents and of `control/`, and what waits in them for too long."""
    found: list[Finding] = []
    for name, root in {**home.spools(site), "the command line": home.control}.items():
        found += _spool(name, root, home.running(), now)
    yield from found or [ok("spools", f"{len(home.spools(site))} and control, none is stuck")]


def _spool(name: str, root: Path, running: bool, now: float) -> Iterator[Finding]:
    missing = [place for place in ("tmp", "new", "cur", "results") if not (root / place).is_dir()]
    if missing:
        yield fault(
            "spools",
            f"the spool of {name}, {root}, has no {missing[0]}/",
            "Start the daemon: it makes what is missing.",
        )
        return
    if not os.access(root / "new", os.R_OK | os.W_OK | os.X_OK):
        yield fault(
            "spools",
            f"files cannot be claimed from {root / 'new'}",
            "Let the daemon's OS user write it: docs/operations.md says with which modes.",
        )
        return
    with os.scandir(root / "new") as entries:
        old = [e.name for e in entries if now - e.stat(follow_symlinks=False).st_mtime > _STUCK]
    if old and running:
        yield fault(
            "spools",
            f"{_files(len(old), 'wait')} in {root / 'new'}, {old[0]} for more than two minutes",
            "hitl-mail status says whether the daemon is held up; the log says by what.",
        )
    refused = len(list((root / "refused").glob("*.error.json")))
    if refused:
        where = f"{_files(refused, 'lie', f' of {name}')} in {root / 'refused'}"
        yield note("spools", f"{where}, each with its reason beside it")


def _files(count: int, verb: str, of: str = "") -> str:
    return f"1 file{of} {verb}s" if count == 1 else f"{count} files{of} {verb}"
