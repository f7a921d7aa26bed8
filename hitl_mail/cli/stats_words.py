"""Numbers of `stats` in words, the same at a terminal and on its page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hitl_mail.core.duration import show_duration

_BARS = "▁▂▃▄▅▆▇█"


def share(part: int, whole: int) -> str:
    """`12 (40 %)`."""
    return f"{part} ({100 * part / whole:.0f} %)" if whole else f"{part}"


def outcomes(row: dict[str, Any]) -> str:
    """`9 approved, 2 edited`: what was asked about, by what came of it."""
    names = ("approved", "edited", "rejected", "expired")
    return ", ".join(f"{row[name]} {name}" for name in names if row[name])


def pace(row: dict[str, Any]) -> str:
    """`median 40s, p90 2h; 60 % within a minute`."""
    if row["median_seconds"] is None:
        return ""
    within = f"{100 * row['within_goal']:.0f} % within a minute"
    return f"median {duration(row['median_seconds'])}, p90 {duration(row['p90_seconds'])}; {within}"


def duration(seconds: float | None) -> str:
    """A time for people; nothing where there is none."""
    return "" if seconds is None else show_duration(round(seconds))


def bars(values: Sequence[float]) -> str:
    """One character for each value, as high as it is."""
    most = max(values, default=0)
    if not most:
        return _BARS[0] * len(values)
    return "".join(_BARS[math.ceil(value * 7 / most)] for value in values)
