"""Files of one id in a spool: who waits by an id alone learns that one waits, or was refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.spool.directory import SpoolDirectory
from hitl_mail.adapters.spool.of_id import _MOST, file_waits, last_refusal, reason


@pytest.fixture
def root(tmp_path: Path) -> Path:
    SpoolDirectory(tmp_path / "spool", 1000).create()
    return tmp_path / "spool"


def refuse(root: Path, name: str, document: Any, detail: str = "no", at: float = 100.0) -> None:
    data = document if isinstance(document, str) else json.dumps(document)
    (root / "new" / name).write_text(data)
    spool = SpoolDirectory(root, 1 << 20)
    [claimed] = spool.claim(9)
    spool.refuse(claimed, {"error": "bad", "detail": detail, "field": None})
    newest = max((root / "refused").glob(f"{name}*.error.json"), key=lambda p: p.stat().st_ctime_ns)
    os.utime(newest, (at, at))


@pytest.mark.parametrize(
    ("name", "text", "waits"),
    [
        ("a.json", '{"kind": "x"}', True),
        ("other.json", '{"id": "a"}', True),
        ("other.toml", 'id = "a"', True),
        ("a.json", '{"id": "other"}', False),
        ("a.json", "no JSON", True),
        ("b.json", "[]", False),
    ],
)
@pytest.mark.parametrize("place", ["new", "cur"])
def test_a_file_is_of_the_id_it_says_or_else_of_its_name(
    root: Path, place: str, name: str, text: str, waits: bool
) -> None:
    (root / place / name).write_text(text)
    assert file_waits(root, "a") is waits


def test_of_very_many_files_one_may_be_it(root: Path) -> None:
    for number in range(_MOST + 1):
        (root / "new" / f"{number}.json").write_text("{}")
    assert file_waits(root, "a")


def test_the_newest_refusal_of_an_id_is_told(root: Path) -> None:
    refuse(root, "a.json", "no JSON", "first")
    refuse(root, "a.json", "no JSON", "second", at=200)
    refuse(root, "b.json", {"id": "b"}, "other", at=300)
    assert last_refusal(root, "a") == {
        "error": "bad",
        "detail": "second",
        "field": None,
        "file": "a.json.1",
    }


def test_a_refusal_from_before_is_none(root: Path) -> None:
    refuse(root, "x.json", {"id": "a"}, at=200)
    assert last_refusal(root, "a", since=200) is not None
    assert last_refusal(root, "a", since=201) is None


def test_what_is_no_file_is_of_its_name_and_never_opened(root: Path) -> None:
    os.mkfifo(root / "refused" / "a.json")
    (root / "refused" / "a.json.error.json").write_text('{"error": "not_a_file", "detail": "p"}')
    found = last_refusal(root, "a")
    assert found is not None and found["error"] == "not_a_file"


def test_a_spool_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert (file_waits(tmp_path, "a"), last_refusal(tmp_path, "a")) == (False, None)


@pytest.mark.parametrize(
    ("field", "detail", "told"),
    [
        (None, "not UTF-8 at byte 1", "not UTF-8 at byte 1"),
        ("kind", "must be a dotted name", "kind: must be a dotted name"),
        ("id", "did you mean it?", "id: did you mean it?"),
        ("id", "an id must be usable as a file name", "an id must be usable as a file name"),
        ("outcome.ok", "true or false", "outcome.ok: true or false"),
        ("context[0].txt", "no such field: context[0].txt", "no such field: context[0].txt"),
    ],
)
def test_a_refusal_names_its_field_once(field: str | None, detail: str, told: str) -> None:
    assert reason({"detail": detail, "field": field}) == told
