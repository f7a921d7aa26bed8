"""Exports: what is in them, that a spreadsheet computes nothing, and what verifying one proves."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.receipts.anchors import Anchors
from hitl_mail.adapters.receipts.export import (
    COLUMNS,
    Wanted,
    as_array,
    as_lines,
    as_table,
    select,
)
from hitl_mail.adapters.receipts.verify_file import FileReport, verify_file
from hitl_mail.core.receipt import NO_RECEIPT, PARTS, erase, seal
from hitl_mail.errors import UsageError
from tests.support.receipts import KEY, PRIVATE, PUBLIC_KEYS, body

CASES = [
    body("261030-aaaaaa", closed_at="2026-10-30T00:00:00.000Z", decided_by=[]),
    body("261122-bbbbbb", kind="crm.label", status="rejected"),
    body("261123-cccccc", closed_at="2026-11-23T00:00:00.000Z", decided_by=["bob"]),
    body("261124-dddddd", closed_at="2026-11-24T00:00:00.000Z", status="rejected"),
]


def chained(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sealed receipts, each chained to the one before."""
    made: list[dict[str, Any]] = []
    salts = dict.fromkeys(PARTS, "0" * 32)
    for number, item in enumerate(bodies, 1):
        prev = made[-1]["digest"] if made else NO_RECEIPT
        made.append(seal(item, number, prev, salts, key=KEY, sign=PRIVATE.sign))
    return made


CHAIN = chained(CASES)


def picked(**wanted: Any) -> list[int]:
    return [receipt["seq"] for receipt in select(lambda: CHAIN, Wanted(**wanted))]


@pytest.mark.parametrize(
    ("wanted", "seqs"),
    [
        ({}, [1, 2, 3, 4]),
        ({"status": "rejected"}, [2, 4]),
        ({"kind": "crm.label"}, [2]),
        ({"reviewer": "bob"}, [3]),
        ({"since": "2026-11-22"}, [2, 3, 4]),
        ({"until": "2026-11-23"}, [1, 2, 3]),
        ({"until": "2026-11-22T13:00:00.000Z"}, [1]),
        ({"since": "2026-11", "until": "2026-11-22", "status": "rejected"}, [2]),
        ({"since": "2027"}, []),
        ({"until": "2025"}, []),
    ],
)
def test_filters_pick(wanted: dict[str, str], seqs: list[int]) -> None:
    assert picked(**wanted) == seqs


def test_a_time_leaves_no_gap_where_a_receipt_was_sealed_out_of_order() -> None:
    late = chained([CASES[2], CASES[1], CASES[3]])
    found = select(lambda: late, Wanted(since="2026-11-23"))
    assert [receipt["seq"] for receipt in found] == [1, 2, 3]


