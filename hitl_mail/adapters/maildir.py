"""The embedded mail transport: mail goes out into one Maildir and comes in through another.

A message is a file, exactly as composed. Knows nothing of what a mail says.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path

from hitl_mail.adapters.durable import sync_directory, sync_file, write_all
from hitl_mail.adapters.watch import DirectoryWatch
from hitl_mail.errors import StorageFailed
from hitl_mail.ports import Handler, Letter, MailTemporary, Pulse

log = logging.getLogger(__name__)

MAX_LETTER = 20 * 1024 * 1024
"""Bytes of the largest mail that is handled."""

ATTEMPTS = 3
"""How often a letter whose handling raises is offered before it is set aside."""

_PATIENCE = 600.0
"""Seconds for which an empty file may still be filled by its writer."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9_@=+-][A-Za-z0-9._@=+-]{0,127}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_@=+-]")
_SEEN = ":2,S"
_PARTS = ("tmp", "new", "cur")
_FAILED = "failed"
_LONGEST = 200
"""Bytes of a letter's name that are kept."""


class MaildirOutbox:
    """Writes each mail as one file into `directory/new` (Maildir; owner only)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        _make(directory, _PARTS)

    async def send(
        self,
        mail_from: str,  # noqa: ARG002
        rcpt_to: list[str],  # noqa: ARG002
        message: bytes,
        name: str,
    ) -> list[str]:
        """Durable when it returns. The same `name` again leaves one file, read or unread."""
        try:
            await asyncio.to_thread(self._write, message, file_name(name))
        except OSError as error:
            raise MailTemporary(f"cannot write a mail into {self._directory}: {error}") from error
        return []

    async def close(self) -> None:
        """Nothing stays open."""

    def _write(self, message: bytes, name: str) -> None:
        _make(self._directory, _PARTS)
        with os.scandir(self._directory / "cur") as read:
            if any(known.name == name or known.name.startswith(f"{name}:") for known in read):
                return
        temporary = self._directory / "tmp" / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600)
        try:
            write_all(descriptor, message)
            sync_file(descriptor, temporary)
        finally:
            os.close(descriptor)
        temporary.rename(self._directory / "new" / name)
        sync_directory(self._directory / "new")


def file_name(name: str) -> str:
    """A Maildir's file name for the mail `name`: itself where it may be one, else unmistakable."""
    if _SAFE_NAME.fullmatch(name):
        return name
    readable = _UNSAFE.sub("_", name)[:64]
    return f"_{readable}.{hashlib.sha256(name.encode()).hexdigest()[:32]}"


