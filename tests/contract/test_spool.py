"""A spool's directories, with real files and everything else a hostile agent can drop."""

import json
import os
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.spool import CLAIMS, SpoolDirectory, drop
from hitl_mail.errors import HitlError, Refused, UsageError

MOST = 1000
ERROR = {"error": "bad_value", "detail": "must be a number", "field": "payload.amount"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    SpoolDirectory(tmp_path / "spool", MOST).create()
    return tmp_path / "spool"


def spool(root: Path, uid: int | None = None, refused: bool = True) -> SpoolDirectory:
    """A spool as a freshly started daemon has it."""
    return SpoolDirectory(root, MOST, uid, refused)


def dropped(root: Path, name: str = "a.json", data: bytes = b"{}") -> Path:
    path = root / "new" / name
    path.write_bytes(data)
    return path


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def reason(root: Path, name: str = "a.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "refused" / f"{name}.error.json").read_bytes())
    return found


@contextmanager
def without_privilege(*owned: Path) -> Iterator[None]:
    """As a user whom the modes of files bind, which root is not."""
    if os.geteuid() != 0:
        yield
        return
    for path in owned:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


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


# What is never followed


def symlink(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def directory(path: Path) -> None:
    path.mkdir()
    (path / "inner").write_text("x")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        back = Path.cwd()
        # The name of a socket is short; that of a test's directory is not.
        os.chdir(path.parent)
        listener.bind(path.name)
        os.chdir(back)


@pytest.mark.parametrize("make", [symlink, dangling, directory, os.mkfifo, unix_socket])
def test_what_is_no_file_is_refused(root: Path, make: Any) -> None:
    make(root / "new" / "a.json")
    assert (spool(root).claim(10), reason(root)["error"]) == ([], "not_a_file")


@pytest.mark.parametrize("make", [symlink, dangling, directory, os.mkfifo, unix_socket])
def test_what_is_no_file_is_moved_as_it_is(root: Path, make: Any) -> None:
    make(root / "new" / "a.json")
    before = stat.S_IFMT((root / "new" / "a.json").lstat().st_mode)
    spool(root).claim(10)
    after = stat.S_IFMT((root / "refused" / "a.json").lstat().st_mode)
    assert (after, names(root / "new")) == (before, set())


def test_a_hard_link_to_elsewhere_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (root / "new" / "a.json").hardlink_to(tmp_path / "secret")
    assert (spool(root).claim(10), reason(root)["error"]) == ([], "linked")


def test_a_file_over_the_limit_is_refused(root: Path) -> None:
    dropped(root, data=b"x" * (MOST + 1))
    assert (spool(root).claim(10), reason(root)["error"]) == ([], "too_large")


def test_a_file_of_another_owner_is_refused(root: Path) -> None:
    dropped(root)
    claimed = spool(root, uid=os.getuid() + 1).claim(10)
    assert (claimed, reason(root)["error"]) == ([], "wrong_owner")


def test_a_file_of_the_owner_is_taken(root: Path) -> None:
    dropped(root)
    assert len(spool(root, uid=os.getuid()).claim(10)) == 1


def test_a_refused_file_is_kept_whole(root: Path) -> None:
    dropped(root, data=b"x" * (MOST + 1))
    spool(root).claim(10)
    assert (root / "refused" / "a.json").read_bytes() == b"x" * (MOST + 1)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a\xff.json", "a%FF.json"),
        (b"a\n.json", "a%0A.json"),
        (b"a\x1b[31m", "a%1B[31m"),
        (b"x" * 255, "x" * 200),
        ("ü".encode() * 127, "ü" * 100),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_under_one_that_can(
    root: Path, name: bytes, shown: str
) -> None:
    Path(os.fsdecode(os.fsencode(root / "new") + b"/" + name)).write_bytes(b"{}")
    claimed = spool(root).claim(10)
    assert (claimed, names(root / "refused"), reason(root, shown)["error"]) == (
        [],
        {shown, f"{shown}.error.json"},
        "bad_name",
    )


def test_names_in_any_language_are_taken(root: Path) -> None:
    dropped(root, "Rückerstattung 退款.json")
    assert [found.name for found in spool(root).claim(10)] == ["Rückerstattung 退款.json"]


def test_a_bad_file_does_not_hold_up_the_others(root: Path) -> None:
    symlink(root / "new" / "bad.json")
    dropped(root, "good.json")
    assert [found.name for found in spool(root).claim(10)] == ["good.json"]


def test_a_file_swapped_for_a_link_is_never_followed(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    target, stop = root / "new" / "a.json", threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "tmp" / "file").write_bytes(b"file")
            (root / "tmp" / "file").rename(target)
            (root / "tmp" / "link").symlink_to(secret)
            (root / "tmp" / "link").rename(target)

    swapping = threading.Thread(target=swap)
    swapping.start()
    it, seen = spool(root), set()
    try:
        for _ in range(1500):
            for found in it.claim(10):
                seen.add(found.data)
                it.done(found)
    finally:
        stop.set()
        swapping.join()
    assert seen == {b"file"}


def test_a_file_swapped_between_look_and_claim_is_not_followed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    path = dropped(root)
    rename, swapped = os.rename, []

    def swapping(*args: Any, **options: Any) -> None:
        if not swapped:
            swapped.append(path)
            path.unlink()
            path.symlink_to(tmp_path / "secret")
        rename(*args, **options)

    monkeypatch.setattr(os, "rename", swapping)
    assert (spool(root).claim(10), reason(root)["error"]) == ([], "not_a_file")


def test_a_link_that_came_into_cur_is_refused_when_opened(root: Path) -> None:
    symlink(root / "cur" / "a.json")
    assert (spool(root).claim(10), reason(root)["error"]) == ([], "not_a_file")


def test_a_pipe_that_came_into_cur_blocks_nobody(root: Path) -> None:
    os.mkfifo(root / "cur" / "a.json")
    assert (spool(root).claim(10), reason(root)["error"]) == ([], "not_a_file")


def test_a_file_that_vanishes_while_it_is_claimed_is_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dropped(root)
    rename = os.rename

    def late(*args: Any, **options: Any) -> None:
        path.unlink()
        rename(*args, **options)

    monkeypatch.setattr(os, "rename", late)
    assert (spool(root).claim(10), names(root / "refused")) == ([], set())


def test_a_file_the_daemon_may_not_read_is_refused() -> None:
    with private_root() as root:
        with without_privilege(root, *root.iterdir()):
            dropped(root).chmod(0)
            claimed = spool(root).claim(10)
        assert (claimed, reason(root)["error"]) == ([], "unreadable")


def test_a_directory_that_cannot_be_moved_is_explained_and_left() -> None:
    with private_root() as root:
        with without_privilege(root, *root.iterdir()):
            stuck = root / "new" / "stuck"
            stuck.mkdir()
            stuck.chmod(0o500)
            spool(root).claim(10)
        assert (names(root / "new"), names(root / "refused")) == ({"stuck"}, {"stuck.error.json"})


def test_a_directory_that_cannot_be_moved_is_not_looked_at_again() -> None:
    with private_root() as root:
        with without_privilege(root, *root.iterdir()):
            stuck = root / "new" / "stuck"
            stuck.mkdir()
            stuck.chmod(0o500)
            it = spool(root)
            it.claim(10)
            it.claim(10)
        assert names(root / "refused") == {"stuck.error.json"}


@contextmanager
def private_root() -> Iterator[Path]:
    """A spool outside the tests' own directory, which other users cannot enter."""
    base = Path(tempfile.mkdtemp())
    try:
        base.chmod(0o755)
        SpoolDirectory(base / "spool", MOST).create()
        yield base / "spool"
    finally:
        shutil.rmtree(base)


# Refusing


def test_a_refused_file_is_set_aside_with_its_reason(root: Path) -> None:
    dropped(root, data=b"bad")
    it = spool(root)
    it.refuse(it.claim(10)[0], ERROR)
    assert ((root / "refused" / "a.json").read_bytes(), reason(root)) == (b"bad", ERROR)


def test_a_refused_file_is_done(root: Path) -> None:
    dropped(root)
    it = spool(root)
    it.refuse(it.claim(10)[0], ERROR)
    assert (names(root / "cur"), it.claim(10), spool(root).claim(10)) == (set(), [], [])


def test_refused_files_of_one_name_are_numbered(root: Path) -> None:
    it = spool(root)
    for data in (b"0", b"1", b"2"):
        dropped(root, data=data)
        it.refuse(it.claim(10)[0], {**ERROR, "detail": data.decode()})
    found = [
        ((root / "refused" / name).read_bytes(), reason(root, name)["detail"])
        for name in ("a.json", "a.json.1", "a.json.2")
    ]
    assert found == [(b"0", "0"), (b"1", "1"), (b"2", "2")]


def test_numbers_go_on_after_a_restart(root: Path) -> None:
    for _ in range(3):
        dropped(root)
        it = spool(root)
        it.refuse(it.claim(10)[0], ERROR)
    assert {"a.json", "a.json.1", "a.json.2"} < names(root / "refused")


def test_a_file_named_like_a_reason_overwrites_none(root: Path) -> None:
    it = spool(root)
    for name in ("a.json", "a.json.error.json"):
        dropped(root, name, b"mine")
        it.refuse(it.claim(10)[0], ERROR)
    assert (reason(root), (root / "refused" / "a.json.error.json.1").read_bytes()) == (
        ERROR,
        b"mine",
    )


def test_files_refused_side_by_side_are_all_kept(root: Path) -> None:
    it = spool(root)
    for number in range(4):
        dropped(root, f"a.{number}" if number else "a")
    (root / "refused" / "a").write_text("before")
    threads = [threading.Thread(target=it.refuse, args=(one, ERROR)) for one in it.claim(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [name for name in names(root / "refused") if not name.endswith(".error.json")]
    assert len(kept) == 5


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


def test_a_file_that_ends_the_daemon_is_set_aside_after_three_claims(root: Path) -> None:
    dropped(root)
    claims = [len(spool(root).claim(10)) for _ in range(CLAIMS + 1)]
    assert (claims, reason(root)["error"]) == ([1, 1, 1, 0], "crashed")


def test_a_file_under_suspicion_comes_alone(root: Path) -> None:
    for name in ("a", "b", "c"):
        dropped(root, name)
    for _ in range(CLAIMS - 1):
        spool(root).claim(10)
    it = spool(root)
    assert (len(it.claim(10)), it.more) == (1, True)


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


# The people's control directory


@pytest.fixture
def control(tmp_path: Path) -> Path:
    SpoolDirectory(tmp_path / "control", MOST, refused=False).create()
    return tmp_path / "control"


def test_control_has_no_refused_directory(control: Path) -> None:
    assert names(control) == {"tmp", "new", "cur", "results"}


def test_a_refusal_in_control_is_the_result(control: Path) -> None:
    dropped(control, "c1.json")
    it = spool(control, refused=False)
    it.refuse(it.claim(10)[0], ERROR)
    answer = json.loads((control / "results" / "c1.json").read_bytes())
    assert answer == {"ok": False, "code": "bad_value", **ERROR}


@pytest.mark.parametrize("make", [symlink, os.mkfifo, Path.mkdir])
def test_what_is_no_file_in_control_is_deleted_and_answered(control: Path, make: Any) -> None:
    make(control / "new" / "c1.json")
    spool(control, refused=False).claim(10)
    answer = json.loads((control / "results" / "c1.json").read_bytes())
    assert (answer["code"], names(control / "new")) == ("not_a_file", set())


def test_a_link_in_control_is_deleted_and_its_target_is_not(control: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (control / "new" / "c1.json").symlink_to(tmp_path / "kept")
    spool(control, refused=False).claim(10)
    assert (tmp_path / "kept").read_text() == "kept"


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
    with pytest.raises(HitlError, match="Check that it is a spool"):
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
