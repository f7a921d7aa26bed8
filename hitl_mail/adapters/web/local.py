"""Which requests come from this machine itself.

Metrics count cases, which is no business of whoever opens a link, so they are told to a peer at a
loopback address alone, who calls us by such an address, and only if no proxy says that it asks for
somebody else. A proxy that hides all of that looks like that peer: docs/operations.md tells the
admin to keep such a one from `/metrics`.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.types import Scope

_PASSED_ON = (b"forwarded", b"via", b"x-forwarded-", b"x-real-ip")
"""What the headers that a proxy adds begin with."""

_HERE = ("localhost", "localhost.", "ip6-localhost")


def is_local(scope: Scope) -> bool:
    """Whether a request comes from this machine, and from nobody on whose behalf it would be."""
    client = scope.get("client")
    if client is None or not _is_loopback(str(client[0])):
        return False
    if any(name.lower().startswith(_PASSED_ON) for name, _ in scope["headers"]):
        return False
    # What a browser here was tricked into asking for, and what most proxies pass on, has the
    # name of a site in it.
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and _is_here(hosts[0])


def _is_here(host: str) -> bool:
    """Of a Host header."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name.lower() in _HERE or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
