"""What a visitor of a decision page can do with a link, without being any person of the site."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Mapping
from typing import Any

import httpx

_HOSTS = itertools.cycle(range(2, 250))


def client(**options: Any) -> httpx.Client:
    """A visitor from an address of their own, so that the allowance of one is not the next one's.

    Only Linux has all of 127.0.0.0/8 without asking.
    """
    address = f"127.0.0.{next(_HOSTS)}" if sys.platform == "linux" else None
    transport = httpx.HTTPTransport(local_address=address, verify=False)
    return httpx.Client(transport=transport, trust_env=False, timeout=30, **options)


def seen_on(page: str) -> str | None:
    """What a page says that it shows; None where it offers no decision."""
    found = re.search(r'name="seen" value="([^"]*)"', page)
    return found[1] if found else None


def post(
    url: str, verb: str, seen: str | None = None, headers: Mapping[str, str] = {}, **more: str
) -> httpx.Response:
    """Press a button of the page behind a link, or of another page whose `seen` is given."""
    with client() as visitor:
        if seen is None:
            seen = seen_on(visitor.get(url).text) or "none"
        return visitor.post(url, data={"verb": verb, "seen": seen, **more}, headers=headers)
