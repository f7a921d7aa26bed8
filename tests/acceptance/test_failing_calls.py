"""Every call by which the daemon changes its home may fail: it says so, and after the next start
all is right. After a failed sync it stops, whatever was to be synced."""

from __future__ import annotations

import random
import time

import pytest

from tests.acceptance.lives import Lives
from tests.acceptance.walks import walk_failures

SEED = time.time_ns() % 1_000_000


@pytest.mark.parametrize(("story", "phase"), [("auto", 0), ("by reply", 0), ("by reply", 1)])
def test_whichever_call_to_the_system_fails_it_is_told_and_made_good(
    new_life: Lives, story: str, phase: int
) -> None:
    assert walk_failures(new_life, story, phase, random.Random(SEED), 1) > 0
