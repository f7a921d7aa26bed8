"""A new home's `hitl-mail.toml`, written from what somebody answered."""

from __future__ import annotations

import json
import re
from typing import Literal

import msgspec

from hitl_mail.errors import UsageError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
"""What a person or a group may be called here."""

ADDRESS = re.compile(r"[^\s@<>\"]{1,64}@[A-Za-z0-9.-]{1,255}")


_REQUIRE = """\
require = "dmarc"              # the secret in the reply address, and an authenticated sender
# require = "token"            # the secret alone
"""


class Server(msgspec.Struct, frozen=True):
    """Where mail goes out, or replies come in. `port` None is the usual one for `tls`."""

    host: str
    port: int | None = None
    tls: Literal["starttls", "implicit", "none"] = "implicit"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered. Without `smtp` and `imap`, the embedded mailbox. `people` are others than
    `person`, each with a mail address; `groups` name people."""

    person: str
    mail: str
    name: str = "hitl-mail"
    address: str = "approvals@localhost"
    smtp: Server | None = None
    imap: Server | None = None
    username: str = ""
    people: dict[str, str] = {}
    groups: dict[str, tuple[str, ...]] = {}


def check(setup: Setup) -> None:
    """Raises `UsageError` for the first answer that cannot be."""
    for name in (setup.person, *setup.people, *setup.groups):
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name: small letters, digits, - and _, at most 32")
    for address in (setup.mail, setup.address, *setup.people.values()):
        if not ADDRESS.fullmatch(address):
            raise UsageError(f"{address!r} is no mail address")
    if (setup.smtp is None) != (setup.imap is None):
        raise UsageError("mail needs a server out and one in: give --smtp and --imap, or neither")
    if setup.person in setup.people:
        raise UsageError(f"{setup.person} is you, and cannot be another person, too")
    known = {setup.person, *setup.people}
    for name, members in setup.groups.items():
        unknown = [member for member in members if member not in known]
        if unknown or not members:
            what = f"{unknown[0]} is nobody known" if unknown else "it has no members"
            raise UsageError(f"the group {name}: {what}; there are {', '.join(sorted(known))}")
        if name in known:
            raise UsageError(f"{name} is a person, and cannot be a group, too")


def write_site(shipped: str, setup: Setup) -> str:
    """The shipped `hitl-mail.toml`, its comments kept, with these answers in their places."""
    text = shipped.replace('name = "hitl-mail"', f"name = {_quoted(setup.name)}", 1)
    text = text.replace('mail = "@MAIL@"', f"mail = {_quoted(setup.mail)}")
    text = text.replace("@PERSON@", setup.person)
    if setup.smtp is not None and setup.imap is not None:
        begin, end = text.index("[mail]\n"), text.index("[mail.authentication]")
        text = text[:begin] + _mail(setup, setup.smtp, setup.imap) + text[end:]
        text = _authenticated(text)
    others = "".join(f"\n[people.{n}]\nmail = {_quoted(m)}\n" for n, m in setup.people.items())
    begin = text.index("\n[groups]")
    text = text[:begin] + others + text[begin:]
    groups = {"owner": (setup.person,), **setup.groups}
    lines = "".join(f"{name} = {json.dumps(list(who))}\n" for name, who in groups.items())
    return text.replace(f'owner = ["{setup.person}"]\n', lines, 1)


def _mail(setup: Setup, smtp: Server, imap: Server) -> str:
    parts = [
        "[mail]",
        'transport = "smtp"             # "maildir": mails are files in mail/out and mail/in',
        f"address = {_quoted(setup.address)}",
        "# subaddressing = false       # where approvals+TOKEN@... does not reach this mailbox",
        "",
        "[mail.smtp]",
        *_server(smtp, setup.username),
        "",
        "[mail.imap]",
        *_server(imap, setup.username),
        '# processed = "Processed"     # where replies are put that have been handled',
        "",
        "",
    ]
    return "\n".join(parts)


def _server(server: Server, username: str) -> list[str]:
    port = [] if server.port is None else [f"port = {server.port}"]
    login = [
        f"username = {_quoted(username)}",
        'password_file = "state/mail-password"',
    ]
    return [
        f"host = {_quoted(server.host)}",
        *port,
        f'tls = "{server.tls}"',
        *(login if username else []),
    ]


def _authenticated(text: str) -> str:
    """Real mail is believed only from a sender that has been authenticated."""
    begin = text.index('require = "token"')
    end = text.index("# authserv_id", begin)
    return text[:begin] + _REQUIRE + text[end:]


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's, too."""
    return json.dumps(text, ensure_ascii=False)


def read_server(text: str, tls: Literal["starttls", "implicit"]) -> Server:
    """`host`, `host:port`, or `host:port/none` for a server without TLS. Raises `UsageError`."""
    found = re.fullmatch(
        r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(?:/(implicit|starttls|none))?", text
    )
    if not found or (found[2] and not 0 < int(found[2]) < 65536):
        raise UsageError(f"{text!r} is no server: write it as host, host:port or host:port/none")
    port = int(found[2]) if found[2] else None
    usual: Literal["starttls", "implicit"] = {465: "implicit", 587: "starttls"}.get(port or 0, tls)  # type: ignore[assignment]
    return Server(found[1], port, found[3] or usual)  # type: ignore[arg-type]
