"""IMAP in, over a real Dovecot: what networks, servers and other clients do to it."""

import asyncio
import contextlib
import json
import smtplib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from hitl_mail.adapters.imap.inbox import ImapInbox
from hitl_mail.adapters.imap.session import mailbox_name
from hitl_mail.ports import Letter, MailTemporary
from hitl_mail.settings import Imap
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot, dovecot_at, new_dovecot
from tests.servers.mailbox import Mailbox, new_mailbox
from tests.servers.process import LOOPBACK, free_port
from tests.servers.tcp_proxy import TcpProxy, tcp_proxy_to
from tests.waiting import eventually

IDLE_IS_ON = b" IDLE\r\n"
FOREVER = 3600


def mail(subject: str = "hello") -> bytes:
    return f"Subject: {subject}\r\n\r\napprove\r\n".encode()


@contextlib.contextmanager
def base_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hitl-", ignore_cleanup_errors=True) as base:
        Path(base).chmod(0o755)
        yield Path(base)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with base_directory() as base, dovecot_at(base) as server:
        yield server


@pytest.fixture(scope="module")
def bare_dovecot() -> Iterator[Dovecot]:
    """One that knows neither IDLE nor MOVE."""
    bare = "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+ UIDPLUS\n}\n"
    with base_directory() as base:
        server = new_dovecot(base, bare)
        with server.running():
            yield server


@pytest.fixture
def box(dovecot: Dovecot) -> Mailbox:
    return new_mailbox(dovecot)


@pytest.fixture
async def proxy(dovecot: Dovecot) -> AsyncIterator[TcpProxy]:
    async with tcp_proxy_to(dovecot.imap_port) as made:
        yield made


@pytest.fixture
def cursor(tmp_path: Path) -> Path:
    return tmp_path / "state" / "imap.json"


Open = Callable[..., ImapInbox]


@pytest.fixture
def open_inbox(box: Mailbox, cursor: Path) -> Open:
    def make(
        password: str = PASSWORD,
        idle: float = FOREVER,
        backoff: tuple[float, float] = (0.02, 0.1),
        **settings: object,
    ) -> ImapInbox:
        fields = {
            "host": box.server.host,
            "port": box.server.imap_port,
            "tls": "none",
            "username": APPROVALS,
            "mailbox": box.name,
            "processed": box.processed,
            "timeout": 5,
            "poll": FOREVER,
        }
        return ImapInbox(
            Imap(**(fields | settings)),  # type: ignore[arg-type]
            password,
            cursor,
            idle=idle,
            retry=0.05,
            backoff=backoff,
        )

    return make


class Reader:
    """A handler that remembers; `then` is awaited after each letter."""

    def __init__(self, then: Callable[[], Awaitable[None]] | None = None) -> None:
        self.messages: list[bytes] = []
        self.then = then

    async def __call__(self, letter: Letter) -> None:
        self.messages.append(letter.message)
        if self.then is not None:
            await self.then()

    async def got(self, *messages: bytes) -> None:
        await eventually(lambda: self.messages == list(messages), f"{len(messages)} letters")


@contextlib.asynccontextmanager
async def running(inbox: ImapInbox, reader: Reader) -> AsyncIterator[None]:
    task = asyncio.create_task(inbox.run(reader))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def idling(proxy: TcpProxy, times: int = 1) -> None:
    await eventually(lambda: proxy.said.count(IDLE_IS_ON) >= times, f"IDLE, {times} times")


