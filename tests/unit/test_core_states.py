"""Every state a small case can reach, and what must hold in each (design part 3)."""

from __future__ import annotations

from functools import cache
from typing import get_args

import pytest

from hitl_mail.core import events as ev
from hitl_mail.core.case import FINAL, TRANSITIONS
from hitl_mail.core.decide import CODES
from hitl_mail.core.evolve import evolve
from hitl_mail.core.verdict import Escalation
from hitl_mail.errors import Impossible
from tests.factories import change, quorum, sampled, verdict
from tests.walk import IMPOSSIBLE, Walk, World, walk

ONE_OF_TWO = (quorum("money", "finance"),)
TWO_OF_TWO = (quorum("money", "finance", approvals=2),)
TWO_RULES = (
    quorum("money", "finance"),
    quorum("large", "bob", "cleo", doors=("mail", "cli")),
)

STRICTER = (
    verdict(quorums=(quorum("large", "bob", "cleo"),), expires=99),
    verdict("deny"),
    verdict("auto"),
)
"""What a changed policy may say: others have to agree sooner; never; milder, so no matter."""
TWO_NOW = (verdict("exception", quorums=(quorum("money", "finance", approvals=2),)), verdict())
NARROWER = (
    verdict(quorums=(quorum("money", "bob", doors=("cli",)),)),
    verdict(quorums=(quorum("money", "cleo"),)),
)

TO_CLEO = Escalation(1, ("cleo",), ("cleo",))
LARGE = verdict(quorums=(quorum("money", "finance"), quorum("large", "bob", "cleo")))
DENY = verdict("deny")

WORLDS = {
    "auto": World(verdict("auto")),
    "auto, a person looks at failures": World(verdict("auto", on_failure="review")),
    "auto, by permit": World(verdict("auto"), type="agent"),
    "one of two": World(verdict(quorums=ONE_OF_TWO)),
    "one of two, a person looks at failures": World(
        verdict(quorums=ONE_OF_TWO, on_failure="review")
    ),
    "one of two, by permit": World(verdict(quorums=ONE_OF_TWO, on_failure="review"), type="agent"),
    "two of two": World(verdict(quorums=TWO_OF_TWO)),
    "two rules": World(verdict("exception", quorums=TWO_RULES, on_failure="review")),
    "deny": World(verdict("deny")),
    "sampled": World(sampled()),
    "sampled, a person looks at failures": World(sampled(on_failure="review")),
    "sampled, by permit": World(sampled(), type="agent"),
    "sampled, by a changed policy": World(sampled(), rejudgings=STRICTER),
    "auto, by a changed policy": World(verdict("auto", on_failure="review"), rejudgings=STRICTER),
    "one of two, by a changed policy": World(verdict(quorums=ONE_OF_TWO), rejudgings=STRICTER),
    "one of two, by a policy that wants two": World(
        verdict(quorums=ONE_OF_TWO), rejudgings=TWO_NOW
    ),
    "two of two, by a policy that names fewer": World(
        verdict(quorums=TWO_OF_TWO), rejudgings=NARROWER
    ),
    "one of two, by permit, by a changed policy": World(
        verdict(quorums=ONE_OF_TWO), type="agent", rejudgings=STRICTER
    ),
    "one of two, edited": World(
        verdict(quorums=ONE_OF_TWO), edits=(change(40), change(5000, LARGE), change(9, DENY))
    ),
    "two of two, edited": World(
        verdict(quorums=TWO_OF_TWO), edits=(change(40, verdict("auto")), change(49))
    ),
    "one of two, handed on": World(
        verdict(quorums=(quorum("money", "finance", route_to=("cleo",)),)),
        targets=("cleo", "eve"),
    ),
    "one of two, reminded and escalated": World(
        verdict(quorums=(quorum("money", "finance", remind=(1, 60), escalate=TO_CLEO),)),
        away=(("ada", "bob"),),
    ),
    "two rules, one handed on, while somebody is away": World(
        verdict("exception", quorums=(quorum("money", "ada", route_to=("cleo",)), TWO_RULES[1])),
        targets=("cleo",),
        away=(("ada", "bob"),),
    ),
    "one of two, handed on, by a changed policy": World(
        verdict(quorums=(quorum("money", "ada", route_to=("bob",)),)),
        targets=("bob",),
        rejudgings=STRICTER[:1],
    ),
    "sampled, reminded": World(sampled(reviews=(quorum("labels", remind=(1,)),))),
    "auto, edited once it is retried": World(
        verdict("auto"), edits=(change(40, verdict("auto")), change(5000, LARGE))
    ),
    "two of two, handed to each other": World(
        verdict(quorums=TWO_OF_TWO), targets=("bob",), away=(("ada", "bob"),)
    ),
    "one of two, handed on, by a policy that wants two": World(
        verdict(quorums=ONE_OF_TWO), targets=("bob",), rejudgings=(verdict(quorums=TWO_OF_TWO),)
    ),
}

