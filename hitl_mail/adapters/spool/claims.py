"""How often the daemon ended while it worked on a file, so that a file that ends it is found out.

What ended the daemon is not known, and it may have come from outside. So an end counts against a
file only between its claim and the moment its meaning is decided, which is an instant; a file is
suspected only after several, and set aside only after several more at which it was alone. The
count is a file `.NAME.claims` beside `cur/NAME`; a file without one was claimed once.
"""

from __future__ import annotations

from pathlib import Path

TOGETHER = 2
"""How often a file is handed out together with others."""

CLAIMS = TOGETHER + 2
"""How often a file is handed out in all, the last times alone."""

_SUFFIX = ".claims"


class Claims:
    """The counts of one directory. Never synced: what they guard against is no power cut."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def count(self, name: str) -> int:
        """How often the file `name`, which is in the directory, was handed out."""
        try:
            return int(self._path(name).read_text())
        except (FileNotFoundError, ValueError):
            return 1

    def note(self, name: str, count: int) -> None:
        """Remember how often. Raises OSError."""
        if count > 1:
            self._path(name).write_text(str(count))
        else:
            self.forget(name)

    def forget(self, name: str) -> None:
        """Remove the count of a file. Raises OSError."""
        self._path(name).unlink(missing_ok=True)

    def left(self) -> list[str]:
        """The files that are there; a count whose file is gone goes, too. Raises OSError.

        A count left behind would count against the next file of its name.
        """
        found = {path.name for path in self._directory.iterdir()}
        names = [name for name in found if not name.startswith(".")]
        counts = {self._path(name).name for name in names}
        for name in found - counts:
            if name.startswith(".") and name.endswith(_SUFFIX):
                (self._directory / name).unlink(missing_ok=True)
        return names

    def _path(self, name: str) -> Path:
        return self._directory / f".{name}{_SUFFIX}"
