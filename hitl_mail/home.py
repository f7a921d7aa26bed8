"""A home: where its files are, who may read them, and whether a daemon runs on it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hitl_mail.errors import HitlError, UsageError
from hitl_mail.settings import DEFAULT_AGENT, Site


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

    def lock(self) -> IO[str]:
        """Become the one daemon of this home for as long as the file stays open.

        Raises `HitlError` where there is one already.
        """
        try:
            handle = open(self.state / "lock", "a+", encoding="ascii", opener=_private)  # noqa: SIM115
        except OSError as error:
            raise HitlError(
                f"cannot write in {self.state}: {error.strerror}; the daemon runs as the OS user"
                " who owns this home, on a disk that takes writes"
            ) from None
        for _ in range(20):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                # Somebody asking whether a daemon runs holds it for an instant, too.
                time.sleep(0.025)
            else:
                handle.truncate(0)
                handle.write(f"{os.getpid()}\n")
                handle.flush()
                return handle
        handle.seek(0)
        pid = handle.read().strip() or "?"
        handle.close()
        raise HitlError(
            f"a daemon is already running on {self.root} (process {pid}); stop it first,"
            " or leave the work to it"
        )

    def running(self) -> bool:
        """Whether a daemon holds this home."""
        try:
            with (self.state / "lock").open("r", encoding="ascii") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return True
            raise
        return False

    def read_health(self) -> dict[str, Any] | None:
        """What the daemon last said of itself, or None."""
        try:
            health = json.loads((self.state / "health.json").read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return health if isinstance(health, dict) else None


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
