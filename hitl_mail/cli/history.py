"""Reading all receipts of a time, under a progress bar where somebody watches."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from hitl_mail.core.documents import iso
from hitl_mail.core.duration import parse_duration
from hitl_mail.errors import UsageError


def start_of(since: str | None) -> str:
    """The beginning of the time that `--since` names, as receipts write times; "" for all."""
    if since is None:
        return ""
    try:
        return iso(time.time() - parse_duration(since))
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None


def watched(receipts: Iterable[dict[str, Any]], last: int, what: str) -> Iterator[dict[str, Any]]:
    """The same receipts, beside a bar that says how far they are; `last` is the newest one."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        first = None
        for receipt in receipts:
            if first is None:
                first = receipt["seq"]
                progress.update(task, total=last - first + 1)
            if receipt["seq"] % 100 == 0:
                progress.update(task, completed=receipt["seq"] - first)
            yield receipt
