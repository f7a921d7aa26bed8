"""Receipts taken elsewhere: exported beside a daemon, verified without a home, held to a mail."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.home import TestHome, label, refund


@pytest.fixture
def settled(home: TestHome) -> TestHome:
    """A running daemon, and four closed cases of three kinds, one approved by mail."""
    asked = home.drop(refund())
    home.reply(home.await_mail("ada@example.com"), "approve", "ada@example.com")
    alone = [home.drop(label()) for _ in range(2)]
    denied = home.drop(refund(kind="root.grant", summary="=1+1"))
    for action_id in (asked, *alone, denied):
        home.await_result(action_id)
    return home


def elsewhere(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line where no home is."""
    place = tmp_path / "elsewhere"
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "hitl_mail", "receipts", "verify", *words]
    return subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_export_is_verified_elsewhere_and_tampering_is_named(
    settled: TestHome, tmp_path: Path
) -> None:
    file = tmp_path / "all.jsonl"
    assert settled.cli("receipts", "export", "--output", str(file)).returncode == 0
    key = settled.cli("receipts", "verify", "--print-key").stdout.strip()
    done = elsewhere(tmp_path, str(file), "--key", key, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["whole"], report["count"]) == (0, True, True, 4)
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(file.read_bytes().replace(b'"status":"denied"', b'"status":"failed"'))
    assert elsewhere(tmp_path, str(file), "--key", key).returncode == 1


def test_a_filtered_export_says_what_it_cannot_show(settled: TestHome, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(settled.cli("receipts", "export", "--kind", "crm.label").stdout)
    key = str(settled.root / "state/receipts.pub")
    done = elsewhere(tmp_path, str(file), "--key", key)
    assert (done.returncode, len(file.read_text().splitlines())) == (0, 2)
    assert "cannot show that none was left out" in done.stdout


def test_a_file_of_what_was_printed_is_a_key(settled: TestHome, tmp_path: Path) -> None:
    assert settled.cli("keys", "rotate", "signatures").returncode == 0
    file, keys = tmp_path / "all.jsonl", tmp_path / "keys.txt"
    assert settled.cli("receipts", "export", "--output", str(file)).returncode == 0
    keys.write_text(settled.cli("receipts", "verify", "--print-key").stdout)
    assert len(keys.read_text().splitlines()) == 2
    assert elsewhere(tmp_path, str(file), "--key", str(keys)).returncode == 0
    keys.write_text(keys.read_text() + "no key\n")
    done = elsewhere(tmp_path, str(file), "--key", str(keys))
    assert (done.returncode, str(keys) in done.stderr) == (2, True)


def test_a_file_without_a_key_or_a_home_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    done = elsewhere(tmp_path, str(tmp_path / "x"))
    assert (done.returncode, "--key PUB" in done.stderr) == (2, True)


def test_the_table_is_for_people(settled: TestHome) -> None:
    done = settled.cli("receipts", "export", "--format", "csv")
    table = list(csv.DictReader(done.stdout.splitlines()))
    refunded = next(row for row in table if row["kind"] == "payment.refund")
    assert (len(table), refunded["decided_by"]) == (4, "ada")
    assert "approve by mail" in refunded["decisions"]


def test_the_mail_that_tells_of_an_outcome_anchors_the_chain(
    settled: TestHome, tmp_path: Path
) -> None:
    told = tmp_path / "done.eml"
    told.write_bytes(bytes(settled.await_mail("ada@example.com", count=2)))
    done = settled.cli("receipts", "verify", "--anchor", str(told))
    assert (done.returncode, "1 of the anchors" in done.stdout) == (0, True)
    forged = tmp_path / "forged.eml"
    forged.write_bytes(told.read_bytes().replace(b"Receipt ", b"Receipt 9"))
    assert settled.cli("receipts", "verify", "--anchor", str(forged)).returncode == 1


@pytest.mark.parametrize(
    ("anchor", "status"), [("sha256:" + "0" * 64, 1), ("sha256:12", 2), ("nothing.eml", 2)]
)
def test_an_anchor_that_is_not_there_is_told(
    quiet_home: TestHome, anchor: str, status: int
) -> None:
    assert quiet_home.cli("receipts", "verify", "--anchor", anchor).returncode == status


@pytest.mark.parametrize("time", ["2026", "2026-11", "2026-11-22", "2026-11-22T13:00:00Z", "90d"])
def test_times_are_days_their_beginnings_or_how_long_ago(quiet_home: TestHome, time: str) -> None:
    done = quiet_home.cli("receipts", "export", "--since", time, "--until", time)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("time", ["yesterday", "22.11.2026", "2026-1"])
def test_what_is_no_time_says_how_to_write_one(quiet_home: TestHome, time: str) -> None:
    done = quiet_home.cli("receipts", "export", "--since", time)
    assert (done.returncode, "such as 90d" in done.stderr) == (2, True)


def test_the_moment_of_a_receipt_takes_it_in(settled: TestHome) -> None:
    moment = settled.json("receipts", "list")[0]["closed_at"][:19] + "Z"
    done = settled.cli("receipts", "export", "--since", moment, "--until", moment)
    assert done.stdout.splitlines() != []
