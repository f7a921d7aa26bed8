"""Executors that never end, fork, fill their output or answer too late, under a real daemon: each
is stopped with all of its group, told as what it is, and leaves no process behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.home import SITE, TestHome, until

FAULTS = {
    "endless": "time.sleep(600)",
    "deaf": "[signal.signal(s, signal.SIG_IGN) for s in (15, 2, 1)]; time.sleep(600)",
    "forking": "[os.fork() for _ in range(3)]; time.sleep(600)",
    "leaving": "os.fork() or time.sleep(600); print('done', flush=True)",
    "daemonising": "os.fork() and os._exit(0); time.sleep(600)",
    "loud": "\nwhile True: os.write(1, b'x' * 65536)",
    "late": "time.sleep(3); print('did it after all', flush=True)",
}

SCRIPT = """
import os, signal, sys, time
sys.stdin.readline()
{what}
"""


def make(make_home: Callable[..., TestHome], tmp_path: Path) -> TestHome:
    site, rules = SITE, '[policy]\nunmatched = "hard"\nreviewers = ["cleo"]\n'
    for name, what in FAULTS.items():
        script = tmp_path / f"{name}.py"
        script.write_text(SCRIPT.format(what=what))
        site += (
            f'\n[executors.{name}]\ntype = "command"\ntimeout = "1s"\n'
            f'argv = ["{{python}}", "{script}"]\nenv = {{{{ MARK = "{tmp_path}" }}}}\n'
        )
        rules += f'[kinds."do.{name}"]\nexecutor = "{name}"\n'
    rules += '[[rules]]\nname = "all"\nwhen = \'kind.startsWith("do.")\'\ngate = "auto"\n'
    return make_home(site=site, rules=rules)


def processes(mark: str) -> list[str]:
    """Whatever runs with this mark in its environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"MARK={mark}".encode() in (path / "environ").read_bytes().split(b"\0"):
                found.append((path / "cmdline").read_bytes().decode().replace("\0", " "))
        except OSError:
            continue
    return found


def test_whatever_an_executor_does_it_is_stopped_told_and_leaves_nothing_behind(
    make_home: Callable[..., TestHome], tmp_path: Path
) -> None:
    home = make(make_home, tmp_path)
    home.start()
    for name in FAULTS:
        home.drop({"kind": f"do.{name}", "payload": {}, "summary": "x"}, f"{name}.json")

    def done() -> dict[str, dict[str, Any]] | None:
        rows = {row["id"]: row["status"] for row in home.json("queue")}
        ended = not {"approved", "executing", "pending"} & set(rows.values())
        return {name: home.json("show", name) for name in FAULTS} if ended else None

    cases = until(done, lambda: f"all are over\n{home.json('queue')}\n{home.log()}", 60.0)
    assert {name: case["status"] for name, case in cases.items()} == {
        "endless": "in_doubt",
        "deaf": "in_doubt",
        "forking": "in_doubt",
        "leaving": "executed",
        "daemonising": "executed",
        "loud": "in_doubt",
        "late": "in_doubt",
    }
    assert "timeout after 1" in str(cases["late"]["outcome"])
    assert "did it after all" not in str(cases["late"]["outcome"])
    assert len(str(cases["loud"]["outcome"])) < 200_000
    until(lambda: not processes(str(tmp_path)), lambda: f"no process: {processes(str(tmp_path))}")
    assert "Traceback" not in home.log()
    # A person who looked says what became of the late one; nothing else is left of any.
    home.json("abandon", "late")
    assert home.await_result("late")["status"] == "failed"
    assert list((home.root / "state/work").iterdir()) == []
