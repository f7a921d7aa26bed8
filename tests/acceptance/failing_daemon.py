"""hitl-mail's command line, made to die or to fail at a chosen instant. For tests only.

Run as a program it imports everything once and then serves orders, one JSON object a line on its
standard input: each is carried out in a forked child, so that a whole life of the daemon costs
milliseconds. The answers are two lines: the child's number, and at its end its return code (-9
where it was killed).

An order: `words` of the command line; `output`, the file for what it prints; `point` and `nth`:
die at the nth time that this point of `failpoints` is reached, or fail there once with the error
number `fails` (`point` may be empty: then how often each point was reached is written to `output`
+ ".points"); `ledger`: a file for every call that changes the home, in their order (see `ledger`);
`snapshot_after`: records between two snapshots; `clock`: a file with the seconds by
which the daemon's clock is ahead, read each time that it is looked at; `look`:
seconds after which it is looked at anyway; `user`: the OS user to be.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hitl_mail import cli
from hitl_mail.adapters.clock import SystemClock
from hitl_mail.daemon import engine, mailer, timers
from tests.acceptance.failpoints import CALLS, POINTS, Nth, fail, install
from tests.acceptance.ledger import keep_ledger

# What the child would import lazily, imported once for all of them.
import httpx  # noqa: F401  isort: skip
from hitl_mail.adapters.imap import inbox  # noqa: F401  isort: skip
from hitl_mail.adapters.web import app, metrics, server  # noqa: F401  isort: skip
from hitl_mail.bootstrap import logs, wiring  # noqa: F401  isort: skip
from hitl_mail.policy import conditions, load  # noqa: F401  isort: skip
from hitl_mail.cli import cases, decisions, keys, receipts, run, status  # noqa: F401  isort: skip


def _live(order: dict[str, Any]) -> None:
    """The child: one command, perhaps its last."""
    out = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    watched = _watched(order)
    for point, nth in watched.items():
        install(point, nth, Path(order["home"]))
    engine._SNAPSHOT_AFTER = order.get("snapshot_after", engine._SNAPSHOT_AFTER)
    timers._LOOK = mailer._LOOK = order.get("look", timers._LOOK)
    if "ledger" in order:
        keep_ledger(Path(order["ledger"]), Path(order["home"]))
    if "clock" in order:
        _set_clock(Path(order["clock"]))
    if "user" in order:
        os.setuid(order["user"])
    sys.argv = ["hitl-mail", *order["words"]]
    try:
        cli.main()
    finally:
        reached = {point: nth.reached for point, nth in watched.items()}
        with contextlib.suppress(PermissionError):
            Path(order["output"] + ".points").write_text(json.dumps(reached))


def _watched(order: dict[str, Any]) -> dict[str, Nth]:
    if order["point"]:
        act = fail(order["fails"]) if "fails" in order else None
        return {order["point"]: Nth(order["nth"], act)}
    return {point: Nth(0) for point in (*POINTS, *CALLS)}


def _set_clock(ahead: Path) -> None:
    def now(self: SystemClock) -> float:
        return time.time() + float(ahead.read_text())

    SystemClock.now = now  # type: ignore[method-assign]


def serve() -> None:
    """Carry out orders until there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(json.loads(line))
        _say(child)
        _, waited = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(waited))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


class Zygote:
    """The test's side of `serve`: one command at a time."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.failing_daemon"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def live(
        self, home: Path, *words: str, point: str = "", nth: int = 1, **settings: Any
    ) -> tuple[int, str]:
        """Return code and output of one command on `home`."""
        self._output.unlink(missing_ok=True)
        child = self.begin(home, *words, point=point, nth=nth, **settings)
        return child.wait(None), self._output.read_text()

    def begin(
        self,
        home: Path,
        *words: str,
        point: str = "",
        nth: int = 1,
        output: Path | None = None,
        **settings: Any,
    ) -> Child:
        """Start a command on `home`; what it prints is appended to `output`."""
        assert self._process.stdin is not None
        order = {
            "home": str(home),
            "words": ["--home", str(home), *words],
            "output": str(output or self._output),
            "point": point,
            "nth": nth,
            **settings,
        }
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return Child(self._process)

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


class Child:
    """A command that was begun, as `subprocess.Popen` would have it."""

    def __init__(self, zygote: subprocess.Popen[bytes]) -> None:
        self._zygote = zygote
        self._code: int | None = None
        self.pid = self._line()

    def poll(self) -> int | None:
        if self._code is None:
            ready, _, _ = select.select([self._zygote.stdout], [], [], 0)
            self._code = self._line() if ready else None
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            ready, _, _ = select.select([self._zygote.stdout], [], [], timeout)
            assert ready, f"process {self.pid} did not end within {timeout} s"
            self._code = self._line()
        return self._code

    def send_signal(self, how: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, how)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _line(self) -> int:
        assert self._zygote.stdout is not None
        # Read byte by byte, so that `select` never misses what a buffer holds.
        line = b""
        while not line.endswith(b"\n"):
            read = os.read(self._zygote.stdout.fileno(), 1)
            assert read, "the zygote is gone"
            line += read
        return int(line)


if __name__ == "__main__":
    serve()
