"""The wall clock and new case ids."""

import datetime as dt
import time
import zoneinfo

from hitl_mail.adapters.clock import SystemClock
from hitl_mail.adapters.ids import new_case_id
from hitl_mail.core.action import CASE_ID

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC).timestamp()


def test_the_clock_is_the_machines() -> None:
    before = time.time()
    now = SystemClock().now()
    assert before <= now <= time.time()


def test_an_id_begins_with_the_day() -> None:
    assert new_case_id(NOON, dt.UTC)[:7] == "261122-"


def test_the_day_is_the_sites() -> None:
    auckland = zoneinfo.ZoneInfo("Pacific/Auckland")
    assert new_case_id(NOON, auckland)[:7] == "261123-"


def test_an_id_has_the_shape_of_case_ids() -> None:
    ids = [new_case_id(NOON, dt.UTC) for _ in range(500)]
    assert [one for one in ids if not CASE_ID.fullmatch(one)] == []


def test_ids_of_a_day_differ() -> None:
    assert len({new_case_id(NOON, dt.UTC) for _ in range(500)}) == 500
