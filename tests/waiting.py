"""Waiting for what another task or a server does: by condition and with a bound, never by guess."""

import asyncio
import time
from collections.abc import Callable


async def eventually(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Returns once `condition` holds; AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(0.01)
