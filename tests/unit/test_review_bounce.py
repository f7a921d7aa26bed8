"""Which reports say that a mail of ours came back, and of which they are."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.review.bounce import Returned, is_bounce, read_bounce
from hitl_mail.review.tokens import Claim, Tokens

TOKENS = Tokens("approvals@example.test", [b"key"])
OURS = TOKENS.message_id("261122-k3f9ma", 1, "m2", "sha256:a", "ada")
CLAIM = TOKENS.parse_message_id(OURS)


def report(
    action: str = "failed",
    message_id: str = OURS,
    original: str = "message/rfc822",
    diagnostic: str = "Diagnostic-Code: smtp; 550 5.1.1 no such\n mailbox\n",
) -> bytes:
    """A delivery report as Postfix writes it, cut short."""
    return f"""From: MAILER-DAEMON@mx.example.test
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain

I'm sorry.

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.test

Final-Recipient: rfc822; ada@example.test
Action: {action}
Status: 5.1.1
{diagnostic}
--=b
Content-Type: {original}

Message-ID: {message_id}
Subject: [hitl] Refund

The packet.
--=b--
""".encode()


def plain(text: str) -> bytes:
    return text.encode()


REPLY_TO = TOKENS.reply_address("261122-k3f9ma", 1, "sha256:a", "ada")
QMAIL = f"""From: MAILER-DAEMON@mx.example.test
Subject: failure notice

Hi. This is the qmail-send program at mx.example.test.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@example.test>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Message-ID: {OURS}
Subject: [hitl] Refund
"""
EXIM = f"""From: Mail Delivery System <Mailer-Daemon@mx.example.test>
X-Failed-Recipients: ada@example.test
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

A message that you sent could not be delivered to one or more of its recipients.

  ada@example.test
    host mx2.example.test [192.0.2.9]: 550 5.1.1 No such user here

------ This is a copy of the message, including all the headers. ------

Message-ID: {OURS}
Reply-To: {REPLY_TO}
"""
DRAGONFLY = f"""From: MAILER-DAEMON <>
Subject: Mail delivery failed

There was an error delivering your mail to <ada@example.test>.
mx.example.test [192.0.2.25] did not like our RCPT TO:
550 5.7.25 <ada@example.test>: Recipient address rejected

Message headers follow.