class TestNotice:
    async def test_a_reply_delivered_by_lmtp_is_seen_by_idle(
        self, dovecot: Dovecot, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        reader = Reader()
        inbox = open_inbox(port=proxy.port, mailbox="INBOX", username=REVIEWER)
        async with running(inbox, reader):
            await idling(proxy)
            with smtplib.LMTP(dovecot.host, dovecot.lmtp_port) as lmtp:
                to = "reviewer+k3f9ma@example.test"
                await asyncio.to_thread(lmtp.sendmail, APPROVALS, [to], mail("a reply"))
            await eventually(lambda: bool(reader.messages), "the reply")
        assert b"Delivered-To: reviewer+k3f9ma@example.test" in reader.messages[0]

    async def test_idle_is_issued_anew_in_time(self, proxy: TcpProxy, open_inbox: Open) -> None:
        async with running(open_inbox(port=proxy.port, idle=0.1), Reader()):
            await idling(proxy, times=3)
        assert (proxy.said.count(b"DONE\r\n") >= 2, proxy.connections) == (True, 1)

    async def test_a_letter_that_comes_while_another_is_handled_does_not_wait(
        self, box: Mailbox, open_inbox: Open
    ) -> None:
        more = [mail("two"), mail("three")]

        async def deliver() -> None:
            if more:
                box.deliver(more.pop(0))

        reader = Reader(deliver)
        box.deliver(mail("one"))
        async with running(open_inbox(), reader):
            await reader.got(mail("one"), mail("two"), mail("three"))

    async def test_thousands_of_lines_at_once_do_not_cost_the_connection(
        self, box: Mailbox, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        reader = Reader()
        async with running(open_inbox(port=proxy.port), reader):
            await idling(proxy)
            proxy.tell_clients(b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 5000)
            box.deliver(mail())
            await reader.got(mail())
        assert proxy.connections == 1

    async def test_a_server_without_idle_is_polled(
        self, bare_dovecot: Dovecot, open_inbox: Open
    ) -> None:
        box = new_mailbox(bare_dovecot)
        reader = Reader()
        async with tcp_proxy_to(bare_dovecot.imap_port) as proxy:
            inbox = open_inbox(port=proxy.port, mailbox=box.name, processed=box.processed, poll=0)
            async with running(inbox, reader):
                await eventually(lambda: proxy.said.count(b"UID SEARCH") >= 2, "a second look")
                box.deliver(mail())
                await reader.got(mail())
        assert IDLE_IS_ON not in proxy.said

    async def test_a_server_without_move_copies_and_expunges(
        self, bare_dovecot: Dovecot, open_inbox: Open
    ) -> None:
        box = new_mailbox(bare_dovecot)
        box.deliver(mail())
        inbox = open_inbox(port=bare_dovecot.imap_port, mailbox=box.name, processed=box.processed)
        await inbox.poll(Reader())
        assert (box.waiting, box.put_away) == ([], [mail()])


class TestLostConnections:
    async def test_one_cut_in_idle_is_made_again(
        self, box: Mailbox, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        reader = Reader()
        async with running(open_inbox(port=proxy.port), reader):
            await idling(proxy)
            proxy.cut()
            await idling(proxy, times=2)
            box.deliver(mail())
            await reader.got(mail())

    async def test_one_that_died_without_a_word_is_made_again(
        self, box: Mailbox, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        reader = Reader()
        async with running(open_inbox(port=proxy.port, idle=0.3, timeout=1), reader):
            await idling(proxy)
            proxy.frozen = True
            box.deliver(mail())
            await eventually(lambda: proxy.connections > 1, "a second connection")
            proxy.frozen = False
            proxy.cut()
            await reader.got(mail())

    async def test_one_on_which_the_server_says_bye_and_no_more_is_made_again(
        self, box: Mailbox, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        reader = Reader()
        async with running(open_inbox(port=proxy.port), reader):
            await idling(proxy)
            proxy.tell_clients(b"* BYE shutting down\r\n")
            await idling(proxy, times=2)
            box.deliver(mail())
            await reader.got(mail())

    async def test_a_server_that_goes_in_idle_and_comes_back_is_used_again(
        self, open_inbox: Open
    ) -> None:
        reader = Reader()
        with base_directory() as base:
            server = new_dovecot(base)
            async with contextlib.AsyncExitStack() as stack:
                proxy = await stack.enter_async_context(tcp_proxy_to(server.imap_port))
                with server.running():
                    box = new_mailbox(server)
                    inbox = open_inbox(port=proxy.port, mailbox=box.name, processed=box.processed)
                    await stack.enter_async_context(running(inbox, reader))
                    await idling(proxy)
                # Dovecot's session processes outlive their master for a while.
                proxy.cut()
                await eventually(lambda: bool(inbox.pulse.last_error), "the fault")
                with server.running():
                    box.deliver(mail())
                    await reader.got(mail())
                    await eventually(lambda: inbox.pulse.last_error == "", "the mend")

    async def test_one_lost_between_handling_and_putting_away_offers_the_letter_again(
        self, box: Mailbox, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        async def cut_once() -> None:
            if proxy.connections == 1:
                proxy.cut()

        reader = Reader(cut_once)
        box.deliver(mail())
        async with running(open_inbox(port=proxy.port), reader):
            await reader.got(mail(), mail())
            await eventually(lambda: box.put_away == [mail()], "the letter to be put away")

    async def test_a_server_that_is_away_is_asked_again_and_again(
        self, box: Mailbox, open_inbox: Open
    ) -> None:
        port = free_port()
        inbox, reader = open_inbox(port=port), Reader()
        box.deliver(mail())
        async with running(inbox, reader):
            await eventually(lambda: bool(inbox.pulse.last_error), "the fault")
            refused = inbox.pulse.last_error
            async with TcpProxy(box.server.imap_port, port).listening():
                await reader.got(mail())
        assert refused.startswith(f"127.0.0.1:{port}: connecting failed: ")


class TestCursor:
    async def test_it_is_kept_in_a_file(self, box: Mailbox, open_inbox: Open, cursor: Path) -> None:
        box.deliver(mail("one"))
        box.deliver(mail("two"))
        await open_inbox().poll(Reader())
        kept = json.loads(cursor.read_bytes())
        assert (kept["format"], kept["uid"], cursor.stat().st_mode & 0o777) == (1, 2, 0o600)

    async def test_a_mail_that_cannot_be_moved_is_still_handled_only_once(
        self, box: Mailbox, open_inbox: Open, caplog: pytest.LogCaptureFixture
    ) -> None:
        box.deliver(mail())
        reader = Reader()

        await open_inbox(processed="no//mailbox").poll(reader)
        await open_inbox(processed="no//mailbox").poll(reader)

        assert (reader.messages, box.waiting) == ([mail()], [mail()])
        assert "does not move mail UID 1" in caplog.text

    async def test_a_new_uidvalidity_offers_all_mails(self, box: Mailbox, open_inbox: Open) -> None:
        for subject in ("one", "two", "three"):
            box.deliver(mail(subject))
        await open_inbox().poll(Reader())
        box.delete()
        box.create()
        box.deliver(mail("four"))
        reader = Reader()

        await open_inbox().poll(reader)

        assert reader.messages == [mail("four")]

    async def test_another_mailbox_offers_all_its_mails(
        self, box: Mailbox, open_inbox: Open
    ) -> None:
        other = new_mailbox(box.server)
        box.deliver(mail("one"))
        await open_inbox().poll(Reader())
        other.deliver(mail("two"))
        reader = Reader()
        await open_inbox(mailbox=other.name).poll(reader)
        assert reader.messages == [mail("two")]

    @pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"uid": "x"}'])
    async def test_a_damaged_file_offers_all_mails(
        self, box: Mailbox, open_inbox: Open, cursor: Path, content: bytes
    ) -> None:
        cursor.parent.mkdir()
        cursor.write_bytes(content)
        box.deliver(mail())
        reader = Reader()
        await open_inbox().poll(reader)
        assert reader.messages == [mail()]

    async def test_a_mail_that_somebody_else_removed_is_passed_over(
        self, box: Mailbox, open_inbox: Open
    ) -> None:
        async def remove_all() -> None:
            with box.connection() as imap:
                imap.select(box.name)
                imap.store("1:*", "+FLAGS", "\\Deleted")
                imap.expunge()

        box.deliver(mail("one"))
        box.deliver(mail("two"))
        reader = Reader(remove_all)
        await open_inbox().poll(reader)
        assert reader.messages == [mail("one")]


class TestStrangeServers:
    async def test_news_of_a_mail_amid_its_size_does_not_hide_the_mail(
        self, box: Mailbox, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        size, news = b"* 1 FETCH (UID 1 RFC822.SIZE", b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"
        proxy.rewrite = lambda said: said.replace(size, news + size)
        box.deliver(mail())
        reader = Reader()
        await open_inbox(port=proxy.port).poll(reader)
        assert reader.messages == [mail()]

    async def test_a_mail_that_the_server_cannot_read_keeps_no_other_waiting(
        self,
        box: Mailbox,
        proxy: TcpProxy,
        open_inbox: Open,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def cannot_read_the_first(said: bytes) -> bytes:
            return said.replace(b" OK ", b" NO ") if b"FETCH (UID 1 " in said else said

        proxy.rewrite = cannot_read_the_first
        box.deliver(mail("unreadable"))
        box.deliver(mail("good"))
        inbox, reader = open_inbox(port=proxy.port), Reader()

        for _ in range(3):
            await inbox.poll(reader)

        assert (reader.messages, box.waiting) == ([mail("good")], [])
        assert "handling failed 3 times" in caplog.text


class TestLogin:
    async def test_tls_is_verified_by_the_ca_file(self, box: Mailbox, open_inbox: Open) -> None:
        box.deliver(mail())
        server, reader = box.server, Reader()
        secured = open_inbox(
            host="localhost",
            port=server.imaps_port,
            tls="implicit",
            ca_file=str(server.certificate.ca),
        )
        await secured.poll(reader)
        assert reader.messages == [mail()]

    async def test_an_unknown_authority_is_refused(self, box: Mailbox, open_inbox: Open) -> None:
        strange = open_inbox(host="localhost", port=box.server.imaps_port, tls="implicit")
        with pytest.raises(MailTemporary, match="certificate verify failed"):
            await strange.poll(Reader())

    async def test_a_missing_ca_file_is_named(self, box: Mailbox, open_inbox: Open) -> None:
        lacking = open_inbox(tls="implicit", ca_file="/nowhere/ca.pem")
        with pytest.raises(MailTemporary, match=r"ca_file: .*No such file"):
            await lacking.poll(Reader())

    async def test_a_wrong_password_shows_in_the_pulse_and_is_tried_again(
        self, proxy: TcpProxy, open_inbox: Open
    ) -> None:
        inbox = open_inbox("wrong", port=proxy.port)
        async with running(inbox, Reader()):
            await eventually(lambda: proxy.connections >= 3, "a third attempt")
        assert f"refused the login of {APPROVALS}: NO" in inbox.pulse.last_error

    async def test_a_mailbox_that_is_not_there_is_named(self, open_inbox: Open) -> None:
        with pytest.raises(MailTemporary, match="refused the mailbox nowhere: NO"):
            await open_inbox(mailbox="nowhere").poll(Reader())

    @pytest.mark.parametrize("user", ['a "quoted" user', "back\\slash", "two words"])
    async def test_any_user_name_reaches_the_server(self, open_inbox: Open, user: str) -> None:
        with pytest.raises(MailTemporary, match="AUTHENTICATIONFAILED"):
            await open_inbox(username=user).poll(Reader())

    async def test_a_line_break_in_the_password_is_refused_here(self, open_inbox: Open) -> None:
        with pytest.raises(MailTemporary, match="the login failed"):
            await open_inbox("secret\r\nA1 LOGOUT").poll(Reader())

    async def test_a_server_that_turns_us_away_is_believed_at_once(self, open_inbox: Open) -> None:
        async def bye(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"* BYE too many connections\r\n")
            await writer.drain()
            writer.close()

        port = free_port()
        async with await asyncio.start_server(bye, LOOPBACK, port):
            with pytest.raises(MailTemporary, match="lost during connecting"):
                await open_inbox(port=port, timeout=FOREVER).poll(Reader())

    async def test_a_server_that_says_nothing_is_given_up(self, open_inbox: Open) -> None:
        gone = asyncio.Event()

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            gone.set()

        port = free_port()
        async with await asyncio.start_server(mute, LOOPBACK, port):
            with pytest.raises(MailTemporary, match="connecting"):
                await open_inbox(port=port, timeout=1).poll(Reader())
            await gone.wait()


class TestMailboxNames:
    @pytest.mark.parametrize(
        ("name", "wire"),
        [
            ("INBOX", '"INBOX"'),
            ("two words", '"two words"'),
            ("a&b", '"a&-b"'),
            ('say "x"', '"say \\"x\\""'),
            # The example of RFC 3501 section 5.1.3.
            ("~peter/mail/台北/日本語", '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"'),
        ],
    )
    def test_a_name_on_the_wire(self, name: str, wire: str) -> None:
        assert mailbox_name(name) == wire

    async def test_mail_goes_into_a_mailbox_of_any_name(
        self, box: Mailbox, open_inbox: Open
    ) -> None:
        done = f'Erledigt & "geprüft" {box.name}'
        box.deliver(mail())
        await open_inbox(processed=done).poll(Reader())
        assert box.mails(mailbox_name(done)) == [mail()]
