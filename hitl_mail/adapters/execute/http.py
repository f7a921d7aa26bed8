"""Carries an order out by posting its payload to a URL, signed as the Standard Webhooks
specification says (standardwebhooks.com, version 1).

The receiver knows by the idempotency key when it gets the same order again.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import ssl
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hitl_mail.adapters.clock import SYSTEM_CLOCK
from hitl_mail.adapters.execute.outcome import Kept, Result, attempt
from hitl_mail.core.canonical import canonical
from hitl_mail.ports import Attempt, Clock, Order
from hitl_mail.settings import Executor

if TYPE_CHECKING:
    import httpx

MARK = "whsec_"
"""What a Standard Webhooks secret begins with."""

_PERHAPS = "it may have been carried out"


class HttpExecutor:
    """`ports.Executor` for `type = "http"`.

    2xx is ok, 429 and 503 temporary, any other answer failed, redirects too; a timeout or a
    broken connection is doubt. Attachments are not sent.
    """

    def __init__(self, settings: Executor, home: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        self._home = home
        self._clock = clock

    async def run(self, order: Order) -> Attempt:
        import httpx

        begun = time.monotonic()
        exchange = _Exchange(self._settings.output_bytes)
        # A connection of its own for each order: one kept open may turn out to be dead only when
        # the order is under way, which is doubt for nothing.
        async with httpx.AsyncClient(
            verify=self._tls, trust_env=False, timeout=httpx.Timeout(None)
        ) as client:
            try:
                request = self._request(client, order)
            except (OSError, ValueError, httpx.InvalidURL) as error:
                result, text = _unsent(error)
            else:
                result, text = await self._send(client, request, exchange)
        return attempt(result, begun, exchange.facts, text)

    async def _send(
        self, client: httpx.AsyncClient, request: httpx.Request, exchange: _Exchange
    ) -> tuple[Result, str]:
        import httpx

        try:
            async with asyncio.timeout(self._settings.timeout):
                await exchange.perform(client, request)
        except TimeoutError:
            return "doubt", f"timeout after {self._settings.timeout} s; {_PERHAPS}"
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            return _unsent(error)
        except (httpx.HTTPError, OSError) as error:
            return "doubt", f"{type(error).__name__}: {error}; {_PERHAPS}"
        return _meaning(exchange.status)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Reading the certificates takes tens of milliseconds: once is enough."""
        import httpx

        return httpx.create_ssl_context(trust_env=False)

    def _request(self, client: httpx.AsyncClient, order: Order) -> httpx.Request:
        """Raises OSError, ValueError or `httpx.InvalidURL` where settings are wrong."""
        body = canonical(order.payload)
        request = client.build_request("POST", self._settings.url or "", content=body)
        request.headers["user-agent"] = "hitl-mail"
        request.headers.update(self._settings.headers)
        request.headers.update(
            {
                "content-type": "application/json",
                # The answer is kept as it comes, and a compressed one would not be readable.
                "accept-encoding": "identity",
                "idempotency-key": order.key,
                **sign(self._secret(), order.key, int(self._clock.now()), body),
            }
        )
        return request

    def _secret(self) -> bytes:
        """The key, read anew for each order so that it can be changed under a running daemon."""
        if self._settings.secret_file is None:
            raise ValueError("the executor has no secret_file to sign with")
        path = self._home / self._settings.secret_file
        encoded = path.read_text("utf-8").strip().removeprefix(MARK)
        try:
            secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except ValueError:
            secret = b""
        if not secret:
            raise ValueError(f"{path} must hold {MARK} and a secret in base64")
        return secret


class _Exchange:
    """A request and what is known of its answer, also when it breaks in the middle."""

    def __init__(self, limit: int) -> None:
        self.status: int | None = None
        self._body = Kept(limit)

    async def perform(self, client: httpx.AsyncClient, request: httpx.Request) -> None:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            self.status = response.status_code
            async for chunk in response.aiter_raw():
                self._body.add(chunk)
                if self._body.truncated:
                    break
        finally:
            await response.aclose()

    @property
    def facts(self) -> dict[str, object]:
        facts: dict[str, object] = {"status_code": self.status, "body": self._body.text}
        if self._body.truncated:
            facts["body_truncated"] = True
        return facts


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks; `timestamp` in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode("ascii")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def _unsent(error: Exception) -> tuple[Result, str]:
    return "failed", f"nothing was sent: {error}; mend the executor's settings"


def _meaning(status: int | None) -> tuple[Result, str]:
    if status is not None and 200 <= status < 300:
        return "ok", ""
    if status in (429, 503):
        return "temporary", f"status {status}: not now, to be tried again"
    if status is not None and 300 <= status < 400:
        return "failed", f"status {status}: redirects are not followed; mend the executor's url"
    return "failed", f"status {status}"
