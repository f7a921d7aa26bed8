"""A name server on loopback, over UDP, in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping

import dns.message
import dns.rcode
import dns.rrset

from tests.servers.process import LOOPBACK


@contextlib.contextmanager
def nameserver(records: Mapping[str, list[str]], rcode: str = "NOERROR") -> Iterator[int]:
    """The port of a server that knows these TXT records, each in the form of a zone file.

    It says NXDOMAIN of any other name, and `rcode` instead of everything, unless that is
    `NOERROR`.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((LOOPBACK, 0))
        port = server.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(server, records, rcode))
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (LOOPBACK, port))
            thread.join()


def _serve(server: socket.socket, records: Mapping[str, list[str]], rcode: str) -> None:
    while True:
        wire, client = server.recvfrom(4096)
        if not wire:
            return
        asked = dns.message.from_wire(wire)
        answer = dns.message.make_response(asked)
        name = asked.question[0].name
        known = records.get(str(name).rstrip("."))
        if rcode != "NOERROR":
            answer.set_rcode(dns.rcode.from_text(rcode))
        elif known is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif known:
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", known))
        server.sendto(answer.to_wire(), client)
