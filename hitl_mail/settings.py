"""The site's settings, `hitl-mail.toml`, as design 1.4 fixes them: shapes and look-ups.

Loading, with every problem at once and its line, is in `hitl_mail.site`. Durations are seconds
here; secrets are paths of files, never values.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import zoneinfo
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

import msgspec

from hitl_mail.core.canonical import MAX_INTEGER, digest
from hitl_mail.core.events import ExecutorRef
from hitl_mail.core.verdict import ADMINS
from hitl_mail.errors import NotAllowed
from hitl_mail.tables import Duration

DEFAULT_AGENT = "default"

_DOTS = re.compile("[.\u3002]")
"""NFKC has made these two of all that count as a dot in a domain."""

# What has a digest is no larger than RFC 8785 can hold.
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    pass


class SiteTable(_Table, frozen=True, kw_only=True):
    name: str = "hitl-mail"
    timezone: str = "UTC"
    admins: tuple[str, ...] = ()
    group: str | None = None
    daily: str | None = None


class Smtp(_Table, frozen=True, kw_only=True):
    """Where mail goes out. `tls`: `starttls`, `implicit` or `none`."""

    host: str = "localhost"
    port: Port | None = None
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    timeout: Duration = 60


class Imap(_Table, frozen=True, kw_only=True):
    """Where replies are read. aioimaplib knows implicit TLS and none."""

    host: str = "localhost"
    port: Port | None = None
    tls: Literal["implicit", "none"] = "implicit"
    username: str = ""
    password_file: str | None = None
    ca_file: str | None = None
    mailbox: str = "INBOX"
    processed: str = "Processed"
    timeout: Duration = 60
    poll: Duration = 60


class Authentication(_Table, frozen=True, kw_only=True):
    require: Literal["dmarc", "token"] = "dmarc"
    authserv_id: str | None = None


class MailTable(_Table, frozen=True, kw_only=True):
    transport: Literal["maildir", "smtp"] = "maildir"
    address: str = "approvals@localhost"
    subaddressing: bool = True
    smtp: Smtp = Smtp()
    imap: Imap = Imap()
    authentication: Authentication = Authentication()


class Web(_Table, frozen=True, kw_only=True):
    bind: str = "127.0.0.1:8025"
    base_url: str | None = None


class Away(_Table, frozen=True, kw_only=True):
    """From the first to the last of these days, the delegate is asked in this person's place."""

    start: dt.date = msgspec.field(name="from")
    to: dt.date
    delegate: str


class Person(_Table, frozen=True, kw_only=True):
    mail: str
    aliases: tuple[str, ...] = ()
    os_user: str | None = None
    away: tuple[Away, ...] = ()


class Agent(_Table, frozen=True, kw_only=True):
    """`spool` is relative to the home. `owner` never approves this agent's actions."""

    spool: str = "spool"
    uid: Count | None = None
    owner: str | None = None
    trusted_sources: tuple[str, ...] = ()


class Executor(_Table, frozen=True, kw_only=True, dict=True):
    """How a kind's actions are carried out. `digest` covers every setting, so that a change
    after the approval is noticed."""

    type: Literal["command", "http", "mail", "agent"]
    argv: tuple[str, ...] = ()
    url: str | None = None
    secret_file: str | None = None
    headers: dict[str, str] = {}
    from_: str | None = msgspec.field(name="from", default=None)
    reply_to: str | None = None
    env: dict[str, str] = {}
    cwd: str | None = None
    timeout: Duration = 60
    retries: Count = 0
    idempotent: bool = False
    output_bytes: Amount = 65536

    @cached_property
    def digest(self) -> str:
        settings: dict[str, Any] = msgspec.to_builtins(self)
        return digest(settings)


class Limits(_Table, frozen=True, kw_only=True):
    action_bytes: Amount = 1024 * 1024
    remember: Duration = 90 * 86400
    executions: Amount = 8
    waiting: Amount = 1000


class StoreTable(_Table, frozen=True, kw_only=True):
    keep: Duration | None = None


