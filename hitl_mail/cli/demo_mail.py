"""Mails as the demo shows them: to a reviewer at a terminal, or in a few lines to an onlooker.

A mail program shows buttons where the text of a mail has addresses, so the addresses are left
out. Nothing here knows a home or a daemon.
"""

from __future__ import annotations

import re
from email.message import EmailMessage

_ADDRESS = re.compile(r"\s+(?:mailto:|https?://)\S*")
_UNREAD = re.compile(r"---.*---|sha256:\S+")


def body(mail: EmailMessage) -> str:
    """The text of a mail."""
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part is not None else ""


def link(mail: EmailMessage) -> str | None:
    """The decision page's address, from the mail's text."""
    found = re.search(r"https?://\S+/d/[^\s>]+", body(mail))
    return found[0] if found else None


def readable(mail: EmailMessage) -> list[str]:
    """The lines without what nobody reads: addresses and their labels, digests, the line above
    which replies are read. Never two empty lines in a row.
    """
    kept: list[str] = []
    for line in body(mail).splitlines():
        if _ADDRESS.fullmatch(line):
            if kept and kept[-1].endswith(":"):
                kept.pop()
        elif not _UNREAD.fullmatch(line) and (line or (kept and kept[-1])):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def gist(mail: EmailMessage) -> list[str]:
    """What a packet says of the risk, in the words of the rules; an answer's first line."""
    lines = readable(mail)
    if "RISK" not in lines:
        return lines[:1]
    risk = lines[lines.index("RISK") + 1 :]
    end = next((at for at, line in enumerate(risk) if line in ("", "The agent claims:")), None)
    return [line for line in risk[:end] if not line.startswith("|")]
