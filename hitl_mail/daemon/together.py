"""Several files handled side by side, so that they wait for the disk together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def together(works: list[Coroutine[Any, Any, _T]]) -> list[_T]:
    """What each of `works` returns; they begin in their order.

    One that is alone does not wait for a turn in the loop.

    So what a file that is suspected of ending the daemon means is decided in one go with its
    claim: an end of the daemon that comes from outside hardly ever falls in between.
    """
    if len(works) == 1:
        return [await works[0]]
    return await asyncio.gather(*works)
