"""Month files, their index, exports, key files: spoiled in every way, and never a traceback, never
a receipt that is none, never a wrong answer of `verify`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.adapters.framelog import frame
from hitl_mail.adapters.keys.keys import (
    create_keys,
    load_keys,
    load_public_keys,
    read_public_key,
    verifier,
)
from hitl_mail.adapters.keys.rotate import KINDS, list_keys, rotate
from hitl_mail.adapters.receipts.book import (
    index_path,
    open_lookup,
    open_receipts,
    receipts_directory,
)
from hitl_mail.adapters.receipts.export import Wanted, as_array, as_lines, as_table, select
from hitl_mail.adapters.receipts.files import month_header, read_from
from hitl_mail.adapters.receipts.lookup import Lookup
from hitl_mail.adapters.receipts.verify import verify
from hitl_mail.adapters.receipts.verify_file import verify_file
from hitl_mail.core.canonical import canonical
from hitl_mail.core.receipt import NO_RECEIPT, SALTED, erase, seal
from hitl_mail.core.receipt import check as check_receipt
from hitl_mail.errors import HitlError, Newer, UsageError
from tests.fuzz.mutate import flipped, json_bytes, mutated
from tests.fuzz.profile import fuzzed, timely, within
from tests.support.receipts import KEY, PRIVATE, PUBLIC, PUBLIC_KEYS, body, open_book

CASES = ("261030-aaaaaa", "261030-bbbbbb", "261122-cccccc", "261123-dddddd", "261124-eeeeee")
NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)


@cache
def chain() -> tuple[dict[str, Any], ...]:
    """Five receipts of two months, the fourth of them erased; always the same."""
    made: list[dict[str, Any]] = []
    prev = NO_RECEIPT
    for seq, case in enumerate(CASES, 1):
        closed = f"2026-{case[2:4]}-{case[4:6]}T13:00:00.000Z"
        salts = dict.fromkeys(SALTED, f"{seq:032x}")
        whole = body(case, closed_at=closed, id=f"id-{seq}", kind=f"kind.{seq % 2}")
        receipt = seal(whole, seq, prev, salts, key=KEY, sign=PRIVATE.sign)
        prev = receipt["digest"]
        made.append(erase(receipt) if seq == 4 else receipt)
    return tuple(made)


HEAD = (5, chain()[-1]["digest"])


def month(name: str, receipts: list[bytes]) -> bytes:
    return b"".join(map(frame, [month_header(name), *receipts]))


@cache
def files() -> Mapping[str, bytes]:
    """The month files as the daemon writes them."""
    months: dict[str, list[bytes]] = {}
    for receipt in chain():
        months.setdefault(receipt["closed_at"][:7], []).append(canonical(receipt))
    return {f"{name}.jsonl": month(name, receipts) for name, receipts in months.items()}


@contextmanager
def state_of(found: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory) / "state"
        receipts_directory(state).mkdir(parents=True)
        (Path(directory) / "hitl-mail.toml").touch()
        for name, data in found.items():
            (receipts_directory(state) / name).write_bytes(data)
        yield state


def verified(state: Path, **more: Any) -> bool:
    report = verify(receipts_directory(state), PUBLIC_KEYS, HEAD, **more)
    if report.fault is not None:
        assert report.fault.what
        assert report.fault.seq == report.count + 1
    return report.fault is None


def read_all(state: Path, lookup: Lookup) -> None:
    """Every way to read receipts: an answer, or a fault that says where."""
    directory = receipts_directory(state)
    ways: list[Callable[[], Any]] = [
        lookup.rows,
        lookup.head,
        lambda: lookup.by_case(CASES[2]),
        lambda: lookup.by_about(CASES[3]),
        lambda: lookup.by_agent_id("default", "id-1"),
        lambda: lookup.find("2611"),
        lambda: lookup.erasable("2027-01-01"),
        lambda: [lookup.receipt(row) for row in lookup.rows()],
        lambda: list(open_receipts(state.parent).table("receipts")),
        lambda: list(as_lines(select(lambda: read_from(directory), Wanted(kind="kind.1")))),
        lambda: list(as_array(select(lambda: read_from(directory), Wanted(until="2026-11")))),
        lambda: list(as_table(select(lambda: read_from(directory), Wanted(reviewer="ada")))),
    ]
    for way in ways:
        try:
            with within(2):
                way()
        except HitlError as error:
            assert str(error)


def written_on(state: Path) -> bool:
    """Whether the daemon takes these files up; then it files one more and all is found."""

    async def write() -> bool:
        try:
            book = open_book(state)
        except HitlError:
            return False
        try:
            reference = await book.add(body("261125-ffffff", closed_at="2026-11-25T13:00:00.000Z"))
            row = book.lookup.by_about("261125-ffffff")
            assert row is not None
            assert (row.seq, row.digest) == reference
        except HitlError:
            return False
        finally:
            await book.close()
        return True

    return asyncio.run(write())


def test_the_files_are_right_before_they_are_spoiled() -> None:
    with state_of(files()) as state:
        assert verified(state)
        assert written_on(state)
        assert not verify(receipts_directory(state), PUBLIC_KEYS).fault


@fuzzed(40)
@given(st.sampled_from(sorted(files())), mutated(list(files().values())))
@timely
def test_spoiled_month_files_are_told_and_nothing_raises(name: str, changed: bytes) -> None:
    with state_of({**files(), name: changed}) as state:
        assert verified(state) == (changed == files()[name])
        read_all(state, open_lookup(state))
        written_on(state)
        # A second start says the same as the first.
        read_all(state, open_lookup(state))


@fuzzed(100)
@given(st.sampled_from(sorted(files())), st.integers(0, 2**16))
@timely
def test_a_flipped_bit_is_a_fault_or_a_dropped_end(name: str, place: int) -> None:
    whole = files()[name]
    bit = place % (8 * len(whole))
    with state_of({**files(), name: flipped(whole, bit)}) as state:
        assert not verified(state)
        assert not verified(state, running=True)
        try:
            found = list(read_from(receipts_directory(state)))
        except HitlError:
            return
        assert all(receipt in chain() for receipt in found)


@fuzzed(60)
@given(st.integers(0, len(files()["2026-11.jsonl"]) - 1))
@timely
def test_a_beginning_of_a_month_is_a_beginning_of_its_receipts(length: int) -> None:
    cut = files()["2026-11.jsonl"][:length]
    with state_of({**files(), "2026-11.jsonl": cut}) as state:
        assert not verified(state)
        try:
            found = list(read_from(receipts_directory(state)))
        except HitlError:
            return
        assert found == list(chain()[: len(found)])


_KEYS = ["salts", "erases", "texts", "prev", "digest", "about", "closed_at", "decided_by", "seq"]


@fuzzed(50)
@given(json_bytes(chain(), _KEYS), st.integers(0, 4))
@timely
def test_a_receipt_that_somebody_wrote_is_told(changed: bytes, at: int) -> None:
    """Its checksum is right, so only `verify` can tell; whoever reads it all the same gets an
    answer or is sent there."""
    payloads = [canonical(receipt) for receipt in chain()]
    payloads[at] = changed.replace(b"\n", b" ")
    names = {"2026-10.jsonl": payloads[:2], "2026-11.jsonl": payloads[2:]}
    found = {name: month(name[:7], receipts) for name, receipts in names.items()}
    with state_of(found) as state:
        assert verified(state) == (found == files())
        read_all(state, open_lookup(state))
        written_on(state)


@fuzzed(200)
@given(json_bytes(chain(), _KEYS))
@timely
def test_a_check_says_what_is_wrong_and_never_raises(data: bytes) -> None:
    try:
        receipt = json.loads(data)
    except ValueError:
        return
    number = receipt.get("seq") if isinstance(receipt, dict) else 0
    before = chain()[number - 2]["digest"] if number in (2, 3, 4, 5) else NO_RECEIPT
    fault = check_receipt(receipt, before, number, verifier(PUBLIC_KEYS))
    if fault is None:
        # An erasure needs no key; anything else that passes is as it was sealed.
        assert receipt in [*chain(), *map(erase, chain())]


# The index


@cache
def index() -> bytes:
    with state_of(files()) as state:
        book = open_book(state)
        asyncio.run(book.close())
        return index_path(state).read_bytes()


@fuzzed(40)
@given(mutated([index()], most=3), st.booleans())
@timely
def test_a_spoiled_index_is_a_cache_that_is_made_anew(data: bytes, daemon: bool) -> None:
    with state_of(files()) as state:
        index_path(state).parent.mkdir(parents=True)
        index_path(state).write_bytes(data)
        if daemon:
            assert written_on(state)
        read_all(state, open_lookup(state))


_CELLS = (0, -1, 10**15, "", "\x00", "../../x", "2026-13", "[", "x" * 999, None, 1.5)


@fuzzed(40)
@given(
    st.sampled_from(["seq", "month", "offset", "decided_by", "digest", "status", "case_id"]),
    st.sampled_from(_CELLS),
    st.integers(1, 5),
)
@example("month", "\x00", 5)
@example("offset", -1, 5)
@example("decided_by", "[", 5)
@timely
def test_a_wrong_cell_of_the_index_ends_nothing(column: str, value: Any, seq: int) -> None:
    with state_of(files()) as state:
        index_path(state).parent.mkdir(parents=True)
        index_path(state).write_bytes(index())
        connection = sqlite3.connect(index_path(state))
        try:
            connection.execute(f"update receipts set {column} = ? where seq = ?", (value, seq))
            connection.commit()
        except sqlite3.Error:
            return
        finally:
            connection.close()
        read_all(state, open_lookup(state))
        written_on(state)


# Exports


@fuzzed(100)
@given(mutated([b"".join(as_lines(chain())), b"".join(as_lines(chain()[1::2]))], most=3))
@timely
def test_a_spoiled_export_is_told(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "export.jsonl"
        path.write_bytes(data)
        with within(2):
            report = verify_file(path, PUBLIC_KEYS)
    if report.fault is None:
        # Whole lines may be gone, and then it does not say that it is whole.
        lines = data.split(b"\n")[:-1]
        assert [json.loads(line) in chain() for line in lines] == [True] * len(lines)
        assert report.count == len(lines)
        assert not report.whole or lines == [canonical(one) for one in chain()[: len(lines)]]


# Keys


@cache
def key_files() -> Mapping[str, bytes]:
    """A home's keys, each rotated once, except for what is random: that is always the same."""
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        create_keys(state, NOW)
        rotate(state, KINDS, NOW, dt.timedelta(days=30))
        found = {str(p.relative_to(state)): p for p in state.rglob("*") if p.is_file()}
        return {name: path.read_bytes() for name, path in sorted(found.items())}


