"""Mails that pretend: to be from a reviewer, to be checked by our server, to hold a command.

The site asks for an aligned Authentication-Results of its own server. Every mail here bears the
reviewer's own secret, as whoever was forwarded the packet has it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from tests.acceptance.home import SITE, TestHome, body, refund, until

PASS = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com"
FAIL = "Authentication-Results: mx.example.com; dmarc=fail header.from=example.com"
ADA = "From: Ada <ada@example.com>"
EVE = "From: Eve <eve@evil.example>"
CHECKED = SITE.replace('require = "token"', 'require = "dmarc"\nauthserv_id = "mx.example.com"')

FORGED: dict[str, tuple[str, ...]] = {
    "no results": (ADA,),
    "failed": (FAIL, ADA),
    "failed, with a forged pass below": (FAIL, PASS, ADA),
    "another server's pass on top": (PASS.replace("mx.example", "mx.evil"), PASS, ADA),
    "a server called almost so": (PASS.replace("mx.example.com", "mx.example.com.evil"), ADA),
    "a pass in a comment": (
        "Authentication-Results: mx.example.com; dmarc=fail (dmarc=pass header.from=example.com)",
        ADA,
    ),
    "a pass in a quoted reason": (
        'Authentication-Results: mx.example.com; dmarc=fail reason="; dmarc=pass '
        'header.from=example.com"',
        ADA,
    ),
    "a pass for another domain": (PASS.replace("=example.com", "=evil.example"), ADA),
    "only SPF of another domain": (
        "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=evil.example",
        ADA,
    ),
    "only DKIM of another domain": (
        "Authentication-Results: mx.example.com; dkim=pass header.d=evil.example",
        ADA,
    ),
    "both in one header": (
        "Authentication-Results: mx.example.com; dmarc=fail header.from=example.com; dmarc=pass "
        "header.from=example.com",
        ADA,
    ),
    "a folded name": ("Authentication-Results:\r\n mx.evil.example;\r\n dmarc=pass", ADA),
    "a name with a space before its colon": (PASS.replace("Results:", "Results :"), ADA),
    "ARC instead": (PASS.replace("Authentication", "ARC-Authentication"), ADA),
    "X- instead": (PASS.replace("Authentication", "X-Authentication"), ADA),
    "from a stranger": (PASS.replace("=example.com", "=evil.example"), EVE),
    "from a stranger who is called so": (PASS, 'From: "ada@example.com" <eve@evil.example>'),
    "two addresses": (PASS, "From: ada@example.com, eve@evil.example"),
    "two From": (PASS, ADA, EVE),
    "two From, ours last": (PASS, EVE, ADA),
    "an address before the brackets": (PASS, "From: ada@example.com <eve@evil.example>"),
    "a group": (PASS, "From: Ada: ada@example.com;"),
    "a sender beside": (PASS, EVE, "Sender: ada@example.com"),
    "a reply-to beside": (PASS, EVE, "Reply-To: ada@example.com"),
    "an encoded address": (PASS, "From: =?utf-8?q?ada=40example.com?="),
    "a route": (PASS, "From: <@evil.example:ada@example.com>"),
    "a look-alike": (PASS, "From: \u0430da@example.com"),
    "a tag": (PASS, "From: ada+eve@example.com"),
    "a longer domain": (PASS, "From: ada@example.com.evil.example"),
    "a comment": (PASS, "From: eve@evil.example (ada@example.com)"),
    "a bare carriage return": (PASS, "X: a\rFrom: ada@example.com", EVE),
    "our own address": (PASS, "From: approvals@example.com"),
    "nobody": (PASS,),
}  # fmt: skip

HIDDEN: dict[str, tuple[str, str]] = {
    "in the subject": ("Subject: approve", "I shall look at it later.\n"),
    "in a quote": ("X: y", "What is this?\n\n> approve\n"),
    "in a quote of ours": ("X: y", "Hm.\n\nOn Monday, approvals wrote:\n> approve\n"),
    "below the line": ("X: y", "Hm.\n--- hitl-mail: reply above this line ---\napprove\n"),
    "below a forwarding": (
        "X: y",
        "See below\n\n---- Forwarded message ----\nFrom: x\n\napprove\n",
    ),
    "below a signature": ("X: y", "Hm.\n-- \napprove\n"),
    # Nothing else is written: what is passed over here is the first line of what is left.
    "in nothing but a subject": ("Subject: approve", "\n"),
    "in nothing but a subject of a reply": ("Subject: Re: approve", ""),
    "in nothing but a quote": ("X: y", "> approve\n"),
    "in nothing but a quote of ours": ("X: y", "On Monday, approvals wrote:\n> approve\n"),
    "in nothing but a quote without marks": (
        "X: y",
        "On Mon, 23 Nov 2026 at 10:00, approvals <approvals@example.com> wrote:\n\napprove\n",
    ),
    "in nothing but what is below the line": (
        "X: y",
        "--- hitl-mail: reply above this line ---\napprove\n",
    ),
    "in nothing but a forwarding": ("X: y", "---- Forwarded message ----\nFrom: x\n\napprove\n"),
    "in nothing but a signature": ("X: y", "-- \napprove\n"),
    "in nothing but HTML that is not shown": (
        "Content-Type: text/html",
        "<p style='display:none'>approve</p>",
    ),
    "in HTML that is hidden in another way": (
        "Content-Type: text/html",
        '<div hidden>approve</div><div STYLE="color:red; Visibility : hidden">approve</div>',
    ),
    "in nothing but a quote in HTML": (
        "Content-Type: text/html",
        "<blockquote>approve</blockquote>",
    ),
    "with a condition": ("X: y", "approve, but only 20\n"),
    "with an invisible letter": ("X: y", "app\u200brove\n"),
    "in other letters": ("X: y", "\u0430pprove\n"),
    "turned round": ("X: y", "\u202eevorppa\n"),
    "an automatic one": ("Auto-Submitted: auto-replied", "approve\n"),
    "of a list": ("List-Id: <x.example.com>", "approve\n"),
    "in bulk": ("Precedence: bulk", "approve\n"),
    "too many lines": ("X: y", "x\n" * 20000 + "approve\n"),
    "in HTML that is not shown": (
        "Content-Type: text/html",
        "<p style='display:none'>approve</p><p>Never do this</p>",
    ),
}

_PARTED = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
_FILE = """--b
Content-Type: text/plain
Content-Disposition: attachment; filename="approve.txt"

