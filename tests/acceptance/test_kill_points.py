"""Every instant at which the daemon may die, one after the other: what is left is the same.

The calls by which it changes its home are walked in part, chosen anew each time; `make torture`
walks all of them.
"""

from __future__ import annotations

import json
import random
import time

import pytest

from tests.acceptance.failpoints import CALLS, POINTS
from tests.acceptance.lives import KILLED, STORIES, Lives, begun, check, instants, play
from tests.acceptance.walks import walk

SEED = time.time_ns() % 1_000_000


@pytest.mark.parametrize(("story", "phase"), [("auto", 0), ("by reply", 0), ("by reply", 1)])
def test_whenever_the_daemon_dies_the_same_is_left(new_life: Lives, story: str, phase: int) -> None:
    assert walk(new_life, story, phase, POINTS) > 15


@pytest.mark.parametrize(
    ("story", "phase", "points"),
    [
        ("auto and idempotent", 0, "executor"),
        ("rejected by reply", 1, "inbox"),
        ("by control file", 1, "spool"),
        ("rejected by control file", 1, "spool"),
        ("auto by http", 0, "executor"),
        ("auto by mail", 0, "executor"),
        ("asked by smtp", 0, "smtp"),
    ],
)
def test_the_same_is_left_however_it_was_decided(
    new_life: Lives, story: str, phase: int, points: str
) -> None:
    reached = [point for point in POINTS if point.startswith(points)]
    assert walk(new_life, story, phase, reached) > 1


@pytest.mark.parametrize(("story", "phase"), [("auto", 0), ("by reply", 0), ("by reply", 1)])
def test_whichever_call_to_the_system_is_its_last_the_same_is_left(
    new_life: Lives, story: str, phase: int
) -> None:
    assert walk(new_life, story, phase, CALLS, random.Random(SEED), 5) >= 3


def test_whichever_file_of_new_keys_is_its_last_all_keys_are_as_good_as_before(
    new_life: Lives,
) -> None:
    begin = begun(new_life, STORIES["by reply"], 1)
    whole = new_life(begin)
    assert whole.cli("keys", "rotate")[0] == 0
    died = 0
    for point, nth in instants(whole.zygote.reached(), ["keys, written"]):
        life = new_life(begin)
        status, _ = life.cli("keys", "rotate", point=point, nth=nth)
        died += status == KILLED
        life.reply("approve")
        life.daemon()
        check(life, STORIES["by reply"], doubted=False)
    assert died == 5


def test_a_letter_that_decided_but_was_not_put_away_is_not_told_that_it_came_late(
    new_life: Lives,
) -> None:
    life, told = new_life(), STORIES["rejected by reply"]
    play(life, told, 0, "", 1)
    [read] = (life.root / "mail/in/cur").iterdir()
    read.rename(life.root / "mail/in/new/reply")
    life.daemon()
    check(life, told, doubted=False)


def test_a_control_file_that_decided_but_was_not_answered_is_answered_with_what_it_did(
    new_life: Lives,
) -> None:
    life = new_life()
    life.drop("control.once")
    life.daemon()
    life.say("reject")
    [command] = (life.root / "control/new").iterdir()
    data = command.read_bytes()
    life.daemon()
    [answer] = (life.root / "control/results").iterdir()
    answer.unlink()
    command.write_bytes(data)
    life.daemon()
    told = json.loads(answer.read_text())
    assert (told["ok"], told.get("verb"), told.get("status")) == (True, "reject", "rejected")
    assert len(life.receipts()) == 1


@pytest.mark.parametrize("point", ["journal append, before", "spool done, before"])
def test_a_file_is_not_to_blame_for_a_daemon_that_is_killed_again_and_again(
    new_life: Lives, point: str
) -> None:
    life = new_life()
    life.drop("mail.once")
    life.daemon()
    (life.root / "spool/new/cancel.json").write_text(json.dumps({"cancel": "act"}))
    for _ in range(6):
        status, output = life.cli("run", "--once", point=point)
        assert status == KILLED, output
    life.daemon()
    [receipt] = life.receipts()
    assert receipt["status"] == "canceled"
    for place in ("spool/new", "spool/cur", "spool/refused"):
        assert list((life.root / place).iterdir()) == [], place
