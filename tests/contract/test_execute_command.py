"""What a program gets, what it may do to us, and what is left of it."""

import asyncio
import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.execute.command import CommandExecutor
from hitl_mail.adapters.execute.handed import WORK
from hitl_mail.core.canonical import canonical, check
from hitl_mail.ports import Attempt, Order
from hitl_mail.settings import Executor as Settings
from tests.waiting import eventually

PAYLOAD = {"b": 1, "a": "ü"}


def order(
    payload: dict[str, Any] | None = None, attachments: tuple[tuple[str, str, bytes], ...] = ()
) -> Order:
    return Order("261122-k3f9ma", 2, 1, payload or PAYLOAD, attachments, "261122-k3f9ma-2")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """Runs a shell script as an executor's command would be run."""

    async def run(script: str, what: Order | None = None, **settings: Any) -> Attempt:
        argv = ("/bin/sh", "-c", script)
        chosen = {"argv": argv, "timeout": 30, **settings}
        return await CommandExecutor(Settings(type="command", **chosen), tmp_path).run(
            what or order()
        )

    return run


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator["Fifo"]:
    found = Fifo(tmp_path / "fifo")
    yield found
    os.close(found.reader)


class Fifo:
    """A pipe that programs hold open: it is at its end when the last of them is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def held(self) -> bool:
        try:
            return os.read(self.reader, 1) != b""
        except BlockingIOError:
            return True


# What it gets


async def test_it_reads_one_line_the_payloads_canonical_bytes(run: Any) -> None:
    assert (await run("cat")).outcome["stdout"] == '{"a":"ü","b":1}\n'


async def test_its_environment_is_clean(run: Any, tmp_path: Path) -> None:
    attempt = await run("", argv=("/usr/bin/env",), env={"MODE": "live"})
    names = {line.partition("=")[0] for line in attempt.outcome["stdout"].splitlines()}
    ours = {"HITL_CASE", "HITL_REVISION", "HITL_IDEMPOTENCY_KEY", "HITL_ATTACHMENTS"}
    assert names == {"PATH", "LANG", "HOME", "MODE"} | ours


async def test_it_is_told_case_revision_and_key(run: Any) -> None:
    attempt = await run('echo "$HITL_CASE $HITL_REVISION $HITL_IDEMPOTENCY_KEY"')
    assert attempt.outcome["stdout"] == "261122-k3f9ma 2 261122-k3f9ma-2\n"


async def test_settings_cannot_pretend_another_case(run: Any) -> None:
    attempt = await run("echo $HITL_CASE", env={"HITL_CASE": "another"})
    assert attempt.outcome["stdout"] == "261122-k3f9ma\n"


async def test_it_starts_in_the_home(run: Any, tmp_path: Path) -> None:
    assert (await run("pwd -P")).outcome["stdout"] == f"{tmp_path.resolve()}\n"


async def test_its_directory_is_relative_to_the_home(run: Any, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    attempt = await run("pwd -P", cwd="scripts")
    assert attempt.outcome["stdout"] == f"{tmp_path.resolve() / 'scripts'}\n"


async def test_a_bare_name_is_looked_up_on_the_fixed_path(run: Any) -> None:
    assert (await run("", argv=("true",))).result == "ok"


async def test_arguments_are_never_read_by_a_shell(run: Any) -> None:
    attempt = await run("", argv=("echo", "$HOME; id"))
    assert attempt.outcome["stdout"] == "$HOME; id\n"


async def test_it_inherits_no_open_file(run: Any, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        attempt = await run(f"[ -e /dev/fd/{secret.fileno()} ] && echo open || echo closed")
    assert attempt.outcome["stdout"] == "closed\n"


async def test_attachments_are_files_in_a_directory_of_their_own(run: Any) -> None:
    files = (("a b.csv", "text/csv", b"1,2"), ("ü.bin", "application/x", b"\0\xff"))
    script = 'cd "$HITL_ATTACHMENTS" && stat -c "%a" . && for f in *; do echo "$f"; done'
    attempt = await run(script, order(attachments=files))
    assert attempt.outcome["stdout"] == "700\na b.csv\nü.bin\n"


async def test_attachments_have_their_bytes(run: Any) -> None:
    files = (("a.bin", "application/x", b"1,2"),)
    attempt = await run('cat "$HITL_ATTACHMENTS"/a.bin', order(attachments=files))
    assert attempt.outcome["stdout"] == "1,2"


async def test_without_attachments_the_directory_is_empty(run: Any) -> None:
    assert (await run('ls -A "$HITL_ATTACHMENTS"')).outcome["stdout"] == ""


async def test_attachments_are_removed_afterwards(run: Any, tmp_path: Path) -> None:
    attempt = await run('touch "$HITL_ATTACHMENTS"/new; echo "$HITL_ATTACHMENTS"')
    assert not Path(attempt.outcome["stdout"].strip()).exists()


async def test_an_attachment_that_cannot_be_a_file_fails_before_anything_runs(
    run: Any, tmp_path: Path
) -> None:
    files = (("ü" * 128, "text/csv", b""),)
    attempt = await run(f"touch {tmp_path}/ran", order(attachments=files))
    assert (attempt.result, (tmp_path / "ran").exists()) == ("failed", False)


# How it ends


@pytest.mark.parametrize(
    ("script", "result", "code"),
    [
        ("exit 0", "ok", 0),
        ("exit 75", "temporary", 75),
        ("exit 1", "failed", 1),
        ("exit 255", "failed", 255),
        ("kill -TERM $$", "doubt", None),
    ],
)
async def test_its_exit_status_says_how_it_went(
    run: Any, script: str, result: str, code: int | None
) -> None:
    attempt = await run(script)
    assert (attempt.result, attempt.outcome["exit_code"]) == (result, code)


async def test_the_signal_that_killed_it_is_named(run: Any) -> None:
    assert "SIGTERM" in (await run("kill -TERM $$")).outcome["error"]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("/nowhere/refund",), "No such file"),
        (("no-such-program-anywhere",), "No such file"),
        (("/etc",), "Permission denied"),
        (("/etc/passwd",), "Permission denied"),
        ((), "argv is empty"),
        (("a\0b",), "null byte"),
    ],
)
async def test_what_cannot_be_started_has_failed(run: Any, argv: tuple[str, ...], why: str) -> None:
    attempt = await run("", argv=argv)
    assert (attempt.result, why in attempt.outcome["error"]) == ("failed", True)


async def test_a_directory_that_is_not_there_is_named(run: Any) -> None:
    attempt = await run("true", cwd="nowhere")
    assert (attempt.result, "nowhere" in attempt.outcome["error"]) == ("failed", True)


async def test_a_machine_that_is_out_of_processes_is_asked_again(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", full)
    assert (await run("true")).result == "temporary"


# What it writes


async def test_output_and_errors_are_kept_apart(run: Any) -> None:
    outcome = (await run("echo out; echo err >&2")).outcome
    assert (outcome["stdout"], outcome["stderr"]) == ("out\n", "err\n")


async def test_output_at_the_limit_is_whole(run: Any) -> None:
    outcome = (await run("printf 12345", output_bytes=5)).outcome
    assert (outcome["stdout"], "stdout_truncated" in outcome) == ("12345", False)


@pytest.mark.parametrize(("to", "name"), [("1", "stdout"), ("2", "stderr")])
async def test_what_is_beyond_the_limit_is_counted(run: Any, to: str, name: str) -> None:
    outcome = (await run(f"head -c 1000000 /dev/zero >&{to}", output_bytes=10)).outcome
    assert (len(outcome[name]), outcome[f"{name}_truncated"]) == (10, 999_990)


async def test_output_that_is_not_text_becomes_text(run: Any) -> None:
    outcome = (await run(r"printf '\355\240\200\377\0ok'")).outcome
    check(outcome)
    assert outcome["stdout"].endswith("\0ok")


async def test_a_program_that_never_reads_its_input_may_succeed(run: Any) -> None:
    assert (await run("exit 0", order({"text": "x" * 2_000_000}))).result == "ok"


async def test_a_program_that_closes_its_input_early_may_succeed(run: Any) -> None:
    attempt = await run("exec 0<&-; sleep 0.1; echo done", order({"text": "x" * 2_000_000}))
    assert attempt.outcome["stdout"] == "done\n"


async def test_a_payload_larger_than_a_pipe_arrives_whole(run: Any) -> None:
    payload = {"text": "x" * 2_000_000}
    attempt = await run("wc -c", order(payload))
    assert int(attempt.outcome["stdout"]) == len(canonical(payload)) + 1


async def test_a_daemon_killed_while_it_starts_a_program_leaves_it_the_whole_payload(
    tmp_path: Path,
) -> None:
    """A program that got nothing, or a part, could take it for what was approved."""
    program = "cat > part; mv part got"
    code = f"""
