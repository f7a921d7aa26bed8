"""A case's history in words."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.documents import case_document
from hitl_mail.daemon.page_facts import facts_of, receipt_view
from hitl_mail.review.answers import ANSWERS
from hitl_mail.review.timeline import timeline
from tests import mails, packets
from tests.factories import after

AT = "2026-11-25T21:12:25.251Z"


def told(*events: dict[str, Any], **fields: Any) -> list[str]:
    """What is told of a case with these events, all at the same time unless they say another."""
    document: dict[str, Any] = {
        "agent": "billing",
        "verdict": {"gate": "hard", "rules": ["money"]},
        "packets": [],
        "decisions": [],
        "events": [{"at": AT, **event} for event in events],
        **fields,
    }
    return [words for _, _, words in timeline(document)]


SAID = {"event": "decided", "by": "ada", "verb": "approve", "via": "link", "revision": 1}

WORDS: list[tuple[dict[str, Any], str]] = [
    ({"event": "received"}, "arrived from billing; hard by money"),
    (SAID, "ada said approve by a link"),
    ({**SAID, "verb": "route", "to": "bob", "via": "mail"}, "ada said route to bob by mail"),
    ({"event": "revised", "revision": 2, "why": "ada edited it"},
     "revision 2 takes its place: ada edited it"),
    ({"event": "reopened", "revision": 2}, "revision 2 takes its place"),
    ({"event": "rejudged", "policy": "sha256:x", "gate": "hard"},
     "the rules were asked again: hard"),
    ({"event": "approved"}, "it is approved"),
    ({"event": "approved", "by": "policy"}, "the rules let it run"),
    ({"event": "canceled", "by": "agent", "why": "too late"}, "withdrawn by agent: too late"),
    ({"event": "canceled", "by": "agent"}, "withdrawn by agent"),
    ({"event": "handed", "why": "escalation", "rules": ["money"], "to": ["cleo"]},
     "nobody answered: the question goes to cleo, too"),
    ({"event": "handed", "why": "away", "rules": ["money"], "to": ["cleo"]},
     "somebody is away: cleo is asked"),
    ({"event": "handed", "why": "route", "rules": ["money"], "to": ["cleo"], "by": "ada"},
     "ada handed the question to cleo"),
    ({"event": "started"}, "it runs"),
    ({"event": "started", "attempt": 1}, "it runs"),
    ({"event": "started", "attempt": 2}, "it runs, attempt 2"),
    ({"event": "permitted"}, "the agent has a permit to act"),
    ({"event": "permitted", "until": AT}, f"the agent has a permit to act until {AT}"),
    ({"event": "attempt_failed", "attempt": 1, "error": "exit status 75"},
     "attempt 1 failed: exit status 75"),
    ({"event": "reviewed", "said": "flag"}, "looked at afterwards: flag"),
    ({"event": "unreached", "person": "ada", "why": "away", "detail": "until June"},
     "ada is not reached (away): until June"),
    ({"event": "answered", "person": "ada", "key": "not_understood"},
     "a mail of ada decided nothing: it was not understood"),
    ({"event": "answered", "person": "ada", "key": "of_a_later_version"},
     "a mail of ada decided nothing: of_a_later_version"),
    ({"event": "succeeded"}, "it ran and succeeded"),
    ({"event": "one_of_a_later_version"}, "one_of_a_later_version"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "words"), WORDS)
def test_an_event_in_words(event: dict[str, Any], words: str) -> None:
    assert told(event) == [words]


@pytest.mark.parametrize("key", sorted(ANSWERS))
def test_whatever_a_mail_was_answered_is_told_in_words(key: str) -> None:
    [line] = told({"event": "answered", "person": "ada", "key": key})
    why = line.removeprefix("a mail of ada decided nothing: ")
    assert why not in (line, key)


def test_every_turning_point_has_words_of_its_own() -> None:
    tags = [kind.__struct_config__.tag for kind in get_args(ev.TurningPoint)]
    plain = [tag for tag in tags if tag != "reminded" and not _known(str(tag))]
    assert (plain, len(tags) > 15) == ([], True)


def _known(tag: str) -> bool:
    if any(event["event"] == tag for event, _ in WORDS):
        return True
    return told({"event": tag}) != [tag]


def test_of_reminders_the_mails_tell() -> None:
    assert told({"event": "reminded", "to": ["ada"]}, {"event": "approved"}) == ["it is approved"]


def test_a_note_stands_with_its_decision() -> None:
    note = {"at": AT, "by": "ada", "verb": "approve", "via": "link", "note": "fine by me"}
    assert told(SAID, decisions=[note]) == ["ada said approve by a link: fine by me"]


def test_mails_stand_where_they_left_and_together() -> None:
    later = "2026-11-25T21:13:25.251Z"
    packets = [
        {"at": AT, "about": "ask", "to": "ada", "status": "sent"},
        {"at": AT, "about": "ask", "to": "bob", "status": "sent"},
        {"at": AT, "about": "ask", "to": "eve", "status": "failed"},
        {"at": later, "about": "remind", "to": "bob", "status": "sent"},
        {"at": None, "about": "ask", "to": "cleo", "status": "failed"},
    ]
    found = told({"event": "received"}, {**SAID, "at": "2026-11-25T21:14:00Z"}, packets=packets)
    assert found == [
        "arrived from billing; hard by money",
        "asked by mail: ada, bob",
        "reminded by mail: bob",
        "ada said approve by a link",
    ]


def test_of_several_revisions_each_question_and_answer_names_its_own() -> None:
    times = [f"2026-11-25T21:1{n}:00Z" for n in range(5)]
    edit = {**SAID, "at": times[2], "verb": "edit", "revision": 1}
    revised = {"event": "revised", "at": times[2], "revision": 2, "why": "ada edited it"}
    packets = [
        {"at": times[1], "about": "ask", "to": "ada", "status": "sent", "revision": 1},
        {"at": times[3], "about": "ask", "to": "ada", "status": "sent", "revision": 2},
        {"at": times[3], "about": "ask", "to": "bob", "status": "sent", "revision": 2},
    ]
    approved = {**SAID, "at": times[4], "revision": 2}
    assert told(edit, revised, approved, packets=packets) == [
        "asked by mail (revision 1): ada",
        "ada said edit by a link (revision 1)",
        "revision 2 takes its place: ada edited it",
        "asked by mail (revision 2): ada, bob",
        "ada said approve by a link (revision 2)",
    ]
    assert told({**SAID, "at": times[0]}, packets=packets[:1])[-1] == "asked by mail: ada"


def test_erased_packets_are_nobodys() -> None:
    assert told({"event": "received"}, packets={"erased": "sha256:0"})


def test_times_run_from_the_beginning() -> None:
    events = [
        {"at": AT, "event": "received"},
        {"at": "2026-11-25T21:12:25.999Z", "event": "approved"},
        {"at": "2026-11-26T00:32:25.251Z", "event": "succeeded"},
    ]
    document = {"agent": "a", "verdict": {"gate": "hard", "rules": []}, "packets": [],
                "decisions": [], "events": events}  # fmt: skip
    lines = list(timeline(document))
    assert [since for _, since, _ in lines] == ["", "", "+3h 20m"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", at) for at, _, _ in lines)
    assert lines[0][2] == "arrived from a; hard by policy"


def test_a_page_tells_the_same_words_without_the_mails() -> None:
    case = after(packets.answered(), cmd.Answer("ada", "help", "help"), mails.AT + 120)
    shown = receipt_view(facts_of(case), case_document(case), case.payload).history
    assert shown == (
        (mails.AT, "arrived from billing; hard by money"),
        (mails.AT + 60, "a mail of ada decided nothing: it was not understood"),
        (mails.AT + 120, "a mail of ada decided nothing: it asked what can be answered"),
    )
