"""Mail servers that are down, refuse, break off or freeze: nothing is lost, `status` says so."""

from __future__ import annotations

import email
import email.policy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.acceptance.home import RULES, TestHome, body, refund, until
from tests.acceptance.post import PASSWORD_FILE, PostHome, plain_imap, plain_smtp, site
from tests.servers.certificate import make_certificate
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot, new_dovecot
from tests.servers.process import LOOPBACK, free_port
from tests.servers.smtp_sink import (
    DROP_AT_DATA,
    DROP_BEFORE_ANSWER,
    TEMPORARY,
    SmtpSink,
    refusing,
    slow,
    smtp_sink_at,
)

Make = Callable[..., PostHome]


@pytest.fixture
def make_post_home(make_home: Callable[..., TestHome], dovecot: Dovecot) -> Make:
    def make(
        smtp_port: int,
        *,
        imap_port: int | None = None,
        password: str = PASSWORD,
        smtp: dict[str, object] | None = None,
        finance: str = '["ada"]',
    ) -> PostHome:
        made = make_home(
            PostHome,
            dovecot=dovecot,
            site=site(
                plain_smtp(smtp_port) | (smtp or {}),
                plain_imap(imap_port or dovecot.imap_port),
                finance=finance,
            ),
            password=password,
        )
        assert isinstance(made, PostHome)
        return made

    return make


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def received(sink: SmtpSink) -> list[EmailMessage]:
    return [
        email.message_from_bytes(mail.content, policy=email.policy.default)
        for mail in sink.received
    ]


def test_mail_waits_for_a_server_that_is_down_over_a_restart(
    make_post_home: Make, tmp_path: Path
) -> None:
    sink = SmtpSink(free_port(), make_certificate(tmp_path))
    home = make_post_home(sink.port)
    home.start()
    home.drop(refund())
    fault = home.await_fault(f"{LOOPBACK}:{sink.port}")
    assert "next try 20" in fault
    home.stop()
    home.start()
    assert f"{LOOPBACK}:{sink.port}" in home.await_fault("a mail to ada waits until")
    with sink.listening():
        sink.wait_for(1, 20)
        home.await_health()
    assert [mail["To"] for mail in received(sink)] == [REVIEWER]


def test_a_refused_login_is_told_and_loses_nothing(make_post_home: Make, tmp_path: Path) -> None:
    with smtp_sink_at(tmp_path, login=(APPROVALS, PASSWORD)) as sink:
        home = make_post_home(
            sink.port,
            smtp={"username": APPROVALS, "password_file": "state/other"},
        )
        secret = home.root / "state/other"
        secret.write_text("wrong\n")
        secret.chmod(0o600)
        home.start()
        home.drop(refund())
        assert f"does not accept the login of {APPROVALS}" in home.await_fault("login")
        home.stop()
        secret.write_text(PASSWORD + "\n")
        home.start()
        sink.wait_for(1, 20)
        home.await_health()


def test_what_a_server_put_off_or_broke_off_is_sent_again_as_the_same_mail(
    make_post_home: Make, smtp_sink: SmtpSink
) -> None:
    greylisting = refusing(REVIEWER, reply="451 4.7.1 greylisted, come back later")
    smtp_sink.then(TEMPORARY, DROP_AT_DATA, DROP_BEFORE_ANSWER, greylisting)
    home = make_post_home(smtp_sink.port)
    home.start()
    for _ in range(4):
        home.drop(refund())
    home.await_fault("greylisted")
    # One was taken although its answer was lost: it comes twice, and says so by its Message-ID.
    smtp_sink.wait_for(5, 20)
    home.await_health()
    ids = [mail["Message-ID"] for mail in received(smtp_sink)]
    assert (len(ids), len(set(ids))) == (5, 4)


def test_mail_to_a_full_mailbox_holds_up_no_other(
    make_post_home: Make, smtp_sink: SmtpSink
) -> None:
    full = refusing(REVIEWER, reply="452 4.2.2 mailbox full")
    smtp_sink.then(full, full, full)
    home = make_post_home(smtp_sink.port, finance='["ada", "bob"]')
    home.start()
    home.drop(refund())
    first = smtp_sink.wait_for(1, 4)
    assert first[0].rcpt_tos == ("bob@example.test",)
    assert "mailbox full" in home.await_fault("a mail to ada waits until")


def test_a_full_mailbox_is_recorded_and_others_are_asked_at_once(
    make_post_home: Make, smtp_sink: SmtpSink
) -> None:
    full = refusing(REVIEWER, reply="452 4.2.2 mailbox full")
    smtp_sink.then(full)
    home = make_post_home(smtp_sink.port)
    escalates = 'reviewers = ["finance"]\nescalate = { after = "3h", to = ["owner"] }\n'
    (home.root / "rules.toml").write_text(RULES.replace('reviewers = ["finance"]\n', escalates, 1))
    home.start()
    action = home.drop(refund())
    [packet] = smtp_sink.wait_for(1, 4)
    assert packet.rcpt_tos == ("cleo@example.test",)
    # The mail itself goes on trying, and arrives once there is room.
    smtp_sink.wait_for(2, 20)
    until(lambda: home.json("queue")[0].get("unreached") is None, "ada is reached")
    home.json("reject", action)
    home.await_result(action)
    events = home.json("receipts", "show", action)["events"]
    [missed] = [event for event in events if event["event"] == "unreached"]
    assert (missed["person"], missed["why"], "mailbox full" in missed["detail"]) == (
        "ada",
        "full",
        True,
    )