def rows(receipts: list[dict[str, Any]]) -> list[dict[str, str]]:
    text = b"".join(as_table(receipts)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_has_the_columns_of_a_list_and_the_decisions() -> None:
    [row] = rows(CHAIN[:1])
    assert list(row) == list(COLUMNS)
    assert (row["case"], row["decided_by"], row["rules"]) == ("261030-aaaaaa", "", "money")


@pytest.mark.parametrize("text", ["=1+1", "@x", "+1", "-1", "\t=1", "\r=1", "  =1", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    said = [{"by": "ada", "verb": "reject", "via": "mail", "note": text, "at": ""}]
    [row] = rows(chained([body(title=text, id="-2", decisions=said)]))
    assert row["title"].startswith(("'", "⟨"))
    assert row["id"] == "'-2"
    assert not any(cell.lstrip().startswith(("=", "@", "+", "-")) for cell in row.values())


def test_what_is_invisible_is_shown_in_a_table() -> None:
    [row] = rows(chained([body(title="a\u202eb\x1b[1m")]))
    assert row["title"] == "a⟨U+202E⟩b⟨U+001B⟩[1m"


def test_an_array_is_one_json_value() -> None:
    assert json.loads(b"".join(as_array(CHAIN))) == CHAIN
    assert json.loads(b"".join(as_array([]))) == []


def many(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {**CHAIN[0], "seq": number + 1}


@pytest.mark.parametrize("form", [as_lines, as_table, as_array])
def test_memory_does_not_grow_with_receipts(form: Callable[..., Iterator[bytes]]) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in form(select(lambda: many(count), Wanted(until="2030"))):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(3000) < peak(300) + 50_000


def verified(
    path: Path, receipts: list[dict[str, Any]], anchors: Anchors | None = None
) -> FileReport:
    path.write_bytes(b"".join(as_lines(receipts)))
    return verify_file(path, PUBLIC_KEYS, anchors or Anchors())


def test_a_whole_export_is_verified_with_its_chain(tmp_path: Path) -> None:
    found = verified(tmp_path / "all.jsonl", CHAIN)
    assert found == FileReport(4, 4, CHAIN[-1]["digest"], True, None)


def test_an_erased_receipt_in_an_export_is_right(tmp_path: Path) -> None:
    assert verified(tmp_path / "all.jsonl", [erase(CHAIN[0]), *CHAIN[1:]]).fault is None


@pytest.mark.parametrize("seqs", [[2, 4], [2, 3, 4], [3], [4]])
def test_a_filtered_export_is_right_and_not_whole(tmp_path: Path, seqs: list[int]) -> None:
    found = verified(tmp_path / "some.jsonl", [CHAIN[seq - 1] for seq in seqs])
    assert (found.fault, found.whole, found.count) == (None, False, len(seqs))


def test_a_gap_that_no_filter_leaves_is_named(tmp_path: Path) -> None:
    alike = [{**item, "kind": f"k.{n}", "status": f"s{n}"} for n, item in enumerate(CASES)]
    other = chained(alike)
    found = verified(tmp_path / "all.jsonl", [other[0], other[2], other[3]])
    assert found.fault is not None
    assert (found.fault.seq, found.whole) == (2, False)


@pytest.mark.long
def test_every_changed_byte_of_an_export_is_found(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    assert verified(path, CHAIN[:2]).fault is None
    data = path.read_bytes()
    unseen = []
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x01
        path.write_bytes(changed)
        if verify_file(path, PUBLIC_KEYS).fault is None:
            unseen.append(place)
    assert unseen == []


@pytest.mark.parametrize("order", [[1, 0], [0, 0], [0, 2, 1]])
def test_receipts_out_of_order_or_twice_are_found(tmp_path: Path, order: list[int]) -> None:
    assert verified(tmp_path / "all.jsonl", [CHAIN[at] for at in order]).fault is not None


def test_a_line_that_is_not_whole_is_found(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_bytes(b"".join(as_lines(CHAIN))[:-1])
    found = verify_file(path, PUBLIC_KEYS).fault
    assert found is not None
    assert found.what == "its line is not whole"


def test_an_anchor_is_found_at_its_place(tmp_path: Path) -> None:
    held = Anchors(((2, CHAIN[1]["digest"], "mail"),), (CHAIN[3]["digest"],))
    assert verified(tmp_path / "all.jsonl", CHAIN, held).fault is None


@pytest.mark.parametrize(
    ("anchors", "what"),
    [
        (Anchors(((2, NO_RECEIPT, "old.eml"),)), "old.eml names"),
        (Anchors(((9, NO_RECEIPT, "old.eml"),)), "receipt 9, which old.eml names, is missing"),
        (Anchors((), ("sha256:" + "1" * 64,)), "no receipt has the digest"),
    ],
)
def test_an_anchor_that_is_not_in_the_chain_is_told(
    tmp_path: Path, anchors: Anchors, what: str
) -> None:
    found = verified(tmp_path / "all.jsonl", CHAIN, anchors)
    assert found.fault is not None
    assert what in found.fault.what


@pytest.mark.parametrize("given", ["nothing", "", "AAAA"])
def test_what_is_no_key_says_where_one_is_printed(given: str) -> None:
    from hitl_mail.adapters.keys.keys import read_public_key

    with pytest.raises(UsageError, match="--print-key"):
        read_public_key(given)
