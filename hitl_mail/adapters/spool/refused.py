"""Where a spool puts what it cannot take: out of the way, with the reason in sight.

What is moved is the entry of the directory itself: a link is never followed.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from hitl_mail.adapters.durable import sync_directory
from hitl_mail.adapters.spool.files import plain_name, write_aside

# A directory that is not ours, not empty, or a mount point: it has to stay where it is.
_UNMOVABLE = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST})


class Refusals(Protocol):
    """Takes refused entries."""

    def put(self, source: int, name: str, error: Mapping[str, Any]) -> bool:
        """Take the entry `name` out of the directory open as `source`, and write the reason.

        False if the entry had to stay; the reason is written all the same. Raises
        FileNotFoundError where it is gone, OSError where the disk fails.
        """


class RefusedDirectory:
    """`refused/NAME` beside `refused/NAME.error.json`; NAME.1, NAME.2 and so on where taken."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def put(self, source: int, name: str, error: Mapping[str, Any]) -> bool:
        # A free name is free until it is used: one at a time.
        with self._lock:
            return self._put(source, name, error)

    def _put(self, source: int, name: str, error: Mapping[str, Any]) -> bool:
        free = self._free(plain_name(name))
        reason = self._path / f"{free}.error.json"
        # The reason first: what is no longer in `new/` or `cur/`, and has none, was taken.
        write_aside(reason, error).replace(reason)
        moved = True
        try:
            os.rename(name, self._path / free, src_dir_fd=source)
        except OSError as failure:
            if failure.errno not in _UNMOVABLE:
                reason.unlink()
                raise
            moved = False
        sync_directory(self._path)
        return moved

    def _free(self, name: str) -> str:
        """A name under which there is neither file nor reason yet."""
        number = self._numbers.get(name, 0)
        while self._taken(free := f"{name}.{number}" if number else name):
            number += 1
        if number:
            self._numbers[name] = number
        return free

    def _taken(self, name: str) -> bool:
        return any(os.path.lexists(self._path / one) for one in (name, f"{name}.error.json"))


class RefusedInResults:
    """For people's commands: the reason is their answer, `results/STEM.json`; the file goes."""

    def __init__(self, results: Path) -> None:
        self._results = results

    def put(self, source: int, name: str, error: Mapping[str, Any]) -> bool:
        path = self._results / f"{Path(plain_name(name)).stem}.json"
        write_aside(path, {"ok": False, "code": error["error"], **error}).replace(path)
        sync_directory(self._results)
        try:
            self._delete(source, name)
        except OSError as failure:
            if failure.errno not in _UNMOVABLE:
                raise
            return False
        return True

    def _delete(self, source: int, name: str) -> None:
        try:
            os.unlink(name, dir_fd=source)
        except (IsADirectoryError, PermissionError):
            # Some systems answer EPERM where others say that it is a directory.
            os.rmdir(name, dir_fd=source)
