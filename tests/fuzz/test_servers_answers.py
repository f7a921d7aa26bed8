"""What mail servers and executors answer, spoiled: an outcome of a known sort, soon, and doubt
wherever something may have been done.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.adapters.execute.command import CommandExecutor
from hitl_mail.adapters.execute.http import HttpExecutor
from hitl_mail.adapters.imap.inbox import ImapInbox
from hitl_mail.adapters.smtp.outbox import SmtpOutbox
from hitl_mail.core.canonical import canonical, check
from hitl_mail.errors import HitlError
from hitl_mail.ports import Attempt, Letter, MailDoubt, MailPermanent, MailTemporary, Order
from hitl_mail.settings import Executor, Imap, Smtp
from tests.fuzz.homes import no_fault
from tests.fuzz.mutate import mutated
from tests.fuzz.profile import fuzzed, timely
from tests.fuzz.talkers import Last, talker

_LIMIT = 0.2
"""Seconds that a server gets for an answer."""
_LONGEST = 8.0
"""Seconds on the wall, many times what all answers of a dialogue may take together."""

# SMTP

_SMTP = {
    b"EHLO": [
        b"250-mx.example.com\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 HELP\r\n",
        b"250 ok\r\n",
    ],
    b"HELO": [b"250 mx\r\n"],
    b"MAIL": [
        b"250 2.1.0 ok\r\n",
        b"421 bye\r\n",
        b"451 later\r\n",
        b"550 no\r\n",
        b"530 login\r\n",
    ],
    b"RCPT": [b"250 2.1.5 ok\r\n", b"450 greylisted\r\n", b"550-no\r\n550 such user\r\n"],
    b"DATA": [b"354 go on\r\n", b"451 later\r\n", b"554 no\r\n"],
    b".": [b"250 2.0.0 taken as 12\r\n", b"451 later\r\n", b"552 too large\r\n"],
    b"RSET": [b"250 ok\r\n"],
    b"QUIT": [b"221 bye\r\n"],
}
_GREETINGS = [b"220 mx.example.com ESMTP\r\n", b"220-a\r\n220 b\r\n", b"554 no\r\n"]


def answers(samples: dict[bytes, Sequence[bytes]]) -> st.SearchStrategy[dict[bytes, bytes]]:
    """One answer to each command: as it should be, most of the time."""
    right = {key: st.sampled_from(list(found)) for key, found in samples.items()}
    spoiled = {key: mutated(list(found), most=3) for key, found in samples.items()}
    return st.fixed_dictionaries(
        {key: st.one_of(right[key], right[key], spoiled[key]) for key in samples}
    )


def sent(greeting: bytes, script: dict[bytes, bytes]) -> tuple[list[str] | HitlError, bool]:
    """What sending two mails led to; and whether the content of one was on its way."""
    inside = False
    content = False

    def answer(line: bytes) -> bytes:
        nonlocal inside, content
        if inside:
            inside = line.strip() != b"."
            content = True
            return b"" if inside else script[b"."]
        word = line.split()[0].upper() if line.split() else b""
        said = script.get(word, b"500 what\r\n")
        inside = word == b"DATA" and said.startswith(b"354")
        return said

    async def send() -> list[str] | HitlError:
        async with talker(greeting, answer) as port:
            settings = Smtp(host="127.0.0.1", port=port, tls="none", timeout=_LIMIT)  # type: ignore[arg-type]
            outbox = SmtpOutbox(settings, hostname="client")
            found: list[str] | HitlError = []
            try:
                for _ in range(2):
                    found = await outbox.send(
                        "a@example.com", ["b@example.com"], b"Hi\r\n.\r\n", "n"
                    )
            except (MailTemporary, MailPermanent, MailDoubt) as error:
                found = error
            await outbox.close()
            return found

    return asyncio.run(send()), content


@fuzzed(25)
@given(st.sampled_from(_GREETINGS) | mutated(_GREETINGS, most=2), answers(_SMTP))
@timely
def test_an_smtp_server_may_answer_anything(greeting: bytes, script: dict[bytes, bytes]) -> None:
    begun = time.monotonic()
    with no_fault():
        found, content = sent(greeting, script)
    assert time.monotonic() - begun < _LONGEST
    if isinstance(found, HitlError):
        assert str(found).isprintable()
        assert "127.0.0.1" in str(found)
    if isinstance(found, MailDoubt):
        assert content
    if isinstance(found, list):
        # The last mail was taken in so many words.
        assert content
        assert found == []


# IMAP

_MAIL = b"From: ada@example.com\r\nSubject: x\r\n\r\napprove\r\n"
_IMAP = {
    b"CAPABILITY": [b"* CAPABILITY IMAP4rev1 MOVE UIDPLUS\r\nTAG OK done\r\n"],
    b"LOGIN": [b"TAG OK [CAPABILITY IMAP4rev1 MOVE] in\r\n", b"TAG NO wrong\r\n"],
    b"SELECT": [b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nTAG OK [READ-WRITE] done\r\n"],
    b"SEARCH": [b"* SEARCH 1 2\r\nTAG OK done\r\n", b"* SEARCH\r\nTAG OK done\r\n"],
    b"SIZE": [b"* 1 FETCH (UID %d RFC822.SIZE 53)\r\nTAG OK done\r\n" % uid for uid in (1, 2)],
    b"BODY": [b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%b)\r\nTAG OK done\r\n" % (len(_MAIL), _MAIL)],
    b"MOVE": [
        b"* OK [COPYUID 1 1 1] moved\r\n* 1 EXPUNGE\r\nTAG OK done\r\n",
        b"TAG NO [TRYCREATE]\r\n",
    ],
    b"CREATE": [b"TAG OK made\r\n"],
    b"LOGOUT": [b"* BYE\r\nTAG OK bye\r\n"],
}
_RIGHT = {key: found[0] for key, found in _IMAP.items()}


@fuzzed(25)
@given(mutated([b"* OK ready\r\n", b"* BYE full\r\n", b"* PREAUTH x\r\n"], most=1), answers(_IMAP))
@example(b"* OK ready\r\n", _RIGHT)
@example(b"* OK ready\r\n", dict.fromkeys(_IMAP, b""))
@example(b"* BYE full\r\n", dict.fromkeys(_IMAP, b""))
@example(b"* OK ready\r\n", {**_RIGHT, b"LOGIN": b"UAG OK in\r\n"})
@timely
def test_an_imap_server_may_answer_anything(greeting: bytes, script: dict[bytes, bytes]) -> None:
    letters: list[Letter] = []

    def answer(line: bytes) -> bytes:
        words = line.upper().split()
        if len(words) < 2:
            return b""
        word = next((w for w in (b"SEARCH", b"MOVE") if w in words), words[1])
        word = b"SIZE" if b"RFC822.SIZE" in line else b"BODY" if b"BODY.PEEK" in line else word
        return script.get(word, b"TAG BAD what\r\n").replace(b"TAG", line.split()[0])

    async def handle(letter: Letter) -> None:
        letters.append(letter)

    async def poll(cursor: Path) -> int | None:
        async with talker(greeting, answer) as port:
            settings = Imap(host="127.0.0.1", port=port, tls="none", username="a", timeout=_LIMIT)  # type: ignore[arg-type]
            inbox = ImapInbox(settings, "secret", cursor, retry=0.0)
            try:
                async with asyncio.timeout(_LONGEST):
                    return await inbox.poll(handle)
            except MailTemporary as error:
                assert "127.0.0.1" in str(error)
                assert "secret" not in str(error)
                return None

    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, no_fault():
        cursor = Path(directory) / "imap.json"
        handled = asyncio.run(poll(cursor))
        if cursor.exists():
            assert json.loads(cursor.read_bytes())["uid"] >= 0
    assert time.monotonic() - begun < _LONGEST
    assert handled is None or handled <= len(letters)
    assert all(isinstance(letter.message, bytes) for letter in letters)


_CURSOR = b'{"mailbox":"a@127.0.0.1/INBOX","uidvalidity":7,"uid":1,"format":1}'


@fuzzed(60)
@given(mutated([_CURSOR]))
@example(_CURSOR.replace(b"INBOX", b"\xae"))
@timely
def test_a_spoiled_cursor_is_no_end_of_the_start(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        cursor = Path(directory) / "imap.json"
        cursor.write_bytes(data)
        ImapInbox(Imap(host="127.0.0.1"), "", cursor)


# Executors

_ORDER = Order("261122-k3f9ma", 2, 1, {"a": 1}, (("a.txt", "text/plain", b"x"),), "261122-k3f9ma-2")
_HTTP = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 503 Later\r\nRetry-After: 3\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Encoding: gzip\r\n\r\n",
    b"HTTP/1.0 500 No\r\n\r\n" + b"\xff" * 900,
]


def sound(attempt: Attempt, most: int) -> None:
    """An outcome that results and receipts can hold."""
    assert attempt.result in ("ok", "failed", "temporary", "doubt")
    assert attempt.outcome["ok"] == (attempt.result == "ok")
    check(attempt.outcome)
    assert len(canonical(attempt.outcome)) < 7 * most + 4000


@fuzzed(30)
@given(mutated(_HTTP))
@timely
def test_an_http_executor_may_answer_anything(data: bytes) -> None:
    async def run(home: Path) -> Attempt:
        def answer(line: bytes) -> bytes:
            # The payload has no end of line: what comes before it is answered at its blank one.
            return b"" if line.strip() else Last(data)

        async with talker(b"", answer) as port:
            url = f"http://127.0.0.1:{port}/"
            settings = Executor(type="http", url=url, secret_file="s", timeout=1, output_bytes=500)
            return await HttpExecutor(settings, home).run(_ORDER)

    with tempfile.TemporaryDirectory() as directory, no_fault():
        (Path(directory) / "s").write_text("whsec_c2VjcmV0")
        found = asyncio.run(run(Path(directory)))
    sound(found, 500)
    if found.result == "ok":
        assert 200 <= found.outcome["status_code"] < 300
        assert b" 2" in data


@fuzzed(15)
@given(st.binary(max_size=2000), st.binary(max_size=200), st.integers(0, 255))
@example(b"\xed\xa0\x80\x00\x1b[2J", b"\xff", 75)
@timely
def test_a_command_may_write_anything(out: bytes, err: bytes, status: int) -> None:
    async def run(home: Path) -> Attempt:
        script = f"cat out; cat err >&2; exit {status}"
        argv: Any = ("/bin/sh", "-c", script)
        settings = Executor(type="command", argv=argv, timeout=20, output_bytes=1000)
        return await CommandExecutor(settings, home).run(_ORDER)

    with tempfile.TemporaryDirectory() as directory, no_fault():
        home = Path(directory)
        (home / "out").write_bytes(out)
        (home / "err").write_bytes(err)
        found = asyncio.run(run(home))
        assert sorted(path.name for path in (home / "state/work").iterdir()) == []
    sound(found, 1200)
    meaning = {0: "ok", 75: "temporary"}.get(status, "failed")
    assert (found.result, found.outcome["exit_code"]) == (meaning, status)
    assert found.outcome["stdout"] == out[:1000].decode("utf-8", "replace")