FEWEST = {
    "auto": (900, 5500),
    "auto, a person looks at failures": (950, 6700),
    "auto, by permit": (900, 5000),
    "one of two": (1050, 9900),
    "one of two, a person looks at failures": (1100, 11500),
    "one of two, by permit": (1050, 9800),
    "two of two": (900, 10000),
    "two rules": (1150, 13500),
    "deny": (18, 30),
    "sampled": (2500, 17000),
    "sampled, a person looks at failures": (2300, 17000),
    "sampled, by permit": (1350, 8500),
    "sampled, by a changed policy": (4700, 35000),
    "auto, by a changed policy": (3400, 30000),
    "one of two, by a changed policy": (3800, 37000),
    "one of two, by a policy that wants two": (3500, 34000),
    "two of two, by a policy that names fewer": (6700, 69000),
    "one of two, by permit, by a changed policy": (2000, 17000),
    "one of two, edited": (7000, 70000),
    "two of two, edited": (3200, 34000),
    "one of two, handed on": (7000, 70000),
    "one of two, reminded and escalated": (3900, 39000),
    "two rules, one handed on, while somebody is away": (7500, 90000),
    "one of two, handed on, by a changed policy": (12000, 130000),
    "sampled, reminded": (2500, 17000),
    "auto, edited once it is retried": (3400, 31000),
    "two of two, handed to each other": (3300, 38000),
    "one of two, handed on, by a policy that wants two": (7300, 76000),
}
"""States and transitions that a walk saw when it was written, rounded down: it must not shrink
unnoticed."""


SHORT = {"auto, by permit", "one of two, by permit", "two rules", "deny", "sampled, by permit"}
"""The worlds that show nearly all in seconds: `pytest -m "not long"`, as `make mutants` does."""

EVERY_WORLD = [
    pytest.param(name, marks=() if name in SHORT else pytest.mark.long) for name in WORLDS
]


@cache
def walked(name: str) -> Walk:
    return walk(WORLDS[name])


@pytest.mark.parametrize("name", EVERY_WORLD)
def test_nothing_forbidden_can_be_reached(name: str) -> None:
    seen = walked(name)
    print(f"{name}: {seen.states} states, {seen.transitions} transitions")  # noqa: T201
    states, transitions = FEWEST[name]
    assert (seen.states >= states, seen.transitions >= transitions) == (True, True)


@pytest.mark.parametrize("name", EVERY_WORLD)
def test_from_everywhere_there_is_a_way_to_a_receipt(name: str) -> None:
    assert walked(name).stuck == []


@pytest.mark.long
def test_every_move_of_the_table_is_made() -> None:
    listed = {(status, event) for status, row in TRANSITIONS.items() for event in row}
    made = set[tuple[str | None, type]]().union(*(walked(name).moves for name in WORLDS))
    assert made == listed


@pytest.mark.long
def test_every_status_is_reached() -> None:
    reached = set[str | None]().union(*(walked(name).statuses for name in WORLDS))
    assert reached == set(TRANSITIONS) - {None}


@pytest.mark.long
def test_every_refusal_is_met() -> None:
    met = set[str]().union(*(walked(name).codes for name in WORLDS))
    assert met == set(CODES)


def test_final_statuses_have_no_way_out() -> None:
    ends = {status for status, row in TRANSITIONS.items() if set(row.values()) <= {status}}
    assert ends == FINAL


def test_every_turning_point_is_tried_where_it_is_impossible() -> None:
    assert {type(event) for event in IMPOSSIBLE} == set(get_args(ev.TurningPoint))


@pytest.mark.parametrize("event", IMPOSSIBLE[1:], ids=lambda event: type(event).__name__)
def test_a_case_begins_by_being_received(event: ev.Event) -> None:
    with pytest.raises(Impossible):
        evolve(None, event)
