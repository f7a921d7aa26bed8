"""What a case remembers: every event at its own time, with what stands nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.effects import Mail
from hitl_mail.core.verdict import Escalation
from tests.factories import (
    EXPIRES,
    POLICY,
    after,
    begin,
    by,
    case_after,
    change,
    decide_,
    executor_ref,
    finish,
    quorum,
    receive,
    sampled,
    target,
    verdict,
)

TWO = verdict(
    quorums=(
        quorum(
            approvals=2,
            remind=(20,),
            escalate=Escalation(30, ("cleo",), ("cleo",)),
            route_to=("cleo",),
        ),
    ),
    on_failure="review",
)
AGENT = executor_ref(type="agent")
MOVED = executor_ref(digest="sha256:b")


def edit(case: Case) -> cmd.Decide:
    return decide_(case, "ada", "edit", "link", change=change(40, TWO))


def route(case: Case) -> cmd.Decide:
    return decide_(case, "bob", "route", "cli", target=target("cleo"))


LONG_LIFE = (
    *(receive(verdict_=TWO), 2, edit, 3, route, 4, cmd.Absent("ada", "on holiday" + "!" * 300)),
    *(5, cmd.Answer("bob", "condition", "approve, but"), 26, cmd.Tick(), 33, by("ada")),
    *(34, by("cleo"), 36, begin(), 37),
    finish("temporary", retries=1, outcome={"ok": False, "error": "x" * 300}),
    *(40, begin(), 41, finish("failed", 2, outcome={"ok": False}), 42, by("bob", "retry")),
    *(43, begin(), 44, finish("ok", 3)),
)
LIVES: dict[str, tuple[tuple[Any, ...], list[tuple[Any, ...]]]] = {
    "edited, handed on, escalated, tried three times": (
        LONG_LIFE,
        [
            (1, "received"),
            (2, "decided", {"by": "ada", "verb": "edit", "via": "link", "revision": 1}),
            (2, "revised", {"revision": 2, "why": "ada edited it"}),
            (2, "rejudged", {"policy": POLICY, "gate": "hard"}),
            (
                3,
                "decided",
                {"by": "bob", "verb": "route", "via": "cli", "revision": 2, "to": "cleo"},
            ),
            (3, "handed", {"why": "route", "rules": ["money"], "to": ["cleo"], "by": "bob"}),
            (4, "unreached", {"person": "ada", "why": "away", "detail": "on holiday" + "!" * 190}),
            (4, "handed", {"why": "escalation", "rules": ["money"], "to": ["cleo"]}),
            (5, "answered", {"person": "bob", "key": "condition"}),
            (26, "reminded", {"to": ["ada", "cleo"]}),
            (33, "decided", {"by": "ada", "verb": "approve", "via": "mail", "revision": 2}),
            (34, "decided", {"by": "cleo", "verb": "approve", "via": "mail", "revision": 2}),
            (34, "approved"),
            (36, "started", {"attempt": 1}),
            (37, "attempt_failed", {"attempt": 1, "error": "x" * 200}),
            (40, "started", {"attempt": 2}),
            (41, "held"),
            (42, "decided", {"by": "bob", "verb": "retry", "via": "mail", "revision": 2}),
            (42, "resumed"),
            (43, "started", {"attempt": 3}),
            (44, "succeeded"),
        ],
    ),
    "alone, and looked at afterwards": (
        (receive(verdict_=sampled()), 2, begin(), 3, finish(), 4, by("ada", "flag")),
        [
            (1, "received"),
            (1, "approved", {"by": "policy"}),
            (2, "started", {"attempt": 1}),
            (3, "succeeded"),
            (4, "decided", {"by": "ada", "verb": "flag", "via": "mail", "revision": 1}),
            (4, "reviewed", {"said": "flagged"}),
        ],
    ),
    "alone, and nobody looked": (
        (receive(verdict_=sampled()), 2, begin(), 3, finish(), 200, cmd.Tick()),
        [
            (1, "received"),
            (1, "approved", {"by": "policy"}),
            (2, "started", {"attempt": 1}),
            (3, "succeeded"),
            (200, "reviewed", {"said": "lapsed"}),
        ],
    ),
    "by permit, in doubt, retried after expiry, rejected": (
        (
            *(receive(executor=AGENT), 2, by("ada"), 3, begin(AGENT), 30, cmd.Tick()),
            *(150, by("ada", "retry"), 151, by("bob", "reject")),
        ),
        [
            (1, "received"),
            (2, "decided", {"by": "ada", "verb": "approve", "via": "mail", "revision": 1}),
            (2, "approved"),
            (3, "permitted", {"until": "1970-01-01T00:00:23.000Z"}),
            (30, "doubted"),
            (150, "decided", {"by": "ada", "verb": "retry", "via": "mail", "revision": 1}),
            (150, "reopened", {"revision": 2, "why": "ada asked for a retry"}),
            (151, "decided", {"by": "bob", "verb": "reject", "via": "mail", "revision": 2}),
            (151, "rejected"),
        ],
    ),
    "other settings, then settled": (
        (
            *(receive(verdict_=verdict("auto")), 2, begin(MOVED), 3, begin(MOVED), 4),
            *(finish("doubt"), 5, by("cleo", "done")),
        ),
        [
            (1, "received"),
            (1, "approved", {"by": "policy"}),
            (2, "revised", {"revision": 2, "why": "the executor's settings changed"}),
            (2, "approved", {"by": "policy"}),
            (3, "started", {"attempt": 1}),
            (4, "doubted"),
            (5, "decided", {"by": "cleo", "verb": "done", "via": "mail", "revision": 2}),
            (5, "succeeded"),
        ],
    ),
    "given up": (
        (
            receive(verdict_=verdict("auto")),
            2,
            begin(),
            3,
            finish("doubt"),
            4,
            by("cleo", "abandon"),
        ),
        [
            (1, "received"),
            (1, "approved", {"by": "policy"}),
            (2, "started", {"attempt": 1}),
            (3, "doubted"),
            (4, "decided", {"by": "cleo", "verb": "abandon", "via": "mail", "revision": 1}),
            (4, "failed"),
        ],
    ),
    "tried again without a word": (
        (receive(verdict_=verdict("auto")), 2, begin(), 3, finish("temporary", retries=1)),
        [
            (1, "received"),
            (1, "approved", {"by": "policy"}),
            (2, "started", {"attempt": 1}),
            (3, "attempt_failed", {"attempt": 1, "error": ""}),
        ],
    ),
    "judged again: met already": (
        (receive(), 2, by("ada"), 3, cmd.Rejudge(verdict(quorums=(quorum("money", "ada"),)))),
        [
            (1, "received"),
            (2, "decided", {"by": "ada", "verb": "approve", "via": "mail", "revision": 1}),
            (2, "approved"),
            (3, "rejudged", {"policy": POLICY, "gate": "hard"}),
            (3, "approved"),
        ],
    ),
    "failed": (
        (receive(verdict_=verdict("auto")), 2, begin(), 3, finish("failed")),
        [
            (1, "received"),
            (1, "approved", {"by": "policy"}),
            (2, "started", {"attempt": 1}),
            (3, "failed"),
        ],
    ),
    "denied": ((receive(verdict_=verdict("deny")),), [(1, "received"), (1, "denied")]),
    "expired": (
        (receive(), EXPIRES, cmd.Tick()),
        [(1, "received"), (EXPIRES, "expired")],
    ),
    "withdrawn, and why": (
        (receive(), 2, cmd.Withdraw("billing", "superseded by b2")),
        [(1, "received"), (2, "canceled", {"by": "billing", "why": "superseded by b2"})],
    ),
    "withdrawn": (
        (receive(), 2, cmd.Withdraw("billing")),
        [(1, "received"), (2, "canceled", {"by": "billing"})],
    ),
    "judged again: denied": (
        (receive(), 2, cmd.Rejudge(verdict("deny"))),
        [
            (1, "received"),
            (2, "rejudged", {"policy": POLICY, "gate": "deny"}),
            (2, "denied"),
        ],
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_history_has_every_event_at_its_time(name: str) -> None:
    life, expected = LIVES[name]
    case = case_after(*life, now=1.0)
    whole = [(*line, {})[:3] for line in expected]
    assert [(m.at, m.event, m.detail) for m in case.history] == whole


def test_what_ran_alone_until_a_rule_asked_is_approved_by_a_person() -> None:
    two = verdict(quorums=(quorum(), quorum("large", "ada")))
    case = case_after(receive(verdict_=verdict("auto")), 2, cmd.Rejudge(two), 3, by("ada"), now=1.0)
    assert [(m.at, m.event) for m in case.history][-3:] == [
        (2, "rejudged"),
        (3, "decided"),
        (3, "approved"),
    ]


def mails(case: Case) -> list[tuple[Any, ...]]:
    owed = [effect for effect in case.pending.values() if isinstance(effect, Mail)]
    return [(m.id, m.about, m.to, m.revision, m.at) for m in owed]


def test_mails_follow_from_what_happened_and_bear_its_time() -> None:
    case = case_after(*LONG_LIFE, 45, cmd.FiledAs(7, "sha256:r"), now=1.0)
    assert mails(case) == [
        ("m1", "ask", "ada", 1, 1),
        ("m2", "ask", "bob", 1, 1),
        ("m3", "ask", "ada", 2, 2),
        ("m4", "ask", "bob", 2, 2),
        ("m5", "ask", "cleo", 2, 3),
        ("m6", "escalate", "cleo", 2, 4),
        ("m7", "answer", "bob", 2, 5),
        ("m8", "remind", "ada", 2, 26),
        ("m9", "remind", "cleo", 2, 26),
        ("m10", "recorded", "ada", 2, 33),
        ("m11", "doubt", "ada", 2, 41),
        ("m12", "doubt", "cleo", 2, 41),
        ("m15", "outcome", "ada", 2, 45),
        ("m16", "outcome", "cleo", 2, 45),
        ("m17", "outcome", "bob", 2, 45),
    ]
    assert [(m.id, m.what, m.to, m.revision) for m in case.mails] == [m[:4] for m in mails(case)]


def test_an_answer_carries_what_was_read_and_what_was_wrong_with_it() -> None:
    slip = cmd.Answer("ada", "condition", "approve, but", "<1@x>", "a note with a condition")
    case = case_after(slip)
    mail = [m for m in case.pending.values() if isinstance(m, Mail)][-1]
    told = (mail.about, mail.key, mail.said, mail.detail, mail.reply_to)
    assert told == ("answer", "condition", "approve, but", "a note with a condition", "<1@x>")


def test_of_an_endless_reply_the_beginning_is_kept() -> None:
    [event] = decide(case_after(), cmd.Answer("ada", "unknown", "s" * 999, None, "d" * 999), 0.0)
    assert isinstance(event, ev.Answered)
    assert (event.said, event.detail) == ("s" * 200, "d" * 500)


def test_of_an_endless_absence_the_beginning_is_kept() -> None:
    [event] = decide(case_after(), cmd.Absent("ada", "d" * 999), 0.0)
    assert event == ev.Unreached(0.0, "ada", "away", "d" * 200)


def test_what_a_server_says_is_kept_in_short() -> None:
    case = case_after()
    back = cmd.MailWas(case.mails[0].id, "failed", error="e" * 999)
    _, unreached, *_ = decide(case, back, 5.0)
    assert unreached == ev.Unreached(5.0, "ada", "undelivered", "e" * 200)


def test_a_mail_keeps_what_became_of_it_and_when() -> None:
    case = case_after()
    sent = after(case, cmd.MailWas("m1", "sent", digest="sha256:m"), 5.0)
    failed = after(sent, cmd.MailWas("m2", "failed", error="550"), 6.0)
    assert [(m.status, m.at, m.digest, m.error) for m in failed.mails] == [
        ("sent", 5.0, "sha256:m", None),
        ("failed", 6.0, None, "550"),
    ]


def test_a_case_closes_at_the_event_that_ended_it() -> None:
    drawn = case_after(receive(verdict_=sampled()), 2, begin(), 3, finish(), 4, by("ada", "ok"))
    assert (case_after(*LONG_LIFE).closed_at, drawn.closed_at) == (44.0, 3.0)


def test_an_attempt_leaves_nothing_to_wait_for_before_the_next() -> None:
    case = case_after(by("ada"), begin(), finish("temporary", retries=1), 1, begin())
    assert (case.retry_at, case.attempts) == (None, 2)


def test_a_retry_after_expiry_leaves_no_permit_and_no_doubt() -> None:
    idempotent = finish("doubt", retries=1, idempotent=True)
    doubt = case_after(by("ada"), begin(), idempotent, EXPIRES, cmd.Tick(), by("ada", "retry"))
    permit = case_after(
        receive(executor=AGENT), by("ada"), begin(AGENT), 150, cmd.Tick(), by("ada", "retry")
    )
    assert (doubt.doubtful, permit.permit, permit.attempts) == (False, None, 1)


def test_what_may_have_run_says_so_with_what_it_left() -> None:
    idempotent = finish(
        "doubt", outcome={"ok": False, "stdout": "half"}, retries=1, idempotent=True
    )
    case = case_after(by("ada"), begin(), idempotent)
    expired = after(case, cmd.Tick(), EXPIRES)
    changed = after(case, begin(MOVED), 5.0)
    assert expired.outcome == {
        "ok": False,
        "stdout": "half",
        "attempts": 1,
        "error": "an attempt may have run, and before the next it expired",
    }
    assert changed.outcome is not None
    assert changed.outcome["error"] == (
        "an attempt may have run, and before the next the executor's settings changed"
    )


def test_a_permit_that_ran_out_says_so() -> None:
    case = case_after(receive(executor=AGENT), by("ada"), begin(AGENT), 20, cmd.Tick())
    assert case.outcome == {
        "ok": False,
        "error": "the agent did not report before its permit ran out",
        "attempts": 1,
    }


def test_a_case_given_up_did_not_succeed_and_says_who_gave_it_up() -> None:
    case = case_after(
        by("ada"), begin(), finish("doubt", outcome={"ok": True}), by("bob", "abandon")
    )
    assert case.outcome == {
        "ok": False,
        "attempts": 1,
        "settled_by": "bob",
        "settled_as": "abandon",
    }
