"""SIGKILL at random instants of erasing: no receipt is lost, and what was erased stays so."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from hitl_mail.adapters.receipts.book import open_lookup, receipts_directory
from hitl_mail.adapters.receipts.verify import verify
from hitl_mail.core.receipt import is_erased
from tests.support.receipts import PUBLIC_KEYS, open_book

KILLS = 15
ROOT = Path(__file__).parents[2]


def killed_after(seconds: float, directory: Path, first: int) -> list[str]:
    """What a child acknowledged until it was killed, `seconds` after it was ready."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.erase_child", str(directory), str(first)],
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


async def test_whenever_it_is_killed_receipts_are_whole_and_what_was_erased_is_gone(
    tmp_path: Path,
) -> None:
    instants = random.Random(20261125)
    state = tmp_path / "state"
    erased: set[int] = set()
    added: set[int] = set()
    for kill in range(KILLS):
        lines = killed_after(instants.uniform(0, 0.2), tmp_path, 3 + kill * 3000)
        added |= {int(line[1:]) for line in lines if line[0] == "r"}
        erased |= {int(line[1:]) for line in lines if line[0] == "e"}
        # As it lies there, and as a reader sees it, before any daemon has mended anything.
        lookup = open_lookup(state)
        found = {int(row.case[7:]): lookup.receipt(row) for row in lookup.rows()}
        assert added - found.keys() == set()
        assert [number for number in erased if not is_erased(found[number])] == []
    book = open_book(state)
    assert verify(receipts_directory(state), PUBLIC_KEYS, book.lookup.head()).fault is None
    left = b"".join(path.read_bytes() for path in receipts_directory(state).iterdir())
    assert [number for number in erased if b"<word-%06d>" % number in left] == []
    await book.close()
    assert erased
