"""aioimaplib's client, as `imap_session` needs it. Knows the wire and no mailbox."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable

from aioimaplib import IMAP4
from aioimaplib.aioimaplib import IMAP4ClientProtocol

_PIECE = 4096
_NEWS = re.compile(rb"^\* \d+ EXISTS\r?$", re.MULTILINE | re.IGNORECASE)


class ImapProtocol(IMAP4ClientProtocol):  # type: ignore[misc]
    """Notes in `news` that mail arrived, whichever command was under way: aioimaplib drops that.

    What is noted may be wrong (a line of a mail that looks the same), and a line cut in two by
    the network is missed: it is a hint. Feeds small pieces to aioimaplib, because that goes one
    stack frame deeper with each line of a piece.
    """

    news = False

    def data_received(self, d: bytes) -> None:
        if _NEWS.search(d):
            self.news = True
        try:
            for start in range(0, len(d), _PIECE):
                super().data_received(d[start : start + _PIECE])
        except Exception:  # noqa: BLE001 - it raises whatever it cannot read
            # Its words may hold the command that it waits for, and with LOGIN the password.
            self._give_up("the server said what no command of ours asks for")

    async def welcome(self, command: bytes) -> None:
        """A greeting that is none ends the connection; nobody waits for this task's error."""
        try:
            await super().welcome(command)
        except Exception:  # noqa: BLE001 - it raises whatever it cannot read
            self._give_up(f"the server's greeting was {command.decode('utf-8', 'replace')}")

    def _give_up(self, why: str) -> None:
        if self.conn_lost_cb is not None:
            self.conn_lost_cb(ConnectionError(why))
        if self.transport is not None:
            self.transport.abort()


class ImapClient(IMAP4):  # type: ignore[misc]
    """Speaks `ImapProtocol`, with TLS if there is a context, and tells of a lost connection."""

    def create_client(
        self,
        host: str,
        port: int,
        loop: asyncio.AbstractEventLoop | None,
        conn_lost_cb: Callable[[Exception | None], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """aioimaplib's own hook, called once at creation."""
        running = loop or asyncio.get_running_loop()
        self.protocol = ImapProtocol(running, conn_lost_cb)
        self._client_task = running.create_task(
            running.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        )
