"""Setting files aside, each with its reason; in `control/`, answering them."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.spools import (
    ERROR,
    dropped,
    made,
    names,
    reason,
    spool,
    symlink,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made(tmp_path / "spool")


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


def test_a_kill_between_the_reason_and_the_move_leaves_no_second_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped(root)
    it = spool(root)
    [claimed] = it.claim(10)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("hitl_mail.adapters.spool.refused.os.rename", killed)
        it.refuse(claimed, ERROR)
    assert names(root / "refused") == {"a.json.error.json"}
    it = spool(root)
    it.refuse(it.claim(10)[0], ERROR)
    assert names(root / "refused") == {"a.json", "a.json.error.json"}


def test_a_reason_whose_file_had_another_fault_keeps_its_name(root: Path) -> None:
    (root / "refused/a.json.error.json").write_text(json.dumps({**ERROR, "detail": "another"}))
    dropped(root)
    it = spool(root)
    it.refuse(it.claim(10)[0], ERROR)
    assert names(root / "refused") == {
        "a.json.error.json",
        "a.json.1",
        "a.json.1.error.json",
    }


def test_a_refused_file_that_equals_a_reason_is_not_taken_for_one(root: Path) -> None:
    it = spool(root)
    dropped(root, "a.json.error.json", json.dumps(ERROR).encode())
    it.refuse(it.claim(10)[0], {**ERROR, "detail": "another"})
    dropped(root)
    it.refuse(it.claim(10)[0], ERROR)
    assert reason(root, "a.json.1") == ERROR


def test_a_file_that_vanished_before_it_is_refused_is_forgotten(root: Path) -> None:
    dropped(root)
    it = spool(root)
    [claimed] = it.claim(10)
    claimed.path.unlink()
    it.refuse(claimed, ERROR)
    assert names(root / "refused") == set()
    dropped(root)
    assert [one.name for one in it.claim(10)] == ["a.json"]


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


# The people's control directory


@pytest.fixture
def control(tmp_path: Path) -> Path:
    return made(tmp_path / "control", refused=False)


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