def test_admins_learn_of_a_reviewer_who_cannot_be_asked(
    make_post_home: Make, smtp_sink: SmtpSink
) -> None:
    gone = refusing(REVIEWER)
    smtp_sink.then(gone, gone, gone)
    home = make_post_home(smtp_sink.port, finance='["ada", "cleo"]')
    home.start()
    action = home.drop(refund())
    case = home.case_of(action)
    assert f"{case}: ada was not asked" in home.await_fault("no such mailbox")
    until(lambda: len(smtp_sink.received) == 2, "the packet and the notice")
    notice = next(mail for mail in received(smtp_sink) if "Not delivered" in mail["Subject"])
    assert notice["To"] == "cleo@example.test"
    assert "no such mailbox" in " ".join(body(notice).split())
    assert "no such mailbox" in " ".join(home.cli("show", case).stdout.split())
    assert "no such mailbox" in " ".join(home.cli("queue", env={"COLUMNS": "400"}).stdout.split())
    assert home.json("queue")[0]["waiting_for"] == ["ada", "cleo"]
    home.stop()
    home.start()
    home.await_fault("ada was not asked")

    home.json("approve", action)
    assert home.await_result(action)["status"] == "executed"
    home.await_health()
    assert len(smtp_sink.received) == 2


def test_replies_wait_for_an_imap_server_that_comes_and_goes(
    make_post_home: Make, smtp_sink: SmtpSink, server_base: Path
) -> None:
    base = server_base / "comes-and-goes"
    base.mkdir()
    server = new_dovecot(base)
    home = make_post_home(smtp_sink.port, imap_port=server.imap_port)
    home.start()
    action = home.drop(refund())
    home.await_fault(f"incoming mail: {LOOPBACK}:{server.imap_port}")
    with server.running():
        home.await_health()
    home.await_fault(f"incoming mail: {LOOPBACK}:{server.imap_port}")
    with server.running():
        smtp_sink.wait_for(1)
        home.deliver = lambda message: _put(server, message)  # type: ignore[method-assign]
        home.reply(received(smtp_sink)[0], "approve", REVIEWER)
        assert home.await_result(action)["status"] == "executed"
        home.await_health()


def _put(server: Dovecot, message: bytes) -> None:
    import smtplib

    with smtplib.LMTP(server.host, server.lmtp_port) as lmtp:
        lmtp.sendmail(REVIEWER, [APPROVALS], message)


def test_a_refused_imap_login_is_told(make_post_home: Make, smtp_sink: SmtpSink) -> None:
    home = make_post_home(smtp_sink.port, password="wrong")
    home.start()
    assert f"refused the login of {APPROVALS}" in home.await_fault("incoming mail")
    (home.root / PASSWORD_FILE).write_text(PASSWORD + "\n")
    home.stop()
    home.start()
    home.await_health()


def test_one_pass_leaves_for_the_next_what_no_server_takes_now(
    make_post_home: Make, tmp_path: Path
) -> None:
    sink = SmtpSink(free_port(), make_certificate(tmp_path))
    home = make_post_home(sink.port, imap_port=free_port())
    home.drop(refund())
    home.once()
    assert home.json("queue")[0]["status"] == "pending"

    def pass_again() -> bool:
        home.once()
        return bool(sink.received)

    with sink.listening():
        until(pass_again, "a pass that sends the mail")
    assert len(sink.received) == 1


def _ends_in_time(home: TestHome) -> None:
    begun = time.monotonic()
    assert home.stop() == 0, home.log()
    assert time.monotonic() - begun < 10


def test_the_end_does_not_wait_for_servers_that_say_nothing(
    make_post_home: Make, deaf_port: int
) -> None:
    home = make_post_home(deaf_port, imap_port=deaf_port, smtp={"timeout": "60s"})
    home.start()
    home.drop(refund())
    home.case_of(home.drop(refund()))
    _ends_in_time(home)


def test_the_end_does_not_wait_for_a_server_that_has_the_mail_and_does_not_answer(
    make_post_home: Make, smtp_sink: SmtpSink
) -> None:
    smtp_sink.then(slow(30))
    home = make_post_home(smtp_sink.port, smtp={"timeout": "60s"})
    home.start()
    home.drop(refund())
    until(lambda: smtp_sink.current, "the mail to be under way")
    _ends_in_time(home)


def test_the_end_does_not_wait_for_a_name_that_is_being_looked_up(make_post_home: Make) -> None:
    home = make_post_home(free_port())
    program = (
        "import socket, sys, time\n"
        "from hitl_mail.cli import main\n"
        "def stuck(*_, **__):\n"
        "    print('looking up', flush=True)\n"
        "    time.sleep(60)\n"
        "socket.getaddrinfo = stuck\n"
        "sys.argv = ['hitl-mail', '--home', sys.argv[1], 'run']\n"
        "main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home.root)], stdout=subprocess.PIPE
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"looking up\n"
        home.daemon = daemon  # type: ignore[assignment]
        _ends_in_time(home)
