"""Edits and routes: what becomes of a case, and of those who were asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.canonical import digest
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.documents import case_document, queue_row, result
from hitl_mail.core.effects import Mail
from hitl_mail.core.quorum import routes as names_to_hand_to
from hitl_mail.core.quorum import waiting_for
from hitl_mail.core.said import revision_digest
from hitl_mail.core.verdict import Escalation, Quorum, Verdict
from hitl_mail.errors import NotAllowed
from tests.factories import (
    EXPIRES,
    NAMES,
    action,
    after,
    attachment,
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
    target,
    verdict,
)

TWO = verdict(quorums=(quorum(approvals=2),))
LARGE = verdict(quorums=(quorum(), quorum("large", "cleo")))
TO_CLEO = verdict(quorums=(quorum(route_to=("cleo",)),))
TO_ADMINS = verdict(quorums=(quorum(route_to=("@admins",)),))


def edits(person: str = "ada", to: cmd.Change | None = None, **fields: Any) -> Any:
    """For `case_after`: `person` edits the case as it is then."""
    return lambda case: decide_(case, person, "edit", change=to or change(), **fields)


def routes(person: str, to: cmd.Target | None, **fields: Any) -> Any:
    return lambda case: decide_(case, person, "route", target=to, **fields)


def asked(case: Case) -> list[str]:
    """Who is asked about the newest revision, each mail once."""
    mails = (effect for effect in case.pending.values() if isinstance(effect, Mail))
    number = case.revision.number
    return [m.to for m in mails if m.about == "ask" and m.revision == number]


def refused(case: Case, command: cmd.Decide, now: float = 0.0) -> NotAllowed:
    with pytest.raises(NotAllowed) as found:
        decide(case, command, now)
    return found.value


# An edit


def test_an_edit_makes_a_revision_with_a_payload_a_digest_and_a_title_of_its_own() -> None:
    before = case_after()
    case = after(before, edits()(before))
    assert (case.revision.number, case.payload["amount"], case.revision.by) == (2, 40, "ada")
    assert case.title == "Refund 40 EUR to Ada"
    assert case.revision.digest != before.revision.digest


def test_the_same_payload_edited_back_is_another_revision_all_the_same() -> None:
    case = case_after(edits(), edits(to=change(49)))
    first, _, third = case.revisions
    assert first.digest != third.digest


def test_an_edit_asks_everybody_again_and_is_no_approval() -> None:
    case = case_after(edits())
    assert (case.status, asked(case)) == ("pending", ["ada", "bob"])
    assert waiting_for(case) == ("ada", "bob")


def test_who_edited_may_approve_next() -> None:
    assert case_after(edits(), by("ada")).status == "approved"


def test_earlier_approvals_fall_with_an_edit() -> None:
    case = case_after(receive(verdict_=TWO), by("bob"), edits(), by("ada"))
    assert (case.status, waiting_for(case)) == ("pending", ("bob",))
    assert after(case, by("bob")(case)).status == "approved"


def test_what_was_seen_before_an_edit_approves_nothing() -> None:
    before = case_after()
    case = after(before, edits()(before))
    assert code(case, decide_(case, "bob", seen=before.revision.digest)) == "changed"


def test_who_sees_the_first_payload_cannot_edit_the_second() -> None:
    before = case_after()
    case = after(before, edits()(before))
    stale = decide_(case, "bob", "edit", seen=before.revision.digest, change=change(30))
    assert code(case, stale) == "changed"


@pytest.mark.parametrize("to", [None, change(49)], ids=["no change", "the same payload"])
def test_an_edit_that_changes_nothing_is_refused(to: cmd.Change | None) -> None:
    case = case_after()
    assert code(case, decide_(case, "ada", "edit", change=to)) == "unchanged"


def test_true_is_another_payload_than_one() -> None:
    one = case_after(edits(to=change(1)))
    true = msgspec.structs.replace(change(1), payload={**change(1).payload, "amount": True})
    assert after(one, edits(to=true)(one)).payload["amount"] is True


def test_what_the_rules_forbid_cannot_be_edited_into_being() -> None:
    case = case_after()
    deny = change(9, verdict("deny", reasons=("Never nine",)))
    error = refused(case, decide_(case, "ada", "edit", change=deny))
    assert (error.code, "Never nine" in error.detail) == ("forbidden", True)


MILDER = {"auto": verdict("auto"), "sample": sampled(), "one of two": verdict()}


@pytest.mark.parametrize("name", MILDER)
def test_an_edit_that_the_rules_take_lightly_needs_what_was_needed_before(name: str) -> None:
    case = case_after(receive(verdict_=TWO), edits(to=change(1, MILDER[name])), by("ada"))
    assert (case.status, case.verdict.gate, case.verdict.sampled) == ("pending", "hard", None)
    assert after(case, by("bob")(case)).status == "approved"


def test_an_edit_that_reaches_another_rule_needs_its_people_too() -> None:
    case = case_after(edits(to=change(5000, LARGE)))
    assert asked(case) == ["ada", "bob", "cleo"]
    assert after(case, by("ada")(case)).status == "pending"
    assert case_after(edits(to=change(5000, LARGE)), by("cleo"), by("ada")).status == "approved"


def test_an_edit_back_does_not_shake_off_the_stricter_rule() -> None:
    case = case_after(edits(to=change(5000, LARGE)), edits(to=change(40)), by("ada"))
    assert (case.status, waiting_for(case)) == ("pending", ("cleo",))


def test_of_a_rule_that_speaks_again_after_an_edit_only_the_newer_reason_stands() -> None:
    moved = verdict(quorums=[quorum("money")], reasons=("Moves 49 EUR",))
    moves = verdict(quorums=[quorum("money")], reasons=("Moves 40 EUR",))
    case = case_after(receive(verdict_=moved), edits(to=change(40, moves)))
    assert case.verdict.reasons == ("Moves 40 EUR",)


def test_the_reason_of_a_rule_that_no_longer_matches_stands_as_it_still_asks() -> None:
    large = verdict(quorums=[quorum("large", "cleo")], reasons=("5000 EUR is much",))
    case = case_after(receive(verdict_=large), edits("cleo", change(40)))
    assert case.verdict.spoken == (("large", "5000 EUR is much"), ("money", "Moves funds"))


def test_an_edit_never_gives_more_time() -> None:
    later = verdict(expires=1000)
    assert case_after(60, edits(to=change(40, later))).expires_at == EXPIRES


def test_an_edit_that_reaches_a_more_hurried_rule_expires_sooner() -> None:
    hurried = verdict(quorums=(quorum(), quorum("large", "cleo")), expires=10)
    assert case_after(60, edits(to=change(5000, hurried))).expires_at == 70.0


def test_the_executor_of_an_edit_is_the_one_of_that_moment() -> None:
    moved = change(40, executor=executor_ref(digest="sha256:b"))
    case = case_after(edits(to=moved), by("ada"), begin(moved.executor))
    assert (case.status, len(case.revisions)) == ("executing", 2)


def test_an_edited_case_says_so_with_the_payload_that_ran() -> None:
    case = case_after(edits(), by("bob"), begin(), finish(), cmd.FiledAs(1, "sha256:r"))
    found = result(case)
    assert (found["edited"], found["payload"]["amount"], found["status"]) == (True, 40, "executed")


def test_an_approved_case_is_edited_no_more() -> None:
    case = case_after(by("ada"))
    assert code(case, edits()(case)) == "not_now"


def test_one_reject_ends_it_whoever_has_edited_and_approved() -> None:
    assert case_after(receive(verdict_=TWO), edits(), by("ada"), by("bob", "reject")).status == (
        "rejected"
    )


AUTOMATIC: dict[str, Verdict] = {"auto": verdict("auto"), "sample": sampled()}


@pytest.mark.parametrize("name", AUTOMATIC)
def test_an_edit_of_what_ran_alone_and_is_retried_waits_for_the_standby(name: str) -> None:
    reopened = (begin(), finish("doubt"), 150, by("cleo", "retry"))
    case = case_after(
        receive(verdict_=AUTOMATIC[name]),
        *reopened,
        edits("cleo", change(40, AUTOMATIC[name])),
    )
    assert (case.status, waiting_for(case)) == ("pending", ("cleo",))
    assert after(case, by("cleo")(case), 150).status == "approved"


def test_an_edit_after_a_retry_has_no_more_time_than_the_retry() -> None:
    case = case_after(by("ada"), begin(), finish("doubt"), 150, by("ada", "retry"), 200, edits())
    assert case.expires_at == 150 + EXPIRES


# What a decision is bound to


def test_a_revision_is_bound_to_what_runs_by_which_executor_and_to_which_asking() -> None:
    attachments = [{"name": "a.csv", "digest": "sha256:x"}]
    sealed = revision_digest("k", {"n": 1}, attachments, executor_ref(), 3, "salt")
    assert sealed == digest(
        {
            "kind": "k",
            "payload": {"n": 1},
            "attachments": attachments,
            "executor": {"name": "refund", "digest": "sha256:a"},
            "number": 3,
            "salt": "salt",
        }
    )


MOVED = executor_ref(digest="sha256:b")
REVISED: dict[str, Any] = {
    "received": (),
    "edited": (edits(),),
    "edited, then other settings": (edits(), by("ada"), begin(MOVED)),
    "other settings": (by("ada"), begin(MOVED)),
    "retried after expiry": (by("ada"), begin(), finish("doubt"), 150, by("ada", "retry")),
    "edited, retried after expiry": (
        *(edits(), by("ada"), begin(), finish("doubt"), 150, by("ada", "retry")),
    ),
}


@pytest.mark.parametrize("name", REVISED)
def test_every_revision_is_bound_to_all_it_would_run(name: str) -> None:
    document = action(id="refund-8841", attachments=[attachment()])
    case = case_after(receive(document), *REVISED[name])
    of = case.revision
    assert of.digest == revision_digest(
        "payment.refund", case.payload, case.attachments, of.executor, of.number, of.salt
    )
    assert of.at == (150 if "retried" in name else 0)
    assert (of.number, case.attachments) == (len(case.revisions), receive(document).attachments)


def test_every_revision_has_a_salt_of_its_own() -> None:
    case = case_after(edits(), edits(to=change(30)))
    first, second, third = (revision.salt for revision in case.revisions)
    assert (second, third) == (digest([first, 2]), digest([second, 3]))


# What is told to who may not say it


AGENT = executor_ref(type="agent")
EXECUTED = (by("ada"), begin(), finish())
REVIEWED = (receive(verdict_=sampled()), begin(), finish())
REFUSALS: dict[str, tuple[Any, Any, float, tuple[str, str]]] = {
    "final": (EXECUTED, by("ada"), 0, ("closed", "the case is already executed")),
    "another verb's turn": (
        (),
        by("ada", "done"),
        0,
        (
            "not_now",
            "the case is pending, done does not apply; what does: approve, reject, edit, route",
        ),
    ),
    "nobody's turn": (
        (by("ada"),),
        by("bob"),
        0,
        ("not_now", "the case is approved, approve does not apply; nothing is to be decided"),
    ),
    "the agent's turn": (
        (receive(executor=AGENT), by("ada"), begin(AGENT)),
        by("bob", "done"),
        0,
        (
            "not_now",
            "the case is approved, done does not apply; nothing is to be decided;"
            " its permit ends at 1970-01-01T00:00:20.000Z; then done, retry or abandon",
        ),
    ),
    "something older was seen": (
        (),
        lambda case: decide_(case, seen="sha256:old"),
        0,
        ("changed", "the case changed since it was shown; look at it again"),
    ),
    "the review is over": (
        REVIEWED,
        by("ada", "ok"),
        100,
        ("expired", "the time for its review is over"),
    ),
    "the time is over": ((), by("ada"), EXPIRES, ("expired", "the case has expired")),
    "the owner": (
        (),
        by("dora"),
        0,
        (
            "own_request",
            "dora asked for this, or owns the agent that did, and nobody approves their own"
            " request; it waits for ada, bob",
        ),
    ),
    "the owner, whom alone it waits for": (
        (receive(verdict_=verdict(quorums=(Quorum("money", 1, ("dora",), ("dora",)),))),),
        by("dora"),
        0,
        (
            "own_request",
            "dora asked for this, or owns the agent that did, and nobody approves their own"
            " request; nobody else was asked, so an admin has to name somebody else:"
            " hitl-mail status tells how",
        ),
    ),
    "somebody else": ((), by("eve"), 0, ("not_reviewer", "eve is not one of its reviewers")),
    "another door": (
        (receive(verdict_=verdict(quorums=(quorum(doors=("mail", "cli")),))),),
        by("ada", via="link"),
        0,
        ("door", "this rule takes decisions by mail, cli only"),
    ),
    "said already": (
        (receive(verdict_=TWO), by("ada")),
        by("ada"),
        0,
        ("already", "ada has approved; others still have to"),
    ),
    "nothing changed": (
        (),
        edits(to=change(49)),
        0,
        ("unchanged", "the edit leaves everything as it is"),
    ),
    "forbidden": (
        (),
        edits(to=change(9, verdict("deny", reasons=("Never nine", "Nor odd")))),
        0,
        ("forbidden", "the rules forbid what the edit would run: Never nine; Nor odd"),
    ),
    "approved, then handed on": (
        (receive(verdict_=TWO), by("ada")),
        routes("ada", target("bob")),
        0,
        ("already", "ada has approved; others still have to"),
    ),
    "handed to nobody": (
        (),
        routes("ada", None),
        0,
        ("no_target", "nobody in nobody may decide this"),
    ),
    "handed to a group of nobody": (
        (),
        routes("ada", target("interns")),
        0,
        ("no_target", "nobody in interns may decide this"),
    ),
    "handed to oneself": (
        (),
        routes("ada", target("ada")),
        0,
        ("no_target", "it is with you already"),
    ),
    "handed to somebody else": (
        (receive(verdict_=TO_CLEO),),
        routes("ada", target("eve")),
        0,
        ("no_target", "the rule does not let you hand it to eve; it may go to: bob, cleo"),
    ),
    "handed to somebody else by the only one": (
        (receive(verdict_=verdict(quorums=(quorum("money", "ada"),))),),
        routes("ada", target("eve")),
        0,
        (
            "no_target",
            "the rule does not let you hand it to eve; it may go to: nobody (an admin can add"
            " route_to to the rule in rules.toml)",
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_is_wrong_and_what_would_do(name: str) -> None:
    so_far, command, now, expected = REFUSALS[name]
    case = case_after(*so_far)
    error = refused(case, command(case), now)
    assert (error.code, error.detail) == expected


# A retry


@pytest.mark.parametrize(("at", "status"), [(EXPIRES - 1, "approved"), (EXPIRES, "pending")])
def test_a_retry_from_the_moment_of_expiry_on_is_asked_afresh(at: float, status: str) -> None:
    assert case_after(by("ada"), begin(), finish("doubt"), at, by("ada", "retry")).status == status


# A route


def test_who_comes_to_a_group_that_the_rule_names_may_decide_what_was_handed_to_it() -> None:
    to_team = verdict(quorums=(quorum(route_to=("team",)),))
    case = case_after(receive(verdict_=to_team), routes("ada", target("team", "cleo")))
    assert case.quorums[0].refs == ("finance", "team")
    newcomer = decide_(case, "eve", names=frozenset({"eve", "team"}))
    assert after(case, newcomer).status == "approved"


def test_of_two_rules_one_takes_the_question_and_only_that_one_is_handed_on() -> None:
    rules = (quorum("money", route_to=("cleo",)), quorum("large", "ada"))
    case = case_after(receive(verdict_=verdict(quorums=rules)), routes("ada", target("cleo")))
    assert [q.reviewers for q in case.quorums] == [("bob", "cleo"), ("ada",)]


def test_a_decision_that_hands_nothing_on_names_nobody() -> None:
    assert [d.to for d in case_after(by("ada")).decisions] == [""]


def test_who_hands_it_on_is_waited_for_no_longer_and_may_still_decide() -> None:
    case = case_after(receive(verdict_=TO_CLEO), routes("ada", target("cleo")))
    assert (waiting_for(case), asked(case)) == (("bob", "cleo"), ["ada", "bob", "cleo"])
    assert after(case, by("ada")(case)).status == "approved"


def test_a_question_goes_to_another_reviewer() -> None:
    case = case_after(routes("ada", target("bob")))
    assert (case.status, waiting_for(case)) == ("pending", ("bob",))


def test_a_question_goes_to_a_group_that_the_rule_names() -> None:
    case = case_after(receive(verdict_=TO_CLEO), routes("ada", target("cleo"), note="yours"))
    back = after(case, routes("cleo", target("finance"))(case))
    assert waiting_for(back) == ("ada", "bob")


def test_whom_it_is_handed_to_counts_for_that_rule_only() -> None:
    both = verdict(quorums=(quorum(route_to=("cleo",)), quorum("large", "bob")))
    case = case_after(receive(verdict_=both), routes("ada", target("cleo")), by("cleo"))
    assert (case.status, waiting_for(case)) == ("pending", ("bob",))


def test_a_question_goes_to_nobody_whom_the_rule_does_not_name() -> None:
    case = case_after()
    error = refused(case, routes("ada", target("cleo"))(case))
    assert (error.code, error.detail.endswith("it may go to: bob")) == ("no_target", True)


@pytest.mark.parametrize(
    "to",
    [None, target("nobody"), target("ada")],
    ids=["nobody", "a group of people who may not decide", "oneself"],
)
def test_a_question_needs_somebody_else_to_go_to(to: cmd.Target | None) -> None:
    case = case_after()
    assert code(case, routes("ada", to)(case)) == "no_target"


def test_who_has_approved_has_nothing_to_hand_on() -> None:
    case = case_after(receive(verdict_=TWO), by("ada"))
    assert code(case, routes("ada", target("bob"))(case)) == "already"


@pytest.mark.parametrize(("person", "expected"), [("dora", "own_request"), ("eve", "not_reviewer")])
def test_who_may_not_decide_may_not_hand_it_on(person: str, expected: str) -> None:
    case = case_after()
    assert code(case, routes(person, target("bob"))(case)) == expected


def test_the_note_of_a_route_is_kept_with_whom_it_went_to() -> None:
    case = case_after(routes("ada", target("bob"), note="you know her"))
    [said] = case.decisions
    assert (said.verb, said.to, said.note) == ("route", "bob", "you know her")


def test_of_two_who_must_approve_none_is_let_off_by_handing_it_to_the_other() -> None:
    case = case_after(receive(verdict_=TWO), routes("ada", target("bob")), by("bob"))
    assert (case.status, waiting_for(case)) == ("pending", ("ada",))


def test_of_two_who_must_approve_a_third_takes_the_place_of_one() -> None:
    two = verdict(quorums=(quorum(approvals=2, route_to=("cleo",)),))
    case = case_after(receive(verdict_=two), routes("ada", target("cleo")))
    assert waiting_for(case) == ("bob", "cleo")


def test_a_stand_in_does_not_open_the_rule_to_whom_they_stand_in_for() -> None:
    to_eve = cmd.Target("eve", {"eve": NAMES["eve"]}, {"eve": "bob"})
    case = case_after()
    assert code(case, routes("ada", to_eve)(case)) == "no_target"


def test_a_stand_in_is_asked_in_the_place_of_whom_it_is_handed_to() -> None:
    to_bob = cmd.Target("bob", {"bob": NAMES["bob"]}, {"bob": "eve"})
    case = case_after(routes("ada", to_bob))
    assert waiting_for(case) == ("bob", "eve")


def test_a_group_whose_people_may_decide_anyway_is_let_in_person_by_person() -> None:
    pair = cmd.Target("pair", {person: NAMES[person] for person in ("ada", "bob")})
    case = case_after(receive(verdict_=TO_CLEO), routes("bob", pair))
    newcomer = decide_(case, "eve", names=frozenset({"eve", "pair"}))
    assert code(case, newcomer) == "not_reviewer"


def test_a_person_of_a_group_that_may_be_named_may_be_named_too() -> None:
    case = case_after(receive(verdict_=TO_ADMINS), routes("ada", target("cleo")), by("cleo"))
    assert case.status == "approved"


# What a handing outlives


HANDED = (receive(verdict_=TO_CLEO), routes("ada", target("cleo")))
POLICIES = {
    "one rule more": verdict(quorums=(*TO_CLEO.quorums, quorum("large", "bob"))),
    "two of them": verdict(quorums=(quorum(approvals=2, route_to=("cleo",)),)),
    "one door less": verdict(quorums=(quorum(doors=("mail", "cli"), route_to=("cleo",)),)),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_handing_outlives_a_stricter_policy(name: str) -> None:
    case = case_after(*HANDED, cmd.Rejudge(POLICIES[name]))
    assert waiting_for(case) == ("bob", "cleo")
    assert after(case, by("cleo")(case)).decisions[-1].counts == ("money",)


def test_a_handing_outlives_an_edit() -> None:
    case = case_after(*HANDED, edits("bob", change(40, TO_CLEO)))
    assert (waiting_for(case), asked(case)[-2:]) == (("bob", "cleo"), ["bob", "cleo"])


def test_a_handing_outlives_a_restart() -> None:
    case = case_after(*HANDED)
    read = msgspec.json.decode(msgspec.json.encode(case), type=Case)
    assert (read == case, waiting_for(read)) == (True, ("bob", "cleo"))


def test_an_escalation_outlives_a_policy_that_wants_more_of_the_same_people() -> None:
    escalate = Escalation(10, ("cleo",), ("cleo",))
    one = verdict(quorums=(quorum(escalate=escalate),))
    two = verdict(quorums=(quorum(approvals=2, escalate=escalate),))
    case = case_after(receive(verdict_=one), 10, cmd.Tick(), 20, cmd.Rejudge(two))
    assert (decide(case, cmd.Tick(), 20), "cleo" in waiting_for(case)) == ([], True)


def test_who_handed_it_on_and_edits_it_is_shown_what_they_made() -> None:
    case = case_after(*HANDED, edits("ada", change(40, TO_CLEO)))
    assert asked(case)[-3:] == ["ada", "bob", "cleo"]


def test_the_queue_says_who_is_waited_for_after_a_route() -> None:
    assert queue_row(case_after(*HANDED))["waiting_for"] == ["bob", "cleo"]


def test_history_says_who_handed_what_to_whom() -> None:
    [moment] = [m for m in case_after(*HANDED).history if m.event == "handed"]
    assert moment.detail == {"why": "route", "rules": ["money"], "to": ["cleo"], "by": "ada"}


def test_an_edit_by_mail_is_confirmed_only_where_no_packet_follows() -> None:
    case = case_after(edits())
    mails = [effect for effect in case.pending.values() if isinstance(effect, Mail)]
    assert [mail.about for mail in mails if mail.to == "ada"] == ["ask", "ask"]


def test_a_route_by_mail_is_confirmed() -> None:
    case = case_after(*HANDED)
    mails = [effect for effect in case.pending.values() if isinstance(effect, Mail)]
    assert [mail.about for mail in mails if mail.to == "ada"] == ["ask", "recorded"]


def test_a_decision_read_twice_is_recorded_once() -> None:
    before = case_after()
    said = edits(message_id="<1@x>")(before)
    case = after(before, said)
    assert (decide(case, said, 0.0), len(case.revisions)) == ([], 2)


def test_a_receipt_tells_to_whom_a_question_was_handed_and_a_result_keeps_its_keys() -> None:
    case = case_after(*HANDED)
    [receipted] = case_document(case)["decisions"]
    [told] = result(case)["decisions"]
    assert (receipted["verb"], receipted["to"]) == ("route", "cleo")
    assert list(told) == ["by", "verb", "via", "at", "note"]


def test_nobody_is_offered_names_that_mean_only_them() -> None:
    alone = verdict(quorums=(quorum("money", "ada"),))
    beside = verdict(quorums=(quorum("money", "ada", route_to=("cleo",)),))
    assert names_to_hand_to(case_after(receive(verdict_=alone)), "ada") == ()
    assert names_to_hand_to(case_after(receive(verdict_=beside)), "ada") == ("cleo",)
    assert names_to_hand_to(case_after(), "ada") == ("bob", "finance")
