"""What a condition's source may hold, so that weighing it stays short on any payload.

The CEL library bounds nothing and cannot be interrupted. What stands in a macro is done once an
item, and a pattern is compiled at each use, so both are kept small at load.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from hitl_mail.policy.source import blank, macros, nested_macro, patterns
from hitl_mail.policy.variables import VARIABLES

LONGEST_SOURCE = 2000
LONGEST_BODY = 400
MOST_SUMS = 4
MOST_SUMS_OUTSIDE = 32
MOST_ITEMS = 256
MOST_READS = 3
MOST_WEIGHT = 300
MOST_WEIGHT_IN_MACRO = 30

_COUNT = re.compile(r"([)}]?)\{(\d+)(?:,(\d*))?\}")
_NAME = re.compile(r"(?<![\w.])(?<!\.\s)[A-Za-z_]\w*")
_CLASS = re.compile(r"\\[wWdDsSpP]")


class Flaw(NamedTuple):
    """Why a source is no condition, and the mend."""

    what: str
    mend: str = ""


def unbounded(source: str) -> Iterable[Flaw]:
    """What could take long or much memory once it meets a large payload."""
    inner, found = nested_macro(source), macros(source)
    if inner:
        what = f"the macro {inner} stands inside another macro, which nothing bounds"
        yield Flaw(what, "Use one macro at a time, or let the agent say it in the payload.")
    if any(macro.name == "map" for macro in found):
        what = "map copies the list it builds at every item, which nothing bounds"
        yield Flaw(what, "Say the same with exists, all or filter.")
    if sum(len(macro.body) for macro in found) > LONGEST_BODY:
        what = f"its macros hold more than {LONGEST_BODY} characters"
        yield Flaw(what, "Split the condition into several rules.")
    if sum(macro.body.count("+") for macro in found) > MOST_SUMS:
        yield Flaw(f"more than {MOST_SUMS} + inside macros", "Compare the parts one by one.")
    if any("+" in macro.over for macro in found):
        what = "a macro goes through lists that are put together with +, which nothing bounds"
        yield Flaw(what, "Ask each list by itself, and write || or && between them.")
    if any(macro.over.count(",") >= MOST_ITEMS for macro in found):
        yield Flaw(f"a macro goes through a list of more than {MOST_ITEMS} items", "Shorten it.")
    if blank(source).count("+") > MOST_SUMS_OUTSIDE:
        # Each sum of lists copies all that stands left of it.
        yield Flaw(f"more than {MOST_SUMS_OUTSIDE} +", "Split the condition into several rules.")
    if sum(_reads(macro.body) for macro in found) > MOST_READS:
        # The library copies a variable at each reading: 1 MiB for each of 256 items.
        what = f"more than {MOST_READS} variables are read inside macros, once for each item"
        yield Flaw(what, "Split the condition into several rules.")
    yield from _slow_patterns(source)


def _reads(body: str) -> int:
    return sum(name in VARIABLES for name in _NAME.findall(body))


def _slow_patterns(source: str) -> Iterable[Flaw]:
    weights = {True: 0, False: 0}
    for pattern in patterns(source):
        if pattern.text is None:
            yield Flaw("the pattern of matches is no text in quotes", 'Write .matches("^A[0-9]+").')
        else:
            weights[pattern.in_macro] += weight(pattern.text)
    if weights[True] > MOST_WEIGHT_IN_MACRO:
        what = "patterns inside a macro are compiled for every item, and these are slow to compile"
        yield Flaw(what, "Use [a-z0-9]+ instead of counts and \\w, or endsWith and the like.")
    if weights[False] > MOST_WEIGHT:
        yield Flaw("its patterns are slow to compile", "Use + or * instead of {n}.")


def weight(pattern: str) -> int:
    """About how many pieces a pattern is unrolled to: counts of groups multiply, and a class
    such as \\w is large."""
    counts = [(group, int(most or least)) for group, least, most in _COUNT.findall(pattern)]
    groups = math.prod(max(1, count) for group, count in counts if group)
    single = max(1, sum(count for group, count in counts if not group))
    return groups * single * max(1, len(_CLASS.findall(pattern)))
