"""What the desk remembers of cases: what is usual, the last samples, which rules are tightened."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import ReceiptRef
from hitl_mail.core.decide import decide
from hitl_mail.core.desk import (
    DayTold,
    Desk,
    Notice,
    Noticed,
    NoticeDeferred,
    NoticeDone,
    RuleRelaxed,
    RuleTightened,
    Sealed,
    evolve_desk,
    with_event,
    with_head,
)
from hitl_mail.core.records import Record, State
from hitl_mail.core.typical import Typical, with_executed
from tests.factories import action, by, case_after, decide_, receive, sampled


def usual(values: list[Any]) -> Typical:
    """What is usual after cases of these costs."""
    typical = Typical()
    for value in values:
        typical = with_executed(typical, {"cost": value}, None)
    return typical


def test_nine_cases_are_too_few_to_say_what_is_usual() -> None:
    assert usual([1] * 9).medians() == {}


def test_ten_cases_say_what_is_usual() -> None:
    assert usual([1] * 9 + [100]).medians() == {"cost": 1.0}


def test_only_the_last_fifty_count() -> None:
    assert usual([1000] * 50 + [1] * 26).medians() == {"cost": 1.0}


def test_no_more_than_fifty_are_kept() -> None:
    assert usual(list(range(60))).cost == tuple(float(n) for n in range(10, 60))


@pytest.mark.parametrize("value", [True, False, None, "12", [1]])
def test_what_is_no_number_adds_no_value(value: object) -> None:
    assert usual([1, value, 2]).cost == (1.0, None, 2.0)


def test_each_value_is_counted_by_itself() -> None:
    typical = Typical()
    for _ in range(10):
        typical = with_executed(typical, {"latency": 2}, {"ok": True, "seconds": 0.5})
    assert typical.medians() == {"latency": 2.0, "seconds": 0.5}


def test_what_is_usual_is_kept_by_kind() -> None:
    case = case_after(receive(action(id="refund-8841", cost=3)))
    desk = with_event(Desk(), case, ev.Succeeded(0.0, {"ok": True, "seconds": 2}))
    assert desk.typical == {"payment.refund": Typical((3.0,), (None,), (2.0,))}


def test_what_failed_is_not_usual() -> None:
    case = case_after(receive(action(id="refund-8841", cost=3)))
    assert with_event(Desk(), case, ev.Failed(0.0, {"ok": False})) == Desk()


def reviewed(*said: Any, rules: tuple[str, ...] = ("labels",)) -> Desk:
    """The desk after reviews that ended so."""
    desk, case = Desk(), case_after(receive(verdict_=sampled(*rules)))
    for word in said:
        desk = with_event(desk, case, ev.Reviewed(0.0, word))
    return desk


def test_a_sample_is_counted_for_each_rule_that_drew_it() -> None:
    assert reviewed("flagged", rules=("labels", "notes")).samples == {
        "labels": (True,),
        "notes": (True,),
    }


def test_a_lapsed_review_is_blamed_on_nobody() -> None:
    assert reviewed("ok", "lapsed", "flagged").samples == {"labels": (False, True)}


def test_the_last_thousand_samples_are_kept() -> None:
    kept = reviewed("flagged", *["ok"] * 1000).samples["labels"]
    assert (len(kept), sum(kept)) == (1000, 0)


def test_a_tightened_rule_says_why() -> None:
    desk = evolve_desk(Desk(), RuleTightened(0.0, "labels", 3, 20))
    assert desk.tightened == {"labels": "3 of the last 20 samples were flagged"}


def test_a_relaxed_rule_is_counted_anew() -> None:
    desk = evolve_desk(
        reviewed("flagged", rules=("labels", "notes")), RuleTightened(0.0, "labels", 1, 1)
    )
    relaxed = evolve_desk(desk, RuleRelaxed(1.0, "labels", "cleo"))
    assert (relaxed.tightened, relaxed.samples) == ({}, {"notes": (True,)})


def test_relaxing_a_rule_that_is_not_tightened_harms_nothing() -> None:
    assert evolve_desk(Desk(), RuleRelaxed(0.0, "labels", "cleo")) == Desk()


def test_the_receipt_of_a_review_is_a_head_too() -> None:
    case = case_after(
        receive(verdict_=sampled()), cmd.Begin(ev.ExecutorRef("refund", "command", "sha256:a"))
    )
    desk = with_event(Desk(), case, ev.ReviewFiled(0.0, 7, "sha256:r"))
    assert desk.head == ReceiptRef(7, "sha256:r")


def test_an_approval_is_nothing_to_the_desk() -> None:
    case = case_after(by("ada"))
    assert with_event(Desk(), case, ev.Approved(0.0)) == Desk()


def test_cases_that_say_nothing_push_old_values_out_as_a_replay_does() -> None:
    typical = usual([7.0] * 10 + [None] * 50)
    assert typical.medians() == {}


def notice(key: str) -> Notice:
    return Notice(key, "cleo", "Nobody can be reached", ("Look",), 1.0)


def noticed(*keys: str) -> Desk:
    """The desk with these notices owed; each was asked for by a mail."""
    desk = Desk()
    for key in keys:
        desk = evolve_desk(desk, Noticed(1.0, notice(key), f"<{key}@x>"))
    return desk


def test_a_notice_is_owed_until_it_is_done() -> None:
    desk = noticed("n1", "n2")
    assert desk == Desk({"n1": notice("n1"), "n2": notice("n2")}, 2, ("<n1@x>", "<n2@x>"))
    done = evolve_desk(desk, NoticeDone(2.0, "n1"))
    assert done == Desk({"n2": notice("n2")}, 2, ("<n1@x>", "<n2@x>"))


def test_a_notice_that_nobody_asked_for_is_seen_in_no_mail() -> None:
    assert evolve_desk(noticed("n1"), Noticed(1.0, notice("n2"))).seen == ("<n1@x>",)


def test_the_last_thousand_mails_are_remembered() -> None:
    desk = noticed(*(f"n{number}" for number in range(1002)))
    assert (len(desk.seen), desk.seen[0], desk.seen[-1]) == (1000, "<n2@x>", "<n1001@x>")


def test_a_deferred_notice_waits_and_counts_its_attempts() -> None:
    desk = evolve_desk(noticed("n1", "n2"), NoticeDeferred(2.0, "n1", 3, 60.0, "451"))
    waiting = desk.pending["n1"]
    assert (waiting.attempts, waiting.next_at, waiting.error) == (3, 60.0, "451")
    assert (waiting.subject, desk.pending["n2"], desk.made) == (
        "Nobody can be reached",
        notice("n2"),
        2,
    )


def test_the_day_that_was_told_is_remembered_with_its_time() -> None:
    desk = evolve_desk(noticed("n1"), DayTold(9.0, "2026-11-22"))
    assert (desk.day, desk.told_at, list(desk.pending)) == ("2026-11-22", 9.0, ["n1"])


def test_the_newest_receipt_is_the_head_and_no_older_one() -> None:
    desk = evolve_desk(noticed("n1"), Sealed(9.0, 7, "sha256:r"))
    assert (desk.head, list(desk.pending)) == (ReceiptRef(7, "sha256:r"), ["n1"])
    for seq, head in ((6, 7), (7, 7), (8, 8)):
        found = with_head(desk, ReceiptRef(seq, "sha256:s")).head
        assert found == ReceiptRef(head, "sha256:s" if seq == 8 else "sha256:r")


def test_what_is_usual_of_a_kind_is_added_to() -> None:
    case = case_after(receive(action(id="refund-8841", cost=3)))
    desk = Desk()
    for seconds in (2, 4):
        desk = with_event(desk, case, ev.Succeeded(0.0, {"ok": True, "seconds": seconds}))
    assert desk.typical == {"payment.refund": Typical((3.0, 3.0), (None, None), (2.0, 4.0))}


def test_a_record_of_several_commands_about_one_case_adds_up() -> None:
    state = State()
    command = receive()
    events = tuple(decide(None, command, 0.0))
    [case] = state.apply(Record(((command.case, events),)))
    approved = tuple(decide(case, decide_(case), 1.0))
    [case] = state.apply(
        Record(((command.case, approved[:1]), (command.case, approved[1:])), (Sealed(1.0, 7, "s"),))
    )
    assert (case.status, len(case.decisions), state.cases[command.case], state.desk.head) == (
        "approved",
        1,
        case,
        ReceiptRef(7, "s"),
    )


def test_a_receipt_of_a_case_in_a_record_is_the_desk_s_head() -> None:
    case = case_after(by("ada", "reject"))
    state = State()
    state.cases[case.id] = case
    state.apply(Record(((case.id, (ev.Filed(1.0, 7, "sha256:r"),)),)))
    assert state.desk.head == ReceiptRef(7, "sha256:r")


def test_a_case_that_owes_nothing_more_leaves_memory_and_no_other_does() -> None:
    case = case_after(by("ada", "reject"), cmd.FiledAs(7, "sha256:r"))
    state = State()
    state.cases = {case.id: case, "other": case_after()}
    done = tuple(
        event
        for effect in case.pending.values()
        for event in decide(
            case,
            cmd.ResultWas(effect.id)
            if effect.what == "result"
            else cmd.MailWas(effect.id, "sent", digest="sha256:m"),
            1.0,
        )
    )
    [closed] = state.apply(Record(((case.id, done),)))
    assert (closed.closed, list(state.cases)) == (True, ["other"])
