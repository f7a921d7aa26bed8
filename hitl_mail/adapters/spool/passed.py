"""Files of a directory that were read and left where they are, so that each is read only once.

Knows names and times of change; not what the files are or why they were left.
"""

from __future__ import annotations

import os


class Passed:
    """What one scan leaves, the next one need not read; what is gone by then is forgotten."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}

    def begin(self) -> None:
        """A scan begins."""
        self._before, self._now = self._now, {}

    def break_off(self) -> None:
        """The scan ends before it has seen everything."""
        self._now = self._before | self._now

    def knows(self, entry: os.DirEntry[str]) -> bool:
        """Whether this very file was left before."""
        if self._before.get(entry.name) != _changed(entry):
            return False
        self.add(entry)
        return True

    def add(self, entry: os.DirEntry[str]) -> None:
        """Leave a file."""
        self._now[entry.name] = _changed(entry)


def _changed(entry: os.DirEntry[str]) -> int:
    """When a file last changed, 0 for one that is gone."""
    try:
        # Not the inode: the next file of this name may well get the same one.
        return entry.stat(follow_symlinks=False).st_ctime_ns
    except FileNotFoundError:
        return 0
