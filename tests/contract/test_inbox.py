"""What every `Inbox` promises, over a Maildir and over IMAP on a real Dovecot."""

import asyncio
import contextlib
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hitl_mail.adapters.imap.inbox import ImapInbox
from hitl_mail.adapters.maildir import MAX_LETTER, MaildirInbox
from hitl_mail.errors import StorageFailed
from hitl_mail.ports import Inbox, Letter
from hitl_mail.settings import Imap
from tests.servers.dovecot import APPROVALS, PASSWORD, Dovecot, dovecot_at
from tests.servers.mailbox import new_mailbox
from tests.waiting import eventually

NOW = 1_700_000_000.0


def mail(subject: str = "hello", size: int = 0) -> bytes:
    padding = (b"x" * 70 + b"\r\n") * (size // 72 + 1) if size else b""
    return f"Subject: {subject}\r\n\r\napprove \xe9\r\n".encode() + padding


@dataclass
class Post:
    """How mail comes to an inbox, and where it is. `open` gives a new one, as a restart does."""

    open: Callable[[], Inbox]
    deliver: Callable[[bytes], None]
    waiting: Callable[[], list[bytes]]
    put_away: Callable[[], list[bytes]]
    set_aside: Callable[[], list[bytes]]


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with tempfile.TemporaryDirectory(prefix="hitl-", ignore_cleanup_errors=True) as base:
        Path(base).chmod(0o755)
        with dovecot_at(Path(base)) as server:
            yield server


def maildir_post(tmp_path: Path) -> Post:
    home = tmp_path / "mail" / "in"
    times = itertools.count(1_000_000)

    def deliver(message: bytes) -> None:
        second = next(times)
        written = tmp_path / f"{second}.letter"
        written.write_bytes(message)
        os.utime(written, (second, second))
        written.rename(home / "new" / written.name)

    def mails(part: str) -> Callable[[], list[bytes]]:
        return lambda: [path.read_bytes() for path in sorted((home / part).iterdir())]

    return Post(
        lambda: MaildirInbox(home, rescan=0.05, now=lambda: NOW),
        deliver,
        mails("new"),
        mails("cur"),
        mails("failed"),
    )


def imap_post(tmp_path: Path, dovecot: Dovecot) -> Post:
    box = new_mailbox(dovecot)
    settings = Imap(
        host="localhost",
        port=dovecot.imaps_port,
        username=APPROVALS,
        ca_file=str(dovecot.certificate.ca),
        mailbox=box.name,
        processed=box.processed,
        timeout=10,
    )
    return Post(
        lambda: ImapInbox(settings, PASSWORD, tmp_path / "imap.json", retry=0.05, now=lambda: NOW),
        box.deliver,
        lambda: box.waiting,
        lambda: box.put_away,
        lambda: box.put_away,
    )


@pytest.fixture(params=["maildir", "imap"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Post:
    if request.param == "maildir":
        made = maildir_post(tmp_path)
    else:
        made = imap_post(tmp_path, request.getfixturevalue("dovecot"))
    made.open()
    return made


@dataclass
class Reader:
    """A handler that remembers, and raises for as long as `trouble` has something for it."""

    letters: list[Letter] = field(default_factory=list)
    trouble: Callable[[bytes], Exception | None] = lambda message: None
    offers: int = 0

    async def __call__(self, letter: Letter) -> None:
        self.offers += 1
        error = self.trouble(letter.message)
        if error is not None:
            raise error
        self.letters.append(letter)

    @property
    def messages(self) -> list[bytes]:
        return [letter.message for letter in self.letters]


def bad(message: bytes) -> Exception | None:
    return ValueError("cannot read it") if b"bad" in message else None


@contextlib.asynccontextmanager
async def running(
    inbox: Inbox, reader: Callable[[Letter], object]
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(inbox.run(reader))  # type: ignore[arg-type]
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        await inbox.close()


class TestPoll:
    async def test_every_letter_is_offered_whole_and_in_order(self, post: Post) -> None:
        mails = [mail(str(number)) for number in range(5)]
        for message in mails:
            post.deliver(message)
        reader = Reader()

        handled = await post.open().poll(reader)

        assert (handled, reader.messages) == (5, mails)

    async def test_an_empty_inbox_is_no_error(self, post: Post) -> None:
        assert await post.open().poll(Reader()) == 0

    async def test_a_handled_letter_is_put_away(self, post: Post) -> None:
        post.deliver(mail())
        await post.open().poll(Reader())
        assert (post.waiting(), post.put_away()) == ([], [mail()])

    async def test_a_letter_is_still_there_while_it_is_handled(self, post: Post) -> None:
        post.deliver(mail())
        seen: list[list[bytes]] = []

        async def look(letter: Letter) -> None:
            seen.append(post.waiting())

        await post.open().poll(look)

        assert seen == [[mail()]]

    async def test_each_letter_says_where_it_was(self, post: Post) -> None:
        post.deliver(mail("one"))
        post.deliver(mail("two"))
        reader = Reader()
        await post.open().poll(reader)
        assert len({letter.place for letter in reader.letters if letter.place}) == 2

    async def test_a_letter_handled_is_not_offered_after_a_restart(self, post: Post) -> None:
        post.deliver(mail("one"))
        await post.open().poll(Reader())
        post.deliver(mail("two"))
        reader = Reader()

        await post.open().poll(reader)

        assert reader.messages == [mail("two")]

    async def test_a_letter_of_many_lines_arrives_whole(self, post: Post) -> None:
        large = mail(size=2_000_000)
        post.deliver(large)
        reader = Reader()
        await post.open().poll(reader)
        assert reader.messages == [large]

    async def test_an_oversized_letter_is_set_aside_unread(self, post: Post) -> None:
        post.deliver(mail(size=MAX_LETTER))
        post.deliver(mail("next"))
        reader = Reader()

        await post.open().poll(reader)

        assert reader.messages == [mail("next")]
        assert mail(size=MAX_LETTER) in post.set_aside()

    async def test_a_poll_that_worked_is_dated(self, post: Post) -> None:
        inbox = post.open()
        await inbox.poll(Reader())
        assert (inbox.pulse.last_ok, inbox.pulse.last_error) == (NOW, "")


class TestFailing:
    async def test_a_letter_whose_handling_raises_stays_and_the_others_go_on(
        self, post: Post
    ) -> None:
        post.deliver(mail("bad"))
        post.deliver(mail("good"))
        reader = Reader(trouble=bad)

        handled = await post.open().poll(reader)

        assert (handled, reader.messages, post.waiting()) == (1, [mail("good")], [mail("bad")])

    async def test_it_is_offered_again(self, post: Post) -> None:
        post.deliver(mail("bad"))
        post.deliver(mail("good"))
        inbox = post.open()
        await inbox.poll(Reader(trouble=bad))
        reader = Reader()

        await inbox.poll(reader)

        assert (reader.messages, post.waiting()) == ([mail("bad")], [])

    async def test_it_is_offered_again_after_a_restart(self, post: Post) -> None:
        post.deliver(mail("bad"))
        post.deliver(mail("good"))
        await post.open().poll(Reader(trouble=bad))
        reader = Reader()

        await post.open().poll(reader)

        assert reader.messages == [mail("bad")]

    async def test_it_shows_in_the_pulse_until_it_is_handled(self, post: Post) -> None:
        post.deliver(mail("bad"))
        inbox = post.open()
        await inbox.poll(Reader(trouble=bad))
        while_bad = inbox.pulse.last_error
        await inbox.poll(Reader())
        assert ("cannot read it" in while_bad, inbox.pulse.last_error) == (True, "")

    async def test_after_three_failures_it_is_set_aside_and_never_lost(
        self, post: Post, caplog: pytest.LogCaptureFixture
    ) -> None:
        post.deliver(mail("bad"))
        inbox, reader = post.open(), Reader(trouble=bad)

        for _ in range(4):
            await inbox.poll(reader)

        assert (reader.offers, post.waiting(), post.set_aside()) == (3, [], [mail("bad")])
        assert [record.levelname for record in caplog.records].count("ERROR") == 1

    async def test_a_disk_that_fails_is_not_the_letters_fault(self, post: Post) -> None:
        post.deliver(mail())
        broken = Reader(trouble=lambda _: StorageFailed("the journal is read-only"))
        inbox = post.open()
        for _ in range(4):
            with pytest.raises(StorageFailed):
                await inbox.poll(broken)
        assert post.waiting() == [mail()]

    async def test_a_letter_whose_handling_is_cancelled_stays(self, post: Post) -> None:
        post.deliver(mail())
        began = asyncio.Event()

        async def hang(letter: Letter) -> None:
            began.set()
            await asyncio.Event().wait()

        async with running(post.open(), hang):
            await asyncio.wait_for(began.wait(), 10)
        reader = Reader()
        await post.open().poll(reader)

        assert reader.messages == [mail()]


class TestRun:
    async def test_what_was_there_and_what_comes_is_handled(self, post: Post) -> None:
        post.deliver(mail("one"))
        reader = Reader()
        async with running(post.open(), reader):
            await eventually(lambda: len(reader.letters) == 1, "the first letter")
            post.deliver(mail("two"))
            await eventually(lambda: len(reader.letters) == 2, "the second letter")
        assert reader.messages == [mail("one"), mail("two")]

    async def test_a_letter_that_fails_once_is_handled_without_new_mail(self, post: Post) -> None:
        post.deliver(mail())
        errors = [ValueError("once")]
        reader = Reader(trouble=lambda _: errors.pop() if errors else None)
        async with running(post.open(), reader):
            await eventually(lambda: bool(reader.letters), "the second attempt")
            await eventually(lambda: post.waiting() == [], "the letter to be put away")
        assert reader.offers == 2

    async def test_a_letter_that_always_fails_stops_nothing(self, post: Post) -> None:
        post.deliver(mail("bad"))
        reader = Reader(trouble=bad)
        async with running(post.open(), reader):
            await eventually(lambda: post.set_aside() == [mail("bad")], "the bad letter aside")
            post.deliver(mail("good"))
            await eventually(lambda: bool(reader.letters), "the good letter")
        assert reader.offers == 4

    async def test_a_burst_is_handled_in_order(self, post: Post) -> None:
        reader = Reader()
        async with running(post.open(), reader):
            for number in range(20):
                post.deliver(mail(str(number)))
            await eventually(lambda: len(reader.letters) == 20, "20 letters")
        assert reader.messages == [mail(str(number)) for number in range(20)]

    async def test_a_disk_that_fails_ends_it(self, post: Post) -> None:
        post.deliver(mail())
        broken = Reader(trouble=lambda _: StorageFailed("the journal is read-only"))
        with pytest.raises(StorageFailed):
            await asyncio.wait_for(post.open().run(broken), 10)
