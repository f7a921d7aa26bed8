"""How long a command waits: `--timeout SECONDS`, of every command that has one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class _Seconds(click.types.FloatParamType):
    """A number from 0 on. NaN is none: nothing is later than it, and the wait would never end."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = math.nan
        if math.isnan(seconds) or seconds < 0:
            self.fail(f"{value!r} is not a number of seconds, such as 10 or 0.5", param, ctx)
        return seconds


def timeout_option(help: str, default: float | None = None) -> Callable[[F], F]:
    """`--timeout`, passed on as `timeout`; without a default it may be None: wait for ever."""
    return click.option("--timeout", type=_Seconds(), default=default, metavar="SECONDS", help=help)
