"""The daemon's health on disk, for `status`: `state/health.json`, replaced whole, never synced."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

_ROOM = 4096


class HealthFile:
    """Writes a health object when it changed, and at least every `every` calls."""

    def __init__(self, path: Path, mode: int, every: int = 10) -> None:
        self._path = path
        self._mode = mode
        self._every = every
        self._last: dict[str, Any] = {}
        self._skipped = 0

    def write(self, health: dict[str, Any]) -> None:
        """Errors are swallowed: what they mean shows itself where it matters."""
        timeless = {key: value for key, value in health.items() if key != "at"}
        self._skipped += 1
        if timeless == self._last and self._skipped < self._every:
            return
        self._last, self._skipped = timeless, 0
        # Padded, so that on a full disk there is room in it for what has to be said then.
        data = json.dumps(health).encode().ljust(_ROOM)
        try:
            self._replace(data)
        except OSError:
            with contextlib.suppress(OSError):
                self._write_over(data)

    def _replace(self, data: bytes) -> None:
        aside = self._path.with_suffix(".tmp")
        aside.write_bytes(data)
        aside.chmod(self._mode)
        aside.replace(self._path)

    def _write_over(self, data: bytes) -> None:
        with self._path.open("r+b") as file:
            file.write(data)
            file.truncate()
