"""Replies from an IMAP mailbox: seen by IDLE or by polling, handled, then moved out of it.

Where we are is kept in a cursor file, so that a restart offers nothing twice without need; that
nothing is lost does not depend on it. How the server is spoken to is in `imap_session`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from hitl_mail.adapters.durable import replace_file
from hitl_mail.adapters.imap.session import ImapFault, ImapRefused, ImapSession, port
from hitl_mail.adapters.maildir import ATTEMPTS, MAX_LETTER
from hitl_mail.errors import StorageFailed
from hitl_mail.ports import Handler, Letter, MailTemporary, Pulse
from hitl_mail.settings import Imap

log = logging.getLogger(__name__)

_IDLE = 5 * 60.0
"""Seconds of one IDLE. RFC 2177 allows 29 minutes, but a connection that died without a word is
noticed only at the end of one."""

_FORMAT = 1
_RETRY = 30.0
_BACKOFF = (1.0, 300.0)


class Cursor(msgspec.Struct, frozen=True):
    """How far `mailbox` was handled: every mail of this `uidvalidity` up to `uid`."""

    mailbox: str
    uidvalidity: int
    uid: int
    format: int = _FORMAT


class ImapInbox:
    """Offers each mail of `settings.mailbox`, in order, and moves it to `settings.processed`.

    `cursor_file` is made if missing. Seconds: `idle` is the longest one IDLE, `retry` the least
    time between two attempts at a mail whose handling raised, `backoff` the first and the longest
    wait before connecting again.
    """

    def __init__(
        self,
        settings: Imap,
        password: str,
        cursor_file: Path,
        *,
        idle: float = _IDLE,
        retry: float = _RETRY,
        backoff: tuple[float, float] = _BACKOFF,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.pulse = Pulse()
        self._settings = settings
        self._password = password
        self._cursor_file = cursor_file
        self._idle = idle
        self._retry = retry
        self._backoff = backoff
        self._now = now
        self._place = f"{settings.host}:{port(settings)}"
        self._mailbox = f"{settings.username}@{settings.host}/{settings.mailbox}"
        self._cursor = self._load()
        self._failures: dict[int, tuple[int, float]] = {}

    async def poll(self, handle: Handler) -> int:
        """Connect, offer each mail that is there once, log out; how many were handled.

        Raises `MailTemporary` where the server cannot be used, `StorageFailed` where `handle`
        does.
        """
        try:
            async with self._session() as session:
                handled = await self._handle_all(session, handle, spaced=False)
                await session.close()
                return handled
        except (ImapFault, OSError) as error:
            raise MailTemporary(self._fault(error)) from error

    async def run(self, handle: Handler) -> None:
        """Handle what comes, until cancelled. Raises only `StorageFailed`, where `handle` does."""
        first, longest = self._backoff
        pause = first
        while True:
            try:
                async with self._session() as session:
                    await self._handle_all(session, handle, spaced=True)
                    pause = first
                    await self._follow(session, handle)
            except (ImapFault, OSError) as error:
                log.warning("%s; connecting again in %g s", self._fault(error), pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    async def close(self) -> None:
        """Nothing stays open outside `poll` and `run`."""

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[ImapSession]:
        """A connection with the mailbox open; thrown away at the end, whatever happened."""
        session = ImapSession(self._settings)
        try:
            await session.open(self._password)
            if (self._cursor.mailbox, self._cursor.uidvalidity) != (
                self._mailbox,
                session.uidvalidity,
            ):
                # Another mailbox, or one whose UIDs were given anew: all its mails are offered.
                self._failures.clear()
                self._save(Cursor(self._mailbox, session.uidvalidity, 0))
            yield session
        finally:
            session.abandon()

    async def _follow(self, session: ImapSession, handle: Handler) -> None:
        while True:
            wait = self._idle if session.has("IDLE") else self._settings.poll
            if self._failures:
                due = min(not_before for _, not_before in self._failures.values())
                wait = min(wait, max(0.0, due - time.monotonic()))
            if session.has("IDLE"):
                await session.idle(wait)
            else:
                await asyncio.sleep(wait)
            await self._handle_all(session, handle, spaced=True)

    async def _handle_all(self, session: ImapSession, handle: Handler, *, spaced: bool) -> int:
        handled = 0
        uids = await session.search(self._cursor.uid)
        there = set(uids)
        self._failures = {uid: seen for uid, seen in self._failures.items() if uid in there}
        for uid in uids:
            if spaced and time.monotonic() < self._failures.get(uid, (0, 0.0))[1]:
                continue
            handled += await self._offer(session, uid, handle)
        self.pulse.last_ok = self._now()
        if not self._failures:
            self.pulse.last_error = ""
        return handled

    async def _offer(self, session: ImapSession, uid: int, handle: Handler) -> bool:
        place = f"UID {uid} of {self._settings.mailbox}"
        try:
            size = await session.size(uid)
            if size is not None and size > MAX_LETTER:
                log.error("mail %s: %d bytes, over %d: not handled", place, size, MAX_LETTER)
                await self._put_away(session, uid)
                return False
            message = None if size is None else await session.fetch(uid, size)
        except ImapRefused as error:
            # A mail that the server itself cannot read must not keep the others waiting.
            await self._failed(session, uid, error)
            return False
        if message is None:
            # Somebody else took it out of the mailbox.
            self._done(uid)
            return False
        try:
            await handle(Letter(message, place))
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001
            # Whatever is wrong with one mail must not stop the others.
            await self._failed(session, uid, error)
            return False
        await self._put_away(session, uid)
        return True

    async def _failed(self, session: ImapSession, uid: int, error: Exception) -> None:
        failures = self._failures.get(uid, (0, 0.0))[0] + 1
        text = f"mail UID {uid} of {self._settings.mailbox}: handling failed"
        if failures < ATTEMPTS:
            self._failures[uid] = (failures, time.monotonic() + self._retry)
            self.pulse.last_error = f"{text}, will be tried again: {error!r}"
            log.warning("%s", self.pulse.last_error)
            return
        log.error(
            "%s %d times, at last with %r; moved to %s",
            text,
            failures,
            error,
            self._settings.processed,
        )
        await self._put_away(session, uid)

    async def _put_away(self, session: ImapSession, uid: int) -> None:
        refusal = await session.move(uid, self._settings.processed)
        if refusal:
            log.error(
                "%s does not move mail UID %d to %s: %s; it stays, and is not handled again",
                self._place,
                uid,
                self._settings.processed,
                refusal,
            )
        self._done(uid)

    def _done(self, uid: int) -> None:
        """The cursor goes on, but not beyond a mail that is to be tried again."""
        self._failures.pop(uid, None)
        reached = min([uid, *(waiting - 1 for waiting in self._failures)])
        if reached > self._cursor.uid:
            self._save(Cursor(self._mailbox, self._cursor.uidvalidity, reached))

    def _fault(self, error: Exception) -> str:
        self.pulse.last_error = f"{self._place}: {error}"
        return self.pulse.last_error

    def _load(self) -> Cursor:
        try:
            cursor = msgspec.json.decode(self._cursor_file.read_bytes(), type=Cursor)
            if cursor.format == _FORMAT:
                return cursor
            raise msgspec.ValidationError(f"written in format {cursor.format}")
        except FileNotFoundError:
            pass
        except (OSError, ValueError, RecursionError) as error:
            # msgspec.DecodeError is one; so is what is not UTF-8.
            log.warning("%s is of no use (%s): every mail is offered", self._cursor_file, error)
        return Cursor("", 0, 0)

    def _save(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._cursor_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._cursor_file, [msgspec.json.encode(cursor)], 0o600)
