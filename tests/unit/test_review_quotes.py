"""What of a mail is new, line by line, where no whole mail of a known program shows it."""

from __future__ import annotations

import pytest

from hitl_mail.review.quotes import new_lines


def kept(text: str) -> str:
    """The new lines of a text; a line with `approvals@` names the site's own address."""
    return "\n".join(new_lines(text.split("\n"), lambda line: "approvals@" in line))


ORIGINAL = "-----Original Message-----\napprove"
ENDS = {
    "a mark of one dash": "no\n-Original Message-\napprove",
    "a rule above one header field": "no\n________\nSubject: hello\napprove",
    "what a program put below, in brackets": "no\n[Sent from my iPhone]",
    "what a program put below, in stars": "no\n*Sent with Acme*",
    "the advertisement of a program": "no\nGet Spark for iOS",
    "day and time right below the words": "no\n9.11.2026 11:00 Acme\n<a@x.test> wrote:\n> old",
    "an address of ours in angles": "no\nzzz zzz <approvals@example.com> zzz zzz\napprove",
    "an address of ours in brackets": "no\nzzz zzz (approvals@example.com) zzz zzz\napprove",
    "an address of ours and a colon": "no\nzzz zzz zzz approvals@example.com zzz:\napprove",
    "an address of ours and an angle": "no\nzzz zzz zzz approvals@example.com>\napprove",
    "an address of ours above a long line": (
        f"no\n<approvals@example.com>\n{'z' * 99}:\n> old\napprove"
    ),
    "an address of ours and a day": "no\nzzz zzz 22.11.2026 approvals@example.com zzz\napprove",
    "an address of ours and a name": "no\nzzz approvals@example.com\napprove",
    "a header on one line": "no\nFrom: Acme Sent: today To: me\napprove",
    "day and sender right above the quote": f"no\n\n2013/7/20 Acme <a@x.test>\n-----\n{ORIGINAL}",
    "day and a long name above the quote": f"no\n\n2013/7/20 b c d e f g h <a@x.test>\n{ORIGINAL}",
    "an address of ours on a line of two": (
        "no\n\nzzz zzz zzz zzz 2026 Acme <\napprovals@example.com> zzz:\n> approve"
    ),
    "an address of ours on the last line": "no\n\n<approvals@example.com>",
    "an address of ours below the rest of its line": (
        "no\nzzz zzz zzz zzz Acme <\napprovals@example.com> zzz:\n> approve"
    ),
    "an address of ours below its day": "no\nzzz zzz 2026 zzz\n<approvals@example.com> zzz:\n> old",
    "a mail that is handed on": "no\nBegin forwarded message:\n\napprove",
    "a rule above nothing": "no\n________\n",
    "who wrote what is not quoted": "no\n\nOn 22 Nov 2026, Acme wrote:",
    "a header of two fields": "no\nFrom: Acme\nSent: today\napprove",
    "a header of three fields": "no\nSubject: hello\nTo: me\nFrom: Acme\napprove",
    "a header with a field of stars": "no\n*From:* Acme\n*To:* me\napprove",
}


@pytest.mark.parametrize("name", ENDS)
def test_what_follows_is_not_new(name: str) -> None:
    assert kept(ENDS[name]) == "no"


@pytest.mark.parametrize(
    "attribution",
    [
        "<approvals@example.com> zzz:",
        "<approvals@example.com> zzz:\n",
        "<approvals@example.com>\nzzz zzz zzz:",
        "2026-11-22 Acme <a@acme.example>:",
        "22. November 2026 Acme\n<a@acme.example>:",
        "On Sunday,\n22 November 2026, at 11:00,\nAcme <a@acme.example>\nwrote:",
        "2026. november 22. 11:00 Acme\n<approvals@example.com>\nzzz zzz zzz:",
    ],
)
def test_an_answer_below_the_quote_is_new_and_who_wrote_it_is_not(attribution: str) -> None:
    assert kept(f"{attribution}\n> old:\nno") == "no"


def test_an_attribution_may_have_no_colon() -> None:
    assert kept("<approvals@example.com>\n> old\nno") == "no"


@pytest.mark.parametrize(
    "text",
    [
        "The invoice that they have sent from the iphone today is",
        "I have sent it to them from the old iPhone today",
        "It was sent from the shop in Rome",
        "get it from the iPhone of Bob",
        "From: what I see To: all of us",
        "From: what I see: two things: one and another",
        "no\n\nBob <b@x.test>",
        "no\nXFrom: Acme\nSent: today",
        "no\nSubject: hello\nTo: all of us",
        "no\nTo: all of us\nSubject: hello\nDate: today",
    ],
)
def test_what_a_person_writes_like_that_is_theirs(text: str) -> None:
    assert kept(f"{text}\n> approve") == text
    assert kept(f"{text}\n{ORIGINAL}") == text


@pytest.mark.parametrize("day", ["by 22.11.2026", "22.11.2026"])
def test_a_day_right_above_who_wrote_the_quote_is_a_persons(day: str) -> None:
    assert kept(f"no\n{day}\nAcme <a@x.test> wrote:\n> old") == f"no\n{day}"


def test_an_address_of_ours_in_a_sentence_is_a_persons() -> None:
    text = "please write to approvals@example.com the next time"
    assert kept(f"{text}\nthanks") == f"{text}\nthanks"


def test_what_stands_above_and_below_a_quote_are_two_paragraphs() -> None:
    assert kept("above\n> old\n> older\nbelow") == "above\n\nbelow"
