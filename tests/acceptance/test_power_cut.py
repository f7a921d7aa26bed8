"""The power may fail at any instant: whatever is relied on, is on the disk before.

Deaths by `kill -9` cannot show this, because what was written outlives its writer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.ledger import Entry, faults, read_ledger
from tests.acceptance.lives import STORIES, Life, Lives, begun


def kept(life: Life, tmp_path: Path) -> list[Entry]:
    """The ledger of one pass of the daemon."""
    ledger = tmp_path / "ledger"
    status, output = life.cli("run", "--once", ledger=str(ledger), snapshot_after=2)
    assert status == 0, output
    return read_ledger(ledger)


@pytest.mark.parametrize(
    ("story", "phase", "relied"),
    [
        ("auto", 0, {"executor, before start", "spool done, before"}),
        ("by reply", 0, {"outbox, after", "spool done, before"}),
        ("by reply", 1, {"executor, before start", "inbox, before put away", "outbox, after"}),
        ("by control file", 1, {"executor, before start", "spool done, before"}),
    ],
)
def test_what_is_relied_on_is_on_the_disk_before(
    new_life: Lives, tmp_path: Path, story: str, phase: int, relied: set[str]
) -> None:
    life = begun(new_life, STORIES[story], phase)
    if phase == 0:
        life.drop(STORIES[story].kind)
    else:
        says = STORIES[story].says
        assert says is not None
        says(life)
    entries = kept(life, tmp_path)
    assert faults(entries) == []
    # Without these, nothing could have been found.
    assert relied <= {place for word, place, *_ in entries if word == "point"}
    assert {"write", "sync", "rename"} <= {word for word, *_ in entries}


def test_a_refusal_is_on_the_disk_before_its_file_is_forgotten(
    new_life: Lives, tmp_path: Path
) -> None:
    life = new_life()
    for place in ("spool", "control"):
        (life.root / place / "new/bad.json").write_text("no action")
    entries = kept(life, tmp_path)
    assert faults(entries) == []
    assert ("rename", "spool/cur/bad.json", "spool/refused/bad.json") in entries
    assert ("sync", "control/results") in entries


WRITTEN = ("write", "state/journal/00000001.log")
SYNCED = ("sync", "state/journal/00000001.log")
START = ("point", "executor, before start")
RESULT = ("rename", "spool/results/.a.new", "spool/results/a.json")
OLD_GONE = ("unlink", "state/journal/00000001.log")
RESULTS_SYNCED = ("sync", "spool/results")


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([WRITTEN, SYNCED, START], []),
        ([WRITTEN, START, SYNCED], ["executor, before start: the journal is not durable"]),
        ([WRITTEN], ["state/journal/00000001.log is never synced"]),
        ([RESULT, RESULTS_SYNCED, WRITTEN, SYNCED], []),
        (
            [RESULT, WRITTEN, SYNCED, RESULTS_SYNCED],
            ["a record tells of a result before its name is durable"],
        ),
        (
            [("write", "spool/results/.a.new"), RESULT, RESULTS_SYNCED],
            ["spool/results/a.json has its name before its content is durable"],
        ),
        (
            [("write", "state/receipts/2026-11.jsonl"), RESULT, RESULTS_SYNCED],
            [
                "spool/results/a.json tells of a receipt that is not durable",
                "state/receipts/2026-11.jsonl is never synced",
            ],
        ),
        (
            [("rename", "state/journal/.2.snapshot.new", "state/journal/2.snapshot"), OLD_GONE],
            [
                "state/journal/00000001.log is removed before what replaces it is durable",
                "state/journal/2.snapshot is never synced",
            ],
        ),
        (
            [("rename", "state/journal/.1.new", WRITTEN[1]), WRITTEN, SYNCED],
            [
                "state/journal/00000001.log takes a record before its name is durable",
                "state/journal/00000001.log is never synced",
            ],
        ),
        (
            [("point", "outbox, after"), ("sync", "mail/out/new")],
            ["a mail counts as sent before its name is durable"],
        ),
    ],
)
def test_a_ledger_with_a_gap_is_told(entries: list[Entry], found: list[str]) -> None:
    assert faults(entries) == found
