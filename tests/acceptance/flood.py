"""Very many files at once from one agent, while another goes on with its work."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from hitl_mail import bootstrap
from hitl_mail.home import Home
from tests.acceptance.home import SITE, TestHome, until

RULES = """
[policy]
unmatched = "hard"
reviewers = ["cleo"]
expires = "24h"
[kinds."wait.here"]
title = "Wait {payload.n}"
[[rules]]
name = "never"
when = 'kind == "never.run"'
gate = "deny"
"""

CALM = """
[agents.calm]
spool = "spool/calm"
[limits]
waiting = {waiting}
"""


@dataclass(frozen=True)
class Flooded:
    """How long all took, and of the other agent: how long each answer took. Seconds, MiB."""

    files: int
    seconds: float
    before: float
    during: float
    worst: float
    memory: float
    memory_before: float

    def __str__(self) -> str:
        return (
            f"{self.files} files in {self.seconds:.1f} s; the other agent waited"
            f" {self.during * 1000:.0f} ms (alone {self.before * 1000:.0f}, at worst"
            f" {self.worst * 1000:.0f}); memory {self.memory_before:.0f} to {self.memory:.0f} MiB"
        )


def flood(root: Path, port: int, count: int, within: float) -> Flooded:
    """Drop `count` files at once before a running daemon; each is a case within so many seconds."""
    limit = CALM.format(waiting=count)
    home = TestHome(root, port, rules=RULES, site=SITE + limit)
    home.start()
    try:
        return _flood(home, count, within)
    finally:
        if home.daemon is not None:
            home.daemon.kill()
            home.daemon.wait()


def _flood(home: TestHome, count: int, within: float) -> Flooded:
    assert home.daemon is not None
    before = statistics.median(answer_time(home, f"alone{n}") for n in range(5))
    memory_before = memory(home.daemon.pid)
    spool = home.root / "spool/billing"
    for n in range(count):
        action = {"kind": "wait.here", "payload": {"n": n}, "summary": "Wait"}
        (spool / "tmp" / f"f{n}.json").write_text(json.dumps(action))
    begun = time.monotonic()
    for n in range(count):
        (spool / "tmp" / f"f{n}.json").rename(spool / "new" / f"f{n}.json")
    during = [answer_time(home, f"amid{n}") for n in range(10)]
    until(
        lambda: not any((spool / "new").iterdir()) and not any((spool / "cur").iterdir()),
        "every file is taken",
        within,
    )
    seconds = time.monotonic() - begun
    cases = bootstrap.read_state(Home(home.root)).cases.values()
    assert {case.action_id for case in cases} == {f"f{n}" for n in range(count)}
    assert list((spool / "refused").iterdir()) == []
    return Flooded(
        count,
        seconds,
        before,
        statistics.median(during),
        max(during),
        memory(home.daemon.pid),
        memory_before,
    )


def answer_time(home: TestHome, name: str) -> float:
    """How long the other agent waits until it is told that its action may not run."""
    begun = time.monotonic()
    action = {"kind": "never.run", "payload": {}, "summary": "Never"}
    home.drop(action, f"{name}.json", "spool/calm")
    until(lambda: home.result(name, "spool/calm"), f"an answer to {name}", 60.0)
    return time.monotonic() - begun


def memory(pid: int) -> float:
    """The most that a process has held, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
