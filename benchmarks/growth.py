"""What more open cases, and more receipts, cost: an action, the start, the memory.

The state is made by the product's own code: actions go through intake, rules and journal, receipts
through the book that seals them. Each point is then measured in processes of their own: the daemon
as it is started (`hitl-mail run`), and an office that submits and approves.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import figures, work
from benchmarks.contender import ROOT
from benchmarks.office import SITE, Office, make_home
from hitl_mail.core.desk import Sealed
from hitl_mail.home import Home
from tests.servers.process import free_port

QUICK, USUAL, LARGE = (0, 20), (0, 10_000, 100_000), (0, 10_000, 100_000, 1_000_000)
SAMPLES = 200
_BATCH = 64
_BOOK_BATCH = 500
_SEALED = ("format", "seq", "prev", "key", "salts", "digest", "signature")


def measure(directory: Path, quick: bool, large: bool) -> dict[str, Any]:
    """Rows of `open` cases and of `receipts`."""
    directory.mkdir()
    samples = 5 if quick else SAMPLES
    counts = QUICK if quick else USUAL
    filed = LARGE if large else counts[-1:] if quick else counts
    return {
        "open": _grow(directory / "open", counts, _more_cases, samples),
        "receipts": _grow(directory / "receipts", filed, _more_receipts, samples),
        "erase": asyncio.run(_erase(Home(directory / "receipts"))),
    }


def _grow(root: Path, counts: tuple[int, ...], more: Any, samples: int) -> list[dict[str, Any]]:
    site = SITE + f'\n[web]\nbind = "127.0.0.1:{free_port()}"\n'
    home = make_home(root, site)
    rows, before = [], 0
    for count in counts:
        if count > before:
            asyncio.run(more(home, before, count))
        daemon = _daemon(home)
        words = [sys.executable, "-m", "benchmarks.growth", str(root), str(count), str(samples)]
        done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
        rows.append({"count": count, **daemon, **json.loads(done.stdout)})
        before = count
    return rows


async def _more_cases(home: Home, first: int, last: int) -> None:
    """Cases `first` to `last` arrive and stay open; those who are asked have their mail."""
    office = Office(home)
    await office.start()
    for at in range(first, last, _BATCH):
        await office.submit([work.document(n) for n in range(at, min(last, at + _BATCH))])
    await office.send_mails()
    await office.close()


async def _more_receipts(home: Home, first: int, last: int) -> None:
    """Cases `first` to `last` are closed: the receipt of one that ran, under as many names."""
    office = Office(home)
    await office.start()
    await office.submit([work.document(10_000_000 + first)])
    (case,) = office.waiting()
    await office.approve(case)
    await office.settle()
    await office.send_mails()
    lookup = office.daemon.clerk.receipts.lookup
    row = lookup.by_about(case.id)
    assert row is not None
    receipt = lookup.receipt(row)
    body = {key: receipt[key] for key in receipt if key not in _SEALED}
    add, end = office.daemon.clerk.receipts.add, (0, "")
    for at in range(first, last, _BOOK_BATCH):
        numbers = range(at, min(last, at + _BOOK_BATCH))
        names = [{"case": f"261101-{n:08d}", "id": f"refund-{n}"} for n in numbers]
        end = max(await asyncio.gather(*(add({**body, **name}) for name in names)))
    await office.engine.note(Sealed(office.engine.clock.now(), *end))
    await office.close()


def _daemon(home: Home) -> dict[str, float]:
    """Seconds from the command to the first answer of its page, and its memory then, in MiB."""
    port = home.site_file.read_text().rpartition("127.0.0.1:")[2].partition('"')[0]
    words = [sys.executable, "-m", "hitl_mail", "--home", str(home.root), "run"]
    begun = time.perf_counter()
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        while not _answers(int(port)):
            assert process.poll() is None, "the daemon did not start"
            time.sleep(0.005)
        seconds = time.perf_counter() - begun
        return {"start": seconds, "memory": _memory(process.pid)}
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _memory(pid: int) -> float:
    """What of a process is in memory, in MiB; 0 where the system does not tell."""
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return 0.0
    line = next(line for line in path.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def _actions(home: Home, count: int, samples: int) -> dict[str, Any]:
    """Submit and approve `samples` actions, one at a time; and the first look at who is away."""
    office = Office(home)
    await office.start()
    begun = time.perf_counter()
    await office.daemon.timers.look_who_is_away()
    away = time.perf_counter() - begun
    known = {case.id for case in office.waiting()}
    first = 20_000_000 + count
    submits, approvals = [], []
    for number in range(first, first + samples):
        begun = time.perf_counter()
        await office.submit([work.document(number)])
        submits.append(time.perf_counter() - begun)
    for case in [case for case in office.waiting() if case.id not in known]:
        begun = time.perf_counter()
        await office.approve(case)
        approvals.append(time.perf_counter() - begun)
    await office.settle()
    await office.send_mails()
    await office.settle()
    await office.close()
    return {
        "submit": figures.percentile(submits, 0.5) * 1000,
        "approve": figures.percentile(approvals, 0.5) * 1000,
        "away": away,
    }


async def _erase(home: Home) -> dict[str, Any]:
    """Erase one case of a full month, and see how long a new receipt waits for that."""
    office = Office(home)
    await office.start()
    book = office.daemon.clerk.receipts
    rows = book.lookup.rows(limit=99, status="executed")  # type: ignore[attr-defined]
    of = rows[-1].seq
    row = next(row for row in rows if row.case not in office.engine.cases)
    await office.submit([work.document(30_000_000)])
    (case,) = office.waiting()
    decision = {"by": "cleo", "verb": "erase", "via": "cli", "at": "", "note": "", "revision": 0}
    begun = time.perf_counter()
    erasing = asyncio.ensure_future(
        office.daemon.eraser.erase(row.case, {**decision, "counts": [], "evidence": {}})
    )
    await asyncio.sleep(0.01)
    approved = time.perf_counter()
    await office.approve(case)
    await office.settle()
    waited = time.perf_counter() - approved
    await erasing
    seconds = time.perf_counter() - begun
    await office.close()
    return {"of": of, "seconds": seconds, "waited": waited}


if __name__ == "__main__":
    found = _actions(Home(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(asyncio.run(found)))
