"""What a hostile agent can drop in a spool besides files."""

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.spools import (
    MOST,
    dangling,
    directory,
    dropped,
    made,
    names,
    private_root,
    reason,
    spool,
    symlink,
    unix_socket,
    without_privilege,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made(tmp_path / "spool")


# What is never followed


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
        ("a\u202egpj.json".encode(), "a%E2%80%AEgpj.json"),
        ("a\u200b.json".encode(), "a%E2%80%8B.json"),
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