import asyncio, os, pathlib
from hitl_mail.adapters.execute.command import CommandExecutor
from hitl_mail.ports import Order
from hitl_mail.settings import Executor
start = asyncio.BaseEventLoop.subprocess_exec
async def start_and_die(*given, **named):
    await start(*given, **named)
    os._exit(9)
asyncio.BaseEventLoop.subprocess_exec = start_and_die
order = Order("261122-k3f9ma", 1, 1, {{"text": "x" * 200_000}}, (), "261122-k3f9ma-1")
settings = Executor(type="command", argv=("/bin/sh", "-c", {program!r}))
asyncio.run(CommandExecutor(settings, pathlib.Path({str(tmp_path)!r})).run(order))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    got = tmp_path / "got"
    await eventually(got.exists, "the program, which goes on")
    assert got.read_bytes() == canonical({"text": "x" * 200_000}) + b"\n"


# What it leaves behind


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("exec 9>$FIFO; sleep 1000 >/dev/null 2>&1 & exit 0", id="after the end"),
        pytest.param("exec 9>$FIFO; sleep 1000 & exit 3", id="with the outputs open"),
        pytest.param("exec 9>$FIFO; trap '' TERM INT HUP; sleep 1000 & sleep 1000", id="timeout"),
    ],
)
async def test_nothing_of_its_group_runs_on(run: Any, fifo: Fifo, script: str) -> None:
    await run(script, env={"FIFO": str(fifo.path)}, timeout=1)
    await eventually(lambda: not fifo.held(), "the group to be gone")


