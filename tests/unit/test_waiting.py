"""Which open cases wait for whom."""

from __future__ import annotations

from hitl_mail.daemon.waiting import Waiting
from tests.factories import CASE, after, begin, by, case_after, decide_, quorum, receive, verdict


def test_a_case_waits_for_all_who_are_asked() -> None:
    waiting = Waiting()
    waiting.watch(case_after())
    assert (waiting.count("ada"), waiting.cases("bob"), waiting.count("cleo")) == (
        1,
        frozenset({CASE}),
        0,
    )


def test_it_waits_no_longer_for_who_has_said_it() -> None:
    waiting = Waiting()
    two = receive(verdict_=verdict(quorums=[quorum(approvals=2)]))
    case = after(None, two)
    waiting.watch(case)
    waiting.watch(after(case, decide_(case, "ada")))
    assert (waiting.cases("ada"), waiting.cases("bob")) == (frozenset(), frozenset({CASE}))


def test_a_case_shown_twice_counts_once() -> None:
    waiting = Waiting()
    for _ in range(2):
        waiting.watch(case_after())
    assert waiting.count("ada") == 1


def test_a_case_that_runs_waits_for_nobody() -> None:
    waiting = Waiting()
    waiting.watch(case_after())
    waiting.watch(case_after(by("ada"), begin()))
    assert (waiting.count("ada"), waiting.count("bob")) == (0, 0)
