"""How long a command waits: `--timeout SECONDS`, of every command that has one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class _Seconds(click.FloatRange):
    """A number from 0 on. NaN is none: nothing is later than it, and the wait would never end."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds


def timeout_option(help: str, default: float | None = None) -> Callable[[F], F]:
    """`--timeout`, passed on as `timeout`; without a default it may be None: wait for ever."""
    return click.option(
        "--timeout", type=_Seconds(min=0), default=default, metavar="SECONDS", help=help
    )
