"""The test servers themselves: what the other integration tests take for granted."""

import contextlib
import email
import email.policy
import imaplib
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot
from tests.servers.postfix import Postfix
from tests.servers.process import wait_until
from tests.servers.relay import Relay
from tests.servers.smtp_sink import (
    ACCEPT,
    DROP_AFTER_ANSWER,
    DROP_AT_DATA,
    DROP_BEFORE_ANSWER,
    PERMANENT,
    REFUSE_CONNECTION,
    SENDER_REFUSED,
    TEMPORARY,
    Behaviour,
    SmtpSink,
    refusing,
    slow,
    smtp_sink_at,
)


def mail(to: str = APPROVALS, subject: str = "hello") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = REVIEWER, to, subject
    message.set_content("approve\n")
    return message


WIRE = mail().as_bytes(policy=email.policy.SMTP)
"""A mail as it goes over the wire."""


@contextlib.contextmanager
def mailbox(server: Dovecot, user: str = APPROVALS) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4(server.host, server.imap_port, timeout=10) as imap:
        imap.login(user, PASSWORD)
        imap.select("INBOX")
        yield imap


def found(imap: imaplib.IMAP4, subject: str) -> list[bytes]:
    imap.noop()
    numbers: list[bytes] = imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
    return numbers


def delivered(server: Dovecot, subject: str, user: str = APPROVALS) -> EmailMessage:
    with mailbox(server, user) as imap:
        wait_until(lambda: bool(found(imap, subject)), f"a mail with the subject {subject}")
        _, parts = imap.fetch(found(imap, subject)[0].decode(), "(RFC822)")
        assert isinstance(parts[0], tuple)
        return email.message_from_bytes(parts[0][1], policy=email.policy.default)


def send(sink: SmtpSink, *to: str) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(sink.host, sink.port, timeout=10) as smtp:
        return smtp.sendmail(APPROVALS, list(to or [REVIEWER]), WIRE)


class TestDovecotAndPostfix:
    def test_the_token_of_a_subaddress_reaches_the_mailbox(
        self, dovecot: Dovecot, postfix: Postfix | Relay
    ) -> None:
        to = "approvals+k3f9matoken@example.test"
        with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as smtp:
            smtp.send_message(mail(to, subject="subaddressed"))

        got = delivered(dovecot, "subaddressed")

        assert (got["Delivered-To"], got["To"]) == (to, to)

    def test_postfix_takes_mail_over_starttls_with_a_login(
        self, dovecot: Dovecot, postfix: Postfix | Relay
    ) -> None:
        with smtplib.SMTP("localhost", postfix.port, timeout=10) as smtp:
            smtp.starttls(context=postfix.certificate.client_context())
            smtp.login(APPROVALS, PASSWORD)
            smtp.send_message(mail(REVIEWER, subject="over starttls"))

        assert delivered(dovecot, "over starttls", REVIEWER)["To"] == REVIEWER

    def test_postfix_refuses_a_wrong_password(self, postfix: Postfix | Relay) -> None:
        with (
            smtplib.SMTP(postfix.host, postfix.port, timeout=10) as smtp,
            pytest.raises(smtplib.SMTPAuthenticationError),
        ):
            smtp.login(APPROVALS, "wrong")

    def test_postfix_sends_nothing_elsewhere(self, postfix: Postfix | Relay) -> None:
        with (
            smtplib.SMTP(postfix.host, postfix.port, timeout=10) as smtp,
            pytest.raises(smtplib.SMTPRecipientsRefused),
        ):
            smtp.send_message(mail("somebody@elsewhere.test"))

    def test_dovecot_advertises_idle(self, dovecot: Dovecot) -> None:
        with mailbox(dovecot) as imap:
            assert b"IDLE" in imap.capability()[1][0].split()

    def test_dovecot_makes_the_processed_mailbox(self, dovecot: Dovecot) -> None:
        with mailbox(dovecot) as imap:
            assert imap.select("Processed")[0] == "OK"

    def test_dovecot_speaks_tls(self, dovecot: Dovecot) -> None:
        context = dovecot.certificate.client_context()
        with imaplib.IMAP4_SSL("localhost", dovecot.imaps_port, ssl_context=context) as imap:
            assert imap.login(APPROVALS, PASSWORD)[0] == "OK"


