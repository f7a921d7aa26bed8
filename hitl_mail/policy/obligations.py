"""What the fields of one rule must be to each other: what its gate needs, and what cannot be.

Knows one rule at a time and no names of people; `load` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from hitl_mail.core.duration import parse_duration, show_duration
from hitl_mail.policy.model import Rule
from hitl_mail.tables.lines import Path

_PERCENT = re.compile(r"[1-9][0-9]?%")

_BELONGS = {"exceptions": "exception", "rate": "sample", "tighten": "sample"}


class Fault(NamedTuple):
    """What is wrong with a field of a rule, where, and the mend."""

    path: Path
    what: str
    mend: str = ""


def faults(rule: Rule, given: Iterable[str], usual: int) -> Iterable[Fault]:
    """All that cannot be meant. `given` are the keys that the file names, `usual` the expiry, in
    seconds, of a rule that names none."""
    expires = rule.expires or usual
    for key in sorted(_BELONGS.keys() & set(given)):
        if rule.gate != _BELONGS[key]:
            what = f'{key} means nothing to the gate "{rule.gate}"'
            mend = f'Leave it out, or make the gate "{_BELONGS[key]}".'
            yield Fault((key,), what, mend)
    if rule.gate == "sample" and rule.rate is None and "rate" not in given:
        yield Fault((), "rate is missing", "Add rate = 0.05 to look at one in twenty afterwards.")
    if rule.on_expiry != "reject":
        what = f'"{rule.on_expiry}" would take silence for consent'
        yield Fault(("on_expiry",), what, 'Write "reject", which is what it is if left out.')
    for index, moment in enumerate(rule.remind):
        yield from _reminder(moment, ("remind", index), expires)
    if rule.escalate is not None and rule.escalate.after >= expires:
        yield Fault(("escalate", "after"), *_late(rule.escalate.after, expires))


def moments(remind: Iterable[str], expires: int) -> tuple[int, ...]:
    """Seconds after the asking at which to remind, in order, of a rule whose `remind` is sound."""
    after = {
        expires * int(moment[:-1]) // 100 if moment.endswith("%") else parse_duration(moment)
        for moment in remind
    }
    return tuple(sorted(seconds for seconds in after if 0 < seconds < expires))


def _reminder(moment: str, path: Path, expires: int) -> Iterable[Fault]:
    if _PERCENT.fullmatch(moment):
        return
    try:
        after = parse_duration(moment)
    except ValueError:
        mend = 'Write "50%" of the time until expiry, or a duration such as "1h".'
        yield Fault(path, f'"{moment}" is no moment to remind', mend)
        return
    if after >= expires:
        yield Fault(path, *_late(after, expires))


def _late(after: int, expires: int) -> tuple[str, str]:
    what = f"after {show_duration(after)} the case has expired: it does at {show_duration(expires)}"
    return what, "Name an earlier moment, or a later expires."
