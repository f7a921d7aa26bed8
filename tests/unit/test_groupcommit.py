"""Group commit: in order, one group at a time, and nobody is left waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

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
