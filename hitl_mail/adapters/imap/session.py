"""One IMAP connection (RFC 3501, IDLE RFC 2177, MOVE RFC 6851), over aioimaplib 2.0.

Every call races a timeout and the loss of the connection, because aioimaplib waits for ever for
the reply of a server that is gone. Any fault raises `ImapFault`; the session is then to be closed,
unless it is an `ImapRefused`. Knows mailboxes and UIDs, and nothing of what is done with a mail.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
import re
import ssl
from collections.abc import Awaitable
from typing import Any

from aioimaplib import AioImapException, Response, quoted

from hitl_mail.adapters.imap.client import ImapClient
from hitl_mail.adapters.unreachable import unreachable
from hitl_mail.core.text import one_line
from hitl_mail.settings import Imap

_PORTS = {"implicit": 993, "none": 143}
_FAREWELL = 5.0
_MOST_WORDS = 500
_SLOWEST = 10_000
"""Bytes a second below which a download is given up."""

_UIDVALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)\]", re.IGNORECASE)
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)", re.IGNORECASE)
_BEYOND_ASCII = re.compile(r"&|[^\x20-\x7e]+")


def port(settings: Imap) -> int:
    """The configured port, else the one that goes with `tls`."""
    return settings.port or _PORTS[settings.tls]


class ImapFault(Exception):
    """The server refused, said nothing sensible, or is gone. The text says which, not where."""


class ImapRefused(ImapFault):
    """The server refused one command with NO or BAD; the connection is as good as before."""


class ImapSession:
    """A connection from `open` to `close` or `abandon`; one call at a time."""

    def __init__(self, settings: Imap) -> None:
        self._settings = settings
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._client: Any = None
        self.uidvalidity = 0

    def has(self, capability: str) -> bool:
        """Whether the server advertises it, after the login."""
        return capability in self._client.protocol.capabilities

    @property
    def news(self) -> bool:
        """Whether mail arrived since `search` was last called."""
        return bool(self._client.protocol.news)

    async def open(self, password: str) -> None:
        """Connect, log in and select `settings.mailbox`; sets `uidvalidity`."""
        settings = self._settings
        try:
            tls = None
            if settings.tls == "implicit":
                tls = ssl.create_default_context(cafile=settings.ca_file)
            self._client = ImapClient(
                settings.host, port(settings), None, settings.timeout, self._on_lost, tls
            )
        except OSError as error:
            raise ImapFault(f"TLS cannot be set up with ca_file: {error}") from error
        await self._call("connecting", self._client.wait_hello_from_server())
        login = await self._call(
            "the login", self._client.login(quoted(settings.username), password)
        )
        _demand(
            login,
            f"the login of {settings.username}",
            " Mend username or password_file in [mail.imap].",
        )
        # Capabilities change with the login, and aioimaplib misreads those it is told then.
        await self._call("CAPABILITY", self._client.protocol.capability())
        protocol = self._client.protocol
        protocol.capabilities = {name.upper() for name in protocol.capabilities}
        selected = await self._call("SELECT", self._client.select(mailbox_name(settings.mailbox)))
        _demand(selected, f"the mailbox {settings.mailbox}", " Mend mailbox in [mail.imap].")
        found = _UIDVALIDITY.search(b"\n".join(selected.lines))
        if found is None:
            raise ImapFault(f"the mailbox {settings.mailbox} has no UIDVALIDITY")
        self.uidvalidity = int(found[1])

    async def search(self, after: int) -> list[int]:
        """UIDs above `after`, ascending."""
        self._client.protocol.news = False
        criteria = ("UID", f"{after + 1}:*")
        reply = await self._call("SEARCH", self._client.uid_search(*criteria, charset=None))
        _demand(reply, "SEARCH")
        words = b" ".join(line for line in reply.lines[:-1]).split()
        # RFC 3501: `n:*` is never empty, it names the last mail even if that is before n.
        return sorted({uid for uid in map(int, filter(bytes.isdigit, words)) if uid > after})

    async def size(self, uid: int) -> int | None:
        """Bytes of a mail; None if it is not there any more."""
        reply = await self._call("FETCH", self._client.uid("FETCH", str(uid), "(UID RFC822.SIZE)"))
        _demand(reply, "FETCH")
        # Servers mix in what changed meanwhile, of this mail and of others.
        this = re.compile(rb"\bUID %d\b" % uid, re.IGNORECASE)
        sizes = [_SIZE.search(line) for line in reply.lines[:-1] if this.search(line)]
        return next((int(size[1]) for size in sizes if size), None)

    async def fetch(self, uid: int, size: int) -> bytes | None:
        """A mail whole, without marking it as read; None if it is not there any more."""
        reply = await self._call(
            "FETCH",
            self._client.uid("FETCH", str(uid), "(UID BODY.PEEK[])"),
            self._settings.timeout + size / _SLOWEST,
        )
        _demand(reply, "FETCH")
        if size == 0:
            return b""
        # aioimaplib hands out literals, and nothing else, as bytearrays.
        return next((bytes(line) for line in reply.lines if isinstance(line, bytearray)), None)

    async def move(self, uid: int, mailbox: str) -> str:
        """Move a mail into `mailbox`, made if it is missing; "" or the words of the refusal."""
        target = mailbox_name(mailbox)
        verb = "MOVE" if self.has("MOVE") else "COPY"
        refusal = await self._uid(verb, uid, target)
        if refusal:
            await self._call("CREATE", self._client.create(target))
            refusal = await self._uid(verb, uid, target)
        if refusal or verb == "MOVE":
            return refusal
        refusal = await self._uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)")
        if refusal or self.has("UIDPLUS"):
            return refusal or await self._uid("EXPUNGE", uid)
        return _refusal(await self._call("EXPUNGE", self._client.expunge()))

    async def _uid(self, verb: str, uid: int, *arguments: str) -> str:
        return _refusal(await self._call(verb, self._client.uid(verb, str(uid), *arguments)))

    async def idle(self, seconds: float) -> None:
        """Returns when mail arrived, or after `seconds`; the server must have IDLE."""
        protocol = self._client.protocol
        idling = asyncio.ensure_future(self._client.idle())
        try:
            await self._call("IDLE", protocol.wait_for_idle_response(), until=idling)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._await_news(idling)
            self._client.idle_done()
            _demand(await self._call("the end of IDLE", idling), "IDLE")
        finally:
            await _cancelled(idling)

    async def _await_news(self, idling: asyncio.Future[Any]) -> None:
        while not self.news:
            pushed = self._client.protocol.idle_queue.get()
            for line in await self._call("IDLE", pushed, math.inf, until=idling):
                if line.upper().startswith(b"BYE"):
                    raise ImapFault(f"the server said {_text(line)}")

    async def close(self) -> None:
        """Log out politely, then close; never raises."""
        if self._client is not None and not self._lost.done():
            with contextlib.suppress(ImapFault):
                await self._call("LOGOUT", self._client.logout(), _FAREWELL)
        self.abandon()

    def abandon(self) -> None:
        """Close at once."""
        if self._client is not None and self._client.protocol.transport is not None:
            self._client.protocol.transport.abort()

    def _on_lost(self, error: Exception | None) -> None:
        if not self._lost.done():
            said = one_line(str(error), _MOST_WORDS) if error else ""
            self._lost.set_result(f": {said}" if said else "")

    async def _call(
        self,
        what: str,
        call: Awaitable[Any],
        seconds: float | None = None,
        *,
        until: asyncio.Future[Any] | None = None,
    ) -> Any:
        """The result of `call`, within `seconds`; `settings.timeout` if None.

        Raises `ImapFault` if it fails or is late, if the connection is lost, or `until` is done.
        """
        limit = self._settings.timeout if seconds is None else seconds
        answer = asyncio.ensure_future(call)
        ends = {self._lost} if until is None else {self._lost, until}
        try:
            await asyncio.wait(
                {answer, *ends},
                timeout=None if limit == math.inf else limit,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                return answer.result()
        except Exception as error:
            # aioimaplib's words may hold the command, and with LOGIN the password.
            text = "" if isinstance(error, AioImapException) else _words(what, error)
            said = one_line(text, _MOST_WORDS) or type(error).__name__
            raise ImapFault(f"{what} failed: {said}") from error
        finally:
            if not answer.done():
                await self._let_go()
            await _cancelled(answer)
        if self._lost.done():
            raise ImapFault(f"the connection was lost during {what}{self._lost.result()}")
        if until is not None and until.done():
            raise ImapFault(f"the server ended {what}")
        mend = ". Mend host, port and tls in [mail.imap]" if what == "connecting" else ""
        raise ImapFault(f"no answer to {what} within {limit:g} s{mend}")

    async def _let_go(self) -> None:
        """End what aioimaplib does by itself: its greeting waits for an answer without a limit, and
        holds a lock meanwhile without which no other call can even be cancelled."""
        for task in list(self._client.protocol.tasks):
            await _cancelled(task)


async def _cancelled(future: asyncio.Future[Any]) -> None:
    """Returns when it is done one way or another; its error is nobody's any more."""
    future.cancel()
    await asyncio.wait({future})
    if not future.cancelled():
        future.exception()