class Site(_Table, frozen=True, kw_only=True):
    """All of `hitl-mail.toml`, checked."""

    site: SiteTable = SiteTable()
    mail: MailTable = MailTable()
    web: Web = Web()
    people: dict[str, Person] = {}
    groups: dict[str, tuple[str, ...]] = {}
    agents: dict[str, Agent] = {}
    executors: dict[str, Executor] = {}
    limits: Limits = Limits()
    store: StoreTable = StoreTable()

    def members(self) -> dict[str, tuple[str, ...]]:
        """Groups by name, with the admins under `core.verdict.ADMINS`."""
        return {**self.groups, ADMINS: self.site.admins}

    def names_of(self, person: str) -> frozenset[str]:
        """Every reference this person answers to now: own name, groups, `ADMINS`."""
        mine = {group for group, people in self.members().items() if person in people}
        return frozenset(mine | {person})

    def stand_ins(self, now: float) -> dict[str, str]:
        """Who is away at `now` (seconds since the epoch), and who is asked in their place: the
        delegate, or a delegate's own, as far as one is there. Days are those of the site."""
        today = dt.datetime.fromtimestamp(now, zoneinfo.ZoneInfo(self.site.timezone)).date()
        gone = {
            name: away.delegate
            for name, person in self.people.items()
            for away in person.away
            if away.start <= today <= away.to
        }
        found = {}
        for name, delegate in gone.items():
            passed, to = {name}, delegate
            while to in gone and to not in passed:
                passed.add(to)
                to = gone[to]
            if to not in gone:
                found[name] = to
        return found

    def answering(
        self, excluded: frozenset[str], stand_ins: dict[str, str]
    ) -> dict[str, frozenset[str]]:
        """Everybody who may decide about an action that excludes these people, and the references
        they answer to: their own, and those of whom they stand in for."""
        people = [name for name in self.people if name not in excluded]
        return {name: self.answered_by(name, excluded, stand_ins) for name in people}

    def answered_by(
        self, person: str, excluded: frozenset[str], stand_ins: dict[str, str]
    ) -> frozenset[str]:
        """The references that one person answers to. Who may not decide themselves, nobody stands
        in for."""
        absent = [
            name
            for name, delegate in stand_ins.items()
            if delegate == person and name not in excluded
        ]
        return frozenset().union(*(self.names_of(name) for name in (person, *absent)))

    def person_of_os_user(self, user: str) -> str:
        """Who decides as this OS user. Raises `NotAllowed` for one who is nobody here."""
        for name, person in self.people.items():
            if person.os_user == user:
                return name
        mend = f'an admin can set os_user = "{user}" under [people.NAME] in hitl-mail.toml'
        raise NotAllowed("nobody", f"the OS user {user} is no person of this site; {mend}")

    def excluded(self, agent: str, requested_by: str | None) -> frozenset[str]:
        """Who may not decide about this action: the agent's owner and whom it acts for."""
        owner = self.agents[agent].owner if agent in self.agents else None
        own = frozenset({owner}) if owner else frozenset()
        return own | self._people_of_mailbox(requested_by) if requested_by else own

    def _people_of_mailbox(self, address: str) -> frozenset[str]:
        """Whose mailbox an address may lead to: `ada+agent@` is Ada's as well as `ada@`. Who is
        kept from deciding is found more widely than who is believed."""
        wanted = _mailbox(address)
        return frozenset(
            name
            for name, person in self.people.items()
            if wanted in {_mailbox(known) for known in (person.mail, *person.aliases)}
        )

    def trusted_sources(self, agent: str) -> tuple[str, ...]:
        """The sources whose context this agent may call trusted."""
        return self.agents[agent].trusted_sources if agent in self.agents else ()

    def executor(self, name: str) -> Executor:
        """The executor of that name as configured now; `agent` is always there."""
        if name in self.executors:
            return self.executors[name]
        return Executor(type="agent", timeout=3600)

    def executor_ref(self, name: str) -> ExecutorRef:
        found = self.executor(name)
        return ExecutorRef(name, found.type, found.digest)


@lru_cache(maxsize=4096)
def _mailbox(address: str) -> str:
    """An address without what follows a + and without what makes two spellings of one domain, such
    as that of letters beyond ASCII in a mail (RFC 3492)."""
    local, _, domain = unicodedata.normalize("NFKC", address).casefold().rpartition("@")
    labels = ".".join(map(_label, _DOTS.split(domain.rstrip(".\u3002"))))
    return f"{local.partition('+')[0] or local}@{labels}"


def _label(label: str) -> str:
    """A label of a domain as people read it."""
    try:
        read = label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
    except ValueError:
        return label
    return unicodedata.normalize("NFKC", read).casefold()
