"""Which reports say that a mail of ours came back, and of which they are."""

from __future__ import annotations

import pytest

from hitl_mail.review.bounce import read_bounce
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


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_what_has_not_failed_has_not_come_back(action: str) -> None:
    assert read_bounce(report(action), TOKENS) is None


@pytest.mark.parametrize(
    "message",
    [
        report(message_id="<somebody@else.example>"),
        b"",
        b"Content-Type: message/delivery-status\n\nAction: failed\n",
        b"Content-Type: message/rfc822\n\n" * 2000,
        report().replace(b"message/delivery-status", b"text/plain"),
        report()[:400],
    ],
    ids=["of another's mail", "empty", "no original", "deep", "no report", "cut off"],
)
def test_anything_else_is_left_alone(message: bytes) -> None:
    assert read_bounce(message, TOKENS) is None
