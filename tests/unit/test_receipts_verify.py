"""Verification: whatever is changed, removed, reordered or made up, the first bad one is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hitl_mail.adapters.framelog import FrameLog, frame, scan
from hitl_mail.adapters.receipts.book import receipts_directory
from hitl_mail.adapters.receipts.files import month_header
from hitl_mail.adapters.receipts.verify import TORN_MEND, VerifyReport, verify
from hitl_mail.core.canonical import canonical
from hitl_mail.core.receipt import NO_RECEIPT, erase, missing, seal
from tests.support.receipts import KEY, PRIVATE, PUBLIC_KEYS, body, open_book, write

BODIES = [
    body("261030-aaaaaa", closed_at="2026-10-30T00:00:00.000Z"),
    body("261122-bbbbbb"),
    body("261123-cccccc"),
]


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """Three receipts in two months."""
    await write(tmp_path, BODIES)
    return receipts_directory(tmp_path)


def report(directory: Path, **options: Any) -> VerifyReport:
    return verify(directory, PUBLIC_KEYS, **options)


def named(directory: Path, **options: Any) -> tuple[int, str] | None:
    fault = report(directory, **options).fault
    return (fault.seq, Path(fault.file).name) if fault else None


def receipts(path: Path) -> list[Any]:
    return [json.loads(payload) for _, payload in list(scan(path))[1:]]


def rewrite(path: Path, documents: list[Any], month: str = "") -> None:
    frames = [month_header(month or path.stem), *map(canonical, documents)]
    path.write_bytes(b"".join(map(frame, frames)))


def test_what_the_daemon_wrote_is_right(directory: Path) -> None:
    last = receipts(directory / "2026-11.jsonl")[-1]["digest"]
    assert report(directory, expected_head=(3, last)) == VerifyReport(3, 3, last, None)


def test_no_receipts_are_right(tmp_path: Path) -> None:
    assert report(tmp_path / "none") == VerifyReport(0, 0, NO_RECEIPT, None)


@pytest.mark.long
def test_every_changed_byte_is_found_in_its_file(directory: Path) -> None:
    unseen = []
    for path in sorted(directory.iterdir()):
        data = path.read_bytes()
        for place in range(len(data)):
            for pattern in (0x01, 0x20, data[place] ^ 0x0A or 0xFF):
                changed = bytearray(data)
                changed[place] ^= pattern
                path.write_bytes(changed)
                found = named(directory)
                if found is None or found[1] != path.name:
                    unseen.append((path.name, place, pattern))
        path.write_bytes(data)
    assert unseen == []


@pytest.mark.long
def test_every_byte_cut_from_the_end_is_found(directory: Path) -> None:
    last = directory / "2026-11.jsonl"
    data = last.read_bytes()
    head = (3, report(directory).head_digest)
    unseen = []
    for cut in range(len(data)):
        last.write_bytes(data[:cut])
        if named(directory, expected_head=head) is None:
            unseen.append(cut)
    assert unseen == []


def test_a_torn_last_line_is_fine_only_while_a_daemon_runs(directory: Path) -> None:
    with (directory / "2026-11.jsonl").open("ab") as file:
        file.write(b"0123")
    assert named(directory, running=True) is None
    assert named(directory) == (4, "2026-11.jsonl")


def test_a_torn_end_of_which_nothing_is_missing_is_for_the_next_start_not_for_a_backup(
    directory: Path,
) -> None:
    head = (3, report(directory).head_digest)
    path = directory / "2026-11.jsonl"
    end = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"0123")
    fault = report(directory, expected_head=head).fault
    assert fault is not None
    assert fault.what == f"torn at byte {end}, as a crash or a full disk leaves a file. {TORN_MEND}"


def test_a_torn_end_with_a_receipt_in_it_that_was_told_of_is_a_missing_receipt(
    directory: Path,
) -> None:
    head = (3, report(directory).head_digest)
    path = directory / "2026-11.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    fault = report(directory, expected_head=head).fault
    assert fault is not None
    assert (fault.seq, fault.what) == (3, missing(3, 3))


def test_a_torn_end_of_an_older_month_is_a_fault_even_then(directory: Path) -> None:
    with (directory / "2026-10.jsonl").open("ab") as file:
        file.write(b"0123")
    assert named(directory, running=True) == (2, "2026-10.jsonl")


def test_receipts_missing_at_the_end_are_found_by_the_expected_head(directory: Path) -> None:
    path = directory / "2026-11.jsonl"
    head = (3, report(directory).head_digest)
    rewrite(path, receipts(path)[:-1])
    assert named(directory, expected_head=head) == (3, "2026-11.jsonl")


def test_a_head_with_another_digest_is_found(directory: Path) -> None:
    assert named(directory, expected_head=(2, NO_RECEIPT)) == (2, "2026-11.jsonl")


Change = Callable[[list[Any]], list[Any]]


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        (lambda found: found[1:], 2),
        (lambda found: found[::-1], 2),
        (lambda found: [found[0], *found], 3),
        (lambda found: [], 2),
        (lambda found: [{**found[0], "status": "rejected"}, found[1]], 2),
        (lambda found: [found[0], {**found[1], "more": 1}], 3),
        (lambda found: [found[0], []], 3),
    ],
    ids=["removed", "reordered", "doubled", "emptied", "changed", "added to", "no receipt"],
)
def test_rewriting_a_file_is_found(directory: Path, change: Change, seq: int) -> None:
    path = directory / "2026-11.jsonl"
    rewrite(path, change(receipts(path)))
    assert named(directory) == (seq, "2026-11.jsonl")


def test_rewriting_all_without_the_key_is_found(directory: Path) -> None:
    other = Ed25519PrivateKey.generate()
    prev, salts = NO_RECEIPT, dict.fromkeys(("action", "revisions", "packets", "outcome"), "0" * 32)
    for path in sorted(directory.iterdir()):
        forged = []
        for receipt in receipts(path):
            sealed = seal(
                body(receipt["case"]), receipt["seq"], prev, salts, key=KEY, sign=other.sign
            )
            prev = sealed["digest"]
            forged.append({**sealed, "closed_at": receipt["closed_at"]})
        rewrite(path, forged)
    assert named(directory) == (1, "2026-10.jsonl")


def test_a_missing_month_is_found(directory: Path) -> None:
    (directory / "2026-10.jsonl").unlink()
    assert named(directory) == (1, "2026-11.jsonl")


def test_a_month_under_another_name_is_found(directory: Path) -> None:
    path = directory / "2026-11.jsonl"
    moved = directory / "2026-12.jsonl"
    rewrite(moved, receipts(path))
    path.unlink()
    assert named(directory) == (2, "2026-12.jsonl")


def test_a_file_after_the_last_month_is_found(directory: Path) -> None:
    (directory / "2026-12.jsonl").write_bytes((directory / "2026-10.jsonl").read_bytes())
    assert named(directory) == (4, "2026-12.jsonl")


def test_a_file_that_is_no_month_is_found(directory: Path) -> None:
    (directory / "2026-13.jsonl").write_bytes(b"")
    assert named(directory) == (4, "2026-13.jsonl")


def test_an_erased_receipt_is_right(directory: Path) -> None:
    path = directory / "2026-11.jsonl"
    rewrite(path, [erase(receipt) for receipt in receipts(path)])
    assert named(directory) is None


def test_a_doubled_key_is_found_although_the_last_one_counts(directory: Path) -> None:
    path = directory / "2026-11.jsonl"
    _, (_, first), (_, second) = scan(path)
    doubled = b'{"status":"rejected",' + first[1:]
    path.write_bytes(b"".join(map(frame, [month_header("2026-11"), doubled, second])))
    assert named(directory) == (2, "2026-11.jsonl")


async def test_numbers_of_any_size_are_right(tmp_path: Path) -> None:
    outcome = {"cost": [1e20, -1e16, 5e-324, 1.7e308, 0.1, 2**53 - 1, 123456789012345680.0]}
    await write(tmp_path, [body(outcome=outcome)])
    assert named(receipts_directory(tmp_path)) is None


def test_it_holds_one_receipt_at_a_time(tmp_path: Path) -> None:
    import tracemalloc

    log, _ = FrameLog.create(tmp_path / "2026-11.jsonl", 0o600, [month_header("2026-11")])
    salts = dict.fromkeys(("action", "revisions", "packets", "outcome"), "0" * 32)
    prev, large = NO_RECEIPT, {"text": "x" * 20_000}
    for seq in range(1, 201):
        receipt = seal(
            body(f"261122-{seq:06d}", outcome=large), seq, prev, salts, key=KEY, sign=PRIVATE.sign
        )
        prev = receipt["digest"]
        log.append([canonical(receipt)])
    log.close()
    tracemalloc.start()
    count = report(tmp_path).count
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (count, peak < 1_000_000) == (200, True)


async def test_with_no_key_known_the_first_is_named(directory: Path) -> None:
    fault = verify(directory, {}).fault
    assert fault is not None and "not by the key" in fault.what


async def test_a_month_that_begins_while_it_is_verified_is_no_fault(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = directory / "2026-11.jsonl"
    months = [directory / "2026-10.jsonl"]
    monkeypatch.setattr("hitl_mail.adapters.receipts.verify.month_paths", lambda _: months)
    assert last.exists()
    assert named(directory, running=True) is None


async def test_an_erasure_that_no_receipt_tells_of_is_named(directory: Path) -> None:
    path = directory / "2026-11.jsonl"
    found = receipts(path)
    rewrite(path, [erase(found[0]), found[1]])
    assert (named(directory), report(directory).unexplained) == (None, (2,))


async def test_an_erasure_that_a_receipt_tells_of_is_not_named(tmp_path: Path) -> None:
    [first] = await write(tmp_path, BODIES[:1])
    book = open_book(tmp_path)
    await book.erase([1])
    tells = {"erases": [{"seq": 1, "digest": first.digest}]}
    await book.add(body("261122-bbbbbb", status="erased", **tells))
    await book.close()
    directory = receipts_directory(tmp_path)
    assert (named(directory), report(directory).unexplained) == (None, ())
