"""Starting a server, waiting until it answers, stopping it: shared by the servers here."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"
TAIL = 8_000
"""Characters of a log that are shown when something failed."""


class ServerFailed(Exception):
    """A server did not come up; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    """Poll `condition` until it holds; AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)


def greets(port: int) -> bool:
    """Whether a server on `port` accepts a connection and says its first line."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((LOOPBACK, port), timeout=2) as connection,
    ):
        return bool(connection.recv(1))
    return False


def tail(path: Path) -> str:
    """The end of a log file; empty if there is none."""
    if not path.exists():
        return ""
    return path.read_text("utf-8", errors="replace")[-TAIL:]


@contextlib.contextmanager
def serving(argv: list[str], ports: list[int], log: Path) -> Iterator[None]:
    """Run a server in the foreground until the block ends; it starts once all `ports` greet.

    What it prints goes to the log file `log`, like what it logs there itself.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _await_greetings(process, ports, log)
        yield
    finally:
        stop(process)


def _await_greetings(process: subprocess.Popen[bytes], ports: list[int], log: Path) -> None:
    def settled() -> bool:
        return process.poll() is not None or all(map(greets, ports))

    try:
        wait_until(settled, f"{process.args!r} to greet")
    except AssertionError as slow:
        raise ServerFailed(f"{slow}\n{tail(log)}") from None
    if process.returncode is not None:
        raise ServerFailed(f"{process.args!r} ended with {process.returncode}\n{tail(log)}")


def stop(process: subprocess.Popen[bytes], seconds: float = 10.0) -> None:
    """SIGTERM, then SIGKILL after `seconds`; returns when the process is gone."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
