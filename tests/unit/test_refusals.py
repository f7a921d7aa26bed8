"""Refused files are told: a line of the log each, and how many there were for `status`."""

from __future__ import annotations

import pytest

from hitl_mail.daemon.refusals import Refusals

ERROR = {"error": "unknown_field", "detail": "no such field", "field": "x"}


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_refused_is_nothing_to_tell(clock: Clock) -> None:
    assert Refusals(clock).summary() is None


def test_how_many_and_the_newest_are_told(clock: Clock) -> None:
    refusals = Refusals(clock)
    for age, name in ((90_000, "a.json"), (4000, "b.json"), (10, "c.json"), (0, "d.json")):
        clock.now = Clock.now - age
        refusals.note("billing", name, ERROR)
    assert refusals.summary() == {
        "hour": 2,
        "day": 3,
        "newest": {
            "agent": "billing",
            "file": "d.json",
            "error": "unknown_field",
            "at": "1970-01-12T13:46:40.000Z",
        },
    }


def test_each_is_a_line_of_the_log_that_no_name_breaks(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    Refusals(clock).note("billing", "a\nERROR root: \x1b[2J.json", ERROR)
    [record] = caplog.records
    said = record.getMessage()
    assert record.levelname == "WARNING"
    assert said.endswith("of the agent billing: unknown_field")
    assert not {"\n", "\x1b"} & set(said)


def test_after_a_day_there_is_nothing_to_tell(clock: Clock) -> None:
    refusals = Refusals(clock)
    refusals.note("billing", "a.json", ERROR)
    clock.now += 86_401
    assert refusals.summary() is None


def test_a_flood_takes_bounded_memory(clock: Clock) -> None:
    refusals = Refusals(clock)
    for _ in range(10_001):
        refusals.note("billing", "a.json", ERROR)
    found = refusals.summary()
    assert found is not None and found["day"] == 10_000
