"""What tells a waiting client of a change: inotify, and looking again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_mail.client.watch import Changes

FOR_EVER = 60.0

CHANGES: dict[str, Callable[[Path], object]] = {
    "a file is renamed into it": lambda to: (to.parent / "aside").rename(to / "in"),
    "a file is renamed out of it": lambda to: (to / "old").rename(to.parent / "out"),
    "a file is deleted": lambda to: (to / "gone").unlink(),
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    watched = tmp_path / "watched"
    watched.mkdir()
    for path in (tmp_path / "aside", watched / "old", watched / "gone"):
        path.touch()
    return watched


@pytest.mark.parametrize("inotify", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_the_wait(directory: Path, change: str, inotify: bool) -> None:
    watch = Changes([directory, directory / "not-there"], inotify=inotify)
    try:
        changer = threading.Thread(target=CHANGES[change], args=(directory,))
        changer.start()
        watch.wait(FOR_EVER)
        changer.join()
    finally:
        watch.close()


@pytest.mark.parametrize("inotify", [True, False])
def test_without_a_change_it_ends_in_time(directory: Path, inotify: bool) -> None:
    watch = Changes([directory], inotify=inotify)
    begun = time.monotonic()
    watch.wait(0.01)
    assert 0.009 <= time.monotonic() - begun < FOR_EVER
    watch.close()
