"""Making a spool, writing results into it, and dropping files in."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from hitl_mail.adapters.spool.directory import SpoolDirectory
from hitl_mail.adapters.spool.drop import drop
from hitl_mail.errors import HitlError, Refused, UsageError
from tests.support.spools import (
    MOST,
    made,
    names,
    spool,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made(tmp_path / "spool")


# Making it


def test_all_is_private_to_one_user(root: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.iterdir())}
    assert modes == dict.fromkeys(["spool", "tmp", "new", "cur", "results", "refused"], 0o700)


def test_a_group_may_write_new_files_and_read_results(tmp_path: Path) -> None:
    SpoolDirectory(tmp_path / "control", MOST, refused=False).create(group=os.getgid())
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "control").iterdir()
    }
    assert modes == {"tmp": 0o3770, "new": 0o3770, "cur": 0o700, "results": 0o2750}


def test_what_is_there_stays_as_the_admin_made_it(root: Path) -> None:
    (root / "new").chmod(0o1733)
    spool(root).create()
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o1733


def test_a_result_for_a_group_is_readable_by_it(tmp_path: Path) -> None:
    it = SpoolDirectory(tmp_path / "control", MOST, refused=False)
    it.create(group=os.getgid())
    it.result("a", {})
    mode = stat.S_IMODE((tmp_path / "control" / "results" / "a.json").stat().st_mode)
    assert mode == 0o640


def test_a_result_for_one_user_is_private(root: Path) -> None:
    spool(root).result("a", {})
    assert stat.S_IMODE((root / "results" / "a.json").stat().st_mode) == 0o600


# Results


def test_a_result_is_one_json_document(root: Path) -> None:
    spool(root).result("refund-8841", {"id": "refund-8841", "note": "grüßt"})
    text = (root / "results" / "refund-8841.json").read_text("utf-8")
    assert json.loads(text) == {"id": "refund-8841", "note": "grüßt"}


def test_a_result_replaces_the_one_before(root: Path) -> None:
    it = spool(root)
    it.result("a", {"status": "approved"})
    it.result("a", {"status": "executed"})
    assert json.loads((root / "results" / "a.json").read_bytes()) == {"status": "executed"}


def test_a_result_leaves_nothing_else_behind(root: Path) -> None:
    spool(root).result("a", {})
    assert names(root / "results") == {"a.json"}


def test_a_result_that_cannot_be_written_leaves_the_old_one(root: Path) -> None:
    it = spool(root)
    it.result("a", {"status": "approved"})
    with pytest.raises(TypeError):
        it.result("a", {"status": object()})
    assert (names(root / "results"), json.loads((root / "results" / "a.json").read_bytes())) == (
        {"a.json"},
        {"status": "approved"},
    )


def test_several_results_are_written_in_order_and_a_bad_one_keeps_no_other_from_it(
    root: Path,
) -> None:
    it = spool(root)
    documents = [("a", {"n": 1}), ("../b", {"n": 2}), ("c", {"n": 3}), ("a", {"n": 4})]
    faults = it.results(documents)
    assert [type(fault) for fault in faults] == [type(None), Refused, type(None), type(None)]
    assert names(root / "results") == {"a.json", "c.json"}
    assert json.loads((root / "results" / "a.json").read_bytes()) == {"n": 4}


def test_what_keeps_all_results_from_being_written_is_told_of_each(root: Path) -> None:
    it = spool(root)
    (root / "results").rmdir()
    faults = it.results([("a", {}), ("b", {})])
    assert [type(fault) for fault in faults] == [FileNotFoundError, FileNotFoundError]
    assert it.results([]) == []


def test_a_result_whose_sync_fails_is_not_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = os.fsync, []

    def fsync(descriptor: int) -> None:
        if not failed:
            failed.append(descriptor)
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    faults = spool(root).results([("a", {}), ("b", {})])
    assert sorted(type(fault).__name__ for fault in faults) == ["NoneType", "SyncFailed"]
    there = {f"{name}.json" for name, fault in zip("ab", faults, strict=True) if fault is None}
    assert names(root / "results") == there


def test_an_id_may_begin_with_a_dot(root: Path) -> None:
    spool(root).result(".x", {})
    assert names(root / "results") == {".x.json"}


@pytest.mark.parametrize("name", ["", "../a", "a/b", "a\nb", "a\0b", "x" * 300])
def test_a_result_stays_in_its_directory(root: Path, name: str) -> None:
    with pytest.raises(Refused):
        spool(root).result(name, {})


def test_a_half_written_result_is_cleared_at_the_next_start(root: Path) -> None:
    (root / "results" / ".a.json.0011.new").write_text("{")
    it = spool(root)
    it.create()
    assert names(root / "results") == set()


def test_results_of_one_name_written_side_by_side_are_whole(root: Path) -> None:
    it = spool(root)
    documents = [{"n": number, "text": "x" * 10_000} for number in range(8)]
    threads = [threading.Thread(target=it.result, args=("a", one)) for one in documents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads((root / "results" / "a.json").read_bytes()) in documents


# Dropping a file in


def test_a_dropped_file_is_claimed_as_it_was(root: Path) -> None:
    path = drop(root, b'{"kind": "x"}', "a.json")
    [found] = spool(root).claim(10)
    assert (path, found.name, found.data) == (root / "new" / "a.json", "a.json", b'{"kind": "x"}')


def test_a_dropped_file_leaves_nothing_in_tmp(root: Path) -> None:
    drop(root, b"{}", "a.json")
    assert names(root / "tmp") == set()


def test_a_dropped_file_overwrites_none_that_waits(root: Path) -> None:
    drop(root, b"1", "a.json")
    with pytest.raises(UsageError):
        drop(root, b"2", "a.json")
    assert [found.data for found in spool(root).claim(10)] == [b"1"]


@pytest.mark.parametrize("name", ["", ".a", "..", "a/b", "a\nb", "x" * 300])
def test_a_name_the_daemon_would_not_take_cannot_be_dropped(root: Path, name: str) -> None:
    with pytest.raises(UsageError):
        drop(root, b"{}", name)


def test_where_there_is_no_spool_dropping_says_so(tmp_path: Path) -> None:
    with pytest.raises(HitlError, match="cannot write to"):
        drop(tmp_path / "nowhere", b"{}", "a.json")


def test_a_file_that_cannot_be_renamed_leaves_nothing_in_tmp(root: Path) -> None:
    (root / "new").rmdir()
    with pytest.raises(HitlError):
        drop(root, b"{}", "a.json")
    assert names(root / "tmp") == set()


def test_a_dropped_file_is_for_the_daemon_of_the_same_user(root: Path) -> None:
    assert stat.S_IMODE(drop(root, b"{}", "a.json").stat().st_mode) == 0o600


def test_a_file_dropped_for_a_group_is_readable_by_it(tmp_path: Path) -> None:
    SpoolDirectory(tmp_path / "control", MOST, refused=False).create(group=os.getgid())
    assert stat.S_IMODE(drop(tmp_path / "control", b"{}", "a").stat().st_mode) == 0o640