Reply-To: <{REPLY_TO.upper()}>
"""


@pytest.mark.parametrize(
    ("text", "why", "recipients"),
    [
        (QMAIL, "Sorry, no mailbox here by that name. (#5.1.1)", ("ada@example.test",)),
        (
            EXIM,
            "host mx2.example.test [192.0.2.9]: 550 5.1.1 No such user here",
            ("ada@example.test",),
        ),
    ],
    ids=["qmail", "exim"],
)
def test_what_servers_wrote_before_there_were_reports_is_read_too(
    text: str, why: str, recipients: tuple[str, ...]
) -> None:
    assert read_bounce(plain(text), TOKENS) == Returned(CLAIM, why, recipients)


def test_a_mail_is_also_known_by_the_reply_address_in_what_came_back() -> None:
    found = read_bounce(plain(DRAGONFLY), TOKENS)
    assert found is not None
    assert found.claim == TOKENS.parse_address(REPLY_TO)
    assert found.why == "550 5.7.25 <ada@example.test>: Recipient address rejected"


@pytest.mark.parametrize("field", ["In-Reply-To", "References", "Delivered-To"])
def test_a_mail_is_also_known_by_what_the_report_answers(field: str) -> None:
    value = REPLY_TO if field == "Delivered-To" else OURS
    message = report(message_id="<lost@x.example>")
    found = read_bounce(f"{field}: <x@y.example> {value}\n".encode() + message, TOKENS)
    assert found is not None
    assert (found.claim.case, found.claim.revision) == ("261122-k3f9ma", 1)


def test_a_report_names_whom_we_wrote_to_before_where_that_was_sent_on() -> None:
    message = report().replace(
        b"Final-Recipient:",
        b"Original-Recipient: rfc822;Ada@Work.example\nFinal-Recipient:",
    )
    found = read_bounce(message, TOKENS)
    assert found is not None
    assert found.recipients == ("ada@work.example", "ada@example.test")


def test_a_report_whose_form_is_broken_is_still_one() -> None:
    for broken in (
        report().replace(b"message/delivery-status", b"text/plain"),
        report().replace(b'boundary="=b"', b'boundary="=c"'),
    ):
        found = read_bounce(broken, TOKENS)
        assert found is not None
        assert found.claim == CLAIM
    late = report("delayed").replace(b"message/delivery-status", b"text/plain")
    assert read_bounce(late, TOKENS) is None


def test_of_two_recipients_one_that_failed_is_enough() -> None:
    two = report("delayed").replace(
        b"--=b\nContent-Type: message/rfc822",
        b"Final-Recipient: rfc822; bob@example.test\nAction: failed\nStatus: 5.2.2\n\n"
        b"--=b\nContent-Type: message/rfc822",
    )
    found = read_bounce(two, TOKENS)
    assert found is not None
    assert (found.why, found.recipients) == ("5.2.2", ("bob@example.test",))


def test_text_made_to_take_long_does_not() -> None:
    """With the whole of it, flufl.bounce would take minutes."""
    for line in ("a", " " * 990 + "x", "<" * 990, REPLY_TO):
        text = f"From: MAILER-DAEMON <>\n\nfailed addresses follow:\n{(line + chr(10)) * 40_000}"
        assert is_bounce(plain(text)) in (True, False)
        assert read_bounce(plain(text)[:3_000_000], TOKENS) is None or line == REPLY_TO


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 700), st.integers(0, 60))
def test_no_bytes_make_it_raise(data: bytes, at: int, cut: int) -> None:
    for message in (report(), plain(QMAIL), plain(EXIM)):
        for made in (data, message[:at] + data + message[at + cut :]):
            found = read_bounce(made, TOKENS)
            assert found is None or isinstance(found, Returned)
            assert is_bounce(made) in (True, False)


@pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_of_a_failure_names_the_mail_and_the_reason(original: str) -> None:
    found = read_bounce(report(original=original), TOKENS)
    assert found is not None
    assert (found.claim, found.why) == (CLAIM, "smtp; 550 5.1.1 no such mailbox")
    assert isinstance(found.claim, Claim)


def test_a_report_without_a_diagnostic_gives_its_status() -> None:
    found = read_bounce(report(diagnostic=""), TOKENS)
    assert found is not None
    assert found.why == "5.1.1"


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_has_not_failed_has_not_come_back(action: str) -> None:
    assert read_bounce(report(action), TOKENS) is None


@pytest.mark.parametrize(
    "message",
    [
        report(message_id="<somebody@else.example>"),
        b"",
        b"Content-Type: message/delivery-status\n\nAction: failed\n",
        b"Content-Type: message/rfc822\n\n" * 2000,
        report()[:400],
        plain("Subject: Re: lunch\n\nSee you at noon."),
        plain(f"Subject: Re: it\n\nI never got the mail {OURS}. Was it delayed?"),
        plain(f"From: MAILER-DAEMON@x.example\n\nWARNING: it is still queued.\nMessage-ID: {OURS}"),
    ],
    ids=["another's mail", "empty", "no original", "deep", "cut off", "no", "person", "late"],
)
def test_anything_else_is_left_alone(message: bytes) -> None:
    assert read_bounce(message, TOKENS) is None


@pytest.mark.parametrize("text", [report().decode(), QMAIL, EXIM, DRAGONFLY])
def test_blank_lines_above_a_report_are_nothing(text: str) -> None:
    found = read_bounce(plain(text), TOKENS)
    assert found is not None
    assert read_bounce(b"\r\n\n" + plain(text), TOKENS) == found


def test_what_is_late_is_a_bounce_that_returns_nothing() -> None:
    late = report("delayed", diagnostic="Diagnostic-Code: smtp; 451 try later\n")
    assert (is_bounce(late), read_bounce(late, TOKENS)) == (True, None)
    assert not is_bounce(b"Subject: Re: lunch\n\nSee you at noon.")


@pytest.mark.parametrize(
    "head",
    [
        "From: postmaster@x.example",
        "From: ada@example.com\nSubject: Undelivered Mail",
        "From: ada@example.com\nAuto-Submitted: auto-replied",
        "From: ada@example.com\nContent-Type: multipart/report; report-type=x",
        "From: ada@example.com",
    ],
    ids=["postmaster", "subject", "away", "read receipt", "a person"],
)
def test_only_a_mail_daemon_s_mail_gives_ours_back_whatever_it_says(head: str) -> None:
    given_back = f"It went wrong.\n\nMessage-ID: {OURS}\n"
    assert read_bounce(plain(f"{head}\n\n{given_back}"), TOKENS) is None
    daemon = f"From: MAILER-DAEMON@x.example\n\n{given_back}"
    assert read_bounce(plain(daemon), TOKENS) == Returned(CLAIM, "it came back undelivered")


def test_a_line_that_says_failed_is_enough_where_the_form_is_broken() -> None:
    text = f"From: x@x.example\n\nAction: Failed\n\nMessage-ID: {OURS}\n"
    assert read_bounce(plain(text), TOKENS) == Returned(CLAIM, "it came back undelivered")
    other = text.replace("Action: Failed", "Action: delayed")
    assert read_bounce(plain(other), TOKENS) is None


def in_base64(kind: str, content: bytes) -> bytes:
    """A report that gives our mail back only in this part, encoded."""
    part = f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n".encode()
    start = report().partition(b"Content-Type: message/rfc822")[0]
    return start + part + base64.encodebytes(content) + b"--=b--\n"


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "text/plain", "text/html"])
@pytest.mark.parametrize("before", [b"", b"Subject: \xff\n"], ids=["plain", "not UTF-8"])
def test_a_mail_given_back_in_an_encoded_part_is_read(kind: str, before: bytes) -> None:
    found = read_bounce(in_base64(kind, before + f"Message-ID: {OURS}\n".encode()), TOKENS)
    assert found is not None
    assert found.claim == CLAIM


def test_what_no_text_holds_is_not_read() -> None:
    assert read_bounce(in_base64("image/png", f"Message-ID: {OURS}\n".encode()), TOKENS) is None


@pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers"])
def test_the_mail_given_back_says_better_which_it_was_than_what_the_report_answers(
    original: str,
) -> None:
    other = TOKENS.message_id("261122-k3f9ma", 1, "m9", "sha256:a", "bob")
    answers = f"In-Reply-To: {other}\n".encode()
    found = read_bounce(answers + report(original=original), TOKENS)
    assert found is not None
    assert found.claim == CLAIM


def test_a_report_that_gives_no_reason_says_so() -> None:
    silent = report(diagnostic="").replace(b"Status: 5.1.1\n", b"")
    found = read_bounce(silent, TOKENS)
    assert found is not None
    assert found.why == "no reason given"


def test_a_bounce_whose_text_is_not_utf_8_is_one() -> None:
    message = f"From: MAILER-DAEMON@x.example\n\nUng\xfcltig.\n\nMessage-ID: {OURS}\n"
    assert read_bounce(message.encode("latin-1"), TOKENS) == Returned(
        CLAIM, "it came back undelivered"
    )
