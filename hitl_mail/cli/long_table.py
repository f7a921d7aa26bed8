"""Tables of many rows, drawn as rich draws them, in a fortieth of its time: it measures and splits
each cell several times over, a minute for 100,000 rows. Only that nothing is bold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_BETWEEN = "   "


def drawn_long(
    columns: Sequence[str], rows: Sequence[Sequence[str]], short: int, console: Console
) -> Iterator[str]:
    """Its lines. Columns whose cells have up to `short` characters are never folded; the widest of
    the others give way until all fit."""
    natural = [max(map(_width, cells)) for cells in zip(columns, *rows, strict=True)]
    room = console.width - 2 - len(_BETWEEN) * (len(columns) - 1)
    widths = _fitted(natural, short, room)
    line = "─" if not console.options.ascii_only else "-"
    across = sum(widths) + len(_BETWEEN) * (len(columns) - 1)
    yield " " * (across + 2)
    yield from _row(columns, widths, console)
    yield f" {line * across} "
    for row in rows:
        yield from _row(row, widths, console)
    yield " " * (across + 2)


def _fitted(natural: Sequence[int], short: int, room: int) -> list[int]:
    widths = list(natural)
    long = [at for at, width in enumerate(natural) if width > short]
    while sum(widths) > room and any(widths[at] > 1 for at in long):
        widths[max(long, key=widths.__getitem__)] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], console: Console) -> Iterator[str]:
    if all(_width(cell) <= width for cell, width in zip(cells, widths, strict=True)):
        yield _line(cells, widths)
        return
    folded = (_folded(cell, width, console) for cell, width in zip(cells, widths, strict=True))
    for parts in zip_longest(*folded, fillvalue=""):
        yield _line(parts, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return f" {_BETWEEN.join(padded)} "


def _folded(cell: str, width: int, console: Console) -> list[str]:
    from rich.text import Text

    if _width(cell) <= width:
        return [cell]
    return [part.plain for part in Text(cell).wrap(console, width, overflow="fold")]


def _width(text: str) -> int:
    """How many cells of a terminal it takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
