"""The instants at which a daemon under test may die, and the calls that may fail it. Tests only.

`POINTS` are named for what the daemon is about to do or has just done; `CALLS` are the calls of the
operating system by which it changes its home, whatever they are for: so no write, sync, rename or
removal is left out, nor one that is added tomorrow. An installed point calls its `Nth` each time
it is reached.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hitl_mail.adapters import durable, framelog
from hitl_mail.adapters.durable import write_all
from hitl_mail.adapters.execute.command import CommandExecutor
from hitl_mail.adapters.execute.http import HttpExecutor
from hitl_mail.adapters.execute.mail import MailExecutor
from hitl_mail.adapters.framelog import frame
from hitl_mail.adapters.journal import journal
from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.adapters.keys import keys, rotate
from hitl_mail.adapters.maildir import MaildirInbox, MaildirOutbox
from hitl_mail.adapters.receipts.files import MonthFiles
from hitl_mail.adapters.smtp import outbox as smtp
from hitl_mail.adapters.spool.directory import SpoolDirectory
from hitl_mail.daemon.letters import Letters


class Nth:
    """Acts at the nth call: dies, or raises."""

    def __init__(self, nth: int, act: Callable[[], None] | None = None) -> None:
        self.nth = nth
        self.reached = 0
        self._act = act or die

    def due(self) -> bool:
        self.reached += 1
        return self.reached == self.nth

    def __call__(self) -> None:
        if self.due():
            self.act()

    def act(self) -> None:
        self._act()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(number: int) -> Callable[[], None]:
    """The operating system says no."""

    def act() -> None:
        raise OSError(number, os.strerror(number))

    return act


Install = Callable[[Nth], None]


def _before(where: Any, name: str) -> Install:
    return functools.partial(_wrap, where, name, True)


def _after(where: Any, name: str) -> Install:
    return functools.partial(_wrap, where, name, False)


def _wrap(where: Any, name: str, before: bool, reach: Nth) -> None:
    """Reach the point where `where.name` is called, or has returned. A call about nothing, an
    empty list, does not count."""
    real = getattr(where, name)

    @functools.wraps(real)
    def plain(*args: Any, **options: Any) -> Any:
        if before and [] not in args:
            reach()
        returned = real(*args, **options)
        if not before and [] not in (*args, returned):
            reach()
        return returned

    @functools.wraps(real)
    async def suspended(*args: Any, **options: Any) -> Any:
        if before:
            reach()
        returned = await real(*args, **options)
        if not before:
            reach()
        return returned

    setattr(where, name, suspended if inspect.iscoroutinefunction(real) else plain)


def _torn(reach: Nth) -> None:
    """Half of a group of records reaches the file, then the daemon dies."""
    real = Journal._flush

    def flush(self: Journal, group: list[bytes]) -> None:
        if group and reach.due():
            data = b"".join(map(frame, group))
            write_all(self._log._descriptor, data[: len(data) // 2])
            reach.act()
        real(self, group)

    Journal._flush = flush  # type: ignore[method-assign]


POINTS: dict[str, Install] = {
    "spool claim, after": _after(SpoolDirectory, "claim"),
    "spool done, before": _before(SpoolDirectory, "done"),
    "spool done, after": _after(SpoolDirectory, "done"),
    "spool result, before": _before(SpoolDirectory, "results"),
    "spool result, after": _after(SpoolDirectory, "results"),
    "journal append, before": _before(Journal, "_flush"),
    "journal append, torn": _torn,
    "journal append, durable": _after(Journal, "_flush"),
    "snapshot, before": _before(journal, "write_snapshot"),
    "snapshot, written": _after(journal, "write_snapshot"),
    "snapshot, history discarded": _after(journal, "discard_before"),
    "receipts, before": _before(MonthFiles, "append"),
    "receipts, durable": _after(MonthFiles, "append"),
    "outbox, before": _before(MaildirOutbox, "_write"),
    "outbox, after": _after(MaildirOutbox, "_write"),
    "smtp, before the content": _before(smtp, "hand_over"),
    "smtp, taken": _after(smtp, "hand_over"),
    "inbox, before put away": _after(Letters, "handle"),
    "inbox, after put away": _after(MaildirInbox, "_offer"),
    "executor, before start": _before(CommandExecutor, "_start"),
    "executor, started": _after(CommandExecutor, "_start"),
    "executor, ended": _after(CommandExecutor, "run"),
    "executor of http, before it is sent": _before(HttpExecutor, "_send"),
    "executor of http, answered": _after(HttpExecutor, "_send"),
    "executor of mail, before": _before(MailExecutor, "run"),
    "executor of mail, ended": _after(MailExecutor, "run"),
    "keys, before": _before(rotate, "replace_file"),
    "keys, written": _after(rotate, "replace_file"),
    "keys, public half": _after(keys, "replace_file"),
}

_NOT_STATE = ("health.", "receipts.sqlite", "lock")
"""What is written for whoever looks, and never needed."""


def replace(name: str, by: Any) -> None:
    """Put `by` in the place of a function of `os`, by whatever name it is known."""
    real = getattr(os, name)
    for module in (os, durable, framelog):
        for found, value in list(vars(module).items()):
            if value is real:
                setattr(module, found, by)


class Calls:
    """Stands in the place of functions of `os`; only what is about `home` counts."""

    def __init__(self, home: Path) -> None:
        self._home = f"{home}/"

    def counts(self, place: Any, options: dict[str, Any]) -> bool:
        return self.place(place, options) is not None

    def place(self, place: Any, options: dict[str, Any]) -> str | None:
        """Where in the home a call is at work; None where it does not count."""
        directory = options.get("dir_fd", options.get("src_dir_fd"))
        if isinstance(place, int) or directory is not None:
            descriptor = place if directory is None else directory
            try:
                path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
            except OSError:
                return None
            path = path if directory is None else f"{path}/{place}"
        else:
            path = os.fsdecode(place)
        name = path.rpartition("/")[2].removeprefix(".")
        within = f"{path}/".startswith(self._home) and not name.startswith(_NOT_STATE)
        return path.removeprefix(self._home) if within else None

    def watch(self, names: tuple[str, ...], before: bool, reach: Nth) -> None:
        for name in names:
            replace(name, self._replaced(getattr(os, name), before, reach))

    def _replaced(self, real: Any, before: bool, reach: Nth) -> Any:
        @functools.wraps(real)
        def replaced(place: Any, *args: Any, **options: Any) -> Any:
            counts = self.counts(place, options)
            if counts and before:
                reach()
            returned = real(place, *args, **options)
            if counts and not before:
                reach()
            return returned

        return replaced

    def tear(self, reach: Nth) -> None:
        """Half of what is written reaches the file."""
        real = os.write

        def write(descriptor: int, data: Any) -> int:
            if self.counts(descriptor, {}) and reach.due():
                real(descriptor, bytes(data)[: len(data) // 2])
                reach.act()
            return real(descriptor, data)

        os.write = write


SYNCS, RENAMES, REMOVALS = ("fsync", "fdatasync"), ("rename", "replace"), ("unlink", "ftruncate")

CALLS: dict[str, Callable[[Calls, Nth], None]] = {
    "half written": Calls.tear,
    "before a sync": lambda calls, nth: calls.watch(SYNCS, True, nth),
    "after a sync": lambda calls, nth: calls.watch(SYNCS, False, nth),
    "before a rename": lambda calls, nth: calls.watch(RENAMES, True, nth),
    "after a rename": lambda calls, nth: calls.watch(RENAMES, False, nth),
    "before a removal": lambda calls, nth: calls.watch(REMOVALS, True, nth),
    "after a removal": lambda calls, nth: calls.watch(REMOVALS, False, nth),
}

FAILURES = {
    "a disk that is full": ("half written", errno.ENOSPC),
    "a sync that fails": ("before a sync", errno.EIO),
    "a rename that fails": ("before a rename", errno.EIO),
    "a removal that fails": ("before a removal", errno.EROFS),
    "a file that is gone when it is to be renamed": ("before a rename", errno.ENOENT),
    "a file that is gone when it is to be removed": ("before a removal", errno.ENOENT),
    "a directory that is gone when it is to be renamed into": ("before a rename", errno.ENOTDIR),
}
"""What goes wrong once, and by which of `CALLS`."""


def install(point: str, nth: Nth, home: Path) -> None:
    """Watch for one of `POINTS`, or of `CALLS` about `home`."""
    if point in POINTS:
        POINTS[point](nth)
    else:
        CALLS[point](Calls(home), nth)