class TestSink:
    def test_it_keeps_what_it_got(self, smtp_sink: SmtpSink) -> None:
        send(smtp_sink, REVIEWER, APPROVALS)

        (got,) = smtp_sink.wait_for(1)

        assert (got.mail_from, got.rcpt_tos) == (APPROVALS, (REVIEWER, APPROVALS))
        assert got.content == WIRE

    def test_it_refuses_for_now_and_then_accepts(self, smtp_sink: SmtpSink) -> None:
        smtp_sink.then(TEMPORARY, ACCEPT)

        with pytest.raises(smtplib.SMTPDataError) as refusal:
            send(smtp_sink)
        send(smtp_sink)

        assert (refusal.value.smtp_code, len(smtp_sink.received)) == (451, 1)

    def test_it_refuses_for_good(self, smtp_sink: SmtpSink) -> None:
        smtp_sink.then(PERMANENT)
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            send(smtp_sink)
        assert (refusal.value.smtp_code, smtp_sink.received) == (550, [])

    def test_it_refuses_a_sender(self, smtp_sink: SmtpSink) -> None:
        smtp_sink.then(SENDER_REFUSED)
        with pytest.raises(smtplib.SMTPSenderRefused):
            send(smtp_sink)

    def test_it_refuses_one_recipient_of_two(self, smtp_sink: SmtpSink) -> None:
        smtp_sink.then(refusing(REVIEWER))
        assert list(send(smtp_sink, REVIEWER, APPROVALS)) == [REVIEWER]
        assert smtp_sink.received[0].rcpt_tos == (APPROVALS,)

    @pytest.mark.parametrize(
        ("behaviour", "kept"), [(DROP_AT_DATA, 0), (DROP_BEFORE_ANSWER, 1)], ids=["lost", "kept"]
    )
    def test_it_drops_the_connection_before_it_answers(
        self, smtp_sink: SmtpSink, behaviour: Behaviour, kept: int
    ) -> None:
        smtp_sink.then(behaviour)
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
            send(smtp_sink)
        assert len(smtp_sink.received) == kept

    def test_it_drops_the_connection_after_it_answered(self, smtp_sink: SmtpSink) -> None:
        smtp_sink.then(DROP_AFTER_ANSWER)
        smtp = smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=10)
        assert smtp.sendmail(APPROVALS, [REVIEWER], b"hello") == {}
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
            smtp.noop()
        smtp.close()

    def test_a_slow_answer_outlasts_a_hasty_client(self, smtp_sink: SmtpSink) -> None:
        smtp_sink.then(slow(30))
        smtp = smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=0.2)
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            smtp.sendmail(APPROVALS, [REVIEWER], b"hello")
        smtp.close()

    def test_it_refuses_one_connection(self, smtp_sink: SmtpSink) -> None:
        smtp_sink.then(REFUSE_CONNECTION)
        with pytest.raises(smtplib.SMTPConnectError) as refusal:
            send(smtp_sink)
        send(smtp_sink)
        assert (refusal.value.smtp_code, smtp_sink.connections) == (421, 2)

    def test_it_is_away_and_comes_back(self, tmp_path: Path) -> None:
        with smtp_sink_at(tmp_path) as sink:
            send(sink)
        with pytest.raises(ConnectionRefusedError):
            send(sink)
        with sink.listening():
            send(sink)
        assert len(sink.received) == 2

    def test_it_demands_starttls_and_a_login(self, tmp_path: Path) -> None:
        with (
            smtp_sink_at(tmp_path, tls="starttls", login=("ada", "pw")) as sink,
            smtplib.SMTP("localhost", sink.port, timeout=10) as smtp,
        ):
            smtp.starttls(context=ssl.create_default_context(cafile=str(sink.certificate.ca)))
            with pytest.raises(smtplib.SMTPSenderRefused):
                smtp.sendmail(APPROVALS, [REVIEWER], b"hello")
            smtp.login("ada", "pw")
            assert smtp.sendmail(APPROVALS, [REVIEWER], b"hello") == {}

    def test_it_speaks_implicit_tls_and_refuses_a_wrong_password(self, tmp_path: Path) -> None:
        with (
            smtp_sink_at(tmp_path, tls="implicit", login=("ada", "pw")) as sink,
            smtplib.SMTP_SSL(
                "localhost", sink.port, timeout=10, context=sink.certificate.client_context()
            ) as smtp,
            pytest.raises(smtplib.SMTPAuthenticationError),
        ):
            smtp.login("ada", "wrong")