class MaildirInbox:
    """Handles the files of `directory/new`, oldest first, and puts them into `directory/cur`.

    What cannot be a mail (no regular file, over `MAX_LETTER`, empty for `_PATIENCE`) and what
    failed `ATTEMPTS` times is moved to `directory/failed`, with a line in the log.
    `rescan`: seconds between two looks at the directory without a hint, and the least time between
    two attempts at one letter.
    """

    def __init__(
        self, directory: Path, *, rescan: float = 5.0, now: Callable[[], float] = time.time
    ) -> None:
        self.pulse = Pulse()
        self._directory = directory
        self._rescan = rescan
        self._now = now
        self._failures: dict[str, tuple[int, float]] = {}
        _make(directory, (*_PARTS, _FAILED))

    async def poll(self, handle: Handler) -> int:
        """Offer each letter that is there once; how many were handled.

        Raises OSError where the directory cannot be read, `StorageFailed` where `handle` does.
        """
        return await self._handle_all(handle, spaced=False)

    async def run(self, handle: Handler) -> None:
        """Handle what comes, until cancelled. Raises only `StorageFailed`, where `handle` does."""
        watch = DirectoryWatch([self._directory / "new"], self._rescan)
        async with contextlib.aclosing(watch.changes()) as changes:
            async for _ in changes:
                try:
                    await self._handle_all(handle, spaced=True)
                except OSError as error:
                    self._fault(f"cannot read {self._directory}: {error}")

    async def close(self) -> None:
        """Nothing stays open."""

    async def _handle_all(self, handle: Handler, *, spaced: bool) -> int:
        _make(self._directory, (*_PARTS, _FAILED))
        handled = 0
        names = _oldest_first(self._directory / "new")
        there = set(names)
        self._failures = {name: seen for name, seen in self._failures.items() if name in there}
        for name in names:
            _, not_before = self._failures.get(name, (0, 0.0))
            if not spaced or time.monotonic() >= not_before:
                handled += await self._offer(name, handle)
        self.pulse.last_ok = self._now()
        if not self._failures:
            self.pulse.last_error = ""
        return handled

    async def _offer(self, name: str, handle: Handler) -> bool:
        path = self._directory / "new" / name
        try:
            message = _read(path)
        except FileNotFoundError:
            # Another reader of this Maildir was faster.
            return False
        except OSError as error:
            self._failed(name, error)
            return False
        if isinstance(message, str):
            self._set_aside(name, message)
            return False
        if not message:
            # Its writer, an editor or a shell, has made the file and not yet filled it; or a power
            # cut has taken what was in it.
            if self._is_old(path):
                self._set_aside(name, f"empty for {_PATIENCE / 60:.0f} minutes")
            return False
        try:
            await handle(Letter(message, name))
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001
            # Whatever is wrong with one letter must not stop the others.
            self._failed(name, error)
            return False
        try:
            path.rename(_free(self._directory / "cur", name, _SEEN))
        except FileNotFoundError:
            # It was handled, and somebody else has put it away.
            pass
        except OSError as error:
            # Handled again it changes nothing, and those behind it must not wait for it.
            self._failed(name, error)
            return False
        self._failures.pop(name, None)
        return True

    def _is_old(self, path: Path) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return self._now() - path.lstat().st_mtime > _PATIENCE
        return False

    def _failed(self, name: str, error: Exception) -> None:
        failures = self._failures.get(name, (0, 0.0))[0] + 1
        if failures < ATTEMPTS:
            self._failures[name] = (failures, time.monotonic() + self._rescan)
            self._fault(f"letter {name}: handling failed, will be tried again: {error!r}")
            return
        self._set_aside(name, f"handling failed {failures} times, at last with {error!r}")

    def _set_aside(self, name: str, why: str) -> None:
        aside = _free(self._directory / _FAILED, name)
        self._failures.pop(name, None)
        try:
            (self._directory / "new" / name).rename(aside)
        except OSError as error:
            self._failures[name] = (ATTEMPTS, time.monotonic() + self._rescan)
            self._fault(f"letter {name}: {why}; it cannot be set aside: {error}")
            return
        log.error("letter %s: %s; set aside as %s", name, why, aside)

    def _fault(self, text: str) -> None:
        self.pulse.last_error = text
        log.warning("%s", text)


def _make(directory: Path, parts: tuple[str, ...]) -> None:
    """The directories of a Maildir, for their owner only."""
    for part in parts:
        (directory / part).mkdir(mode=0o700, parents=True, exist_ok=True)


def _oldest_first(directory: Path) -> list[str]:
    dated: list[tuple[int, str]] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            # Maildir: a name that begins with a dot is not a message.
            if entry.name.startswith("."):
                continue
            with contextlib.suppress(FileNotFoundError):
                dated.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    return [name for _, name in sorted(dated)]


def _read(path: Path) -> bytes | str:
    """The bytes of a letter, or why it is none. Raises OSError."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    # The file may be another by now: neither follow it nor wait for a FIFO's writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return "not a regular file"
        message = file.read(MAX_LETTER + 1)
    return message if len(message) <= MAX_LETTER else f"larger than {MAX_LETTER} bytes"


def _free(directory: Path, name: str, suffix: str = "") -> Path:
    """A path that nothing is at, for the letter `name`: a rename would replace what is there.

    Its writer may have used up all that a file's name may be long; we add to it.
    """
    base = name.partition(":")[0] if suffix else name
    base = os.fsdecode(os.fsencode(base)[:_LONGEST])
    path = directory / f"{base}{suffix}"
    number = 1
    while os.path.lexists(path):
        number += 1
        path = directory / f"{base}.{number}{suffix}"
    return path
