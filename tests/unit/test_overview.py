"""What `status` tells in numbers: what waits, for whom, how long, what expires next, the pace."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_mail.core.case import Case
from hitl_mail.daemon.overview import Overview, Pace, overview
from hitl_mail.daemon.waiting import Waiting
from tests.factories import case_after, decide_, quorum, receive, verdict

NOW = 1_000_000.0


def waiting(number: int, age: float, *people: str, expires: float = 999_999.0) -> Case:
    """A case that has waited for these people for so many seconds."""
    asks = verdict(quorums=[quorum("money", *people)])
    made = case_after(receive(verdict_=asks, case=f"261122-{number:06d}", expires_at=NOW + expires))
    return msgspec.structs.replace(made, received_at=NOW - age)


def seen(*cases: Case) -> dict[str, Any]:
    """The overview of these open cases."""
    waits = Waiting()
    for case in cases:
        waits.watch(case)
    return overview(cases, waits, NOW)


def test_what_waits_is_told_by_age_and_by_reviewer() -> None:
    cases = [
        waiting(1, 60, "ada", "bob"),
        waiting(2, 3600, "ada"),
        waiting(3, 5 * 3600, "ada"),
        waiting(4, 90_000, "bob"),
    ]
    found = seen(*cases)
    assert found["cases"] == {"pending": 4}
    assert found["ages"] == {"under 1h": 1, "1h to 4h": 1, "4h to 1d": 1, "over 1d": 1}
    assert found["reviewers"] == {"ada": 3, "bob": 2}
    assert found["agents"] == {"billing": 4}


def test_what_is_decided_waits_for_nobody() -> None:
    decided = case_after(receive(expires_at=NOW + 9), decide_)
    assert decided.status == "approved"
    found = seen(decided)
    assert (found["cases"], found["ages"], found["expires"]) == ({"approved": 1}, {}, None)


def test_what_expires_next_is_named() -> None:
    cases = [waiting(1, 5, "ada", expires=500), waiting(2, 5, "ada", expires=50)]
    found = seen(*cases)["expires"]
    assert (found["case"], found["title"]) == ("261122-000002", "Refund 49 EUR to Ada")
    assert found["at"] == "1970-01-12T13:47:30.000Z"


def test_nothing_open_is_no_fault() -> None:
    found = seen()
    assert (found["ages"], found["reviewers"], found["expires"]) == ({}, {}, None)


def test_many_cases_are_looked_at_seldom() -> None:
    case = waiting(1, 5, "ada")
    many, fewer = [case] * 20_000, [case]
    found = Overview()
    first = found.look(many, Waiting(), NOW)
    assert first["cases"] == {"pending": 20_000}
    assert found.look(fewer, Waiting(), NOW) == first


def test_the_pace_is_that_of_the_last_hour() -> None:
    pace = Pace()
    for agent, at in (("billing", NOW - 3601), ("billing", NOW - 10), ("crm", NOW - 3601)):
        pace.took(agent, at)
    assert pace.last_hour(NOW) == {"billing": 1}


def test_what_waits_for_nobody_is_counted_and_has_an_age() -> None:
    asks = verdict(quorums=[msgspec.structs.replace(quorum("money", "ada"), reviewers=())])
    found = seen(case_after(receive(verdict_=asks, expires_at=NOW + 9)))
    assert (found["reviewers"], found["nobody"], found["ages"]) == ({}, 1, {"over 1d": 1})
