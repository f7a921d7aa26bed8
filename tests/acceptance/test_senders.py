"""What comes into the mailbox and is no reviewer's word: it decides nothing, and is not lost."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.acceptance.home import TestHome, body, refund
from tests.servers.process import free_port


@pytest.fixture
def home(tmp_path: Path) -> TestHome:
    return TestHome(tmp_path / "home", free_port())


def asked(home: TestHome) -> EmailMessage:
    """Ada's question about a refund."""
    home.drop(refund(id="r1"))
    home.once()
    return home.mails("ada@")[0]


def report(given_back: str) -> bytes:
    """A bounce of before there was a form for it."""
    return (
        "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.test>\n"
        "To: approvals@example.com\nSubject: Mail delivery failed\n\n"
        "There was an error delivering your mail to <ada@example.com>.\n"
        f"550 5.1.1 <ada@example.com>: no such user\n\nMessage headers follow.\n\n{given_back}\n"
    ).encode()


@pytest.mark.parametrize("field", ["Message-ID", "Reply-To"])
def test_the_admins_hear_of_a_question_that_came_back_however_it_is_named(
    home: TestHome, field: str
) -> None:
    mail = asked(home)
    home.deliver(report(f"{field}: {mail[field]}"))
    home.once()
    [told] = home.mails("cleo@", "Not delivered")
    assert "550 5.1.1 <ada@example.com>: no such user" in body(told)
    home.deliver(report(f"{field}: {mail[field]}"))
    home.once()
    assert len(home.mails("cleo@", "Not delivered")) == 1


def test_a_report_with_a_token_that_we_did_not_make_is_left_alone(home: TestHome) -> None:
    real = str(asked(home)["Reply-To"])
    home.deliver(report(f"Reply-To: {real.replace(real.partition('@')[0][-16:], 'a' * 16)}"))
    home.once()
    assert home.mails("cleo@", "Not delivered") == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"X_Autorespond": "vacation"},
        {"Precedence": "auto_reply"},
    ],
)
def test_what_a_machine_sent_decides_nothing_and_is_not_answered(
    home: TestHome, headers: dict[str, str]
) -> None:
    mail = asked(home)
    before = len(home.mails())
    home.reply(mail, "approve", "Ada <ada@example.com>", **headers)
    home.once()
    assert (home.result("r1"), home.ran(), len(home.mails())) == (None, [], before)


@pytest.mark.parametrize(
    "headers",
    [
        {"Return_Path": "<>"},
        {"Precedence": "list"},
        {"List_Id": "<x.example>"},
        {"X_Auto_Response_Suppress": "All"},
    ],
)
def test_what_a_machine_may_have_sent_decides_nothing(
    home: TestHome, headers: dict[str, str]
) -> None:
    home.reply(asked(home), "approve", "Ada <ada@example.com>", **headers)
    home.once()
    assert (home.result("r1"), home.ran()) == (None, [])
    assert home.mails("cleo@", "Not delivered") == []


def test_without_a_server_that_checks_an_unsigned_reply_is_answered_with_what_it_lacks(
    home: TestHome,
) -> None:
    file = home.root / "hitl-mail.toml"
    home.write_site(file.read_text().replace('require = "token"', 'require = "dmarc"'))
    forged = {"Authentication_Results": "mx.example.com; dmarc=pass header.from=example.com"}
    mail = asked(home)
    home.reply(mail, "approve", "Ada <ada@example.com>", **forged)
    home.once()
    assert (home.result("r1"), home.ran()) == (None, [])
    assert "no DKIM signature" in body(home.await_mail("ada@", count=2))
