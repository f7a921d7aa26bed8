"""SIGKILL at random instants of real work: every acknowledged record and receipt is there."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tinydb import where

from hitl_mail import open_receipts
from hitl_mail.adapters.journal.files import read_journal
from hitl_mail.adapters.receipts.book import receipts_directory
from hitl_mail.adapters.receipts.verify import verify
from tests.support.receipts import PUBLIC_KEYS, home, open_book

KILLS = 20
ROOT = Path(__file__).parents[2]


def killed_after(seconds: float, directory: Path, first: int) -> list[str]:
    """What a child acknowledged until it was killed, `seconds` after it was ready."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.storage_child", str(directory), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    # The instant of the kill is what is tested; nothing waits for anything here.
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    out, _ = child.communicate()
    return [line for line in out.split("\n")[:-1] if line]


async def test_nothing_acknowledged_is_lost_whenever_it_is_killed(tmp_path: Path) -> None:
    instants = random.Random(20261122)
    directory = home(tmp_path)
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        acknowledged |= set(killed_after(instants.uniform(0, 0.15), directory, kill * 1000))
        journal = [json.loads(payload)["n"] for _, payload in read_journal(directory / "journal")]
        table = open_receipts(directory).table("receipts")
        filed = {int(receipt["case"][7:]) for receipt in table}
        stored = {f"j{n}" for n in journal} | {f"r{n}" for n in filed}
        assert acknowledged - stored == set()
        assert len(journal) == len(set(journal))
    assert len(acknowledged) > KILLS
    book = open_book(directory / "state")
    head = book.lookup.head()
    await book.close()
    report = verify(receipts_directory(directory / "state"), PUBLIC_KEYS, head)
    assert (report.fault, report.count) == (None, len(filed))
    assert table.count(where("status") == "executed") == len(filed)
