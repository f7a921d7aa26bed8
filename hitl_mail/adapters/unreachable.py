"""Why a mail server cannot be talked to, in words, with what to do: from the exceptions of sockets
and TLS, whichever library raised them. It connects to nothing."""

from __future__ import annotations

import socket
import ssl


def unreachable(error: BaseException | None, table: str) -> str:
    """What happened and the mend; `table` is where the server is named, such as [mail.smtp].

    Empty where neither the error nor its cause is of sockets or TLS.
    """
    while error is not None:
        if said := _said(error, table):
            return said
        error = error.__cause__
    return ""


def _said(error: BaseException, table: str) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"TLS failed: {error}. Mend host in {table} as its certificate names it, or name"
                " the authority that vouches for it in ca_file."
            )
        case ssl.SSLError():
            return (
                f"TLS failed: {error}. Mend port or tls in {table}: that port may speak no TLS from"
                " the first byte on."
            )
        case socket.gaierror():
            return (
                f"its name is not found: {error.strerror}. Mend host in {table}, or the name server"
                " of this machine."
            )
        case ConnectionRefusedError():
            return f"nothing listens there. Start that server, or mend host and port in {table}."
        case TimeoutError():
            return (
                f"it timed out. Mend host, port and tls in {table}, or let the connection through"
                " where a firewall is between."
            )
        case OSError() if error.strerror:
            return f"{error.strerror}. Mend host and port in {table}."
    return ""
