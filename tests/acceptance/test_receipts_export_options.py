"""Each option of `receipts export` at the command line picks what it names, as it comes."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path

import pytest

from tests.acceptance.home import TestHome, label, refund

DAY = dt.timedelta(days=1)


@pytest.fixture
def filed(quiet_home: TestHome) -> TestHome:
    """Three receipts: one that ran alone, one denied, one that cleo rejected."""
    home = quiet_home
    home.drop(label(), "ran.json")
    home.drop(refund(kind="root.grant"), "denied.json")
    home.drop({"kind": "any.thing", "payload": {}, "summary": "Ask"}, "asked.json")
    home.once()
    assert home.cli("reject", "asked").returncode == 0
    home.once()
    return home


def picked(home: TestHome, *options: str) -> list[str]:
    """The ids of what is exported, in both formats."""
    done = home.cli("receipts", "export", *options)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    table = home.cli("receipts", "export", "--format", "csv", *options).stdout
    assert [row["id"] for row in csv.DictReader(table.splitlines())] == found
    return sorted(found)


def test_each_option_picks_what_it_names(filed: TestHome) -> None:
    today = dt.datetime.now(dt.UTC).date()
    chosen = {
        "all": picked(filed),
        "reviewer": picked(filed, "--reviewer", "cleo"),
        "another": picked(filed, "--reviewer", "ada"),
        "status": picked(filed, "--status", "denied"),
        "kind": picked(filed, "--kind", "crm.label"),
        "since": picked(filed, "--since", str(today + DAY)),
        "until": picked(filed, "--until", str(today - DAY)),
        "both": picked(filed, "--since", "1d", "--status", "rejected", "--reviewer", "cleo"),
    }
    assert chosen == {
        "all": ["asked", "denied", "ran"],
        "reviewer": ["asked"],
        "another": [],
        "status": ["denied"],
        "kind": ["ran"],
        "since": [],
        "until": [],
        "both": ["asked"],
    }


def test_receipts_are_written_as_they_are_read(filed: TestHome) -> None:
    """So an export needs no room for all of them: what is before a damage is out already."""
    month: Path
    [month] = (filed.root / "state/receipts").glob("*.jsonl")
    header, first, second, third = month.read_bytes().splitlines(keepends=True)
    month.write_bytes(header + first + second.replace(b'"seq":2', b'"seq":9') + third)
    done = filed.cli("receipts", "export")
    assert (done.returncode, "damaged" in done.stderr) == (1, True), done.stderr
    assert [json.loads(line)["seq"] for line in done.stdout.splitlines()] == [1]
