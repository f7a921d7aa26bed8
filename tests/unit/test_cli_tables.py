"""Tables of many rows look as those of few, without the time that rich would take for them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from hitl_mail.cli.long_table import drawn_long
from hitl_mail.cli.output import drawn, table

SHORT = 16
WORDS = ("Refund", "EUR", "49", "für", "日本語", "Lovelace,", "x" * 30)
CELLS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=4)
COLUMNS = ("case", "action", "waits for")


def by_rich(rows: list[list[str]], width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(drawn(COLUMNS, rows))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def by_us(rows: list[list[str]], width: int, file: io.TextIOBase | None = None) -> list[str]:
    console = Console(file=file or io.StringIO(), width=width)  # type: ignore[arg-type]
    return list(drawn_long(COLUMNS, rows, SHORT, console))


@settings(deadline=None)
@given(ROWS)
def test_where_all_fits_it_is_what_rich_draws(rows: list[list[str]]) -> None:
    assert by_us(rows, 700) == by_rich(rows, 700).splitlines()


@settings(deadline=None)
@given(ROWS, st.integers(60, 120))
def test_where_it_does_not_long_cells_are_folded_and_nothing_is_lost(
    rows: list[list[str]], width: int
) -> None:
    found = by_us(rows, width)
    assert {cell_len(line) for line in found} == {cell_len(found[0])}
    assert cell_len(found[0]) <= width
    shown = "".join(found[3:]).replace(" ", "")
    assert sorted(shown) == sorted("".join(map("".join, rows)).replace(" ", ""))


def test_a_case_id_stays_whole_beside_a_long_title() -> None:
    assert any("261122-k3f9ma" in line for line in by_us([["261122-k3f9ma", "x" * 500, "ada"]], 60))


def test_a_terminal_that_knows_ascii_alone_gets_nothing_else() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert "\n".join(by_us([["261122-k3f9ma", "Refund", "ada"]], 80, file)).isascii()


def test_one_row_more_than_rich_draws_makes_no_other_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [(f"261122-{number:06}", "Refund 49 EUR to Ada", "ada") for number in range(501)]
    printed = []
    for many in (500, 501):
        table(COLUMNS, rows[:many])
        printed.append(capsys.readouterr().out.splitlines())
    [few, more] = printed
    assert more == [*few[:-1], " 261122-000500   Refund 49 EUR to Ada   ada       ", few[-1]]
