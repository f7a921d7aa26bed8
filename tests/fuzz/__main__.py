"""A campaign: `python -m tests.fuzz [SECONDS] [SEED] [what pytest is to be told]`.

Round after round of the fuzz tests, each with a seed of its own and many more examples than in the
suite, until the time is over or something is found; then the seed and Hypothesis' own lines say
how to see it again. What is found is also kept in `.hypothesis/` and tried first the next time.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

TIMES = 10
HERE = Path(__file__).parent


def main() -> int:
    words = sys.argv[1:]
    seconds = float(words[0]) if words else 600.0
    seed = int(words[1]) if len(words) > 1 and words[1] else secrets.randbelow(2**32)
    told = words[2:]
    until = time.time() + seconds
    while time.time() < until:
        status = _round(seed, until, told or _files(seed))
        if status:
            again = " ".join(["python -m tests.fuzz", str(int(seconds)), str(seed), *told])
            _say(f"\nFound with seed {seed}. Again: {again}")
            return status
        seed += 1
    _say("Nothing found.")
    return 0


def _files(seed: int) -> list[str]:
    """All of them, each round beginning with another: the time may not be enough for all."""
    files = sorted(str(path) for path in HERE.glob("test_*.py"))
    begin = seed % len(files)
    return [*files[begin:], *files[:begin]]


def _round(seed: int, until: float, told: list[str]) -> int:
    _say(f"seed {seed}, {max(0.0, until - time.time()):.0f} s left")
    environment = {
        **os.environ,
        "HITL_FUZZ_TIMES": os.environ.get("HITL_FUZZ_TIMES", str(TIMES)),
        "HITL_FUZZ_UNTIL": str(until),
    }
    command = [sys.executable, "-m", "pytest", "-x", f"--hypothesis-seed={seed}", *told]
    return subprocess.run(command, env=environment, check=False).returncode


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
