"""Who may answer for a rule, and whether enough of them have (design 1.3 and 3.4)."""

from __future__ import annotations

import pytest

from hitl_mail.core.events import Decision, Verb
from hitl_mail.core.quorum import SETTLE, askable, deciders, members, seat, unmet
from hitl_mail.core.verdict import ADMINS, Quorum
from tests.factories import GROUPS, begin, case_after, decide_, finish, quorum, receive, verdict


def said(by: str, *counts: str, revision: int = 1, verb: Verb = "approve") -> Decision:
    return Decision(by, verb, "mail", 0.0, revision, "sha256:x", counts)


@pytest.mark.parametrize(
    ("refs", "people"),
    [
        (("finance",), {"ada", "bob"}),
        (("cleo",), {"cleo"}),
        (("finance", "bob", "cleo"), {"ada", "bob", "cleo"}),
        ((ADMINS,), {"cleo"}),
        ((), set()),
    ],
)
def test_references_are_groups_or_people(refs: tuple[str, ...], people: set[str]) -> None:
    assert members(refs, GROUPS) == people


def test_a_quorum_seats_its_people_sorted() -> None:
    assert seat("money", 1, ("bob", "ada"), GROUPS, ()) == Quorum(
        "money", 1, ("bob", "ada"), ("ada", "bob")
    )


def test_the_excluded_have_no_seat() -> None:
    assert seat("money", 1, ("finance",), GROUPS, ("ada",)).reviewers == ("bob",)


def test_where_the_excluded_leave_a_quorum_short_the_admins_are_added() -> None:
    assert seat("money", 2, ("finance",), GROUPS, ("ada",)) == Quorum(
        "money", 2, ("finance", ADMINS), ("bob", "cleo")
    )


def test_a_quorum_that_stays_short_is_not_lowered() -> None:
    short = seat("money", 2, ("finance",), GROUPS, ("ada", "cleo"))
    assert (short.approvals, short.reviewers) == (2, ("bob",))


def test_admins_are_not_added_twice() -> None:
    assert seat("money", 2, (ADMINS,), GROUPS, ()).refs == (ADMINS,)


def test_a_person_counts_once_in_a_quorum() -> None:
    two = (quorum(approvals=2),)
    assert unmet(two, [said("ada", "money"), said("ada", "money")], 1) == {"money": 1}


def test_one_approval_counts_in_every_quorum_it_names() -> None:
    both = (quorum("money"), quorum("large"))
    assert unmet(both, [said("bob", "money", "large")], 1) == {}


def test_an_approval_counts_in_no_other_quorum() -> None:
    both = (quorum("money"), quorum("large"))
    assert unmet(both, [said("ada", "money")], 1) == {"large": 1}


@pytest.mark.parametrize(
    "decision",
    [said("ada", "money", revision=1), said("ada", "money", revision=2, verb="reject")],
    ids=["earlier revision", "rejection"],
)
def test_what_is_no_approval_of_this_revision_does_not_count(decision: Decision) -> None:
    assert unmet((quorum(),), [decision], 2) == {"money": 1}


def test_a_pending_case_waits_for_its_quorums() -> None:
    case = case_after()
    assert deciders(case) == case.quorums


def test_a_case_in_doubt_is_settled_by_its_reviewers_or_an_admin() -> None:
    case = case_after(decide_, begin(), finish("doubt"))
    assert deciders(case) == (Quorum(SETTLE, 1, ("finance", ADMINS), ("ada", "bob")),)


def test_an_automatic_case_in_doubt_is_settled_by_the_standby() -> None:
    case = case_after(receive(verdict_=verdict("auto")), begin(), finish("doubt"))
    assert deciders(case) == (Quorum(SETTLE, 1, ("cleo", ADMINS), ("cleo",)),)


def test_everybody_is_asked_once() -> None:
    both = verdict(quorums=(quorum("money"), quorum("large", "bob", "cleo")))
    assert askable(case_after(receive(verdict_=both))) == ("ada", "bob", "cleo")
