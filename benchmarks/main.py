"""The main benchmark: approvals against others, the whole daemon, and growth.

Writes `benchmarks/RESULTS.md` and the figures in `docs/performance.md`, unless it is a quick run,
which measures too little to be told.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import delivery, growth, report, versus
from benchmarks.contender import ROOT
from benchmarks.machine import machine

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
DOCS = ROOT / "docs" / "performance.md"


def measure(rounds: int, quick: bool, large: bool) -> dict[str, Any]:
    """Everything. The files that are measured lie in the system's directory for temporary ones
    (`TMPDIR`), on the disk that is asked about."""
    words = [f"--rounds {rounds}", *(["--quick"] if quick else []), *(["--large"] if large else [])]
    directory = Path(tempfile.mkdtemp(prefix="hitl-bench-"))
    # Dovecot's own users have to get in.
    directory.chmod(0o755)
    try:
        found: dict[str, Any] = {
            "command": f"python -m benchmarks {' '.join(words)}",
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "machine": machine(directory),
        }
        _tell("against others")
        found["versus"] = versus.measure(directory / "versus", rounds, quick)
        _tell("the whole daemon")
        found["delivery"] = delivery.measure(directory / "delivery", quick)
        _tell("growth")
        found["growth"] = growth.measure(directory / "growth", quick, large)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return found


def _tell(what: str) -> None:
    print(f"== {what}", file=sys.stderr)


def run(rounds: int, quick: bool, large: bool) -> str:
    """Measure, write where it is to be written, and tell."""
    found = measure(1 if quick else rounds, quick, large)
    if not quick:
        report.write(found, RESULTS, DOCS)
    return report.results_page(found)
