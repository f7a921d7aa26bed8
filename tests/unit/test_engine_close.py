"""The end of the engine: the next start has little to add up."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.daemon import engine
from hitl_mail.daemon.engine import Engine
from tests.factories import receive


class _Clock:
    def now(self) -> float:
        return 1000.0


def opened(path: Path) -> tuple[Journal, Engine]:
    """A journal and the engine that has added it up."""
    journal = Journal(path, 0o600)
    made = Engine(journal, _Clock())
    made.recover()
    return journal, made


@pytest.mark.parametrize(("records", "left"), [(2, ["record", "record"]), (3, ["snapshot"] * 4)])
async def test_after_much_a_snapshot_is_left_and_after_little_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: int, left: list[str]
) -> None:
    monkeypatch.setattr(engine, "_SNAPSHOT_AFTER", 3)
    journal, first = opened(tmp_path)
    # So many open cases that no snapshot is due while they come.
    for number in range(records):
        await first.handle(f"261122-{number:06d}", receive(case=f"261122-{number:06d}"))
    await first.close()
    await journal.close()
    again = Journal(tmp_path, 0o600)
    assert [sort for sort, _ in again.load()] == left
    await again.close()
    journal, second = opened(tmp_path)
    assert second.cases == first.cases
    await journal.close()
