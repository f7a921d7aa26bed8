"""What is usual for a kind: the median of its last executed cases, for conditions to compare with.

Design 1.3 and the issue on policy: the last 50 executed cases, nothing under 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import msgspec

LAST, FEWEST = 50, 10


class Typical(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last executed cases of one kind, oldest first: cost in its unit, latency and seconds in
    seconds; None where a case does not say."""

    cost: tuple[float | None, ...] = ()
    latency: tuple[float | None, ...] = ()
    seconds: tuple[float | None, ...] = ()

    def medians(self) -> dict[str, float]:
        """`cost`, `latency`, `seconds`; what is not known well enough yet is absent."""
        told = {"cost": self.cost, "latency": self.latency, "seconds": self.seconds}
        known = {name: [v for v in values if v is not None] for name, values in told.items()}
        return {name: median(values) for name, values in known.items() if len(values) >= FEWEST}


def with_executed(
    typical: Typical, action: Mapping[str, Any], outcome: Mapping[str, Any] | None
) -> Typical:
    """What is usual after one more executed case."""
    return Typical(
        _more(typical.cost, action.get("cost")),
        _more(typical.latency, action.get("latency")),
        _more(typical.seconds, (outcome or {}).get("seconds")),
    )


def _more(values: tuple[float | None, ...], value: object) -> tuple[float | None, ...]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (*values, float(value) if number else None)[-LAST:]  # type: ignore[arg-type]
