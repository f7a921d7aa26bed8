"""Who may answer for a rule, and whether enough of them have (design 1.3 and 3.4)."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.case import Case
from hitl_mail.core.events import Decision, Verb
from hitl_mail.core.quorum import (
    SETTLE,
    askable,
    asked,
    deciders,
    lacking,
    members,
    missing,
    out_of_reach,
    routes,
    seat,
    too_few,
    unmet,
    unreached_now,
    waiting_for,
)
from hitl_mail.core.verdict import ADMINS, Quorum
from tests.factories import (
    GROUPS,
    NAMES,
    begin,
    by,
    case_after,
    decide_,
    finish,
    quorum,
    receive,
    sampled,
    verdict,
)


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


def test_in_the_place_of_who_is_away_their_stand_in_is_seated() -> None:
    found = seat("money", 1, ("finance",), GROUPS, (), {"ada": "eve"})
    assert (found.refs, found.reviewers) == (("finance",), ("bob", "eve"))


@pytest.mark.parametrize(
    ("away", "approvals", "expected"),
    [
        ({}, 1, ("ada", "bob")),
        ({"ada": "eve"}, 1, ("bob", "eve")),
        ({"ada": "bob"}, 1, ("bob",)),
        ({"ada": "bob"}, 2, ("ada", "bob")),
        ({"ada": "dora"}, 1, ("ada", "bob")),
    ],
    ids=["all there", "a stand-in", "one for both", "one is too few", "the owner stands in"],
)
def test_whom_to_ask(away: dict[str, str], approvals: int, expected: tuple[str, ...]) -> None:
    assert asked({"ada", "bob"}, {"dora"}, away, approvals) == expected


def test_one_is_asked_where_no_number_is_named() -> None:
    assert asked({"ada", "bob"}, (), {"ada": "bob"}) == ("bob",)


def test_how_many_approvals_are_lacking_is_counted_for_each_rule() -> None:
    three = (quorum("money", approvals=3), quorum("large"), quorum("small"))
    decisions = [said("ada", "money"), said("bob", "small")]
    assert unmet(three, decisions, 1) == {"money": 2, "large": 1}


HELD = receive(verdict_=verdict(on_failure="review"))
TWO = receive(verdict_=verdict(quorums=(quorum(approvals=2), quorum("large", "cleo"))))


def test_a_case_waits_for_the_quorums_that_are_not_met_and_in_them_for_who_is_missing() -> None:
    case = case_after(TWO, by("ada"), by("cleo"))
    [short] = lacking(case)
    assert (short.rule, missing(case, short), waiting_for(case)) == ("money", ["bob"], ("bob",))


def test_as_long_as_nobody_has_decided_it_waits_for_the_people_of_all_its_rules() -> None:
    assert waiting_for(case_after(TWO)) == ("ada", "bob", "cleo")


def test_approvals_of_one_rule_are_none_of_another() -> None:
    case = case_after(TWO, by("ada"))
    assert missing(case, quorum("large", "ada", "cleo")) == ["ada", "cleo"]


@pytest.mark.parametrize(
    ("so_far", "people"),
    [
        ((), ("ada", "bob")),
        ((by("ada"),), ()),
        ((by("ada"), begin()), ()),
        ((by("ada"), begin(), finish()), ()),
        ((by("ada"), begin(), finish("doubt")), ("ada", "bob")),
        ((HELD, by("ada"), begin(), finish("failed")), ("ada", "bob")),
        ((by("ada", "reject"),), ()),
        ((receive(verdict_=sampled()),), ()),
        ((receive(verdict_=sampled()), begin(), finish()), ("ada", "bob")),
        ((receive(verdict_=sampled()), begin(), finish(), by("ada", "ok")), ()),
    ],
    ids=[
        *("pending", "approved", "executing", "executed", "in doubt", "held", "rejected"),
        *("a sample runs", "a sample is reviewed", "a sample was reviewed"),
    ],
)
def test_people_are_waited_for_only_where_their_word_counts(
    so_far: tuple[Any, ...], people: tuple[str, ...]
) -> None:
    assert waiting_for(case_after(*so_far)) == people


def test_whom_no_question_reaches_is_told_of_those_who_are_waited_for() -> None:
    case = case_after(cmd.Absent("ada", "on holiday"), cmd.Absent("cleo", "on holiday"))
    assert unreached_now(case) == ("ada",)


def test_nobody_is_out_of_reach_while_enough_others_can_answer() -> None:
    assert out_of_reach(case_after(cmd.Absent("ada"))) == ()


def test_out_of_reach_are_those_without_whom_a_quorum_cannot_be_met() -> None:
    gone = (cmd.Absent("ada"), cmd.Absent("bob"), cmd.Absent("cleo"))
    assert out_of_reach(case_after(*gone)) == ("ada", "bob")
    assert out_of_reach(case_after(TWO, cmd.Absent("ada"))) == ("ada",)
    assert out_of_reach(case_after(TWO, cmd.Absent("cleo"))) == ("cleo",)
    assert out_of_reach(case_after(TWO, *gone)) == ("ada", "bob", "cleo")


def test_approvals_that_are_there_are_not_waited_for_again() -> None:
    two_of_three = verdict(quorums=(quorum("money", "ada", "bob", "cleo", approvals=2),))
    case = case_after(receive(verdict_=two_of_three), by("ada"), cmd.Absent("bob"))
    assert out_of_reach(case) == ()


def test_of_a_case_in_doubt_those_are_out_of_reach_who_could_settle_it() -> None:
    doubt = (by("ada"), begin(), finish("doubt"), cmd.Absent("ada"))
    assert out_of_reach(case_after(*doubt)) == ()
    assert out_of_reach(case_after(*doubt, cmd.Absent("bob"))) == ("ada", "bob")


def test_who_has_approved_is_not_out_of_reach() -> None:
    assert out_of_reach(case_after(TWO, by("ada"), cmd.Absent("ada"))) == ()


def test_nobody_is_out_of_reach_of_what_is_decided() -> None:
    assert out_of_reach(case_after(by("ada"), cmd.Absent("bob"), cmd.Absent("ada"))) == ()


def deciding(*people: str) -> dict[str, frozenset[str]]:
    """What these answer to, where nobody else may decide."""
    return {person: NAMES[person] for person in people}


def short_of(case: Case, *people: str) -> list[str]:
    """The rules that have too few where only these people may decide."""
    return [quorum.rule for quorum in too_few(case, deciding(*people))]


def test_the_rules_are_told_that_all_who_may_decide_cannot_meet() -> None:
    case = case_after(TWO)
    assert short_of(case, "ada", "bob", "cleo") == []
    assert short_of(case, "ada", "bob") == ["large"]
    assert short_of(case, "ada", "cleo") == ["money"]
    assert short_of(case) == ["money", "large"]


def test_who_has_approved_is_not_needed_again_and_cannot_stand_for_another() -> None:
    case = case_after(TWO, by("ada"), by("cleo"))
    assert short_of(case, "ada", "bob") == []
    assert short_of(case, "bob") == []
    assert short_of(case, "ada") == ["money"]


def test_a_review_has_too_few_only_where_nobody_of_any_rule_is_left() -> None:
    rules = (quorum("labels"), quorum("notes", "cleo"))
    sample = receive(verdict_=sampled(reviews=rules))
    reviewed = case_after(sample, begin(), finish())
    assert short_of(reviewed, "ada") == []
    assert short_of(reviewed, "cleo") == []
    assert short_of(reviewed, "eve") == ["labels", "notes"]


def test_what_is_decided_never_has_too_few() -> None:
    assert short_of(case_after(by("ada")), "eve") == []


def test_a_case_in_doubt_is_settled_by_the_people_of_all_its_rules() -> None:
    case = case_after(TWO, by("ada"), by("bob"), by("cleo"), begin(), finish("doubt"))
    assert deciders(case) == (
        Quorum(SETTLE, 1, ("finance", "cleo", ADMINS), ("ada", "bob", "cleo")),
    )


def test_a_question_may_go_to_the_names_and_people_of_all_one_s_rules() -> None:
    rules = (quorum("money", route_to=("team",)), quorum("large", "cleo"))
    case = case_after(receive(verdict_=verdict(quorums=rules)))
    assert routes(case, "ada") == ("bob", "finance", "team")
    assert routes(case, "cleo") == ()
    assert routes(case, "eve") == ()


def test_a_question_does_not_go_to_the_admins_by_that_name() -> None:
    short = seat("money", 2, ("finance",), GROUPS, ("ada",))
    case = case_after(receive(verdict_=verdict(quorums=(short,))))
    assert routes(case, "bob") == ("cleo", "finance")
