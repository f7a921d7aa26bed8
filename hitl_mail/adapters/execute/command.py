"""Carries an order out by running a program: no shell, a clean environment, bounded time and
output, and nothing of it left running afterwards.

The program reads one line on its standard input, the payload's RFC 8785 bytes, and answers by
its exit status. What it does with the payload is not this module's to know.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import time
from pathlib import Path
from typing import IO, Any

from hitl_mail.adapters.execute.handed import WORK, handed
from hitl_mail.adapters.execute.outcome import Kept, Result, attempt
from hitl_mail.ports import Attempt, Order
from hitl_mail.settings import Executor

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

EX_TEMPFAIL = 75
"""`sysexits.h`: the program could not do it now and may be asked again."""

PIPE_GRACE = 0.5
"""Seconds the outputs may stay open after the program's end, in a child it left behind."""

KILL_GRACE = 5.0
"""Seconds a killed program may take to be gone; one stuck in the kernel takes longer."""

# The machine was short of something and started nothing: the same order may well go through later.
_SHORTAGES = frozenset(
    {
        errno.EAGAIN,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ETXTBSY,
    }
)


class CommandExecutor:
    """`ports.Executor` for `type = "command"`.

    Exit 0 is ok, 75 temporary, any other status failed; a timeout or a signal is doubt. A program
    that leaves its process group (setsid) leaves our reach.
    """

    def __init__(self, settings: Executor, home: Path) -> None:
        self._settings = settings
        self._home = home

    async def run(self, order: Order) -> Attempt:
        begun = time.monotonic()
        with contextlib.ExitStack() as stack:
            try:
                folder, line = stack.enter_context(handed(order, self._home / WORK))
                transport, child = await self._start(order, folder, line)
            except (OSError, ValueError) as error:
                return self._not_started(error, begun)
            in_time = await _finish(transport, child, self._settings.timeout)
            return self._judge(child, transport.get_returncode() if in_time else None, begun)

    async def _start(
        self, order: Order, folder: str, line: IO[bytes]
    ) -> tuple[asyncio.SubprocessTransport, _Child]:
        starting = asyncio.ensure_future(
            asyncio.get_running_loop().subprocess_exec(
                lambda: _Child(self._settings.output_bytes),
                *self._argv(),
                stdin=line,
                env=self._environment(order, folder),
                cwd=str(self._home / (self._settings.cwd or "")),
                start_new_session=True,
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The process may be there already, and must not outlive the cancelled order.
            with contextlib.suppress(OSError, ValueError):
                await _finish(*await starting, 0)
            raise

    def _argv(self) -> tuple[str, ...]:
        if not self._settings.argv:
            raise ValueError("argv is empty")
        return self._settings.argv

    def _environment(self, order: Order, folder: str) -> dict[str, str]:
        return {
            "PATH": PATH,
            "LANG": "C.UTF-8",
            "HOME": os.environ.get("HOME", str(self._home)),
            **self._settings.env,
            "HITL_CASE": order.case,
            "HITL_REVISION": str(order.revision),
            "HITL_IDEMPOTENCY_KEY": order.key,
            # Always set: an unset one would make "$HITL_ATTACHMENTS"/* the root directory.
            "HITL_ATTACHMENTS": folder,
        }

    def _not_started(self, error: OSError | ValueError, begun: float) -> Attempt:
        short = isinstance(error, OSError) and error.errno in _SHORTAGES
        facts = {"exit_code": None, "stdout": "", "stderr": ""}
        program = self._settings.argv[0] if self._settings.argv else "the command"
        mend = "" if short else "; check the executor's argv, cwd and env"
        text = f"{program} could not be started: {error}{mend}"
        return attempt("temporary" if short else "failed", begun, facts, text)

    def _judge(self, child: _Child, code: int | None, begun: float) -> Attempt:
        result, error = _meaning(code, self._settings.timeout)
        facts: dict[str, Any] = {
            "exit_code": code if code is not None and code >= 0 else None,
            "stdout": child.kept[1].text,
            "stderr": child.kept[2].text,
        }
        for name, kept in (
            ("stdout_truncated", child.kept[1]),
            ("stderr_truncated", child.kept[2]),
        ):
            if kept.truncated:
                facts[name] = kept.truncated
        return attempt(result, begun, facts, error)


class _Child(asyncio.SubprocessProtocol):
    """Collects what the program writes, and notes its end and its outputs' end apart: a child it
    left behind can hold the outputs open for ever."""

    def __init__(self, limit: int) -> None:
        self.kept = {1: Kept(limit), 2: Kept(limit)}
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.kept[fd].add(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002
        self._open.discard(fd)
        if not self._open:
            self.closed.set()

    def process_exited(self) -> None:
        self.exited.set()


async def _finish(transport: asyncio.SubprocessTransport, child: _Child, seconds: float) -> bool:
    """Wait for the program's end: whether it came in time. Nothing of its group runs afterwards,
    however this ends."""
    try:
        in_time = await _within(child.exited, seconds)
        if in_time:
            await _within(child.closed, PIPE_GRACE)
        return in_time
    finally:
        # The group bears the program's number, which is not given away while a member lives.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        await _within(child.exited, KILL_GRACE)
        transport.close()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _meaning(code: int | None, timeout: float) -> tuple[Result, str]:
    """What a return code says, None being a timeout and -N signal N; and a sentence on it."""
    if code == 0:
        return "ok", ""
    if code is None:
        return "doubt", f"timeout after {timeout} s: killed, and how far it came is not known"
    if code < 0:
        return "doubt", f"killed by {_signal_name(-code)}: how far it came is not known"
    if code == EX_TEMPFAIL:
        return "temporary", f"exit status {code}: not now, to be tried again"
    return "failed", f"exit status {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
