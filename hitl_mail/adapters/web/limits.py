"""How much one visitor may ask for: requests a second, and bytes in a form.

Visitors are hostile (design part 4). Knows nothing of pages or cases, and reads no clock.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

BODY_BYTES = 64 * 1024
"""A decision with its note. An edit of a small payload fits, too."""
EDIT_BYTES = 4 * 1024 * 1024
"""The largest action (`limits.action_bytes`, 1 MiB unless set), percent-encoded as a form is. Only
for who holds a link that may decide: a stranger fills no memory."""
FIELDS = 256
_DRAINED_BYTES = 1024 * 1024


class Allowance:
    """A token bucket for each client: `burst` requests at once, then `rate` a second.

    Holds at most `clients` buckets; the one that was asked longest ago makes room.
    """

    def __init__(self, rate: float, burst: int, clients: int = 4096) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clients = clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> float:
        """Take one request at `now` (seconds): 0.0 if granted, else the seconds to wait."""
        client = _client(address)
        left, since = self._buckets.pop(client, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - since) * self._rate)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._rate
        self._buckets[client] = (left if wait else left - 1.0, now)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


class TooLarge(Exception):
    """The body is over the bound."""


class NotAForm(Exception):
    """The body is not an urlencoded form of a few UTF-8 fields, each there once."""


def is_large(request: Request) -> bool:
    """Whether a body says, or does not deny, that it is over `BODY_BYTES`."""
    length = request.headers.get("content-length", "")
    return not (length.isascii() and length.isdigit()) or int(length[:20]) > BODY_BYTES


async def read_form(request: Request, most: int = BODY_BYTES) -> dict[str, str]:
    """The fields of an `application/x-www-form-urlencoded` body of at most `most` bytes.

    Raises `TooLarge` or `NotAForm`.
    """
    body = await _read_body(request, most)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise NotAForm
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FIELDS,
        )
    except ValueError:
        raise NotAForm from None
    form = dict(fields)
    if len(form) < len(fields):
        # Two verbs are no decision.
        raise NotAForm
    return form


async def _read_body(request: Request, most: int) -> bytes:
    """Reads somewhat beyond the limit before refusing: a connection closed on unread bytes is
    reset, and the visitor would never see the page that says why."""
    body, size = bytearray(), 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= most:
                body += chunk
            elif size > most + _DRAINED_BYTES:
                break
    except ClientDisconnect:
        raise NotAForm from None
    if size > most:
        raise TooLarge
    return bytes(body)


def _client(address: str) -> str:
    """Whom an address stands for: itself, or its /64 network, which one IPv6 host owns whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
