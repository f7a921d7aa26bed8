"""Asks the DNS for TXT records, for `review.dkim`. Blocks: for a thread, not for the event loop."""

from __future__ import annotations

from collections.abc import Sequence

TIMEOUT = 5.0
"""Seconds for one name, all tries and servers together."""


class DnsTxt:
    """Called with a name, the strings of its one TXT record, joined; None where it has none, or
    more than one, or can be no name. Raises `OSError` where no server gave an answer.

    The system's name servers are asked, unless `servers` (addresses) are given.
    """

    def __init__(
        self, servers: Sequence[str] | None = None, port: int = 53, timeout: float = TIMEOUT
    ) -> None:
        self._servers = servers
        self._port = port
        self._timeout = timeout

    def __call__(self, name: str) -> bytes | None:
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            # An absolute name: the machine's search list is no part of the signer's domain.
            asked = dns.name.from_text(f"{name}.")
        except dns.exception.DNSException:
            return None
        try:
            resolver = dns.resolver.Resolver(configure=self._servers is None)
            if self._servers is not None:
                resolver.nameservers, resolver.port = list(self._servers), self._port
            answer = resolver.resolve(asked, "TXT", lifetime=self._timeout, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return None
        except dns.exception.DNSException as error:
            raise OSError(f"{name}: the DNS gave no answer: {error}"[:300]) from None
        records = [b"".join(record.strings) for record in answer]
        return records[0] if len(records) == 1 else None
