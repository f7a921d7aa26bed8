"""Loading many objects that stay: without the collector, which would look at all of them again and
again, and find nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """What is made meanwhile is not looked at, now or ever: freed as usual once nobody holds it,
    and never part of a later collection's work."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
