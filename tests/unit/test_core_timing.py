"""Reminders, escalation and expiry: each at its instant, though nobody looked at the clock then."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.effects import Mail
from hitl_mail.core.quorum import waiting_for
from hitl_mail.core.timing import due
from hitl_mail.core.verdict import Escalation, Quorum, Verdict
from hitl_mail.policy.obligations import moments
from tests.factories import (
    EXPIRES,
    NAMES,
    after,
    begin,
    by,
    case_after,
    change,
    code,
    decide_,
    executor_ref,
    finish,
    quorum,
    receive,
    sampled,
    verdict,
)

TICK = cmd.Tick()
TO_CLEO = Escalation(30, ("cleo",), ("cleo",))
REMINDED = (receive(verdict_=verdict(quorums=(quorum(remind=(20, 60)),))),)
ESCALATED = (receive(verdict_=verdict(quorums=(quorum(escalate=TO_CLEO),))),)
TWO_RULES = (
    receive(
        verdict_=verdict(
            quorums=(
                quorum("money", "ada", remind=(20,)),
                quorum("large", "cleo", remind=(50,), escalate=Escalation(30, ("bob",), ("bob",))),
            )
        )
    ),
)
EDIT = lambda case: decide_(case, "ada", "edit", change=change())  # noqa: E731


def told(case: Case, now: float, **away: str) -> list[tuple[str, tuple[str, ...]]]:
    """What time brings about by `now`, and whom it is told."""
    events = decide(case, cmd.Tick(away), now)
    return [(type(e).__name__, getattr(e, "people", ())) for e in events]


def mails(case: Case, about: str) -> list[str]:
    owed = (effect for effect in case.pending.values() if isinstance(effect, Mail))
    return [mail.to for mail in owed if mail.about == about]


def bounced(case: Case, person: str, now: float, **fields: Any) -> Case:
    """After the newest question to `person` has come back."""
    mail = [m for m in case.mails if m.to == person][-1]
    return after(case, cmd.MailWas(mail.id, "failed", error="550", **fields), now)


# Reminders


@pytest.mark.parametrize(
    ("remind", "expires", "expected"),
    [
        (["50%", "80%"], 14400, (7200, 11520)),
        (["1h"], 14400, (3600,)),
        (["90%", "1h", "25%"], 14400, (3600, 12960)),
        (["50%"], 3, (1,)),
        (["2h"], 3600, ()),
        (["1h"], 3600, ()),
        (["1%"], 50, ()),
    ],
)
def test_moments_are_shares_of_the_time_or_durations(
    remind: list[str], expires: int, expected: tuple[int, ...]
) -> None:
    assert moments(remind, expires) == expected


def test_who_has_not_answered_is_reminded_at_the_instant_and_not_before() -> None:
    case = case_after(*REMINDED)
    assert (due(case), told(case, 19.9)) == (20.0, [])
    assert told(case, 20.0) == [("Reminded", ("ada", "bob"))]


def test_one_mail_does_for_all_reminders_that_were_missed() -> None:
    case = case_after(*REMINDED, 70, TICK)
    assert (mails(case, "remind"), due(case)) == (["ada", "bob"], EXPIRES)
    assert told(case, 99.0) == []


def test_a_second_reminder_follows_the_first() -> None:
    case = case_after(*REMINDED, 20, TICK, 60, TICK)
    assert mails(case, "remind") == ["ada", "bob", "ada", "bob"]


def test_each_rule_reminds_at_its_own_moments() -> None:
    case = case_after(*TWO_RULES)
    assert told(case, 20.0) == [("Reminded", ("ada",))]
    assert told(after(case, TICK, 40.0), 50.0) == [("Reminded", ("bob", "cleo"))]


def test_who_has_approved_is_not_reminded() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2, remind=(20,)),)))
    assert told(case_after(two, by("ada")), 20.0) == [("Reminded", ("bob",))]


def test_a_rule_that_has_its_approvals_reminds_nobody() -> None:
    case = case_after(*TWO_RULES, by("ada"))
    assert (told(case, 20.0), due(case)) == ([], 30.0)


def test_nobody_is_reminded_of_what_is_approved() -> None:
    case = case_after(*REMINDED, by("ada"))
    assert (told(case, 60.0), due(case)) == ([], EXPIRES)


def test_what_has_expired_is_told_to_the_agent_and_reminds_nobody() -> None:
    assert told(case_after(*REMINDED), EXPIRES) == [("Expired", ())]


def test_after_an_edit_the_time_to_remind_is_counted_from_it() -> None:
    same = change(verdict_=verdict(quorums=(quorum(remind=(20, 60)),)))
    edited = lambda case: decide_(case, "ada", "edit", change=same)  # noqa: E731
    case = case_after(*REMINDED, 20, TICK, 35, edited)
    assert (told(case, 54.0), told(case, 55.0)) == ([], [("Reminded", ("ada", "bob"))])


def test_after_other_settings_of_the_executor_too() -> None:
    case = case_after(*REMINDED, by("ada"), 35, begin(executor_ref(digest="sha256:b")))
    assert due(case) == 55.0


def test_those_who_look_at_samples_are_reminded_until_the_review_ends() -> None:
    drawn = sampled(reviews=(quorum("labels", remind=(20,)),))
    case = case_after(
        receive(verdict_=drawn), 5, begin(), finish(), cmd.FiledAs(1, "sha256:r"), 25, TICK
    )
    assert mails(case, "review") == ["ada", "bob", "ada", "bob"]
    assert told(case, 105.0) == [("Reviewed", ())]
    assert told(after(case, decide_(case, "ada", "ok"), 30.0), 105.0) == []


def test_a_stand_in_is_reminded_in_the_place_of_who_is_away() -> None:
    drawn = sampled(reviews=(quorum("labels", remind=(20,)),))
    case = case_after(receive(verdict_=drawn), begin(), finish(), cmd.FiledAs(1, "sha256:r"))
    assert told(case, 20.0, ada="eve") == [("Reminded", ("bob", "eve"))]


def test_who_has_approved_is_not_reminded_in_the_place_of_another() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2, remind=(20,)),)))
    assert told(case_after(two, by("bob")), 20.0, ada="bob") == [("Reminded", ("ada",))]


# Escalation


def test_a_question_is_escalated_at_its_instant_and_once() -> None:
    case = case_after(*ESCALATED)
    assert (due(case), told(case, 29.9)) == (30.0, [])
    case = after(case, TICK, 30.0)
    assert (mails(case, "escalate"), waiting_for(case)) == (["cleo"], ("ada", "bob", "cleo"))
    assert (told(case, 60.0), due(case)) == ([], EXPIRES)


def test_it_is_escalated_to_may_decide() -> None:
    assert case_after(*ESCALATED, 30, TICK, by("cleo")).status == "approved"


def test_before_the_instant_they_may_not() -> None:
    case = case_after(*ESCALATED, 29, TICK)
    assert code(case, decide_(case, "cleo"), 29.0) == "not_reviewer"


def test_a_rule_that_has_its_approvals_is_not_escalated() -> None:
    case = case_after(*TWO_RULES, lambda c: decide_(c, "cleo"))
    assert told(case, 30.0) == [("Reminded", ("ada",))]


def test_a_full_mailbox_brings_the_escalation_forward_and_is_over_once_it_takes_the_mail() -> None:
    case = case_after(*ESCALATED)
    [mail] = [mail.id for mail in case.mails if mail.to == "bob"]
    later = cmd.MailWas(mail, "deferred", error="452 4.2.2 full", next_at=9.0, full=True)
    full = after(case, later, 5.0)
    assert (mails(full, "escalate"), full.unreached) == (["cleo"], {"bob": "full"})
    again = [type(event) for event in decide(full, later, 9.0)]
    taken = after(full, cmd.MailWas(mail, "sent", digest="sha256:m"), 10.0)
    assert (again, taken.unreached) == ([ev.MailDeferred], {})


def test_a_full_mailbox_is_recorded_with_its_moment_and_what_the_server_said() -> None:
    case = case_after(*ESCALATED)
    later = cmd.MailWas("m1", "deferred", error="4" * 300, next_at=9.0, full=True)
    deferred, unreached, handed = decide(case, later, 5.0)
    assert deferred == ev.MailDeferred(5.0, "m1", 1, 9.0, "4" * 300)
    assert unreached == ev.Unreached(5.0, "ada", "full", "4" * 200)
    assert isinstance(handed, ev.Handed)
    assert decide(case, msgspec.structs.replace(later, full=False), 5.0) == [deferred]


ANSWERED = cmd.Answer("ada", "help", "?", "<1@x>")


@pytest.mark.parametrize(
    ("so_far", "mail"),
    [((by("ada"),), "m1"), ((EDIT,), "m1"), ((ANSWERED,), "m3")],
    ids=["decided", "edited", "an answer"],
)
def test_a_full_mailbox_is_no_trouble_where_its_mail_asks_nothing_now(
    so_far: tuple[Any, ...], mail: str
) -> None:
    case = case_after(*ESCALATED, *so_far)
    assert isinstance(case.pending[mail], Mail)
    found = decide(case, cmd.MailWas(mail, "deferred", next_at=9.0, full=True), 5.0)
    assert [type(event) for event in found] == [ev.MailDeferred]


def test_who_is_away_is_not_back_because_a_mail_was_taken() -> None:
    case = after(case_after(*ESCALATED), cmd.Absent("bob", "on holiday"), 5.0)
    [mail] = [mail.id for mail in case.mails if mail.to == "bob"]
    taken = after(case, cmd.MailWas(mail, "sent", digest="sha256:m"), 10.0)
    assert taken.unreached == {"bob": "away"}


def test_what_came_back_brings_the_escalation_forward() -> None:
    case = bounced(case_after(*ESCALATED), "bob", 5.0)
    assert (mails(case, "escalate"), case.unreached) == (["cleo"], {"bob": "undelivered"})
    assert bounced(case, "ada", 6.0).pending == {
        key: effect
        for key, effect in case.pending.items()
        if not (isinstance(effect, Mail) and effect.to == "ada")
    }


def test_an_absence_brings_the_escalation_forward_once() -> None:
    away = cmd.Absent("ada", "on holiday", "<1@x>")
    case = case_after(*ESCALATED, 5, away)
    assert (mails(case, "escalate"), case.unreached) == (["cleo"], {"ada": "away"})
    assert decide(case, away, 6.0) == []
    assert told(case, 30.0) == []


@pytest.mark.parametrize("command", [cmd.Tick(), cmd.Absent("bob")], ids=["instant", "absence"])
def test_two_rules_that_escalate_to_the_same_people_are_one_mail(command: Any) -> None:
    rules = (quorum("money", escalate=TO_CLEO), quorum("large", "bob", escalate=TO_CLEO))
    case = case_after(receive(verdict_=verdict(quorums=rules)), 30, command)
    assert mails(case, "escalate") == ["cleo"]
    assert after(case, by("cleo")(case), 31.0).status == "approved"


def test_an_absence_of_who_has_approved_brings_nothing_forward() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2, escalate=TO_CLEO),)))
    case = case_after(two, by("ada"), cmd.Absent("ada", "on holiday"))
    assert mails(case, "escalate") == []


def test_an_absence_brings_only_the_rules_of_that_person_forward() -> None:
    case = case_after(*TWO_RULES, cmd.Absent("ada", "on holiday"))
    assert mails(case, "escalate") == []


def test_a_mail_about_an_older_revision_that_comes_back_brings_nothing_forward() -> None:
    case = case_after(*ESCALATED)
    mail = case.mails[0].id
    case = after(after(case, cmd.MailWas(mail, "sent", digest="sha256:m")), EDIT(case))
    case = after(case, cmd.MailWas(mail, "failed", error="550"), 1.0)
    assert (mails(case, "escalate"), case.unreached) == ([], {})


def test_an_absence_after_the_time_is_over_escalates_nothing() -> None:
    case = case_after(*ESCALATED, EXPIRES, cmd.Absent("ada", "on holiday"))
    assert (mails(case, "escalate"), case.unreached) == ([], {"ada": "away"})


def test_who_answers_all_the_same_is_reached() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2),)))
    assert case_after(two, cmd.Absent("ada", "on holiday"), by("ada")).unreached == {}


ASKED_OF: dict[str, Any] = {
    "at its instant": lambda case: decide(case, cmd.Tick({"cleo": "eve"}), 30.0),
    "for an absence": lambda case: decide(case, cmd.Absent("ada", away={"cleo": "eve"}), 5.0),
    "for what came back": lambda case: decide(
        case, cmd.MailWas(case.mails[0].id, "failed", error="550", away={"cleo": "eve"}), 5.0
    ),
}


@pytest.mark.parametrize("name", ASKED_OF)
def test_a_stand_in_is_asked_where_it_is_escalated_to_somebody_away(name: str) -> None:
    handed = [e for e in ASKED_OF[name](case_after(*ESCALATED)) if isinstance(e, ev.Handed)]
    assert [(e.why, e.people, e.refs) for e in handed] == [("escalation", ("eve",), ("cleo",))]


# A daemon that was down


def test_after_a_long_night_everybody_gets_one_mail() -> None:
    """Somebody went away, the question was to be escalated, and two reminders were due."""
    asked = quorum(remind=(20, 60), escalate=TO_CLEO)
    case = case_after(receive(verdict_=verdict(quorums=(asked,))))
    events = decide(case, cmd.Tick({"ada": "eve"}), 70.0)
    people = sorted(person for event in events for person in getattr(event, "people", ()))
    assert people == ["bob", "cleo", "eve"]
    later = after(case, cmd.Tick({"ada": "eve"}), 70.0)
    assert (told(later, 71.0, ada="eve"), due(later)) == ([], EXPIRES)


def test_after_the_expiry_nothing_else_is_told() -> None:
    asked = quorum(remind=(20, 60), escalate=TO_CLEO)
    case = case_after(receive(verdict_=verdict(quorums=(asked,))))
    assert told(case, EXPIRES + 50, ada="eve") == [("Expired", ())]


# When time next matters


AGENT = executor_ref(type="agent")
RAN = (receive(verdict_=sampled()), begin(), 5, finish())
NEXT: dict[str, tuple[tuple[Any, ...], float | None]] = {
    "it waits for people": ((), EXPIRES),
    "it waits for a slot": ((by("ada"),), EXPIRES),
    "it is tried again": ((by("ada"), begin(), 7, finish("temporary", retries=1)), 8.0),
    "it would be tried again too late": (
        (by("ada"), begin(), 99.5, finish("temporary", retries=1)),
        EXPIRES,
    ),
    "a permit": ((receive(executor=AGENT), by("ada"), 3, begin(AGENT)), 23.0),
    "it runs": ((by("ada"), begin()), None),
    "in doubt": ((by("ada"), begin(), finish("doubt")), None),
    "over": ((by("ada", "reject"),), None),
    "reviewed until then": (RAN, 105.0),
    "reviewed": ((*RAN, by("ada", "ok")), None),
}


@pytest.mark.parametrize("name", NEXT)
def test_time_next_changes_it_at(name: str) -> None:
    so_far, expected = NEXT[name]
    assert due(case_after(*so_far)) == expected


def test_who_is_asked_for_somebody_away_is_asked_at_that_moment_and_so_on_their_return() -> None:
    case = case_after()
    away = decide(case, cmd.Tick({"ada": "eve"}), 7.0)
    assert away == [ev.Handed(7.0, "away", ("money",), ("eve",), (), ("ada",))]
    stood_in = after(case, cmd.Tick({"ada": "eve"}), 7.0)
    names = {"ada": NAMES["ada"], "bob": NAMES["bob"], "eve": NAMES["eve"]}
    back = decide(stood_in, cmd.Tick({}, names), 9.0)
    assert back == [ev.Handed(9.0, "away", ("money",), ("ada",), (), ("eve",))]


def test_a_reminder_after_one_second_is_one() -> None:
    case = case_after(receive(verdict_=verdict(quorums=(quorum(remind=(1,)),))))
    assert (due(case), told(case, 1.0)) == (1.0, [("Reminded", ("ada", "bob"))])


def test_an_escalation_bears_the_time_at_which_it_was_found_due() -> None:
    assert [event.at for event in decide(case_after(*ESCALATED), TICK, 31.0)] == [31.0]


def test_rules_that_escalate_to_others_ask_each_of_them() -> None:
    rules = (
        quorum("money", escalate=TO_CLEO),
        quorum("large", "bob", escalate=Escalation(30, ("dan",), ("dan",))),
    )
    case = case_after(receive(verdict_=verdict(quorums=rules)))
    assert [(e.rules, e.people) for e in decide(case, TICK, 30.0) if isinstance(e, ev.Handed)] == [
        (("money",), ("cleo",)),
        (("large",), ("dan",)),
    ]


# Who may decide by now


def handed(case: Case, *people: str, **away: str) -> list[tuple[str, tuple[str, ...], Any, Any]]:
    """The questions that go to others where only these people may decide, and why."""
    names = {person: NAMES[person] for person in people}
    events = decide(case, cmd.Tick(away, names), 5.0)
    return [(e.why, e.rules, e.people, e.leaving) for e in events if isinstance(e, ev.Handed)]


def test_who_may_decide_no_longer_gives_the_question_to_those_who_may() -> None:
    case = case_after(receive(verdict_=verdict(quorums=(quorum("money", "finance", "cleo"),))))
    assert handed(case, "ada", "bob", "cleo", "dora") == []
    only_ada = case_after(receive(verdict_=asks_only("ada")))
    assert handed(only_ada, "bob") == [("away", ("money",), ("bob",), ("ada",))]


def test_a_rule_that_had_too_few_asks_those_who_are_able_by_now() -> None:
    nobody = case_after(receive(verdict_=asks_only()))
    assert handed(nobody, "ada", "bob") == [("able", ("money",), ("ada", "bob"), ())]
    assert handed(nobody, "eve") == []
    one_of_two = case_after(receive(verdict_=asks_only("ada", approvals=2)))
    assert handed(one_of_two, "ada", "bob") == [("able", ("money",), ("bob",), ())]


def test_who_has_approved_or_is_away_is_not_asked_anew() -> None:
    one_of_two = case_after(receive(verdict_=asks_only("ada", approvals=2)), by("ada"))
    assert handed(one_of_two, "ada", "bob") == [("able", ("money",), ("bob",), ())]
    assert handed(one_of_two, "ada", "bob", bob="eve") == []


def test_a_rule_without_need_holds_no_later_one_up() -> None:
    rules = (quorum("large", "cleo"), *asks_only("ada").quorums)
    case = case_after(receive(verdict_=verdict(quorums=rules)))
    assert handed(case, "bob", "cleo") == [("away", ("money",), ("bob",), ("ada",))]


def asks_only(*people: str, approvals: int = 1) -> Verdict:
    """A rule that is open to finance, of whom only these were asked."""
    return verdict(quorums=(Quorum("money", approvals, ("finance",), people),))
