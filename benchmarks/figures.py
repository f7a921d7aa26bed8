"""Numbers out of many: medians of rounds, percentiles of all that was timed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds, and of how many."""
    return {
        "p50": percentile(seconds, 0.5) * 1000,
        "p99": percentile(seconds, 0.99) * 1000,
        "of": len(seconds),
    }


def rates(rounds: Sequence[dict[str, Any]], count: int) -> list[float]:
    """How many a second in each round."""
    return [count / found["seconds"] for found in rounds]


def told(rounds: Sequence[dict[str, Any]], count: int) -> dict[str, float]:
    """Median rate of the rounds; p50 and p99 of everything that was timed in them."""
    each = [seconds for found in rounds for seconds in found["each"]]
    return {"rate": statistics.median(rates(rounds, count)), **spread(each)}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of rates round by round, for the machine changes between rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
