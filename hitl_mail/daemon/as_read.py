"""Files as they were read last, and whether they are others by now: settings, rules, keys.

Each is looked at before it is read, so that what is saved meanwhile counts as another state of it.
What tells two states apart is found by `look`, without reading; nothing here knows of disks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hitl_mail.errors import HitlError


@dataclass
class AsRead:
    """`changed` where every state counts, `settled` where a file may be seen half written."""

    look: Callable[[Path], object]
    _read: dict[Path, object] = field(default_factory=dict)
    _seen: dict[Path, object] = field(default_factory=dict)

    @contextmanager
    def reading(self) -> Iterator[Callable[[Path], None]]:
        """All is read anew: call what this gives with each file before it is read. What is wrong
        with a file is what was read; where anything else broke, nothing was."""
        before, self._read = self._read, {}
        try:
            yield self._note
        except HitlError:
            raise
        except BaseException:
            self._read = before
            raise

    def _note(self, file: Path) -> None:
        # Of a file that is read twice, the first look counts.
        self._read.setdefault(file, self.look(file))

    def changed(self) -> bool:
        """Whether any file is another than was read."""
        return self._now() != self._read

    def settled(self) -> bool:
        """Whether they changed, and are as they were at the look before this one.

        Who saves a file in its place writes it piece by piece, and rules that end in the middle may
        be sound rules all the same, without those that ask.
        """
        before, self._seen = self._seen, self._now()
        return self._seen == before and self._seen != self._read

    def _now(self) -> dict[Path, object]:
        return {file: self.look(file) for file in self._read}
