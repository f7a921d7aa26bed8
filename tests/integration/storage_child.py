"""A process that writes journal and receipts until it is killed, saying what is durable.

`python -m tests.integration.storage_child DIRECTORY FIRST`: numbers from FIRST on go into the
journal, with snapshots in between, and as cases into the receipts; each is printed once durable.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from pathlib import Path

from hitl_mail.adapters.journal.journal import Journal
from tests.support.receipts import body, open_book

APPENDERS = 8
SNAPSHOT_EVERY = 40


async def main(directory: Path, first: int) -> None:
    journal = Journal(directory / "journal", 0o600)
    known = {json.loads(payload)["n"] for _, payload in journal.load()}
    book = open_book(directory / "state")
    numbers = itertools.count(first)
    snapshots: set[asyncio.Future[None]] = set()

    async def append() -> None:
        for number in numbers:
            known.add(number)
            await journal.append(json.dumps({"n": number}).encode())
            os.write(1, b"j%d\n" % number)
            month = f"20{26 + number // 2000:02d}-01"
            await book.add(body(f"261122-{number:06d}", closed_at=f"{month}-01T00:00:00.000Z"))
            os.write(1, b"r%d\n" % number)
            if number % SNAPSHOT_EVERY == 0:
                state = [json.dumps({"n": n}).encode() for n in sorted(known)]
                task = asyncio.ensure_future(journal.snapshot(state))
                snapshots.add(task)
                task.add_done_callback(snapshots.discard)

    os.write(1, b"ready\n")
    await asyncio.gather(*(append() for _ in range(APPENDERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
