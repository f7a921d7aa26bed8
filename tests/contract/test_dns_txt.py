"""Asking a real name server, on loopback, for the keys of `review.dkim`."""

from __future__ import annotations

import socket

import pytest

from hitl_mail.adapters.dns_txt import DnsTxt
from tests.servers.nameserver import nameserver
from tests.servers.process import LOOPBACK

KEY = "s1._domainkey.example.com"


def ask(name: str, port: int) -> bytes | None:
    return DnsTxt([LOOPBACK], port, timeout=2.0)(name)


def test_the_strings_of_a_record_are_joined() -> None:
    with nameserver({KEY: ['"v=DKIM1; p=AA" "BB"']}) as port:
        assert ask(KEY, port) == b"v=DKIM1; p=AABB"


@pytest.mark.parametrize(
    "records", [{}, {KEY: []}, {KEY: ['"one"', '"two"']}], ids=["no name", "no record", "two"]
)
def test_a_name_without_one_record_has_none(records: dict[str, list[str]]) -> None:
    with nameserver(records) as port:
        assert ask(KEY, port) is None


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_a_server_that_cannot_say_is_an_error(rcode: str) -> None:
    with nameserver({}, rcode) as port, pytest.raises(OSError, match="the DNS gave no answer"):
        ask(KEY, port)


def test_a_server_that_is_silent_is_an_error_in_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        with pytest.raises(OSError, match="the DNS gave no answer"):
            DnsTxt([LOOPBACK], silent.getsockname()[1], timeout=0.2)(KEY)


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example.com", ".".join(["x" * 60] * 5)])
def test_what_can_be_no_name_has_no_record(name: str) -> None:
    with nameserver({}) as port:
        assert ask(name, port) is None
