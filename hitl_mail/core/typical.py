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
    """The last values of one kind, oldest first: cost in its unit, latency and seconds in seconds.
    A case that does not say a value adds none."""

    cost: tuple[float, ...] = ()
    latency: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()

    def medians(self) -> dict[str, float]:
        """`cost`, `latency`, `seconds`; what is not known well enough yet is absent."""
        known = {"cost": self.cost, "latency": self.latency, "seconds": self.seconds}
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


def _more(values: tuple[float, ...], value: object) -> tuple[float, ...]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return values
    return (*values, float(value))[-LAST:]
