"""`Watch`, with inotify and by polling: every change is hinted at, and soon."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hitl_mail.adapters.watch import DirectoryWatch
from tests.waiting import eventually

NEVER = 3600.0

Watcher = Callable[..., DirectoryWatch]


@pytest.fixture(params=[True, False], ids=["inotify", "polling"])
def watch(request: pytest.FixtureRequest) -> Watcher:
    def make(*paths: Path, rescan: float = NEVER) -> DirectoryWatch:
        return DirectoryWatch(list(paths), rescan, inotify=request.param)

    return make


class Listener:
    """Counts hints; `busy` holds it up as a scan that takes long would."""

    def __init__(self) -> None:
        self.hints = 0
        self.free = asyncio.Event()
        self.free.set()

    async def listen(self, watch: DirectoryWatch) -> None:
        async with contextlib.aclosing(watch.changes()) as changes:
            async for _ in changes:
                self.hints += 1
                await self.free.wait()

    async def more_than(self, hints: int) -> None:
        await eventually(lambda: self.hints > hints, f"more than {hints} hints")


@contextlib.asynccontextmanager
async def listening(watch: DirectoryWatch) -> AsyncIterator[Listener]:
    """A listener that had its first hint."""
    listener = Listener()
    task = asyncio.create_task(listener.listen(watch))
    try:
        await listener.more_than(0)
        yield listener
    finally:
        task.cancel()
        await asyncio.wait({task})


def rename_into(directory: Path) -> None:
    written = directory.parent / "written"
    written.write_text("x")
    written.rename(directory / "renamed")


async def test_it_hints_once_at_the_start(tmp_path: Path, watch: Watcher) -> None:
    async with listening(watch(tmp_path)) as listener:
        await asyncio.sleep(0)
    assert listener.hints == 1


@pytest.mark.parametrize(
    "change",
    [
        rename_into,
        lambda directory: (directory / "written").write_text("x"),
        lambda directory: (directory / "made").mkdir(),
    ],
    ids=["rename", "write", "mkdir"],
)
async def test_it_hints_at_a_change(
    tmp_path: Path, watch: Watcher, change: Callable[[Path], None]
) -> None:
    directory = tmp_path / "new"
    directory.mkdir()
    async with listening(watch(directory)) as listener:
        change(directory)
        await listener.more_than(1)


async def test_it_hints_at_a_change_in_any_of_its_directories(
    tmp_path: Path, watch: Watcher
) -> None:
    directories = [tmp_path / "a", tmp_path / "b"]
    for directory in directories:
        directory.mkdir()
    async with listening(watch(*directories)) as listener:
        for directory in directories:
            before = listener.hints
            (directory / "file").write_text("x")
            await listener.more_than(before)


async def test_it_hints_at_what_came_while_the_listener_was_busy(
    tmp_path: Path, watch: Watcher
) -> None:
    async with listening(watch(tmp_path)) as listener:
        listener.free.clear()
        (tmp_path / "one").write_text("x")
        await listener.more_than(1)
        before = listener.hints
        (tmp_path / "two").write_text("x")
        listener.free.set()
        await listener.more_than(before)


async def test_it_hints_again_and_again_although_nothing_happens(
    tmp_path: Path, watch: Watcher
) -> None:
    async with listening(watch(tmp_path, rescan=0.01)) as listener:
        await listener.more_than(3)


async def test_a_directory_that_is_not_there_yet_is_watched_when_it_is(
    tmp_path: Path, watch: Watcher
) -> None:
    later = tmp_path / "later"
    async with listening(watch(later, rescan=0.05)) as listener:
        later.mkdir()
        await listener.more_than(listener.hints)
        before = listener.hints
        (later / "file").write_text("x")
        await listener.more_than(before)


async def test_a_directory_that_was_replaced_is_watched_on(tmp_path: Path, watch: Watcher) -> None:
    directory = tmp_path / "new"
    directory.mkdir()
    watching = watch(directory)
    async with listening(watching) as listener:
        directory.rename(tmp_path / "old")
        directory.mkdir()
        await listener.more_than(1)
        before = listener.hints
        (directory / "file").write_text("x")
        await listener.more_than(before)


async def test_a_directory_added_later_is_watched_at_once(tmp_path: Path, watch: Watcher) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    watching = watch(first)
    async with listening(watching) as listener:
        watching.add(second)
        await listener.more_than(1)
        before = listener.hints
        (second / "file").write_text("x")
        await listener.more_than(before)


async def test_ten_thousand_changes_at_once_are_few_hints(tmp_path: Path, watch: Watcher) -> None:
    async with listening(watch(tmp_path)) as listener:
        for number in range(10_000):
            (tmp_path / str(number)).touch()
        await listener.more_than(1)
    assert listener.hints < 1_000


async def test_it_can_be_listened_to_a_second_time(tmp_path: Path, watch: Watcher) -> None:
    watching = watch(tmp_path)
    async with listening(watching):
        pass
    async with listening(watching) as listener:
        (tmp_path / "file").write_text("x")
        await listener.more_than(1)
