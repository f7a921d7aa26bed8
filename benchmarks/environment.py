"""The environment of what hitl-mail is compared with: made once, of exact versions with hashes.

Never the project's own: `.venv-bench` beside `.venv`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.contender import ROOT

LOCK = ROOT / "lock" / "bench-langgraph.txt"
PLACE = ROOT / ".venv-bench"


def langgraph_python() -> str:
    """The interpreter of an environment that has LangGraph; made if it is missing or older than
    its lock. Raises subprocess.CalledProcessError."""
    python = PLACE / "bin" / "python"
    mark = PLACE / "lock.txt"
    if not mark.exists() or mark.read_bytes() != LOCK.read_bytes():
        print(f"== {PLACE.name}: packages from lock/{LOCK.name}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PLACE)], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
        mark.write_bytes(LOCK.read_bytes())
    return str(python)


def langgraph_version() -> str:
    """The version that the lock names."""
    pins = (line.split(" ")[0] for line in LOCK.read_text().splitlines())
    return next(pin.removeprefix("langgraph==") for pin in pins if pin.startswith("langgraph=="))


def made(path: Path = PLACE) -> bool:
    """Whether it is there already."""
    return (path / "lock.txt").exists()