_KEY_WORDS = ["id", "secret", "private", "public", "created", "retires", "format", "keys"]


@fuzzed(60)
@given(
    st.sampled_from(sorted(key_files())),
    mutated(list(key_files().values()), most=3)
    | json_bytes([json.loads(data) for data in key_files().values()], _KEY_WORDS),
)
@example("keys/actions.json", b'{"format": null, "keys": []}')
@timely
def test_a_spoiled_key_file_is_told_and_stays(file: str, changed: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        (state / "keys").mkdir()
        for other, found in {**key_files(), file: changed}.items():
            (state / other).write_bytes(found)
            (state / other).chmod(0o600)
        for read in (load_keys, load_public_keys, list_keys):
            try:
                with within(2):
                    read(state)
            except (UsageError, Newer) as error:
                assert file in str(error)
        try:
            rotate(state, KINDS, NOW, dt.timedelta(days=30))
        except (UsageError, Newer) as error:
            assert file in str(error)
            assert (state / file).read_bytes() == changed
        else:
            load_keys(state)
            load_public_keys(state)


@fuzzed(100)
@given(st.text(max_size=60) | mutated([PUBLIC.hex().encode()]).map(lambda b: b.decode("latin-1")))
@example("\x00")
@example("x" * 5000)
@timely
def test_a_public_key_that_is_none_is_told(text: str) -> None:
    try:
        assert [len(raw) for raw in read_public_key(text).values()] == [32]
    except UsageError as error:
        assert str(error)
