"""Durations as people write them: `90s`, `15m`, `4h`, `1d12h`, `2w`."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"([0-9]{1,9})([smhdw])")
LONGEST = 10 * 366 * 86400


def parse_duration(text: str) -> int:
    """Seconds in a duration. Raises ValueError, with the mend, for anything else.

    >>> parse_duration("1d12h")
    129600
    """
    seconds, end = 0, 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        seconds += int(match[1]) * _UNITS[match[2]]
        end = match.end()
    if end != len(text) or not text:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 15m, 4h, 1d12h or 2w")
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"{text!r} is outside 1s to ten years")
    return seconds


def show_duration(seconds: float) -> str:
    """The two largest units of a duration, for people: `3h 20m`."""
    left = max(0, round(seconds))
    parts = []
    for unit in ("d", "h", "m", "s"):
        amount, left = divmod(left, _UNITS[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2]) or "0s"
