"""Why a mail server cannot be talked to: what happened and the mend, whatever raised it."""

from __future__ import annotations

import socket
import ssl

import pytest

from hitl_mail.adapters.unreachable import unreachable

CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
SAID: list[tuple[BaseException, str, str]] = [
    (ConnectionRefusedError(111, "refused"), "nothing listens there", "mend host and port in"),
    (socket.gaierror(-2, "Name unknown"), "not found: Name unknown", "Mend host in"),
    (CERTIFICATE, "TLS failed: certificate verify failed", "ca_file"),
    (ssl.SSLError(1, "wrong version number"), "TLS failed: wrong", "Mend port or tls in"),
    (TimeoutError(), "it timed out", "where a firewall is between"),
    (OSError(113, "No route to host"), "No route to host", "Mend host and port in"),
]


@pytest.mark.parametrize(("error", "what", "mend"), SAID)
def test_each_says_what_happened_and_the_mend(error: BaseException, what: str, mend: str) -> None:
    said = unreachable(error, "[mail.smtp]")
    assert (what in said, mend in said, "[mail.smtp]" in said) == (True, True, True), said
    assert "Errno" not in said


def test_what_a_library_wraps_is_known_by_its_cause() -> None:
    wrapped = RuntimeError("Error connecting to mx on port 25")
    wrapped.__cause__ = ConnectionRefusedError(111, "refused")
    assert unreachable(wrapped, "[mail.imap]").startswith("nothing listens there")


def test_anything_else_is_left_to_its_own_words() -> None:
    assert unreachable(RuntimeError("421 too busy"), "[mail.smtp]") == ""
    assert unreachable(OSError(), "[mail.smtp]") == ""
