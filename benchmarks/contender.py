"""A contender: a process of its own that does one piece of work after the other when told to.

So none warms or slows another, memory is each one's own, and rounds can be interleaved. Orders and
answers are JSON, one a line. Knows nothing of hitl-mail, so that the others' environments can
import it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[1]

Deed = Callable[[int], dict[str, Any]]
_Item = TypeVar("_Item")


def timed(deed: Callable[[_Item], object], items: Iterable[_Item]) -> dict[str, Any]:
    """Do it to all of them, one after the other: seconds in all, and of each."""
    each = []
    begun = before = time.perf_counter()
    for item in items:
        deed(item)
        now = time.perf_counter()
        each.append(now - before)
        before = now
    return {"seconds": before - begun, "each": each}


def obey(deeds: dict[str, Deed]) -> None:
    """The contender's side: carry out orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        answer = deeds[order["deed"]](order["count"])
        print(json.dumps(answer), flush=True)


class Contender:
    """The benchmark's side: a module of `benchmarks` run by some Python, in a directory."""

    def __init__(self, python: str, module: str, directory: Path) -> None:
        self._name = module
        directory.mkdir()
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.{module}", str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.ask("ready", 0)
        self.start_seconds = time.perf_counter() - begun

    def ask(self, deed: str, count: int) -> dict[str, Any]:
        """Have it done so many times; what it measured."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"deed": deed, "count": count}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended while it was to {deed} {count}; see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
