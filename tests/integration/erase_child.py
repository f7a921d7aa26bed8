"""A process that adds and erases receipts until it is killed, saying what is durable.

`python -m tests.integration.erase_child DIRECTORY FIRST`: cases from FIRST on are added, each with
a word of its own in it; every third is erased while others are added, and printed once it is.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from tests.support.receipts import body, open_book

ADDERS = 4


async def main(directory: Path, first: int) -> None:
    book = open_book(directory / "state")
    numbers = itertools.count(first)

    async def add() -> None:
        for number in numbers:
            word = f"<word-{number:06d}>"
            reference = await book.add(
                body(f"261122-{number:06d}", title=word, outcome={"stdout": word * 20})
            )
            os.write(1, b"r%d\n" % number)
            if number % 3 == 0:
                await book.erase([reference.seq])
                os.write(1, b"e%d\n" % number)

    os.write(1, b"ready\n")
    await asyncio.gather(*(add() for _ in range(ADDERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
