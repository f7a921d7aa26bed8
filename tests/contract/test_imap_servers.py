"""IMAP servers that fall silent at one command, or speak otherwise than Dovecot: by a script."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hitl_mail.adapters.imap.inbox import ImapInbox
from hitl_mail.ports import Letter, MailTemporary
from hitl_mail.settings import Imap
from tests.fuzz.talkers import talker
from tests.waiting import eventually

MAIL = b"From: ada@example.com\r\nSubject: x\r\n\r\napprove\r\n"
GREETING = b"* OK ready\r\n"

RIGHT = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 MOVE IDLE\r\nTAG OK done\r\n",
    b"LOGIN": b"TAG OK in\r\n",
    b"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nTAG OK done\r\n",
    b"SEARCH": b"* SEARCH 1\r\nTAG OK done\r\n",
    b"SIZE": b"* 1 FETCH (UID 1 RFC822.SIZE %d)\r\nTAG OK done\r\n" % len(MAIL),
    b"BODY": b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%b)\r\nTAG OK done\r\n" % (len(MAIL), MAIL),
    b"MOVE": b"* 1 EXPUNGE\r\nTAG OK done\r\n",
    b"IDLE": b"+ idling\r\n",
    b"DONE": b"TAG OK done\r\n",
    b"LOGOUT": b"* BYE\r\nTAG OK bye\r\n",
}
"""What a server says to each command; `TAG` stands for the command's own."""


@dataclass
class Server:
    """Answers as `says` has it, and remembers what it was told."""

    says: Mapping[bytes, bytes] = field(default_factory=lambda: RIGHT)
    told: list[bytes] = field(default_factory=list)
    tag: bytes = b""

    def answer(self, line: bytes) -> bytes:
        self.told.append(line.strip())
        word = self.word(line.upper())
        if word != b"DONE":
            self.tag = line.split()[0]
        return self.says[word].replace(b"TAG", self.tag)

    @property
    def logins(self) -> int:
        return sum(b" LOGIN " in line for line in self.told)

    def word(self, line: bytes) -> bytes:
        within = {b"SEARCH": b"SEARCH", b"MOVE": b"MOVE", b"COPY": b"COPY"}
        within |= {b"RFC822.SIZE": b"SIZE", b"BODY.PEEK": b"BODY", b"DONE": b"DONE"}
        found = [word for sign, word in within.items() if sign in line]
        return found[0] if found else line.split()[1]


@contextlib.asynccontextmanager
async def inbox_at(server: Server, cursor: Path) -> AsyncIterator[ImapInbox]:
    async with talker(GREETING, server.answer) as port:
        settings = Imap(host="127.0.0.1", port=port, tls="none", username="a", timeout=0.3)  # type: ignore[arg-type]
        yield ImapInbox(settings, "secret", cursor, idle=0.1, retry=0.0, backoff=(0.01, 0.02))


@dataclass
class Reader:
    letters: list[bytes] = field(default_factory=list)

    async def __call__(self, letter: Letter) -> None:
        self.letters.append(letter.message)


async def test_a_server_that_answers_is_read_to_the_end(tmp_path: Path) -> None:
    server, reader = Server(), Reader()
    async with inbox_at(server, tmp_path / "cursor") as inbox, asyncio.timeout(10):
        assert await inbox.poll(reader) == 1
    assert (reader.letters, server.told[-1].split()[1]) == ([MAIL], b"LOGOUT")


@pytest.mark.parametrize(
    "silent", ["CAPABILITY", "LOGIN", "SELECT", "SEARCH", "SIZE", "BODY", "MOVE"]
)
async def test_a_server_that_falls_silent_at_any_command_is_given_up_and_asked_anew(
    tmp_path: Path, silent: str
) -> None:
    server, reader = Server({**RIGHT, silent.encode(): b""}), Reader()
    async with inbox_at(server, tmp_path / "cursor") as inbox, asyncio.timeout(10):
        with pytest.raises(MailTemporary):
            await inbox.poll(reader)
        server.says = RIGHT
        # On a new connection: whatever the old one would answer now is nobody's.
        begun = len(server.told)
        await inbox.poll(reader)
    assert b"CAPABILITY" in server.told[begun]
    assert set(reader.letters) == {MAIL}


@pytest.mark.parametrize("silent", ["IDLE", "DONE"])
async def test_a_server_that_falls_silent_while_mail_is_waited_for_is_asked_anew(
    tmp_path: Path, silent: str, caplog: pytest.LogCaptureFixture
) -> None:
    server, reader = Server({**RIGHT, silent.encode(): b""}), Reader()
    async with inbox_at(server, tmp_path / "cursor") as inbox:
        following = asyncio.create_task(inbox.run(reader))
        await eventually(lambda: server.logins > 1, "a second login")
        following.cancel()
        await asyncio.wait({following})
    assert "IDLE within 0.3 s; connecting again" in caplog.text


async def test_a_farewell_without_an_answer_is_none(tmp_path: Path) -> None:
    server, reader = Server({**RIGHT, b"LOGOUT": b""}), Reader()
    async with inbox_at(server, tmp_path / "cursor") as inbox, asyncio.timeout(10):
        assert await inbox.poll(reader) == 1


async def test_no_search_names_a_charset_which_some_servers_refuse(tmp_path: Path) -> None:
    class Refusing(Server):
        def answer(self, line: bytes) -> bytes:
            if b"CHARSET" in line.upper():
                return line.split()[0] + b" NO [BADCHARSET (US-ASCII)] no such charset\r\n"
            return super().answer(line)

    reader = Reader()
    async with inbox_at(Refusing(), tmp_path / "cursor") as inbox, asyncio.timeout(10):
        assert await inbox.poll(reader) == 1


async def test_the_last_capability_told_with_the_login_is_one_all_the_same(tmp_path: Path) -> None:
    """Before it the server had said less, and aioimaplib would read it as `MOVE]`."""

    class More(Server):
        def answer(self, line: bytes) -> bytes:
            said = super().answer(line)
            return said if self.logins else said.replace(b" MOVE IDLE", b"")

    server = More({**RIGHT, b"LOGIN": b"TAG OK [CAPABILITY IMAP4rev1 IDLE MOVE] in\r\n"})
    async with inbox_at(server, tmp_path / "cursor") as inbox, asyncio.timeout(10):
        await inbox.poll(Reader())
    assert [line for line in server.told if b"MOVE" in line] != []
