"""Mail out through one SMTP submission server (RFC 6409), with aiosmtplib.

Keeps one connection and sees to it that it is good. What is said over it is in `smtp_dialogue`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable

import aiosmtplib

from hitl_mail.adapters.smtp.dialogue import (
    CLOSING,
    FAULTS,
    broken,
    hand_over,
    name_recipients,
    open_envelope,
    refused,
    reset,
    words,
)
from hitl_mail.adapters.unreachable import unreachable
from hitl_mail.ports import MailDoubt, MailPermanent, MailTemporary, Pulse
from hitl_mail.settings import Smtp

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}

_REST = 60.0
"""Seconds after which a connection is not used again: servers hang up after a few minutes."""

_FAREWELL = 1.0
"""Seconds for a goodbye that nobody needs: the daemon has ten in all to end."""


class SmtpOutbox:
    """Sends one mail after the other, over one connection for as long as it is good.

    `password` goes with `settings.username`. `hostname` is what we call ourselves in EHLO; this
    machine's name if None. `rest`: seconds without a mail after which a new connection is made.
    Each command waits at most `settings.timeout` seconds for its reply.
    """

    def __init__(
        self,
        settings: Smtp,
        password: str | None = None,
        *,
        hostname: str | None = None,
        rest: float = _REST,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.pulse = Pulse()
        self._settings = settings
        self._password = password
        self._hostname = hostname
        self._rest = rest
        self._now = now
        self._port = settings.port or _PORTS[settings.tls]
        self._lock = asyncio.Lock()
        self._client: aiosmtplib.SMTP | None = None
        self._rests_since = 0.0

    async def send(
        self,
        mail_from: str,
        rcpt_to: list[str],
        message: bytes,
        name: str,  # noqa: ARG002
    ) -> list[str]:
        """Returns when the server has taken the mail; the recipients it refused, if not all.

        Raises `MailTemporary` (also for what the admin has to mend: login, TLS, host),
        `MailPermanent`, and `MailDoubt` where the reply to the content did not come.
        """
        async with self._lock:
            try:
                client = await self._begin(mail_from, rcpt_to, message)
                refusals = await name_recipients(client, rcpt_to)
                await hand_over(client, message)
            except MailPermanent:
                self._worked()
                raise
            except (MailTemporary, MailDoubt) as error:
                self.pulse.last_error = str(error)
                raise
            except BaseException:
                # Cancelled amid a dialogue: nobody knows what the next reply would answer.
                self._drop()
                raise
            finally:
                self._rests_since = asyncio.get_running_loop().time()
            self._worked()
            return refusals

    async def close(self) -> None:
        """Say goodbye, if connected, and wait a few seconds at most."""
        async with self._lock:
            await self._part()

    def _worked(self) -> None:
        self.pulse.last_ok, self.pulse.last_error = self._now(), ""

    async def _begin(self, mail_from: str, rcpt_to: list[str], message: bytes) -> aiosmtplib.SMTP:
        """A connection on which MAIL was accepted; a stale one is replaced once, unnoticed."""
        client = await self._kept()
        fresh = client is None
        while True:
            if client is None:
                client = await self._connect()
            try:
                await open_envelope(client, mail_from, rcpt_to, message)
            except aiosmtplib.SMTPSenderRefused as refusal:
                stale = not fresh and refusal.code == CLOSING
                if not stale:
                    await reset(client)
                    what = f"refused the sender {refusal.sender}"
                    raise refused(
                        client, what, refusal.code, refusal.message, server=True
                    ) from refusal
            except FAULTS as error:
                if fresh:
                    raise broken(client, "before the mail was handed over", error) from error
            else:
                return client
            self._drop()
            client, fresh = None, True

    async def _kept(self) -> aiosmtplib.SMTP | None:
        """The connection of the mail before, if it may still be good."""
        rested = asyncio.get_running_loop().time() - self._rests_since
        if self._client is not None and (not self._client.is_connected or rested > self._rest):
            await self._part()
        return self._client

    async def _connect(self) -> aiosmtplib.SMTP:
        settings = self._settings
        place = f"{settings.host}:{self._port}"
        try:
            client = aiosmtplib.SMTP(
                hostname=settings.host,
                port=self._port,
                username=settings.username,
                password=self._password if settings.username is not None else None,
                local_hostname=self._hostname,
                timeout=settings.timeout,
                use_tls=settings.tls == "implicit",
                start_tls=settings.tls == "starttls",
                tls_context=None if settings.tls == "none" else _tls(settings.ca_file),
            )
            # The library bounds each command, but not the look-up of our own name.
            async with asyncio.timeout(4 * settings.timeout):
                await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailTemporary(
                f"{place} does not accept the login of {settings.username}: {words(error)}."
                " Mend username or password_file in [mail.smtp]."
            ) from error
        except (*FAULTS, ValueError) as error:
            said = unreachable(error, "[mail.smtp]") or words(error)
            raise MailTemporary(f"cannot use {place}: {said}") from error
        self._client = client
        return client

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _part(self) -> None:
        with contextlib.suppress(*FAULTS):
            if self._client is not None:
                await self._client.quit(timeout=_FAREWELL)
        self._drop()


def _tls(ca_file: str | None) -> ssl.SSLContext:
    """Verifies names and chains against the system's authorities, or those of `ca_file` alone."""
    return ssl.create_default_context(cafile=ca_file)
