"""A home: where its files are, who may read them, and whether a daemon runs on it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitl_mail.errors import HitlError, UsageError
from hitl_mail.settings import DEFAULT_AGENT, Site

NO_DAEMON = "no daemon is running"
START_ONE = "start it: hitl-mail run"

_NO_LOCKS = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a file system answers that locks files only, or files open for writing only."""


@dataclass(frozen=True)
class Home:
    """The layout of design 1.1. Nothing here opens more than it names."""

    root: Path

    @property
    def site_file(self) -> Path:
        return self.root / "hitl-mail.toml"

    @property
    def rules_file(self) -> Path:
        return self.root / "rules.toml"

    @property
    def control(self) -> Path:
        return self.root / "control"

    @property
    def mail_in(self) -> Path:
        return self.root / "mail" / "in"

    @property
    def mail_out(self) -> Path:
        return self.root / "mail" / "out"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def journal(self) -> Path:
        return self.state / "journal"

    @property
    def policies(self) -> Path:
        return self.state / "policies"

    def spools(self, site: Site) -> dict[str, Path]:
        """Each agent's spool; `spool/` itself is the agent `default`'s unless it has another."""
        spools = {name: self.root / agent.spool for name, agent in site.agents.items()}
        spools.setdefault(DEFAULT_AGENT, self.root / "spool")
        return spools

    def lock(self) -> contextlib.ExitStack:
        """Become the one daemon of this home until it is closed.

        The directory is locked with the file in it: a file of that name is easily taken for what a
        dead daemon left, and removed. Raises `HitlError` where there is one already.
        """
        with contextlib.ExitStack() as held:
            try:
                handle = held.enter_context(
                    open(self.state / "lock", "a+", encoding="ascii", opener=_private)
                )
                directory = os.open(self.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                held.callback(os.close, directory)
            except OSError as error:
                raise HitlError(
                    f"cannot write in {self.state}: {error.strerror}; the daemon runs as the OS"
                    " user who owns this home, on a disk that takes writes"
                ) from None
            if _lock(handle.fileno()) and _lock(directory):
                handle.truncate(0)
                handle.write(f"{os.getpid()}\n")
                handle.flush()
                return held.pop_all()
            handle.seek(0)
            pid = handle.read().strip() or "?"
        raise HitlError(
            f"a daemon is already running on {self.root} (process {pid}); stop it first,"
            " or leave the work to it"
        )

    def running(self) -> bool:
        """Whether a daemon holds this home."""
        return _is_locked(self.state / "lock") or _is_locked(self.state)

    def read_health(self) -> dict[str, Any] | None:
        """What the daemon last said of itself, or None."""
        try:
            health = json.loads((self.state / "health.json").read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return health if isinstance(health, dict) else None


def _lock(descriptor: int) -> bool:
    """Lock it for ourselves. A directory that its file system cannot lock counts as locked."""
    for _ in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            # Somebody asking whether a daemon runs holds it for an instant, too.
            time.sleep(0.025)
        except OSError as error:
            if error.errno in _NO_LOCKS and stat.S_ISDIR(os.fstat(descriptor).st_mode):
                return True
            raise
        else:
            return True
    return False


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:
        # Whoever may not know leaves the work to a daemon, too.
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    finally:
        os.close(descriptor)
    return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _mode(path: Path) -> int:
    """What is there; 0 for nothing. Raises `PermissionError` where that may not be known."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def find_home(path: str | Path) -> Home:
    """The home at `path`. Raises `UsageError` where there is none, `HitlError` where it is torn."""
    home = Home(Path(path).absolute())
    if not stat.S_ISREG(_mode(home.site_file)):
        named = os.environ.get("HITL_MAIL_HOME") == str(path)
        by = ", and $HITL_MAIL_HOME names it" if named else ""
        raise UsageError(
            f"{home.root} is no hitl-mail home (it has no hitl-mail.toml{by});"
            " name one with --home DIR, or make one: hitl-mail init DIR"
        )
    if not stat.S_ISDIR(_mode(home.state)):
        raise HitlError(
            f"{home.state} is gone, and with it keys, journal and receipts: restore it from a"
            " backup; or begin anew with hitl-mail init at another place"
        )
    return home
