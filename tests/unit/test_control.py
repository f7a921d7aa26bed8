"""Whose word a file in `control/` is, and that each file is one word of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.spool.directory import SpoolDirectory
from tests.factories import CASE
from tests.fuzz.office import Room
from tests.support.spools import MOST, made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made(tmp_path / "control", refused=False)


def say(
    room: Room, root: Path, user: str, mode: int = 0o640, shared: bool = True, **said: Any
) -> dict[str, Any]:
    """What the daemon answers to a file of this user; its name is always the same."""
    path = root / "new" / "said.json"
    path.write_text(json.dumps({"case": CASE, "seen": room.case().revision.digest, **said}))
    path.chmod(mode)
    spool = SpoolDirectory(root, MOST, refused=False, shared=shared)
    asyncio.run(room.control(spool, user).serve())
    answer: dict[str, Any] = json.loads((root / "results" / "said.json").read_bytes())
    return answer


def test_a_second_file_of_one_name_is_a_word_of_its_own(root: Path) -> None:
    room = Room()
    assert say(room, root, "ada", verb="route", to="bob")["ok"]
    assert say(room, root, "bob", verb="approve")["status"] == "approved"
    assert room.said()[CASE] == [("ada", "route"), ("bob", "approve")]


def test_the_same_file_read_again_after_a_crash_is_the_same_word(root: Path) -> None:
    room = Room()
    first = say(room, root, "ada", verb="route", to="bob")
    again = Room(journal=room.kept.payloads)
    assert say(again, root, "ada", verb="route", to="bob") == first
    assert again.said()[CASE] == [("ada", "route")]


@pytest.mark.parametrize("mode", [0o660, 0o642])
def test_a_file_that_others_may_write_is_nobodys_word(root: Path, mode: int) -> None:
    room = Room()
    answer = say(room, root, "ada", mode, verb="approve")
    assert (answer["ok"], answer["code"]) == (False, "writable")
    assert room.said()[CASE] == []


def test_where_nobody_else_gets_in_the_mode_of_a_file_does_not_matter(root: Path) -> None:
    room = Room()
    say(room, root, "ada", 0o666, shared=False, verb="approve")
    assert room.said()[CASE] == [("ada", "approve")]
