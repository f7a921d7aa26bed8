"""How long the fuzzing is: a short look in the suite, a campaign by `make fuzz`.

In the suite every example is the same each time. A campaign (`python -m tests.fuzz`) sets two
variables: how many times the examples there are, and the moment after which no new one begins.
A failure prints the lines that repeat it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("HITL_FUZZ_TIMES", "1"))
"""How many examples there are for each one in the suite."""
UNTIL = float(os.environ.get("HITL_FUZZ_UNTIL", "inf"))
"""Seconds since the epoch."""
CORPUS = Path(__file__).parent / "corpus"

Test = Callable[..., Any]


def fuzzed(examples: int = 100) -> Callable[[Test], Test]:
    """The settings of a test with so many examples in the suite. Goes above `@given`."""
    campaign = TIMES > 1
    return settings(
        max_examples=examples * TIMES,
        derandomize=not campaign,
        print_blob=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def timely(test: Test) -> Test:
    """Goes below `@given`: once a campaign's time is over, the examples left are not tried."""

    @wraps(test)
    def tried(*args: Any, **kwargs: Any) -> Any:
        return None if time.time() > UNTIL else test(*args, **kwargs)

    return tried


@contextmanager
def within(seconds: float = 2.0) -> Iterator[None]:
    """What is inside may cost this thread so much processor time, and no more.

    Not the time on the wall: the machine may be busy with something else.
    """
    begun = time.thread_time()
    yield
    spent = time.thread_time() - begun
    assert spent < seconds, f"it took {spent:.2f} s of the processor"


def corpus(name: str) -> list[bytes]:
    """The files of `corpus/NAME`, in order: what was found, and what readers begin from."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
