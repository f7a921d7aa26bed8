"""Group commit: in order, one group at a time, and nobody is left waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from hitl_mail.adapters.groupcommit import GroupCommit
from hitl_mail.errors import StorageFailed


async def test_what_arrives_during_a_group_is_the_next_group() -> None:
    groups: list[list[int]] = []
    go = threading.Event()

    def work(items: list[int]) -> Sequence[int]:
        groups.append(items)
        go.wait(10)
        return items

    commits: GroupCommit[int, int] = GroupCommit(work, "test")
    first = [commits.add(number) for number in range(3)]
    while not groups:
        await asyncio.sleep(0)
    later = [commits.add(number) for number in range(3, 6)]
    go.set()
    assert await asyncio.gather(*first, *later) == [0, 1, 2, 3, 4, 5]
    assert groups == [[0, 1, 2], [3, 4, 5]]
    await commits.close()


async def test_what_is_not_urgent_goes_with_what_is() -> None:
    groups: list[list[int]] = []

    def work(items: list[int]) -> Sequence[int]:
        groups.append(items)
        return items

    commits: GroupCommit[int, int] = GroupCommit(work, "test")
    patient = commits.add(1, urgent=False)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert groups == []
    assert await asyncio.gather(patient, commits.add(2)) == [1, 2]
    assert groups == [[1, 2]]
    await commits.close()


async def test_what_is_not_urgent_goes_alone_in_the_end() -> None:
    commits: GroupCommit[int, int] = GroupCommit(lambda items: items, "test")
    assert await asyncio.wait_for(commits.add(1, urgent=False), 10) == 1
    late = commits.add(2, urgent=False)
    await commits.close()
    assert late.result() == 2


async def test_with_a_pause_a_group_after_a_quiet_time_begins_at_once_and_the_next_one_later() -> (
    None
):
    groups: list[list[int]] = []

    def work(items: list[int]) -> Sequence[int]:
        groups.append(items)
        return items

    commits: GroupCommit[int, int] = GroupCommit(work, "test", pause=0.02)
    begun = asyncio.get_running_loop().time()
    assert await commits.add(1) == 1
    # Each is added when the one before is taken in, and none waits for its group.
    later = [commits.add(number) for number in (2, 3)]
    await asyncio.sleep(0)
    later.append(commits.add(4))
    assert await asyncio.gather(*later) == [2, 3, 4]
    assert groups == [[1], [2, 3, 4]]
    assert asyncio.get_running_loop().time() - begun >= 0.015
    last = commits.add(5)
    await commits.close()
    assert last.result() == 5


async def test_who_is_woken_in_the_same_turn_gets_into_the_group() -> None:
    groups: list[list[int]] = []

    def work(items: list[int]) -> Sequence[int]:
        groups.append(items)
        return items

    commits: GroupCommit[int, int] = GroupCommit(work, "test")

    async def second() -> int:
        return await commits.add(2)

    async def first() -> list[int]:
        added = commits.add(1)
        return [await asyncio.create_task(second()), await added]

    assert await first() == [2, 1]
    assert groups == [[1, 2]]
    await commits.close()


async def test_an_exception_as_a_result_fails_that_item_alone() -> None:
    def work(items: list[int]) -> Sequence[int | Exception]:
        return [ValueError(str(item)) if item == 1 else item for item in items]

    commits: GroupCommit[int, int] = GroupCommit(work, "test")
    results = await asyncio.gather(*map(commits.add, range(3)), return_exceptions=True)
    await commits.close()
    assert [repr(result) for result in results] == ["0", "ValueError('1')", "2"]


async def test_any_error_of_the_work_fails_all_for_good() -> None:
    def work(items: list[int]) -> Sequence[int]:
        raise ZeroDivisionError("a bug")

    commits: GroupCommit[int, int] = GroupCommit(work, "test")
    results = await asyncio.gather(*map(commits.add, range(3)), return_exceptions=True)
    results += await asyncio.gather(commits.add(4), return_exceptions=True)
    await commits.close()
    assert [str(result) for result in results] == ["a bug"] * 4
    assert {type(result) for result in results} == {StorageFailed}


async def test_closing_finishes_what_was_added_and_refuses_what_comes() -> None:
    commits: GroupCommit[int, int] = GroupCommit(lambda items: items, "test")
    before = commits.add(1)
    await commits.close()
    assert before.result() == 1
    results = await asyncio.gather(commits.add(2), return_exceptions=True)
    assert [type(result) for result in results] == [StorageFailed]


async def test_a_few_are_worked_on_in_the_thread_of_the_loop_as_long_as_that_is_quick() -> None:
    here = threading.get_ident()
    threads: list[int] = []
    slow = threading.Event()

    def work(items: list[int]) -> Sequence[int]:
        threads.append(threading.get_ident())
        if slow.is_set():
            until = time.perf_counter() + 0.02
            while time.perf_counter() < until:
                pass
        return items

    commits: GroupCommit[int, int] = GroupCommit(work, "test", at_once=0.01)
    assert await commits.add(1) == 1
    assert await asyncio.gather(*map(commits.add, range(100))) == list(range(100))
    slow.set()
    assert await commits.add(2) == 2
    slow.clear()
    # Elsewhere, until it has been quick again.
    assert await commits.add(3) == 3
    assert await commits.add(4) == 4
    assert [thread == here for thread in threads] == [True, False, True, False, True]
    await commits.close()


async def test_the_first_of_a_turn_is_served_on_the_spot_and_the_others_of_it_together() -> None:
    groups: list[list[int]] = []

    def work(items: list[int]) -> Sequence[int]:
        groups.append(items)
        return items

    commits: GroupCommit[int, int] = GroupCommit(work, "test", at_once=1.0)
    for turn in (0, 10):
        added = [commits.add(turn + item) for item in range(4)]
        assert [future.done() for future in added] == [True, False, False, False]
        assert await asyncio.gather(*added) == [turn + item for item in range(4)]
    assert groups == [[0], [1, 2, 3], [10], [11, 12, 13]]
    await commits.close()


async def test_what_is_not_urgent_goes_with_what_is_served_on_the_spot() -> None:
    groups: list[list[int]] = []

    def work(items: list[int]) -> Sequence[int]:
        groups.append(items)
        return items

    commits: GroupCommit[int, int] = GroupCommit(work, "test", at_once=1.0)
    patient = commits.add(1, urgent=False)
    assert not patient.done()
    assert await asyncio.gather(patient, commits.add(2)) == [1, 2]
    assert groups == [[1, 2]]
    await commits.close()


async def test_a_failure_in_the_thread_of_the_loop_is_final_too() -> None:
    def work(items: list[int]) -> Sequence[int]:
        raise OSError(f"no room for {items}")

    commits: GroupCommit[int, int] = GroupCommit(work, "test", at_once=1.0)
    found = await asyncio.gather(commits.add(1), commits.add(2), return_exceptions=True)
    found += await asyncio.gather(commits.add(3), return_exceptions=True)
    assert [str(error) for error in found] == ["no room for [1]"] * 3
    assert all(isinstance(error, StorageFailed) for error in found)
    await commits.close()


async def test_where_no_thread_can_be_had_the_work_is_done_and_a_thread_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[str] = []

    def work(items: list[int]) -> Sequence[int]:
        threads.append(threading.current_thread().name)
        return items

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    commits: GroupCommit[int, int] = GroupCommit(work, "test")
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", none_left)
        assert await asyncio.wait_for(commits.add(1), 10) == 1
    assert await asyncio.wait_for(commits.add(2), 10) == 2
    assert threads == [threading.current_thread().name, "test"]
    await commits.close()
