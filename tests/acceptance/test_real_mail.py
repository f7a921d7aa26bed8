"""The main job over a real Dovecot and a real Postfix (without root, a relay in its place)."""

from __future__ import annotations

import imaplib
import uuid
from collections.abc import Callable

import pytest

from tests.acceptance.home import TestHome, body, refund, until
from tests.acceptance.post import (
    AUTHSERV_ID,
    PostHome,
    Submission,
    imaps,
    plain_imap,
    site,
    submission,
)
from tests.servers.dovecot import PASSWORD, REVIEWER, Dovecot

PASSED = f"Authentication-Results: {AUTHSERV_ID};\r\n dmarc=pass header.from=example.test\r\n"
FAILED = f"Authentication-Results: {AUTHSERV_ID};\r\n dmarc=fail header.from=example.test\r\n"

Make = Callable[..., TestHome]


@pytest.fixture
def make_post_home(
    make_home: Make, dovecot: Dovecot, postfix: Submission
) -> Callable[..., PostHome]:
    def make(
        *, tls: bool = True, require: str = "token", stamp: str = "", finance: str = '["ada"]'
    ) -> PostHome:
        imap = imaps(dovecot) if tls else plain_imap(dovecot.imap_port)
        made = make_home(
            PostHome,
            dovecot=dovecot,
            server=postfix,
            site=site(submission(postfix), imap, require=require, finance=finance),
            stamp=stamp.encode(),
        )
        assert isinstance(made, PostHome)
        return made

    return make


@pytest.mark.parametrize(
    ("tls", "require", "stamp"),
    [(True, "token", ""), (False, "token", ""), (True, "dmarc", PASSED)],
    ids=["imaps and token", "plain imap and token", "imaps and dmarc"],
)
def test_a_reply_by_mail_runs_the_action(
    make_post_home: Callable[..., PostHome], tls: bool, require: str, stamp: str
) -> None:
    home = make_post_home(tls=tls, require=require, stamp=stamp)
    home.start()
    action = home.drop(refund())
    asked = home.await_mail(REVIEWER)
    reply_id = f"<{uuid.uuid4().hex}@client.example>"
    home.reply(asked, "approve", f"Ada <{REVIEWER}>", message_id=reply_id)
    result = home.await_result(action)
    told = home.await_mail(REVIEWER, count=2)

    assert (result["status"], result["payload"]) == ("executed", refund()["payload"])
    assert [run["payload"] for run in home.ran()] == [refund()["payload"]]
    assert "executed" in body(told)
    assert (told["In-Reply-To"], told["References"]) == (asked["Message-ID"], asked["Message-ID"])
    assert len(until(lambda: home.put_away(reply_id), "the reply to be put away")) == 1
    receipt = home.json("receipts", "show", action)
    evidence = receipt["decisions"][0]["evidence"]
    assert (evidence["message_id"], evidence["from"]) == (reply_id, REVIEWER)
    report = home.json("receipts", "verify")
    assert (report["ok"], report["count"]) == (True, 1)
    home.await_health()


def test_a_reply_that_our_server_does_not_vouch_for_is_answered_and_decides_nothing(
    make_post_home: Callable[..., PostHome],
) -> None:
    home = make_post_home(require="dmarc", stamp=FAILED + PASSED)
    home.start()
    action = home.drop(refund())
    home.reply(home.await_mail(REVIEWER), "approve", REVIEWER)
    answer = home.await_mail(REVIEWER, count=2)
    assert "executed" not in body(answer)
    assert (home.result(action), home.ran()) == (None, [])


def test_a_mail_is_answered_once_however_often_it_is_delivered(
    make_post_home: Callable[..., PostHome],
) -> None:
    home = make_post_home()
    home.start()
    action = home.drop(refund())
    asked = home.await_mail(REVIEWER)
    reply_id = f"<{uuid.uuid4().hex}@client.example>"
    for _ in range(2):
        home.reply(asked, "approve", REVIEWER, message_id=reply_id)
    home.await_result(action)
    until(lambda: len(home.put_away(reply_id)) == 2, "both to be put away")
    home.await_mail(REVIEWER, count=2)
    home.reply(asked, "approve", REVIEWER, message_id=reply_id)
    until(lambda: len(home.put_away(reply_id)) == 3, "the third to be put away")
    # What is answered is another reply, after the case is closed: it overtakes nothing.
    late_id = f"<{uuid.uuid4().hex}@client.example>"
    home.reply(asked, "approve", REVIEWER, message_id=late_id)
    assert home.await_mail(REVIEWER, count=3)["In-Reply-To"] == late_id

    receipt = home.json("receipts", "show", action)
    assert (len(receipt["decisions"]), len(home.ran())) == (1, 1)
    assert len(home.mails(REVIEWER)) == 3


def test_a_mail_that_comes_back_is_told_and_the_case_stays_open(
    make_post_home: Callable[..., PostHome],
) -> None:
    home = make_post_home(finance='["ada", "bob"]')
    home.start()
    action = home.drop(refund())
    # No mailbox of bob's is there: the server takes the mail, and sends it back.
    assert home.case_of(action) in home.await_fault("bob was not asked")
    home.reply(home.await_mail(REVIEWER), "approve", REVIEWER)
    assert home.await_result(action)["status"] == "executed"
    home.await_health()
    packets = home.json("receipts", "show", action)["packets"]
    assert {one["to"]: one["status"] for one in packets} == {"ada": "sent", "bob": "failed"}


def test_one_pass_asks_and_the_next_carries_out(make_post_home: Callable[..., PostHome]) -> None:
    home = make_post_home()
    action = home.drop(refund())
    home.once()
    asked = home.await_mail(REVIEWER)
    reply_id = f"<{uuid.uuid4().hex}@client.example>"
    home.reply(asked, "approve", REVIEWER, message_id=reply_id)
    until(lambda: _waits(home.dovecot, reply_id), "the delivery of the reply")
    home.once()
    result = home.result(action)
    assert result is not None
    assert (result["status"], len(home.ran())) == ("executed", 1)
    assert "executed" in body(home.await_mail(REVIEWER, count=2))
    assert len(home.put_away(reply_id)) == 1


def _waits(server: Dovecot, message_id: str) -> bool:
    with imaplib.IMAP4(server.host, server.imap_port, timeout=10) as imap:
        imap.login("approvals@example.test", PASSWORD)
        imap.select("INBOX", readonly=True)
        _, found = imap.search(None, "HEADER", "Message-ID", f'"{message_id}"')
        return bool(found[0])
