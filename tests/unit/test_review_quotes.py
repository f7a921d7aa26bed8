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
    "the advertisement of a program": "no\nGet Outlook for iOS",
    "a header on one line": "no\nFrom: Acme Sent: today To: me\napprove",
    "day and sender right above the quote": f"no\n\n2013/7/20 Acme <a@x.test>\n-----\n{ORIGINAL}",
    "day and a long name above the quote": f"no\n\n2013/7/20 b c d e f g h <a@x.test>\n{ORIGINAL}",
    "an address of ours on a line of two": (
        "no\n\nzzz zzz zzz zzz 2026 Acme <\napprovals@example.com> zzz:\n> approve"
    ),
    "an address of ours on the last line": "no\n\n<approvals@example.com>",
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
    ],
)
def test_an_answer_below_the_quote_is_new_and_who_wrote_it_is_not(attribution: str) -> None:
    assert kept(f"{attribution}\n> old:\nno") == "no"


def test_an_attribution_may_have_no_colon() -> None:
    assert kept("<approvals@example.com>\n> old\nno") == "no"


@pytest.mark.parametrize(
    "text",
    [
        "I have sent it to them from the old iPhone today",
        "From: what I see To: all of us",
        "no\n\nBob <b@x.test>",
    ],
)
def test_what_a_person_writes_like_that_is_theirs(text: str) -> None:
    assert kept(f"{text}\n> approve") == text
    assert kept(f"{text}\n{ORIGINAL}") == text
