"""Whose word a file in `control/` is, and that each file is one word of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.spool.directory import SpoolDirectory
from tests.factories import CASE, begin, by, finish
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


@pytest.mark.parametrize("verb", ["retry", "done", "abandon"])
def test_what_was_said_of_an_attempt_says_nothing_of_the_next(root: Path, verb: str) -> None:
    """Two people look at one that is in doubt; the word of the first has it tried again."""
    room = Room()

    async def attempts(*commands: Any) -> None:
        for command in commands:
            await room.engine.handle(CASE, command)

    ref = room.world.executor_ref(room.case().kind)
    asyncio.run(attempts(by("ada")(room.case()), begin(ref), finish("doubt")))
    asyncio.run(attempts(by("ada", "retry")(room.case()), begin(ref), finish("doubt", 2)))
    assert (room.case().status, room.case().attempts) == ("in_doubt", 2)
    assert say(room, root, "ada", verb=verb, attempts=1)["code"] == "changed"
    assert say(room, root, "ada", verb=verb, attempts=2)["ok"]


def test_a_retry_that_is_read_again_after_a_crash_was_recorded(root: Path) -> None:
    room = Room()
    ref = room.world.executor_ref(room.case().kind)
    for command in (by("ada")(room.case()), begin(ref), finish("doubt")):
        asyncio.run(room.engine.handle(CASE, command))
    assert say(room, root, "ada", verb="retry", attempts=1)["ok"]
    for command in (begin(ref), finish("doubt", 2)):
        asyncio.run(room.engine.handle(CASE, command))
    assert say(room, root, "ada", verb="retry", attempts=1)["ok"]
    assert room.said()[CASE] == [("ada", "approve"), ("ada", "retry")]