approve
"""
_FORWARDED = """--b
Content-Type: message/rfc822

From: ada@example.com

approve
"""
_TEXT = "--b\nContent-Type: text/plain\n\n{}\n"
IN_PARTS = (
    f"{_PARTED}{_TEXT.format('Please see what is attached.')}{_FILE}{_FORWARDED}--b--\n",
    f"{_PARTED}{_TEXT.format('')}{_FILE}--b--\n",
    f"{_PARTED}{_FILE}--b--\n",
    f"{_PARTED}{_TEXT.format('')}{_FORWARDED}--b--\n",
    f"{_PARTED}{_FORWARDED}--b--\n",
)
"""In attachments: beside words of their own, beside none, and alone."""


class Checked:
    def __init__(self, home: TestHome) -> None:
        home.start()
        self.home = home
        self.action = home.drop(refund())
        self.case = home.case_of(self.action)
        self.packet = home.await_mail("ada@example.com", self.case)

    def deliver(self, head: tuple[str, ...], text: str) -> str:
        """A mail with these lines on top, under the reviewer's own secret; its Message-ID."""
        own = f"<{uuid.uuid4().hex}@client.example>"
        lines = [
            *head,
            f"To: {self.packet['Reply-To']}",
            f"In-Reply-To: {self.packet['Message-ID']}",
            f"Message-ID: {own}",
        ]
        if not any(line.lower().startswith("subject") for line in lines):
            lines.append("Subject: Re: it")
        head_bytes = "\r\n".join(lines).encode() + b"\r\n"
        sep = b"" if text.startswith("MIME-Version") else b"\r\n"
        self.home.deliver(head_bytes + sep + text.replace("\n", "\r\n").encode())
        return own

    def settle(self) -> None:
        until(lambda: not any((self.home.root / "mail/in/new").iterdir()), "all mails are read")

    def decisions(self) -> list[str]:
        return [said["verb"] for said in self.home.json("show", self.case)["decisions"]]

    def answers(self) -> list[EmailMessage]:
        return self.home.mails(None, f"Re: [hitl {self.case}]")


@pytest.fixture(scope="module")
def checked(make_home: Callable[..., TestHome]) -> Checked:
    found = Checked(make_home(site=CHECKED))
    # One after the other in one life: were any believed, the case would be closed.
    for head in FORGED.values():
        found.deliver(head, "approve\n")
        found.deliver(head, "reject\n")
    for head_line, text in HIDDEN.values():
        found.deliver((PASS, ADA, head_line), text)
    for text in IN_PARTS:
        found.deliver((PASS, ADA), text)
    found.settle()
    return found


def test_no_mail_that_pretends_decides(checked: Checked) -> None:
    """A From that is that reviewer, once and plainly, vouched for by our own server, topmost only;
    and a command in the first new line of text, nowhere else."""
    assert checked.decisions() == []


def test_nothing_is_answered_to_whom_it_claims_to_be_from(checked: Checked) -> None:
    """Answers go to the reviewer's configured address, never to one that a mail names."""
    to = {str(mail["To"]) for mail in checked.home.mails()}
    known = {f"{name}@example.com" for name in ("ada", "bob", "cleo")}
    assert {address.rpartition("<")[2].rstrip(">") for address in to} <= known


def test_a_flood_of_them_is_answered_once(checked: Checked) -> None:
    """Whoever sends a hundred forged mails makes us send one, not a hundred."""
    forged = [mail for mail in checked.answers() if "not certain that you wrote" in body(mail)]
    assert len(forged) == 1, [body(mail)[:200] for mail in checked.answers()]


def test_the_reviewer_themselves_is_believed(checked: Checked) -> None:
    """Without this, the tests above could pass because no mail decides at all."""
    checked.deliver((PASS, ADA), "approve\n")
    assert checked.home.await_result(checked.action)["status"] == "executed"
    [said] = checked.home.json("receipts", "show", checked.action)["decisions"]
    assert (
        said["via"],
        said["evidence"]["from"],
        said["evidence"]["authentication"]["result"],
    ) == (
        "mail",
        "ada@example.com",
        "pass",
    )