def mailbox_name(name: str) -> str:
    """A mailbox's name on the wire: in modified UTF-7 (RFC 3501 section 5.1.3), quoted."""

    def encoded(beyond: re.Match[str]) -> str:
        if beyond[0] == "&":
            return "&-"
        shifted = base64.b64encode(beyond[0].encode("utf-16-be")).decode()
        return f"&{shifted.rstrip('=').replace('/', ',')}-"

    return str(quoted(_BEYOND_ASCII.sub(encoded, name)))


def _refusal(reply: Response) -> str:
    """The server's words if it refused, else nothing."""
    return "" if reply.result == "OK" else f"{reply.result} {_text(reply.lines[-1])}"


def _words(what: str, error: Exception) -> str:
    """What is said of an error; of one in connecting, what to mend."""
    return (unreachable(error, "[mail.imap]") if what == "connecting" else "") or str(error)


def _demand(reply: Response, what: str, mend: str = "") -> None:
    refusal = _refusal(reply)
    if refusal:
        end = f"{'' if refusal.endswith('.') else '.'}{mend}" if mend else ""
        raise ImapRefused(f"the server refused {what}: {refusal}{end}")


def _text(line: bytes) -> str:
    """The words of a server, which may say anything: for a log and a terminal."""
    return one_line(line.decode("utf-8", "replace").strip(), _MOST_WORDS)
