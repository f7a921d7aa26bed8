"""Times around the two changes of clocks: an expiry is so many hours, an absence so many days."""

from __future__ import annotations

import pytest

from tests.offices import RULES, Office, at, away, site

FOUR_HOURS = RULES.replace('expires = "20d"', 'expires = "4h"')


@pytest.mark.parametrize(
    ("day", "before", "end"),
    [
        # From 02:00 to 03:00, and from 03:00 to 02:00: five and three hours by the clock.
        ("2026-03-29", "05:29", "05:30"),
        ("2026-10-25", "03:29", "03:30"),
        ("2026-06-01", "04:29", "04:30"),
    ],
)
async def test_four_hours_are_four_hours_whatever_the_clock_on_the_wall_does(
    day: str, before: str, end: str
) -> None:
    office = Office(rules=FOUR_HOURS, now=at(day, "00:30"))
    await office.receive()
    assert (await office.on(day, before)).status == "pending"
    await office.on(day, end)
    assert office.case.status == "expired"


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
async def test_who_is_away_on_the_day_of_a_change_is_away_for_all_of_it(day: str) -> None:
    before, after = f"{day[:8]}{int(day[8:]) - 1}", f"{day[:8]}{int(day[8:]) + 1}"
    gone = site(ada=away("bob", day, day))
    found = [
        bool(gone.stand_ins(at(*moment)))
        for moment in ((before, "23:59"), (day, "00:00"), (day, "23:59"), (after, "00:00"))
    ]
    assert found == [False, True, True, False]
