"""Claiming files from a spool, and again after a crash."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.spool.claims import CLAIMS, TOGETHER
from tests.support.spools import (
    MOST,
    dropped,
    made,
    names,
    reason,
    spool,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made(tmp_path / "spool")


# Claiming


def test_a_claimed_file_brings_its_bytes_its_name_and_its_owner(root: Path) -> None:
    dropped(root, data=b'{"kind": "x"}')
    [found] = spool(root).claim(10)
    assert (found.data, found.name, found.uid) == (b'{"kind": "x"}', "a.json", os.getuid())


def test_a_claimed_file_is_in_cur_and_no_longer_in_new(root: Path) -> None:
    dropped(root)
    [found] = spool(root).claim(10)
    assert (found.path, found.path.exists(), names(root / "new")) == (
        root / "cur" / "a.json",
        True,
        set(),
    )


def test_a_claimed_file_is_not_handed_out_twice(root: Path) -> None:
    dropped(root)
    it = spool(root)
    it.claim(10)
    assert it.claim(10) == []


def test_a_file_that_is_done_is_forgotten(root: Path) -> None:
    dropped(root)
    it = spool(root)
    it.done(it.claim(10)[0])
    assert (names(root / "cur"), names(root / "new")) == (set(), set())


def test_a_name_that_is_still_worked_on_waits_in_new(root: Path) -> None:
    it = spool(root)
    dropped(root, data=b"1")
    it.claim(10)
    dropped(root, data=b"2")
    assert (it.claim(10), names(root / "new")) == ([], {"a.json"})


def test_a_name_that_waited_is_claimed_when_the_first_is_done(root: Path) -> None:
    it = spool(root)
    dropped(root, data=b"1")
    [first] = it.claim(10)
    dropped(root, data=b"2")
    it.done(first)
    assert [found.data for found in it.claim(10)] == [b"2"]


def test_files_that_begin_with_a_dot_are_their_writers(root: Path) -> None:
    dropped(root, ".a.json.tmp")
    assert (spool(root).claim(10), names(root / "new")) == ([], {".a.json.tmp"})


def test_an_empty_file_is_a_file(root: Path) -> None:
    dropped(root, data=b"")
    assert [found.data for found in spool(root).claim(10)] == [b""]


def test_a_file_of_exactly_the_limit_is_taken(root: Path) -> None:
    dropped(root, data=b"x" * MOST)
    assert [len(found.data) for found in spool(root).claim(10)] == [MOST]


def test_no_more_than_the_limit_is_claimed(root: Path) -> None:
    for number in range(5):
        dropped(root, f"{number}.json")
    it = spool(root)
    assert (len(it.claim(3)), it.more) == (3, True)


def test_a_call_that_saw_everything_says_so(root: Path) -> None:
    for number in range(3):
        dropped(root, f"{number}.json")
    it = spool(root)
    assert (len(it.claim(3)), it.more) == (3, False)


def test_what_is_refused_counts_as_looked_at(root: Path) -> None:
    for number in range(5):
        (root / "new" / str(number)).symlink_to("/etc/passwd")
    it = spool(root)
    assert (it.claim(3), it.more, len(names(root / "new"))) == ([], True, 2)


def test_ten_of_ten_thousand_are_claimed_by_looking_at_ten(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10_000):
        os.close(os.open(root / "new" / f"{number}.json", os.O_CREAT | os.O_WRONLY))
    looked = []
    scandir = os.scandir

    @contextmanager
    def counting(path: int) -> Iterator[Iterator[os.DirEntry[str]]]:
        def entries(inner: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
            for entry in inner:
                looked.append(entry.name)
                yield entry

        with scandir(path) as inner:
            yield entries(inner)

    monkeypatch.setattr(os, "scandir", counting)
    claimed = len(spool(root).claim(10))
    assert (claimed, len(looked)) == (10, 11)


# After a crash


def test_what_a_crash_left_is_handed_out_first(root: Path) -> None:
    dropped(root, "old.json")
    spool(root).claim(10)
    dropped(root, "new.json")
    assert [found.name for found in spool(root).claim(1)] == ["old.json"]


def test_after_a_crash_nothing_is_lost(root: Path) -> None:
    for number in range(5):
        dropped(root, f"{number}.json")
    spool(root).claim(3)
    assert {found.name for found in spool(root).claim(10)} == {f"{n}.json" for n in range(5)}


def test_a_name_in_cur_is_not_overwritten_from_new(root: Path) -> None:
    dropped(root, data=b"1")
    spool(root).claim(10)
    dropped(root, data=b"2")
    assert [found.data for found in spool(root).claim(10)] == [b"1"]


def test_a_file_that_ends_the_daemon_is_set_aside_after_four_claims(root: Path) -> None:
    dropped(root)
    claims = [len(spool(root).claim(10)) for _ in range(CLAIMS + 1)]
    assert (claims, reason(root)["error"]) == ([1, 1, 1, 1, 0], "crashed")


def test_a_file_under_suspicion_comes_alone_each_time(root: Path) -> None:
    for name in ("a", "b", "c"):
        dropped(root, name)
    together = [len(spool(root).claim(10)) for _ in range(TOGETHER)]
    it = spool(root)
    alone = [(len(it.claim(10)), it.more) for _ in range(3)]
    assert (together, alone) == ([3, 3], [(1, True)] * 3)
    it = spool(root)
    assert (len(it.claim(10)), it.more) == (1, True)


def test_files_under_suspicion_come_in_the_order_in_which_they_were_written(root: Path) -> None:
    wanted = [f"{number * 7 % 10}.json" for number in range(10)]
    for second, name in enumerate(wanted):
        os.utime(dropped(root, name), (second, second))
    for _ in range(TOGETHER):
        spool(root).claim(10)
    it = spool(root)
    assert [found.name for _ in wanted for found in it.claim(10)] == wanted


@pytest.mark.parametrize("ends_before", [0, 1, CLAIMS - 1])
def test_an_end_after_it_was_decided_what_a_file_means_does_not_count_against_it(
    root: Path, ends_before: int
) -> None:
    dropped(root)
    for _ in range(ends_before):
        spool(root).claim(10)
    for _ in range(10):
        it = spool(root)
        [found] = it.claim(10)
        it.survived(found)
    it = spool(root)
    it.done(it.claim(10)[0])
    assert (names(root / "cur"), names(root / "refused")) == (set(), set())


def test_a_count_whose_file_is_gone_does_not_count_against_the_next_of_its_name(
    root: Path,
) -> None:
    dropped(root)
    for _ in range(TOGETHER):
        spool(root).claim(10)
    (root / "cur" / "a.json").unlink()
    spool(root).claim(10)
    assert names(root / "cur") == set()


def test_who_came_with_a_crashing_file_is_not_set_aside_with_it(root: Path) -> None:
    for name in ("bad", "good", "fine"):
        dropped(root, name)
    handled = set()
    for _ in range(10):
        it = spool(root)
        while found := it.claim(10):
            if any(one.name == "bad" for one in found):
                break
            for one in found:
                handled.add(one.name)
                it.done(one)
    assert (handled, reason(root, "bad")["error"]) == ({"good", "fine"}, "crashed")


def test_a_file_that_is_done_at_last_leaves_no_count(root: Path) -> None:
    dropped(root)
    spool(root).claim(10)
    it = spool(root)
    it.done(it.claim(10)[0])
    assert names(root / "cur") == set()


def test_a_set_aside_file_leaves_no_count(root: Path) -> None:
    dropped(root)
    for _ in range(CLAIMS + 1):
        spool(root).claim(10)
    assert names(root / "cur") == set()


def test_a_shortage_of_descriptors_loses_no_claimed_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        dropped(root, name)
    real, opened = os.open, []

    def short(path: Any, *args: Any, **options: Any) -> int:
        opened.append(path)
        if len(opened) == 4:
            raise OSError(24, "Too many open files")
        return real(path, *args, **options)

    it = spool(root)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", short)
        first = it.claim(10)
    again = it.claim(10)
    assert sorted(found.name for found in (*first, *again)) == ["a", "b", "c"]


# Only some


def wants_b(name: str, data: bytes) -> bool:
    return name == "b.json" and data == b"{}"


def test_what_is_not_wanted_now_stays_in_new(root: Path) -> None:
    dropped(root)
    dropped(root, "b.json")
    (root / "new" / "link.json").symlink_to("a.json")
    it = spool(root)
    assert [found.name for found in it.claim(10, wants_b)] == ["b.json"]
    assert names(root / "new") == {"a.json", "link.json"}
    assert [found.name for found in it.claim(10)] == ["a.json"]


def test_what_was_left_is_read_again_only_when_it_is_another_file(root: Path) -> None:
    read: list[str] = []

    def none(name: str, data: bytes) -> bool:
        read.append(name + data.decode())
        return False

    it = spool(root)
    for name in ("a.json", "b.json", "c.json"):
        dropped(root, name)
    while it.claim(2, none) or it.more:
        pass
    assert sorted(read) == ["a.json{}", "b.json{}", "c.json{}"]
    (root / "tmp" / "b.json").write_bytes(b"[]")
    (root / "tmp" / "b.json").rename(root / "new" / "b.json")
    it.claim(10, none)
    assert read[3:] == ["b.json[]"]


def test_what_was_written_first_comes_first(root: Path) -> None:
    order = [f"{letter}.json" for letter in "qxgarmkcz"]
    for second, name in enumerate(order):
        os.utime(dropped(root, name), ns=(0, second))
    assert [found.name for found in spool(root).claim(10)] == order
