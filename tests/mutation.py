"""What became of the mutants, module by module: the table of docs/testing.md.

    python -m tests.mutation [MODULE...]

prints it from what `mutmut run` left in `mutants/`; with `MODULE`s such as `core/said.py`, of
these alone, and with them every mutant that no test noticed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

KEPT = Path("mutants/hitl_mail")
OUTCOMES = {0: "survived", 1: "killed", 3: "killed", 5: "untested", 33: "untested", None: "not run"}
"""By the exit code of the tests; any other is a signal: the mutant ran on, or took all memory."""
COLUMNS = ("killed", "timeout", "survived", "untested", "not run")


def outcomes(meta: Path) -> dict[str, str]:
    """What became of each mutant of one module, by its name."""
    codes = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    return {name: OUTCOMES.get(code, "timeout") for name, code in codes.items()}


def table(modules: Iterable[Path]) -> str:
    """The rows of docs/testing.md, and their sum."""
    rows, whole = [], Counter[str]()
    for meta in modules:
        counts = Counter(outcomes(meta).values())
        if not counts:
            continue
        whole += counts
        rows.append(_row(str(meta.relative_to(KEPT)).removesuffix(".meta"), counts))
    head = ("module", "mutants", *COLUMNS)
    lines = [_line(head), _line("---" for _ in head), *rows, _row("all", whole)]
    return "\n".join(lines)


def _row(name: str, counts: Counter[str]) -> str:
    return _line((name, counts.total(), *(counts[column] for column in COLUMNS)))


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main(modules: list[str]) -> None:
    metas = [KEPT / f"{name}.meta" for name in modules] or sorted(KEPT.glob("*/*.py.meta"))
    missing = [str(meta) for meta in metas if not meta.exists()]
    if missing or not metas:
        sys.exit(f"no mutants in {', '.join(missing) or KEPT}; make them: make mutants")
    print(table(metas))  # noqa: T201
    if modules:
        lived = [n for m in metas for n, how in outcomes(m).items() if how in COLUMNS[2:4]]
        print("\n".join(["", *lived]))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
