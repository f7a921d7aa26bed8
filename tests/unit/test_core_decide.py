"""Single steps of a case that the walk over all states does not spell out."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.canonical import digest
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.documents import waiting_for
from hitl_mail.core.effects import File, Mail, Result
from hitl_mail.core.evolve import evolve
from hitl_mail.errors import Impossible, NotAllowed
from tests.factories import (
    EXPIRES,
    after,
    begin,
    by,
    case_after,
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

AGENT = executor_ref(type="agent")


def owed(case: Case, kind: type[Any]) -> list[Any]:
    return [effect for effect in case.pending.values() if isinstance(effect, kind)]


def executed() -> Case:
    return case_after(decide_, begin(), finish("ok"))


def test_an_open_case_has_no_receipt() -> None:
    assert code(case_after(), cmd.FiledAs(1, "sha256:r")) == "not_now"


def test_an_event_that_files_an_open_case_is_impossible() -> None:
    with pytest.raises(Impossible):
        evolve(case_after(), ev.Filed(0.0, 1, "sha256:r"))


def test_an_event_that_files_a_case_twice_is_impossible() -> None:
    filed = case_after(decide_, begin(), finish("ok"), cmd.FiledAs(1, "sha256:r"))
    with pytest.raises(Impossible):
        evolve(filed, ev.Filed(0.0, 2, "sha256:s"))


def test_a_receipt_told_twice_is_recorded_once() -> None:
    filed = after(executed(), cmd.FiledAs(1, "sha256:r"))
    assert decide(filed, cmd.FiledAs(1, "sha256:r"), 0.0) == []


def test_a_receipt_and_a_result_told_in_one_breath_are_what_they_are_one_by_one() -> None:
    together = after(executed(), cmd.FiledAs(1, "sha256:r", result=True))
    filed = after(executed(), cmd.FiledAs(1, "sha256:r"))
    (result,) = owed(filed, Result)
    assert together == after(filed, cmd.ResultWas(result.id))
    assert decide(together, cmd.FiledAs(1, "sha256:r", result=True), 0.0) == []


def test_a_written_result_settles_no_mail() -> None:
    case = case_after()
    (mail, *_) = owed(case, Mail)
    assert decide(case, cmd.ResultWas(mail.id), 0.0) == []


def test_a_written_result_settles_no_receipt() -> None:
    case = executed()
    (receipt,) = owed(case, File)
    assert decide(case, cmd.ResultWas(receipt.id), 0.0) == []


def test_a_written_result_settles_its_effect_once() -> None:
    case = after(executed(), cmd.FiledAs(1, "sha256:r"))
    (result,) = owed(case, Result)
    done = after(case, cmd.ResultWas(result.id))
    assert (owed(done, Result), decide(done, cmd.ResultWas(result.id), 0.0)) == ([], [])


@pytest.mark.parametrize(
    "note",
    [
        ev.MailSent(0.0, "m99", "sha256:m"),
        ev.MailDeferred(0.0, "m99", 1, 1.0, "451"),
        ev.MailFailed(0.0, "m99", "550"),
        ev.ResultWritten(0.0, "m99"),
        ev.ResultWritten(0.0, "m1"),
    ],
    ids=lambda note: f"{type(note).__name__} {note.effect}",
)
def test_a_note_about_what_is_not_owed_is_impossible(note: ev.Note) -> None:
    with pytest.raises(Impossible):
        evolve(case_after(), note)


def test_a_note_about_no_case_is_impossible() -> None:
    with pytest.raises(Impossible):
        evolve(None, ev.Answered(0.0, "ada", "help"))


def two_doors() -> cmd.Receive:
    """bob is asked by two rules, one of which takes no link."""
    return receive(
        verdict_=verdict(
            quorums=(quorum("money", "bob"), quorum("large", "bob", doors=("mail", "cli")))
        )
    )


def test_an_approval_through_one_door_leaves_the_other_rule_s_door_open() -> None:
    assert case_after(two_doors(), by("bob", via="link"), by("bob")).status == "approved"


def test_an_approval_that_adds_nothing_was_already_said() -> None:
    case = case_after(two_doors(), by("bob", via="link"))
    assert code(case, decide_(case, "bob", via="link")) == "already"


def test_who_has_yet_to_approve_by_another_door_is_waited_for() -> None:
    assert waiting_for(case_after(two_doors(), by("bob", via="link"))) == ("bob",)


def test_who_has_approved_is_not_waited_for() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2),)))
    assert waiting_for(case_after(two, by("ada"))) == ("bob",)


def test_an_approval_counts_in_every_quorum_of_the_person() -> None:
    assert case_after(two_doors(), by("bob")).status == "approved"


def test_a_rule_s_doors_are_those_to_settle_its_case_too() -> None:
    asked = receive(verdict_=verdict(quorums=(quorum(doors=("mail", "cli")),)))
    case = case_after(asked, by("ada"), begin(), finish("doubt"))
    assert code(case, decide_(case, "ada", "retry", "link")) == "door"


def test_rules_without_a_door_in_common_are_settled_without_a_link() -> None:
    quorums = (quorum("money", "bob", doors=("mail",)), quorum("large", "bob", doors=("link",)))
    case = case_after(
        receive(verdict_=verdict(quorums=quorums)),
        by("bob"),
        by("bob", via="link"),
        begin(),
        finish("doubt"),
    )
    answers = [after(case, decide_(case, "bob", "done", via)).status for via in ("mail", "cli")]
    assert (answers, code(case, decide_(case, "bob", "done", "link"))) == (
        ["executed", "executed"],
        "door",
    )


@pytest.mark.parametrize(
    "changed", [executor_ref("refund2"), executor_ref(digest="sha256:b")], ids=["name", "settings"]
)
def test_another_executor_than_the_approved_one_is_asked_about_again(
    changed: ev.ExecutorRef,
) -> None:
    case = case_after(by("ada"), begin(changed))
    assert (case.status, case.revision.number, case.revision.executor) == ("pending", 2, changed)


def test_another_executor_of_an_automatic_action_needs_nobody() -> None:
    changed = executor_ref(digest="sha256:b")
    case = case_after(receive(verdict_=verdict("auto")), begin(changed), begin(changed))
    assert (case.status, case.revision.number) == ("executing", 2)


def test_an_approval_of_an_earlier_revision_does_not_count() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2),)))
    changed = executor_ref(digest="sha256:b")
    case = case_after(two, by("ada"), by("bob"), begin(changed), by("ada"))
    assert case.status == "pending"


def test_what_was_seen_before_a_change_approves_nothing() -> None:
    before = case_after(by("ada"))
    case = after(before, begin(executor_ref(digest="sha256:b")))
    assert code(case, decide_(case, seen=before.revision.digest)) == "changed"


@pytest.mark.parametrize(
    ("person", "verb", "expected"),
    [
        ("dora", "approve", "own_request"),
        ("dora", "reject", "own_request"),
        ("eve", "approve", "not_reviewer"),
        ("cleo", "approve", "not_reviewer"),
        ("ada", "ok", "not_now"),
        ("ada", "retry", "not_now"),
    ],
)
def test_who_may_not_say_what(person: str, verb: str, expected: str) -> None:
    case = case_after()
    assert code(case, decide_(case, person, verb)) == expected


def test_nobody_approves_at_the_moment_of_expiry() -> None:
    case = case_after()
    assert code(case, decide_(case), EXPIRES) == "expired"


def test_a_mail_counts_once() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2),)))
    case = case_after(two, lambda c: decide_(c, message_id="<1@x>"))
    assert decide(case, decide_(case, message_id="<1@x>"), 0.0) == []


def test_help_does_not_stand_in_for_the_answer_to_a_slip() -> None:
    case = case_after(cmd.Answer("ada", "help", "help"))
    for slip in range(3):
        case = after(case, cmd.Answer("ada", "not_understood", str(slip)))
    said = [mail.key for mail in owed(case, Mail) if mail.about == "answer"]
    assert said == ["help", "not_understood"]


def test_each_command_that_is_wrong_is_answered() -> None:
    """Who mends a line and sends it again wants to hear what is wrong now."""
    case = case_after(cmd.Answer("ada", "not_understood", "?"))
    for key in ("bad_edit", "bad_edit", "ambiguous", "changed", "no_target", "help"):
        [event] = decide(case, cmd.Answer("ada", key, "?"), 1.0)
        assert not event.quiet  # type: ignore[union-attr]
        case = after(case, cmd.Answer("ada", key, "?"), 1.0)
    [event] = decide(case, cmd.Answer("ada", "not_understood", "?"), 2.0)
    assert event.quiet  # type: ignore[union-attr]


def test_a_slip_an_hour_later_is_answered_again() -> None:
    case = case_after(cmd.Answer("ada", "not_understood", "1"))
    [soon] = decide(case, cmd.Answer("ada", "not_understood", "2"), 3599.0)
    [later] = decide(case, cmd.Answer("ada", "not_understood", "3"), 3600.0)
    assert (soon.quiet, later.quiet) == (True, False)  # type: ignore[union-attr]


def test_a_mail_that_was_answered_decides_nothing_later() -> None:
    case = case_after(cmd.Answer("ada", "help", "?", "<1@x>"))
    assert decide(case, decide_(case, message_id="<1@x>"), 0.0) == []


def test_what_answers_each_answer_is_soon_left_alone() -> None:
    def answer(number: int, key: str = "not_understood") -> cmd.Answer:
        return cmd.Answer("ada", key, "?", f"<{number}@x>")

    case = case_after(*(answer(number) for number in range(20)))
    said = [mail.to for mail in owed(case, Mail) if mail.about == "answer"]
    assert said == ["ada"]
    [event] = decide(case, answer(21, "help"), 0.0)
    assert not event.quiet  # type: ignore[union-attr]


def test_an_approval_that_is_not_enough_is_confirmed_by_mail() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2),)))
    case = case_after(two, lambda c: decide_(c, message_id="<1@x>"))
    (mail,) = [mail for mail in owed(case, Mail) if mail.about == "recorded"]
    assert (mail.to, mail.reply_to) == ("ada", "<1@x>")


def test_an_approval_that_the_agent_acts_on_is_confirmed_by_mail_at_once() -> None:
    case = case_after(receive(executor=AGENT), lambda c: decide_(c, message_id="<1@x>"))
    (mail,) = [mail for mail in owed(case, Mail) if mail.about == "recorded"]
    assert (mail.to, mail.key, mail.reply_to) == ("ada", "approve", "<1@x>")


def test_a_retry_that_the_agent_acts_on_is_confirmed_by_mail_at_once() -> None:
    doubted = (receive(executor=AGENT), by("ada"), begin(AGENT), 30, cmd.Tick())
    again = case_after(*doubted, 40, by("bob", "retry"))
    told = [(mail.to, mail.key) for mail in owed(again, Mail) if mail.about == "recorded"]
    assert told == [("ada", "approve"), ("bob", "retry")]


def test_a_retry_that_is_asked_afresh_lets_no_agent_act() -> None:
    doubted = (receive(executor=AGENT), by("ada"), begin(AGENT), 30, cmd.Tick())
    asked = case_after(*doubted, EXPIRES, by("bob", "retry"))
    told = [mail.to for mail in owed(asked, Mail) if mail.about == "recorded"]
    assert (asked.status, told) == ("pending", ["ada"])


def test_at_a_page_or_the_command_line_an_approval_was_answered_there() -> None:
    for door in ("link", "cli"):
        case = case_after(receive(executor=AGENT), by("ada", via=door))
        assert [mail for mail in owed(case, Mail) if mail.about == "recorded"] == []


def test_everybody_asked_gets_one_mail() -> None:
    both = receive(verdict_=verdict(quorums=(quorum("money"), quorum("large", "bob", "cleo"))))
    asked = [mail.to for mail in owed(case_after(both), Mail) if mail.about == "ask"]
    assert asked == ["ada", "bob", "cleo"]


def test_who_decided_at_the_command_line_gets_no_mail_about_the_outcome() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2),)))
    case = case_after(
        two, by("ada", via="cli"), by("bob"), begin(), finish(), cmd.FiledAs(1, "sha256:r")
    )
    assert [mail.to for mail in owed(case, Mail) if mail.about == "outcome"] == ["bob"]


def test_a_deferred_mail_waits_and_counts_its_attempts() -> None:
    case = case_after()
    (mail, *_) = owed(case, Mail)
    later = after(case, cmd.MailWas(mail.id, "deferred", error="451", next_at=60.0))
    waiting = later.pending[mail.id]
    assert isinstance(waiting, Mail)
    assert (waiting.attempts, waiting.next_at, waiting.error) == (1, 60.0, "451")


def test_retries_wait_longer_each_time() -> None:
    case, waits, now = case_after(by("ada")), [], 0.0
    for attempt in range(1, 5):
        case = after(case, begin(), now)
        case = after(case, finish("temporary", attempt, retries=9), now)
        assert case.retry_at is not None
        waits.append(case.retry_at - now)
        now = case.retry_at
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_a_retry_is_not_due_before_its_time() -> None:
    case = case_after(by("ada"), begin(), finish("temporary", retries=1))
    assert code(case, begin(), 0.5) == "not_due"


def test_a_retry_further_away_than_any_is_put_off_was_meant_by_a_clock_that_was_ahead() -> None:
    case = case_after(by("ada"), begin(), finish("temporary", retries=1))
    assert case.retry_at is not None
    assert code(case, begin(), case.retry_at - 300) == "not_due"
    assert after(case, begin(), case.retry_at - 300.1).status == "executing"


def test_a_permit_is_for_the_payload_that_was_approved_and_ends_with_the_case() -> None:
    agent = executor_ref(type="agent")
    case = case_after(receive(executor=agent), by("ada"), 90, begin(agent, permit_seconds=20.0))
    assert case.permit is not None
    assert (case.permit.digest, case.permit.until) == (digest(case.payload), EXPIRES)


def test_a_retry_after_expiry_asks_afresh_and_for_as_long_as_at_first() -> None:
    case = case_after(by("ada"), begin(), finish("doubt"), 150, by("ada", "retry"))
    assert (case.status, case.expires_at) == ("pending", 150 + EXPIRES)


def test_a_retry_of_an_automatic_action_after_expiry_asks_the_standby() -> None:
    automatic = receive(verdict_=verdict("auto"))
    case = case_after(automatic, begin(), finish("doubt"), 150, by("cleo", "retry"), by("cleo"))
    assert case.status == "approved"


def test_a_retry_before_expiry_needs_no_new_approval() -> None:
    case = case_after(by("ada"), begin(), finish("doubt"), by("bob", "retry"), begin())
    assert (case.status, case.attempts) == ("executing", 2)


def test_an_admin_may_always_settle_what_is_in_doubt() -> None:
    case = case_after(by("ada"), begin(), finish("doubt"), by("cleo", "abandon"))
    assert case.status == "failed"


def test_who_settled_a_case_and_how_stands_in_the_outcome() -> None:
    case = case_after(by("ada"), begin(), finish("doubt"), by("ada", "done"))
    assert case.outcome == {"ok": True, "attempts": 1, "settled_by": "ada", "settled_as": "done"}


def test_there_is_nothing_to_decide_about_no_case() -> None:
    with pytest.raises(NotAllowed) as refused:
        decide(None, cmd.Tick(), 0.0)
    assert refused.value.code == "closed"


def test_a_mail_that_was_sent_may_come_back_once() -> None:
    case = case_after()
    mail = case.mails[0].id
    sent = after(case, cmd.MailWas(mail, "sent", digest="sha256:m"))
    back = after(sent, cmd.MailWas(mail, "failed", error="550"))
    assert [(log.status, log.error) for log in back.mails if log.id == mail] == [("failed", "550")]
    assert decide(back, cmd.MailWas(mail, "failed", error="550"), 0.0) == []


def test_there_is_no_such_open_case_is_said_of_no_case() -> None:
    with pytest.raises(NotAllowed) as refused:
        decide(None, cmd.Withdraw("billing"), 0.0)
    assert (refused.value.code, refused.value.detail) == ("closed", "there is no such open case")


NOT_NOW: dict[str, tuple[tuple[Any, ...], cmd.Command, tuple[str, str]]] = {
    "withdrawn when it is over": (
        (by("ada", "reject"),),
        cmd.Withdraw("billing"),
        ("closed", "the case is already rejected"),
    ),
    "withdrawn when it has started": (
        (by("ada"), begin()),
        cmd.Withdraw("billing"),
        ("started", "its execution has started, or may have"),
    ),
    "filed while it is open": (
        (),
        cmd.FiledAs(1, "sha256:r"),
        ("not_now", "the case is pending; it has no receipt yet"),
    ),
    "a review filed where there is none": (
        (by("ada"), begin(), finish(), cmd.FiledAs(1, "sha256:r")),
        cmd.FiledAs(2, "sha256:s", "review"),
        ("not_now", "the case has no review that is over, or no receipt yet"),
    ),
    "a review filed while it is open": (
        (receive(verdict_=sampled()), begin(), finish(), cmd.FiledAs(1, "sha256:r")),
        cmd.FiledAs(2, "sha256:s", "review"),
        ("not_now", "the case has no review that is over, or no receipt yet"),
    ),
    "a review filed before its case": (
        (receive(verdict_=sampled()), begin(), finish(), by("ada", "ok")),
        cmd.FiledAs(2, "sha256:s", "review"),
        ("not_now", "the case has no review that is over, or no receipt yet"),
    ),
    "begun while it waits for people": ((), begin(), ("not_now", "the case is pending")),
    "begun beside a permit": (
        (receive(executor=AGENT), by("ada"), begin(AGENT)),
        begin(AGENT),
        ("not_now", "the case is approved"),
    ),
    "begun too soon": (
        (by("ada"), begin(), finish("temporary", retries=1)),
        begin(),
        ("not_due", "next attempt in 1s"),
    ),
    "reported without a permit": (
        (by("ada"),),
        cmd.Tell({"ok": True}),
        ("no_permit", "the case holds no permit; it is approved"),
    ),
    "reported when the case is over": (
        (receive(executor=AGENT), by("ada"), begin(AGENT), cmd.Tell({"ok": True})),
        cmd.Tell({"ok": True}),
        ("no_permit", "the case holds no permit; it is executed"),
    ),
}


@pytest.mark.parametrize("name", NOT_NOW)
def test_a_command_out_of_turn_is_told_why(name: str) -> None:
    so_far, command, expected = NOT_NOW[name]
    with pytest.raises(NotAllowed) as refused:
        decide(case_after(*so_far), command, 0.0)
    assert (refused.value.code, refused.value.detail) == expected


def test_a_report_after_the_end_of_the_permit_is_too_late() -> None:
    case = case_after(receive(executor=AGENT), by("ada"), begin(AGENT, permit_seconds=20.0))
    with pytest.raises(NotAllowed) as refused:
        decide(case, cmd.Tell({"ok": True}), 20.0)
    assert (refused.value.code, refused.value.detail) == (
        "late",
        "the permit has run out; a person decides what became of it",
    )
    assert after(case, cmd.Tell({"ok": True}), 19.9).status == "executed"


def test_each_note_bears_the_time_of_its_command() -> None:
    case = case_after(by("ada"), begin(), finish(), cmd.FiledAs(1, "sha256:r"))
    (result,) = owed(case, Result)
    wanted: list[tuple[cmd.Command, ev.Event]] = [
        (cmd.ResultWas(result.id), ev.ResultWritten(9.0, result.id)),
        (cmd.MailWas("m1", "sent", digest="sha256:m"), ev.MailSent(9.0, "m1", "sha256:m")),
        (
            cmd.MailWas("m1", "deferred", error="451", next_at=60.0),
            ev.MailDeferred(9.0, "m1", 1, 60.0, "451"),
        ),
        (cmd.MailWas("m1", "failed", error="550"), ev.MailFailed(9.0, "m1", "550")),
    ]
    assert [decide(case, command, 9.0) for command, _ in wanted] == [[one] for _, one in wanted]


def test_a_first_slip_is_answered_even_when_the_clock_has_just_begun() -> None:
    case = case_after(cmd.Answer("ada", "not_understood", "1"), now=3000.0)
    [event] = decide(case, cmd.Answer("ada", "not_understood", "2"), 6600.0)
    assert event == ev.Answered(6600.0, "ada", "not_understood", "2")


def test_an_answer_within_the_hour_is_quiet_whatever_the_clock_says() -> None:
    case = case_after(cmd.Answer("ada", "not_understood", "1"), now=3000.0)
    [event] = decide(case, cmd.Answer("ada", "not_understood", "2"), 3500.0)
    assert isinstance(event, ev.Answered)
    assert event.quiet


@pytest.mark.parametrize(
    "command",
    [cmd.Answer("ada", "unknown", "?", "<1@x>"), cmd.Absent("ada", "on holiday", "<1@x>")],
    ids=["answered", "absent"],
)
def test_a_mail_that_was_read_says_nothing_more(command: cmd.Command) -> None:
    assert decide(case_after(command), command, 9.0) == []
    assert decide(case_after(by("ada", "reject")), cmd.Absent("ada"), 9.0) == []


def test_of_two_mails_that_were_sent_the_one_that_comes_back_tells_of_its_person() -> None:
    case = case_after(*(cmd.MailWas(mail, "sent", digest="sha256:m") for mail in ("m1", "m2")))
    assert decide(case, cmd.MailWas("m2", "failed", error="550"), 9.0) == [
        ev.MailFailed(9.0, "m2", "550"),
        ev.Unreached(9.0, "bob", "undelivered", "550"),
    ]


def test_a_mail_that_nobody_sent_cannot_come_back() -> None:
    assert decide(case_after(), cmd.MailWas("m99", "failed", error="550"), 0.0) == []


@pytest.mark.parametrize("result", ["sent", "deferred"])
def test_a_mail_that_was_sent_is_sent_no_more(result: Any) -> None:
    case = case_after(cmd.MailWas("m1", "sent", digest="sha256:m"))
    assert decide(case, cmd.MailWas("m1", result), 0.0) == []


def test_a_receipt_of_a_review_told_twice_is_recorded_once() -> None:
    case = case_after(
        *(receive(verdict_=sampled()), begin(), finish(), cmd.FiledAs(1, "sha256:r")),
        *(by("ada", "ok"), cmd.FiledAs(2, "sha256:s", "review")),
    )
    assert decide(case, cmd.FiledAs(2, "sha256:s", "review"), 0.0) == []


@pytest.mark.parametrize(
    "so_far",
    [
        (by("ada"), begin()),
        (by("ada", "reject"),),
        (by("ada"), begin(), finish("doubt")),
        (by("ada"), begin(), finish("temporary", retries=1)),
    ],
    ids=["running", "over", "in doubt", "between two attempts"],
)
def test_a_changed_policy_says_nothing_of_what_has_begun_or_is_over(so_far: Any) -> None:
    assert decide(case_after(*so_far), cmd.Rejudge(verdict("deny")), 0.0) == []


DENIED_AFTER_ALL = verdict("deny", quorums=(quorum("large", "cleo"),), asks=False)


def test_nobody_is_asked_about_what_is_denied() -> None:
    at_once = case_after(receive(verdict_=DENIED_AFTER_ALL))
    later = case_after(cmd.Rejudge(DENIED_AFTER_ALL))
    assert [[mail.to for mail in case.mails] for case in (at_once, later)] == [[], ["ada", "bob"]]


def test_whom_a_changed_policy_asks_too_is_asked_at_that_moment() -> None:
    more = verdict(quorums=(quorum(), quorum("large", "cleo")))
    asked = owed(case_after(5, cmd.Rejudge(more)), Mail)[-1]
    assert (asked.about, asked.to, asked.at) == ("ask", "cleo", 5)


def test_whoever_could_approve_is_asked_anew_for_a_retry_after_expiry() -> None:
    case = case_after(by("ada"), begin(), finish("doubt"), 150, by("ada", "retry"))
    asked = [(mail.to, mail.at) for mail in owed(case, Mail) if mail.revision == 2]
    assert asked == [("ada", 150), ("bob", 150)]


def test_an_agent_gets_its_permit_in_a_result() -> None:
    case = case_after(receive(executor=AGENT), by("ada"))
    assert (owed(case, Result), len(owed(after(case, begin(AGENT)), Result))) == ([], 1)


def test_who_was_only_answered_is_asked_when_a_policy_wants_them() -> None:
    more = verdict(quorums=(quorum(), quorum("large", "cleo")))
    case = case_after(cmd.Answer("cleo", "help", "?"), cmd.Rejudge(more))
    assert [mail.about for mail in owed(case, Mail) if mail.to == "cleo"] == ["answer", "ask"]


def test_who_was_asked_about_an_older_revision_is_asked_about_the_new_one() -> None:
    changed = begin(executor_ref(digest="sha256:b"))
    asked = [mail.to for mail in case_after(by("ada"), changed).mails if mail.revision == 2]
    assert asked == ["ada", "bob"]


def test_what_is_only_recorded_is_confirmed_with_what_it_was() -> None:
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2, route_to=("cleo",)),)))
    to_cleo = decide_(case_after(two), "ada", "route", target=target("cleo"), message_id="<1@x>")
    case = case_after(two, to_cleo, by("bob"))
    told = [(m.to, m.key, m.said, m.reply_to) for m in owed(case, Mail) if m.about == "recorded"]
    assert told == [("ada", "route", "cleo", "<1@x>"), ("bob", "approve", "", None)]


def test_who_takes_the_message_id_of_anothers_mail_keeps_it_from_nothing() -> None:
    """A reviewer who got a copy knows it before we do."""
    two = receive(verdict_=verdict(quorums=(quorum(approvals=2),)))
    taken = cmd.Answer("bob", "help", "help", "<1@x>")
    case = case_after(two, taken, lambda c: decide_(c, "bob", message_id="<1@x>"))
    case = after(case, decide_(case, "ada", "reject", message_id="<1@x>"))
    assert case.status == "rejected"


@pytest.mark.parametrize("key", ["not_believed", "automatic"])
def test_what_was_not_believed_to_be_hers_keeps_her_own_mail_from_nothing(key: str) -> None:
    taken = cmd.Answer("ada", key, "approve", "<1@x>")
    case = case_after(taken)
    assert decide(case, taken, 0.0) == []
    assert after(case, decide_(case, "ada", message_id="<1@x>")).status == "approved"


def test_an_absence_that_bears_the_message_id_of_her_reply_keeps_it_from_nothing() -> None:
    case = case_after(cmd.Absent("ada", "away", "<1@x>"))
    assert decide(case, cmd.Absent("ada", "away", "<1@x>"), 0.0) == []
    assert after(case, decide_(case, "ada", message_id="<1@x>")).status == "approved"
