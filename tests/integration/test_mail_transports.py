"""A mail out through a real Postfix and a reply back in from a real Dovecot."""

from pathlib import Path

from hitl_mail.adapters.imap.inbox import ImapInbox
from hitl_mail.adapters.smtp.outbox import SmtpOutbox
from hitl_mail.ports import Letter
from hitl_mail.settings import Imap, Smtp
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot
from tests.servers.mailbox import Mailbox
from tests.servers.postfix import Postfix
from tests.servers.relay import Relay
from tests.waiting import eventually

HEADERS = {
    "Date": "Sun, 22 Nov 2026 12:00:00 +0000",
    "From": APPROVALS,
    "To": REVIEWER,
    "Subject": "there and back",
    "Message-ID": "<there-and-back@example.test>",
}
MAIL = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items()).encode()
MAIL += b"\r\n.ok\r\n"


async def test_what_goes_out_through_postfix_comes_in_from_dovecot(
    dovecot: Dovecot, postfix: Postfix | Relay, tmp_path: Path
) -> None:
    ca_file = str(dovecot.certificate.ca)
    outbox = SmtpOutbox(
        Smtp(host="localhost", port=postfix.port, username=APPROVALS, ca_file=ca_file, timeout=20),
        PASSWORD,
        hostname="client.example.test",
    )
    inbox = ImapInbox(
        Imap(host="localhost", port=dovecot.imaps_port, username=REVIEWER, ca_file=ca_file),
        PASSWORD,
        tmp_path / "imap.json",
    )
    box = Mailbox(dovecot, "INBOX", "Processed", REVIEWER)
    got: list[bytes] = []

    async def handle(letter: Letter) -> None:
        got.append(letter.message)

    refused = await outbox.send(APPROVALS, [REVIEWER], MAIL, "there-and-back")
    await outbox.close()
    await eventually(
        lambda: any(b"there and back" in message for message in box.waiting), "the delivery", 20
    )
    await inbox.poll(handle)

    (back,) = [message for message in got if b"there and back" in message]
    assert (refused, back.endswith(MAIL)) == ([], True)
