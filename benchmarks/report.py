"""The results as Markdown: `benchmarks/RESULTS.md`, and the block of figures in the docs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.goals import goals
from benchmarks.versus import BY_HAND, LANGGRAPH, LEAST, OURS

BEGIN, END = "<!-- figures: python -m benchmarks -->", "<!-- end of figures -->"

DEEDS = {
    "submit": "submit, one client",
    "approve": "approve to executed, one client",
    "submit_together": "submit, 64 at once",
    "approve_together": "approve to executed, 64 at once",
    "decide": "decide, a transaction each",
    "decide_together": "decide, 64 at once",
}


def results_page(results: dict[str, Any]) -> str:
    """The whole page."""
    versus, delivery, growth = results["versus"], results["delivery"], results["growth"]
    parts = [
        "# Results",
        f"Written by `{results['command']}` on {results['date']}. What each figure means, and where"
        " the time goes: [docs/performance.md](../docs/performance.md).",
        _table(("machine", ""), results["machine"].items()),
        "## Goals",
        goals_table(results),
        "## Against others",
        f"{versus['rounds']} rounds in turns, after one that warms up; rates are medians of the"
        " rounds, ratios medians of the rounds' ratios, p50 and p99 of all that was timed (of 64 at"
        " once: of the 64).",
        _versus(versus["table"]),
        _table(
            ("the disk, appends of 2 KiB made durable by fdatasync", "records/s"),
            [(f"{group} in a sync", f"{rate:,.0f}") for group, rate in versus["disk"].items()],
        ),
        _table(
            ("ratio of rates", ""),
            [(name, f"{ratio:.2f}") for name, ratio in versus["ratios"].items()],
        ),
        "## The whole daemon",
        _table(("from outside, one at a time", "p50 ms", "p99 ms", "of"), _delivery(delivery)),
        _table(
            ("at once", ""),
            [
                (
                    "actions dropped until all are cases, a second",
                    f"{delivery['control']['dropped']:,.0f}",
                ),
                (
                    "approvals dropped into control/ until all results are there, a second",
                    f"{delivery['control']['approved']:,.0f}",
                ),
                (
                    f"`run --once` with {delivery['denied']['of']:,} denied actions, seconds",
                    f"{delivery['denied']['seconds']:.2f}",
                ),
            ],
        ),
        "## Growth",
        *(
            _growth(f"{title}", growth[name])
            for name, title in (("open", "open cases"), ("receipts", "receipts"))
        ),
        _table(
            ("a month of receipts is written anew", ""),
            [
                ("receipts in it", f"{growth['erase']['of']:,}"),
                ("seconds that erasing one case takes", f"{growth['erase']['seconds']:.2f}"),
                ("seconds that a new receipt waits meanwhile", f"{growth['erase']['waited']:.2f}"),
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def goals_table(results: dict[str, Any]) -> str:
    """The promises and what came of them."""
    marks = {True: "yes", False: "**no**", None: "not measured"}
    return _table(
        ("goal", "promised", "measured", "reached"),
        [
            (goal.what, goal.wanted, goal.found or "", marks[goal.reached] if goal.wanted else "")
            for goal in goals(results)
        ],
    )


def with_figures(page: str, table: str) -> str:
    """The docs page with this table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def figures_of(page: str) -> str:
    """The table between the marks of the docs page."""
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def goals_of(page: str) -> str:
    """The table of goals of a results page."""
    return page.partition("## Goals")[2].partition("## ")[0].strip()


def write(results: dict[str, Any], results_file: Path, docs: Path) -> None:
    """Both pages."""
    results_file.write_text(results_page(results))
    docs.write_text(with_figures(docs.read_text(), goals_table(results)))


def _versus(table: dict[str, dict[str, Any]]) -> str:
    names = [name for name in (OURS, BY_HAND, LANGGRAPH, LEAST) if name in table]
    rows = [
        (
            name,
            what,
            *(
                f"{table[name][deed][key]:,.{digits}f}"
                for key, digits in (("rate", 0), ("p50", 2), ("p99", 2))
            ),
        )
        for deed, what in DEEDS.items()
        for name in names
        if deed in table[name]
    ]
    return _table(("", "", "a second", "p50 ms", "p99 ms"), rows)


def _delivery(delivery: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for what, name in (
        ("file dropped to mail handed to SMTP", "mail"),
        ("reply delivered to Dovecot to executor started", "reply"),
        ("approval dropped into control/ to result file", "control"),
    ):
        found = delivery[name]
        cells = ("not measured", "", "")
        if found is not None:
            cells = (f"{found['p50']:.1f}", f"{found['p99']:.1f}", f"{found['of']}")
        yield (what, *cells)


def _growth(title: str, rows: list[dict[str, Any]]) -> str:
    columns = ("count", "start", "memory", "submit", "approve", "away")
    heads = (title, "start s", "memory MiB", "submit ms", "approve ms", "first look who is away s")
    digits = (0, 2, 0, 2, 2, 2)
    return _table(
        heads,
        [[f"{row[name]:,.{n}f}" for name, n in zip(columns, digits, strict=True)] for row in rows],
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:" if len(heads) > 2 else "---"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
