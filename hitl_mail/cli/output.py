"""How the command line prints: one JSON value for programs, tables and lines for people.

Whatever an agent wrote passes `safe` on its way to a terminal.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hitl_mail.core.text import visible

if TYPE_CHECKING:
    from rich.table import Table

_SHORT = 16
"""No cell up to this length is broken: a case id has 13, a kind not many more."""

_NARROW = 12
"""What a longer one may be folded to."""

_GAP = 3

_MANY = 500
"""Rows above which rich would take too long: half a millisecond each."""

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """`--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")(command)


def emit_json(value: Any) -> None:
    """One JSON value. Non-ASCII is escaped: a terminal shows it, too."""
    click.echo(json.dumps(value, indent=2))


def safe(text: object, limit: int = 200) -> str:
    """Hostile text for a terminal: one line, nothing invisible, of bounded length."""
    shown = visible(str(text), keep="")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def program() -> str:
    """How the person at this terminal calls us, wherever they are: by name, or by the path of what
    is beside the interpreter."""
    beside = Path(sys.executable).with_name("hitl-mail")
    if shutil.which("hitl-mail") or not beside.exists():
        return "hitl-mail"
    return safe(shlex.quote(str(beside)), 2000)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table, as wide as the terminal; plain when piped; row by row where it does not fit.

    A column without a word is left out.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 140))
    shown = _worded(columns, rows)
    if sum(_needed(columns, rows, at) for at in shown) > console.width:
        for row in rows:
            lines([(columns[at], row[at]) for at in shown])
            click.echo()
        return
    if len(rows) <= _MANY:
        console.print(drawn(columns, rows))
        return
    from hitl_mail.cli.long_table import drawn_long

    names = [columns[at] for at in shown]
    cells = [[safe(row[at]) for at in shown] for row in rows]
    made = drawn_long(names, cells, _SHORT, console)
    while some := list(islice(made, _MANY)):
        click.echo("\n".join(some))


def drawn(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """The same table to be printed by rich."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown = _worded(columns, rows)
    for at in shown:
        # Only what is long gives way: a case id in two pieces cannot be copied.
        made.add_column(columns[at], overflow="fold", no_wrap=_longest(columns, rows, at) <= _SHORT)
    for row in rows:
        made.add_row(*(Text(safe(row[at])) for at in shown))
    return made


def _worded(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[int]:
    return [at for at in range(len(columns)) if any(str(row[at]) for row in rows)]


def _longest(columns: Sequence[str], rows: Sequence[Sequence[object]], at: int) -> int:
    return max(len(columns[at]), *(len(str(row[at])) for row in rows))


def _needed(columns: Sequence[str], rows: Sequence[Sequence[object]], at: int) -> int:
    longest = _longest(columns, rows, at)
    return (longest if longest <= _SHORT else _NARROW) + _GAP


def lines(facts: Sequence[tuple[str, object]]) -> None:
    """Labelled facts, one a line, those without a value left out."""
    shown = [(label, value) for label, value in facts if value not in (None, "", [], ())]
    width = max((len(label) for label, _ in shown), default=0)
    for label, value in shown:
        click.echo(f"{label:<{width}}  {safe(value, 2000)}")
