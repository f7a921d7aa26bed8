"""SMTP out: what each behaviour of a server means for the mail."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hitl_mail.adapters.smtp.outbox import SmtpOutbox
from hitl_mail.ports import MailDoubt, MailPermanent, MailTemporary
from hitl_mail.settings import Smtp
from tests.servers.process import free_port
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

MAIL = b"From: a@example.test\r\nSubject: hello\r\n\r\napprove\r\n"
FROM, ADA, BOB = "approvals@example.test", "ada@example.test", "bob@example.test"
LATER = "451 4.7.1 greylisted, come back later"
NOW = 1_700_000_000.0


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[SmtpSink]:
    with smtp_sink_at(tmp_path) as server:
        yield server


def outbox_for(
    sink: SmtpSink, password: str = "pw", rest: float = 60.0, **more: object
) -> SmtpOutbox:
    fields = {"host": "localhost", "port": sink.port, "tls": sink.tls, "timeout": 5}
    if sink.login:
        fields |= {"username": "ada"}
    settings = Smtp(**(fields | {"ca_file": str(sink.certificate.ca)} | more))  # type: ignore[arg-type]
    return SmtpOutbox(
        settings, password, hostname="client.example.test", rest=rest, now=lambda: NOW
    )


@pytest.fixture
async def outbox(sink: SmtpSink) -> AsyncIterator[SmtpOutbox]:
    made = outbox_for(sink)
    yield made
    await made.close()


async def send(outbox: SmtpOutbox, *to: str, message: bytes = MAIL) -> list[str]:
    return await outbox.send(FROM, list(to or [ADA]), message, "m1")


class TestRefusals:
    async def test_greylisting_is_temporary_and_the_same_outbox_succeeds_later(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(refusing(ADA, reply=LATER), ACCEPT)

        with pytest.raises(MailTemporary, match=r"451 4.7.1 greylisted"):
            await send(outbox)
        await send(outbox)

        assert (len(sink.received), sink.connections) == (1, 1)

    @pytest.mark.parametrize(
        ("behaviour", "server"),
        [
            (refusing(ADA, reply=LATER), False),
            (TEMPORARY, False),
            (refusing(ADA, reply="421 4.3.2 shutting down"), True),
            (Behaviour(sender="451 4.3.0 no disk"), True),
            (REFUSE_CONNECTION, True),
        ],
        ids=["recipient", "content", "421", "sender", "connection"],
    )
    async def test_it_is_told_whether_another_mail_would_fare_better(
        self, sink: SmtpSink, outbox: SmtpOutbox, behaviour: Behaviour, server: bool
    ) -> None:
        sink.then(behaviour)
        with pytest.raises(MailTemporary) as refusal:
            await send(outbox)
        assert refusal.value.server == server

    @pytest.mark.parametrize(
        ("reply", "full"), [("452 4.2.2 mailbox full", True), (LATER, False)], ids=["full", "grey"]
    )
    async def test_it_is_told_whether_a_mailbox_is_full(
        self, sink: SmtpSink, outbox: SmtpOutbox, reply: str, full: bool
    ) -> None:
        sink.then(refusing(ADA, reply=reply))
        with pytest.raises(MailTemporary) as refusal:
            await send(outbox)
        assert (refusal.value.full, refusal.value.server) == (full, False)

    async def test_a_4xx_to_the_content_is_temporary(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(TEMPORARY)
        with pytest.raises(MailTemporary, match=r"451 4.3.0 try again later"):
            await send(outbox)

    async def test_a_5xx_to_the_content_is_permanent(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(PERMANENT)
        with pytest.raises(MailPermanent, match=r"550 5.7.1 not wanted here"):
            await send(outbox)

    async def test_a_refused_sender_is_permanent(self, sink: SmtpSink, outbox: SmtpOutbox) -> None:
        sink.then(SENDER_REFUSED)
        with pytest.raises(MailPermanent, match=f"refused the sender {FROM}: 553"):
            await send(outbox)

    async def test_a_refusal_names_the_server(self, sink: SmtpSink, outbox: SmtpOutbox) -> None:
        sink.then(PERMANENT)
        with pytest.raises(MailPermanent, match=f"^localhost:{sink.port} "):
            await send(outbox)

    async def test_one_refused_recipient_of_two_is_returned(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(refusing(ADA))
        assert await send(outbox, ADA, BOB) == [ADA]
        assert [mail.rcpt_tos for mail in sink.received] == [(BOB,)]

    async def test_all_recipients_refused_for_good_is_permanent(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(refusing(ADA, BOB))
        with pytest.raises(MailPermanent, match=r"550 5.1.1 no such mailbox"):
            await send(outbox, ADA, BOB)

    async def test_all_refused_is_temporary_where_one_may_be_taken_later(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        gone, later = refusing(ADA).recipients, refusing(BOB, reply=LATER).recipients
        sink.then(Behaviour(recipients=gone + later))
        with pytest.raises(MailTemporary, match=f"refused {BOB}: 451"):
            await send(outbox, ADA, BOB)

    async def test_a_refused_mail_does_not_cost_the_connection(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(SENDER_REFUSED, refusing(ADA), PERMANENT, TEMPORARY)
        for _ in range(4):
            with pytest.raises((MailPermanent, MailTemporary)):
                await send(outbox)
        await send(outbox)
        assert (len(sink.received), sink.connections) == (1, 1)

    async def test_an_address_with_a_line_break_is_permanent(self, outbox: SmtpOutbox) -> None:
        with pytest.raises(MailPermanent, match="no address that SMTP can carry"):
            await send(outbox, "ada@example.test>\r\nRCPT TO:<eve@example.test")

    async def test_an_address_beyond_ascii_goes_by_smtputf8(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        await send(outbox, "zoë@example.test")
        assert sink.received[0].rcpt_tos == ("zoë@example.test",)


class TestDoubt:
    @pytest.mark.parametrize(
        ("behaviour", "taken"), [(DROP_BEFORE_ANSWER, 1), (DROP_AT_DATA, 0)], ids=["taken", "lost"]
    )
    async def test_a_drop_after_the_content_is_doubt_whether_it_was_taken_or_not(
        self, sink: SmtpSink, outbox: SmtpOutbox, behaviour: Behaviour, taken: int
    ) -> None:
        sink.then(behaviour)
        with pytest.raises(MailDoubt, match="got the mail and did not answer"):
            await send(outbox)
        assert len(sink.received) == taken

    async def test_no_reply_to_the_content_in_time_is_doubt(self, sink: SmtpSink) -> None:
        sink.then(slow(30))
        outbox = outbox_for(sink, timeout=1)
        with pytest.raises(MailDoubt):
            await send(outbox)

    async def test_after_a_doubt_the_next_mail_has_a_connection_of_its_own(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(DROP_AT_DATA)
        with pytest.raises(MailDoubt):
            await send(outbox)
        await send(outbox)
        assert (len(sink.received), sink.connections) == (1, 2)

    async def test_a_cancelled_mail_costs_the_connection(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(slow(30))
        sending = asyncio.create_task(send(outbox))
        async with asyncio.timeout(10):
            while not sink.current:
                await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.wait({sending})

        await send(outbox)

        assert (sending.cancelled(), sink.connections) == (True, 2)


class TestConnection:
    async def test_one_connection_serves_many_mails_at_once(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        await asyncio.gather(*(send(outbox) for _ in range(5)))
        assert (len(sink.received), sink.connections) == (5, 1)

    async def test_one_that_the_server_closed_is_replaced_unnoticed(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(DROP_AFTER_ANSWER)
        await send(outbox)
        await send(outbox)
        assert (len(sink.received), sink.connections) == (2, 2)

    async def test_one_that_the_server_gives_up_at_the_next_mail_is_replaced_unnoticed(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(ACCEPT, Behaviour(sender="421 4.4.2 idle for too long"))
        await send(outbox)
        await send(outbox)
        assert (len(sink.received), sink.connections) == (2, 2)

    async def test_one_that_rested_too_long_is_not_used_again(self, sink: SmtpSink) -> None:
        outbox = outbox_for(sink, rest=0.0)
        await send(outbox)
        await send(outbox)
        await outbox.close()
        assert (len(sink.received), sink.connections) == (2, 2)

    async def test_a_server_that_was_away_is_used_again(self, tmp_path: Path) -> None:
        with smtp_sink_at(tmp_path) as sink:
            outbox = outbox_for(sink)
            await send(outbox)
        with pytest.raises(MailTemporary):
            await send(outbox)
        with sink.listening():
            await send(outbox)
            await outbox.close()
        assert len(sink.received) == 2

    async def test_a_busy_server_is_temporary(self, sink: SmtpSink, outbox: SmtpOutbox) -> None:
        sink.then(REFUSE_CONNECTION)
        with pytest.raises(MailTemporary, match=r"421 4.3.2 too busy"):
            await send(outbox)

    async def test_a_refused_connection_names_the_address(self, sink: SmtpSink) -> None:
        port = free_port()
        with pytest.raises(MailTemporary, match=f"cannot use localhost:{port}"):
            await send(outbox_for(sink, port=port))

    async def test_a_host_that_does_not_exist_is_temporary(self, sink: SmtpSink) -> None:
        with pytest.raises(MailTemporary, match=r"cannot use mail.invalid"):
            await send(outbox_for(sink, host="mail.invalid"))

    async def test_a_server_that_says_nothing_is_temporary(self, sink: SmtpSink) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as mute,
            pytest.raises(MailTemporary, match=r"(?i)timed out"),
        ):
            await send(outbox_for(sink, port=mute.getsockname()[1], timeout=1))


class TestTlsAndLogin:
    async def test_a_wrong_password_is_temporary_and_says_what_to_mend(
        self, tmp_path: Path
    ) -> None:
        with (
            smtp_sink_at(tmp_path, login=("ada", "pw")) as sink,
            pytest.raises(MailTemporary, match=r"login of ada: 535 .*password_file"),
        ):
            await send(outbox_for(sink, "wrong"))

    async def test_a_server_that_wants_a_login_we_have_not_is_temporary(
        self, tmp_path: Path
    ) -> None:
        with (
            smtp_sink_at(tmp_path, login=("ada", "pw")) as sink,
            pytest.raises(MailTemporary, match=r"530 5.7.0"),
        ):
            await send(outbox_for(sink, username=None))

    @pytest.mark.parametrize("tls", ["starttls", "implicit"])
    async def test_an_unknown_authority_is_refused(self, tmp_path: Path, tls: str) -> None:
        with smtp_sink_at(tmp_path, tls=tls) as sink:  # type: ignore[arg-type]
            with pytest.raises(MailTemporary, match=r"TLS failed: .*certificate verify failed"):
                await send(outbox_for(sink, ca_file=None))
            assert sink.received == []

    async def test_a_certificate_for_another_host_is_refused(self, tmp_path: Path) -> None:
        with (
            smtp_sink_at(tmp_path, tls="implicit") as sink,
            pytest.raises(MailTemporary, match="certificate verify failed"),
        ):
            await send(outbox_for(sink, host="127.1"))

    async def test_a_server_without_starttls_gets_no_mail_in_the_clear(
        self, sink: SmtpSink
    ) -> None:
        with pytest.raises(MailTemporary, match="STARTTLS"):
            await send(outbox_for(sink, tls="starttls"))
        assert sink.received == []

    async def test_a_missing_ca_file_is_named(self, sink: SmtpSink) -> None:
        with pytest.raises(MailTemporary, match="No such file"):
            await send(outbox_for(sink, tls="implicit", ca_file="/nowhere/ca.pem"))


class TestWire:
    async def test_lone_line_feeds_go_out_as_crlf(self, sink: SmtpSink, outbox: SmtpOutbox) -> None:
        await send(outbox, message=b"Subject: x\n\none\n.\ntwo")
        assert sink.received[0].content == b"Subject: x\r\n\r\none\r\n.\r\ntwo\r\n"

    async def test_no_content_can_end_the_mail_and_begin_another(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        smuggled = b"Subject: x\r\n\r\none\n.\r\nMAIL FROM:<eve@example.test>\r\n\r.\r\n"
        await send(outbox, message=smuggled)
        await send(outbox)
        assert [mail.mail_from for mail in sink.received] == [FROM, FROM]

    async def test_a_large_mail_arrives_whole(self, sink: SmtpSink, outbox: SmtpOutbox) -> None:
        large = MAIL + b"0123456789abcdef" * 60 + b"\r\n"
        large += (b"." * 70 + b"\r\n") * 20_000
        await send(outbox, message=large)
        assert sink.received[0].content == large


class TestPulse:
    async def test_success_is_dated_and_clears_the_error(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(TEMPORARY)
        with pytest.raises(MailTemporary):
            await send(outbox)
        failed = outbox.pulse.last_error
        await send(outbox)
        assert ("451" in failed, outbox.pulse.last_error, outbox.pulse.last_ok) == (True, "", NOW)

    async def test_a_refused_mail_shows_a_server_that_works(
        self, sink: SmtpSink, outbox: SmtpOutbox
    ) -> None:
        sink.then(PERMANENT)
        with pytest.raises(MailPermanent):
            await send(outbox)
        assert (outbox.pulse.last_error, outbox.pulse.last_ok) == ("", NOW)