async def test_a_child_that_holds_its_output_is_not_waited_for(run: Any) -> None:
    attempt = await run("sleep 1000 & echo started")
    assert (attempt.result, attempt.outcome["stdout"], attempt.outcome["seconds"] < 10) == (
        "ok",
        "started\n",
        True,
    )


async def test_a_child_beyond_our_reach_is_not_waited_for(run: Any) -> None:
    script = "exec 3<&0; setsid sleep 3 <&3 & exit 0"
    attempt = await run(script, order({"text": "x" * 2_000_000}))
    assert (attempt.result, attempt.outcome["seconds"] < 3) == ("ok", True)


async def test_what_it_said_before_a_timeout_is_kept(run: Any) -> None:
    attempt = await run("echo half; sleep 1000", timeout=1)
    assert (attempt.result, attempt.outcome["stdout"]) == ("doubt", "half\n")


async def test_an_order_cancelled_before_its_start_leaves_nothing(run: Any, fifo: Fifo) -> None:
    running = asyncio.create_task(
        run("exec 9>$FIFO; sleep 1000 & sleep 1000", env={"FIFO": str(fifo.path)})
    )
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await eventually(lambda: not fifo.held(), "the group to be gone")


async def test_a_cancelled_order_removes_its_attachments(run: Any, tmp_path: Path) -> None:
    work = tmp_path / WORK
    running = asyncio.create_task(run("sleep 1000"))
    await eventually(lambda: work.exists() and any(work.iterdir()), "the directory")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (list(work.iterdir()), work.stat().st_mode & 0o777) == ([], 0o700)


def test_it_runs_in_a_thread_that_is_not_the_first(run: Any) -> None:
    found: list[Attempt] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(run("echo hello"))))
    thread.start()
    thread.join()
    assert [attempt.outcome["stdout"] for attempt in found] == ["hello\n"]


async def test_a_program_in_python_reads_the_line_as_json(run: Any) -> None:
    code = "import json, sys; print(json.loads(sys.stdin.readline())['a'])"
    attempt = await run("", argv=(sys.executable, "-c", code))
    assert json.dumps(attempt.outcome["stdout"]) == '"\\u00fc\\n"'
