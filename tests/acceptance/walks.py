"""Walks through a story's instants: at each the daemon dies, or one of its calls fails."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable

from tests.acceptance.failpoints import FAILURES
from tests.acceptance.lives import (
    KILLED,
    STORIES,
    Life,
    Lives,
    Story,
    begun,
    check,
    instants,
    play,
    reached_in,
    settle,
)

WAIT = 3600
"""Seconds after which whatever is tried again has been, and nothing has expired."""


def walk(
    new_life: Lives,
    name: str,
    phase: int,
    points: Iterable[str],
    chance: random.Random | None = None,
    most: int = 0,
) -> int:
    """Die at every call of every point, or at `most` of them chosen by `chance`; how many deaths
    that was."""
    story = STORIES[name]
    begin = begun(new_life, story, phase)
    found = instants(reached_in(new_life(begin), story, phase), points)
    deaths = 0
    for point, nth in chance.sample(found, most) if chance else found:
        life = new_life(begin)
        try:
            deaths += play(life, story, phase, point, nth)
            check(life, story, settle(life))
        except AssertionError as error:
            raise _named(name, phase, f"killed at: {point}, time {nth}", error) from error
    return deaths


def walk_failures(
    new_life: Lives,
    name: str,
    phase: int,
    chance: random.Random | None = None,
    most: int = 0,
) -> int:
    """Let every call that can fail do so once, or `most` of each sort chosen by `chance`; how often
    the daemon stopped because of it."""
    story = STORIES[name]
    begin = begun(new_life, story, phase)
    reached = reached_in(new_life(begin), story, phase)
    stopped = 0
    for fault, nth in _chosen(reached, chance, most):
        life = new_life(begin)
        try:
            stopped += _fail(life, story, phase, fault, nth)
            check(life, story, settle(life))
        except AssertionError as error:
            raise _named(name, phase, f"{fault}, time {nth}", error) from error
    return stopped


def _chosen(
    reached: dict[str, int], chance: random.Random | None, most: int
) -> list[tuple[str, int]]:
    found = []
    for fault, (call, _) in FAILURES.items():
        times = range(1, reached[call] + 1)
        found += [(fault, nth) for nth in (chance.sample(times, most) if chance else times)]
    return found


def _fail(life: Life, story: Story, phase: int, fault: str, nth: int) -> bool:
    if phase == 0:
        life.drop(story.kind)
    else:
        assert story.says is not None
        story.says(life)
    point, number = FAILURES[fault]
    status, output = life.cli("run", "--once", point=point, nth=nth, fails=number, snapshot_after=2)
    assert status in (0, 1), output
    assert "Traceback" not in output, output
    if status == 1:
        # Whoever starts it has to learn of it.
        assert "hitl-mail: " in output, output
    if fault == "a sync that fails" and status != KILLED:
        # After it nothing may be assumed: there is no sync that may fail and be gone over.
        assert status == 1, f"it went on after a failed sync: {output}"
    with tempfile.NamedTemporaryFile("w", suffix=".clock") as clock:
        clock.write(str(WAIT))
        clock.flush()
        again, said = life.cli("run", "--once", clock=clock.name)
        assert again == 0, said
        if phase == 0 and story.says is not None:
            story.says(life)
            again, said = life.cli("run", "--once", clock=clock.name)
            assert again == 0, said
    return status == 1


def _named(name: str, phase: int, where: str, error: AssertionError) -> AssertionError:
    return AssertionError(f"the story {name!r}, phase {phase}, {where}\n{error}")
