"""What every `Outbox` promises, over a Maildir and over SMTP in each kind of TLS."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hitl_mail.adapters.maildir import MaildirOutbox
from hitl_mail.adapters.smtp.outbox import SmtpOutbox
from hitl_mail.ports import MailTemporary, Outbox
from hitl_mail.settings import Smtp
from tests.servers.smtp_sink import SmtpSink, Tls, smtp_sink_at

MAIL = b"From: a@example.test\r\nSubject: hello\r\n\r\n.first\r\n\r\n..second \xc3\xa9\r\n"
FROM, TO = "approvals@example.test", "reviewer@example.test"


@dataclass
class Transport:
    """An outbox, what arrived behind it, and how to make it unusable."""

    outbox: Outbox
    arrived: Callable[[], list[bytes]]
    breaks: Callable[[], None]


@contextlib.asynccontextmanager
async def maildir(tmp_path: Path) -> AsyncIterator[Transport]:
    directory = tmp_path / "mail" / "out"

    def arrived() -> list[bytes]:
        return [path.read_bytes() for path in sorted((directory / "new").iterdir())]

    def breaks() -> None:
        directory.rename(tmp_path / "gone")
        directory.write_text("in the way")

    yield Transport(MaildirOutbox(directory), arrived, breaks)


def smtp(
    tls: Tls,
) -> Callable[[Path], contextlib.AbstractAsyncContextManager[Transport]]:
    @contextlib.asynccontextmanager
    async def transport(tmp_path: Path) -> AsyncIterator[Transport]:
        with contextlib.ExitStack() as stack:
            sink: SmtpSink = stack.enter_context(
                smtp_sink_at(tmp_path, tls=tls, login=("ada", "pw"))
            )
            settings = Smtp(
                host="localhost",
                port=sink.port,
                tls=tls,
                username="ada",
                ca_file=str(sink.certificate.ca),
                timeout=5,
            )
            outbox = SmtpOutbox(settings, "pw", hostname="client.example.test")
            yield Transport(outbox, lambda: [mail.content for mail in sink.received], stack.close)
            await outbox.close()

    return transport


@pytest.fixture(
    params=[maildir, smtp("none"), smtp("starttls"), smtp("implicit")],
    ids=["maildir", "smtp", "smtp-starttls", "smtp-implicit"],
)
async def transport(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Transport]:
    async with request.param(tmp_path) as made:
        yield made


async def test_a_mail_arrives_byte_for_byte(transport: Transport) -> None:
    refused = await transport.outbox.send(FROM, [TO], MAIL, "m1")
    assert (refused, transport.arrived()) == ([], [MAIL])


async def test_mails_of_other_names_are_other_mails(transport: Transport) -> None:
    second = MAIL.replace(b"hello", b"again")
    await transport.outbox.send(FROM, [TO], MAIL, "m1")
    await transport.outbox.send(FROM, [TO], second, "m2")
    assert transport.arrived() == [MAIL, second]


async def test_the_same_mail_may_be_offered_again(transport: Transport) -> None:
    await transport.outbox.send(FROM, [TO], MAIL, "m1")
    await transport.outbox.send(FROM, [TO], MAIL, "m1")
    assert set(transport.arrived()) == {MAIL}


async def test_a_closed_outbox_opens_again(transport: Transport) -> None:
    await transport.outbox.send(FROM, [TO], MAIL, "m1")
    await transport.outbox.close()
    await transport.outbox.send(FROM, [TO], MAIL, "m2")
    assert transport.arrived() == [MAIL, MAIL]


async def test_closing_an_unused_outbox_is_nothing(transport: Transport) -> None:
    await transport.outbox.close()
    assert transport.arrived() == []


async def test_a_transport_that_is_out_of_order_is_a_temporary_fault(transport: Transport) -> None:
    transport.breaks()
    with pytest.raises(MailTemporary):
        await transport.outbox.send(FROM, [TO], MAIL, "m1")


async def test_a_transport_that_breaks_after_a_mail_is_a_temporary_fault(
    transport: Transport,
) -> None:
    await transport.outbox.send(FROM, [TO], MAIL, "m1")
    transport.breaks()
    with pytest.raises(MailTemporary):
        await transport.outbox.send(FROM, [TO], MAIL, "m2")
