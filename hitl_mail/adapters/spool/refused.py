"""Where a spool puts what it cannot take: out of the way, with the reason in sight.

What is moved is the entry of the directory itself: a link is never followed.
"""

from __future__ import annotations

import errno
import json
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
        free = self._free(plain_name(name), error)
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

    def _free(self, name: str, error: Mapping[str, Any]) -> str:
        """A name under which there is neither file nor reason yet, or this very reason, whose file
        a kill kept from being moved."""
        number = self._numbers.get(name, 0)
        while self._taken(free := f"{name}.{number}" if number else name):
            if self._is_left(free, error):
                break
            number += 1
        if number:
            self._numbers[name] = number
        return free

    def _is_left(self, name: str, error: Mapping[str, Any]) -> bool:
        reason = f"{name}.error.json"
        # A refused file may be named like a reason, and then has one of its own.
        if any(os.path.lexists(self._path / one) for one in (name, f"{reason}.error.json")):
            return False
        try:
            return bool(json.loads((self._path / reason).read_bytes()) == dict(error))
        except (OSError, ValueError):
            return False

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
