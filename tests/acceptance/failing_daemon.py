"""hitl-mail's command line, made to die by SIGKILL at a chosen instant. For tests only.

Run as a program it imports everything once and then serves orders, one JSON object a line on its
standard input: each is carried out in a forked child, so that a whole life of the daemon costs
milliseconds. The answer is one line, the child's return code (-9 where it was killed).

An order: `words` of the command line; `output`, the file for what it prints; `point` and `nth`:
die at the nth time that this point of `POINTS` is reached (`point` may be empty: then how often
each point was reached is written to `output` + ".points");
`snapshot_after`: records between two snapshots.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hitl_mail import cli
from hitl_mail.adapters.durable import write_all
from hitl_mail.adapters.execute.command import CommandExecutor
from hitl_mail.adapters.framelog import frame
from hitl_mail.adapters.journal import journal
from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.adapters.maildir import MaildirInbox, MaildirOutbox
from hitl_mail.adapters.receipts.files import MonthFiles
from hitl_mail.adapters.spool.directory import SpoolDirectory
from hitl_mail.daemon import engine
from hitl_mail.daemon.letters import Letters

# What the child would import lazily, imported once for all of them.
from hitl_mail.policy import conditions, load  # noqa: F401  isort: skip
from hitl_mail.cli import cases, decisions, receipts, run, status  # noqa: F401  isort: skip


class Nth:
    """Dies at the nth call."""

    def __init__(self, nth: int) -> None:
        self.nth = nth
        self.reached = 0

    def due(self) -> bool:
        self.reached += 1
        return self.reached == self.nth

    def __call__(self) -> None:
        if self.due():
            os.kill(os.getpid(), signal.SIGKILL)


Install = Callable[[Nth], None]


def _before(where: Any, name: str) -> Install:
    return functools.partial(_wrap, where, name, True)


def _after(where: Any, name: str) -> Install:
    return functools.partial(_wrap, where, name, False)


def _wrap(where: Any, name: str, before: bool, die: Nth) -> None:
    """Reach the point where `where.name` is called, or has returned. A call about nothing, an
    empty list, does not count."""
    real = getattr(where, name)

    @functools.wraps(real)
    def plain(*args: Any, **options: Any) -> Any:
        if before and [] not in args:
            die()
        returned = real(*args, **options)
        if not before and [] not in (*args, returned):
            die()
        return returned

    @functools.wraps(real)
    async def suspended(*args: Any, **options: Any) -> Any:
        if before:
            die()
        returned = await real(*args, **options)
        if not before:
            die()
        return returned

    setattr(where, name, suspended if inspect.iscoroutinefunction(real) else plain)


def _torn(die: Nth) -> None:
    """Half of a group of records reaches the file, then the daemon dies."""
    real = Journal._flush

    def flush(self: Journal, group: list[bytes]) -> None:
        if group and die.due():
            data = b"".join(map(frame, group))
            write_all(self._log._descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
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
    "inbox, before put away": _after(Letters, "handle"),
    "inbox, after put away": _after(MaildirInbox, "_offer"),
    "executor, before start": _before(CommandExecutor, "_start"),
    "executor, started": _after(CommandExecutor, "_start"),
    "executor, ended": _after(CommandExecutor, "run"),
}


def _live(order: dict[str, Any]) -> None:
    """The child: one command, perhaps its last."""
    out = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    watched = {order["point"]: Nth(order["nth"])} if order["point"] else _never()
    for point, nth in watched.items():
        POINTS[point](nth)
    engine._SNAPSHOT_AFTER = order.get("snapshot_after", engine._SNAPSHOT_AFTER)
    sys.argv = ["hitl-mail", *order["words"]]
    try:
        cli.main()
    finally:
        reached = {point: nth.reached for point, nth in watched.items()}
        Path(order["output"] + ".points").write_text(json.dumps(reached))


def _never() -> dict[str, Nth]:
    return {point: Nth(0) for point in POINTS}


def serve() -> None:
    """Carry out orders until there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(json.loads(line))
        _, waited = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(waited)}\n")
        sys.stdout.flush()


class Zygote:
    """The test's side of `serve`."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.failing_daemon"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def live(
        self, home: Path, *words: str, point: str = "", nth: int = 1, **settings: Any
    ) -> tuple[int, str]:
        """Return code and output of one command on `home`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"words": ["--home", str(home), *words], "output": str(self._output)}
        print(
            json.dumps({**order, "point": point, "nth": nth, **settings}),
            file=self._process.stdin,
            flush=True,
        )
        return int(self._process.stdout.readline()), self._output.read_text()

    def reached(self) -> dict[str, int]:
        """How often the last command, if it was to live, reached each point."""
        reached: dict[str, int] = json.loads(self._output.with_suffix(".points").read_text())
        return reached

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


if __name__ == "__main__":
    serve()
