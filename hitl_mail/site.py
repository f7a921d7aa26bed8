"""hitl-mail.toml, read whole: every problem at once with its line and mend, or a `Site`.

Shapes are in `hitl_mail.settings`; here is what must hold between the tables. Nothing is looked
up outside the text but time zones: whether a file, a host or an OS user exists is not asked.
"""

from __future__ import annotations

import itertools
import re
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import msgspec

from hitl_mail.core.events import AGENT_EXECUTOR
from hitl_mail.core.text import is_plain, visible
from hitl_mail.core.verdict import ADMINS
from hitl_mail.errors import ConfigError, Problem
from hitl_mail.review.tokens import Tokens
from hitl_mail.settings import DEFAULT_AGENT, Agent, Executor, Person, Site
from hitl_mail.tables import Source, nearest, read_table
from hitl_mail.tables.lines import Path

SPOOL_PARTS = frozenset({"tmp", "new", "cur", "results", "refused"})
OUR_PARTS = frozenset({"control", "mail", "state"})

_NAME = re.compile(r"[a-z0-9_][a-z0-9._-]{0,63}")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_BIND = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})")

_COMMON = frozenset({"type", "timeout"})
_TRIED = frozenset({"retries", "idempotent"})
_USES: dict[str, frozenset[str]] = {
    "command": _COMMON | _TRIED | {"argv", "env", "cwd", "output_bytes"},
    "http": _COMMON | _TRIED | {"url", "secret_file", "headers", "output_bytes"},
    "mail": _COMMON | _TRIED | {"from", "reply_to"},
    "agent": _COMMON,
}
_NEEDS = {"command": ("argv",), "http": ("url",), "mail": ("from",), "agent": ()}


def load_site(text: str, file: str = "hitl-mail.toml") -> Site:
    """The site that `text` describes. Raises `ConfigError` with all that is wrong with it."""
    source = Source(file, text)
    check = _Check(source)
    site = read_table(Site, source.data, (), source, check.problems) or Site()
    checks: tuple[Callable[[Site], None], ...] = (
        check.people,
        check.groups,
        check.general,
        check.mail,
        check.web,
        check.agents,
        check.executors,
    )
    for step in checks:
        step(site)
    if check.problems:
        raise ConfigError(sorted(check.problems, key=lambda problem: problem.line or 0))
    if site.web.base_url is None:
        return site
    web = msgspec.structs.replace(site.web, base_url=site.web.base_url.rstrip("/"))
    return msgspec.structs.replace(site, web=web)


@dataclass(frozen=True, slots=True)
class NamesWritten:
    """What a site file that is not sound names all the same, for the rules to be checked against
    (a `policy.model.Names`)."""

    people: frozenset[str]
    executors: frozenset[str]
    groups: dict[str, tuple[str, ...]]

    def members(self) -> dict[str, tuple[str, ...]]:
        """The people of each group, and the admins."""
        return self.groups

    def trusted_sources(self, agent: str) -> tuple[str, ...]:  # noqa: ARG002 - the Protocol's
        """None: nothing is judged by a site that is not sound."""
        return ()


def names_written(text: str, file: str = "hitl-mail.toml") -> NamesWritten:
    """The names in a site file, sound or not. Raises `ConfigError` for what is not TOML."""
    check = _Check(Source(file, text))
    groups = {name: _texts(people) for name, people in check.written("groups").items()}
    groups[ADMINS] = _texts(check.written("site").get("admins"))
    executors = frozenset(check.written("executors"))
    return NamesWritten(frozenset(check.names), executors, groups)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


class _Check:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        # As written, so that a person with one bad field is still known to the others.
        self.names = set(self.written("people"))

    def written(self, *path: str) -> dict[str, object]:
        """The table at a path as it stands in the file, empty if there is none."""
        table: object = self.source.data
        for key in path:
            table = table.get(key) if isinstance(table, dict) else None
        return table if isinstance(table, dict) else {}

    def problem(self, path: Path, what: str, mend: str = "") -> None:
        self.problems.append(self.source.problem(path, what, mend))

    def people(self, site: Site) -> None:
        if not self.names:
            self.problem(("people",), "there is nobody", 'Add [people.NAME] with mail = "…".')
        self.name_shapes("people", "a person")
        addresses: dict[str, str] = {}
        users: dict[str, str] = {}
        for name, person in site.people.items():
            path = ("people", name)
            self.address(person.mail, (*path, "mail"))
            for index, alias in enumerate(person.aliases):
                self.address(alias, (*path, "aliases", index))
            for where, address in _addresses(path, person):
                self.own(addresses, address.casefold(), name, where)
                if address.casefold() == site.mail.address.casefold():
                    what = "is the site's own address, whose mail is never a decision"
                    self.problem(where, what, "Give the person another one.")
            if person.os_user is not None:
                self.own(users, person.os_user, name, (*path, "os_user"))
            self.absences(name, person)

    def own(self, owners: dict[str, str], value: str, name: str, path: Path) -> None:
        """One address, one OS user, one person: else nobody could say who decided."""
        other = owners.setdefault(value, name)
        if other != name:
            what = f'"{value}" belongs to {other} already'
            self.problem(path, what, "Each person needs one of their own.")

    def absences(self, name: str, person: Person) -> None:
        for index, away in enumerate(person.away):
            path = ("people", name, "away", index)
            self.person(away.delegate, (*path, "delegate"))
            if away.delegate == name:
                self.problem((*path, "delegate"), "is the person who is away")
            if away.start > away.to:
                self.problem((*path, "to"), "is before from", "Name the last day of the absence.")

    def groups(self, site: Site) -> None:
        self.name_shapes("groups", "a group")
        for name in sorted(self.written("groups").keys() & self.names):
            what = f'"{name}" is a person and a group'
            self.problem(("groups", name), what, "Rename one of the two.")
        for name, people in site.groups.items():
            for index, person in enumerate(people):
                self.person(person, ("groups", name, index))

    def general(self, site: Site) -> None:
        if not site.site.admins and "admins" not in self.written("site"):
            self.problem(
                ("site",), "admins are missing", 'Add admins = ["…"]: one person at least.'
            )
        elif not site.site.admins:
            self.problem(("site", "admins"), "names nobody", "Name one person at least.")
        if not is_plain(site.site.name):
            # It stands in front of every mail and page.
            what = f"{visible(site.site.name, keep='')} is not one line of what can be seen"
            self.problem(("site", "name"), what, "Leave out what is marked.")
        for index, name in enumerate(site.site.admins):
            self.person(name, ("site", "admins", index))
        if not _is_zone(site.site.timezone):
            what = f'no time zone "{site.site.timezone}"'
            mend = nearest(site.site.timezone, zoneinfo.available_timezones())
            mend = mend if mend.startswith("Did") else "Write it like Europe/Berlin."
            self.problem(("site", "timezone"), what, mend)
        if site.site.daily is not None and not _TIME.fullmatch(site.site.daily):
            self.problem(("site", "daily"), f'"{site.site.daily}" is no time', "Write 08:00.")

    def mail(self, site: Site) -> None:
        self.own_address(site.mail.address)
        for table in ("smtp", "imap"):
            given = self.written("mail", table)
            for one, other in (("username", "password_file"), ("password_file", "username")):
                if one in given and other not in given:
                    what = f"{one} without {other}"
                    self.problem(("mail", table, one), what, f"Add {other}, or drop {one}.")
        if site.mail.transport == "smtp":
            self.servers()

    def own_address(self, address: str) -> None:
        """The address that replies come to has to leave room for their tokens."""
        path: Path = ("mail", "address")
        found = len(self.problems)
        self.address(address, path)
        if len(self.problems) > found:
            return
        try:
            Tokens(address, [b"any key"])
        except ValueError as error:
            self.problem(path, str(error), "Write it like approvals@example.com.")

    def servers(self) -> None:
        """What transport smtp cannot do without."""
        path: Path = ("mail", "transport")
        if "address" not in self.written("mail"):
            self.problem(path, '"smtp" needs [mail] address', "Add the address replies come to.")
        needs = {"smtp": ("host",), "imap": ("host", "username", "password_file")}
        for table, fields in needs.items():
            given = self.written("mail", table)
            for field in fields:
                if field not in given:
                    where: Path = ("mail", table) if given else path
                    self.problem(where, f"[mail.{table}] {field} is missing", f'Add {field} = "…".')

    def web(self, site: Site) -> None:
        bind = _BIND.fullmatch(site.web.bind)
        if bind is None or int(bind[2]) > 65535:
            what = f'"{site.web.bind}" is no host and port'
            self.problem(("web", "bind"), what, "Write it like 127.0.0.1:8025.")
        if site.web.base_url is not None and not _is_url(site.web.base_url, query=False):
            what = f'"{site.web.base_url}" is no web address to start links with'
            mend = "Write it like https://approve.example.com, without ? and #."
            self.problem(("web", "base_url"), what, mend)

    def agents(self, site: Site) -> None:
        self.name_shapes("agents", "an agent")
        for name, agent in site.agents.items():
            if agent.owner is not None:
                self.person(agent.owner, ("agents", name, "owner"))
        agents = {DEFAULT_AGENT: Agent(), **site.agents}
        spools: dict[str, PurePosixPath] = {}
        for name, agent in agents.items():
            spool, path = PurePosixPath(agent.spool), ("agents", name, "spool")
            if not spool.parts or ".." in spool.parts:
                what = f'"{spool}" is no directory of its own'
                self.problem(path, what, "Name one below the home, or a whole path, without ..")
            elif spool.parts[0] in OUR_PARTS:
                what = f'"{spool}" is the daemon\'s own, closed to agents'
                self.problem(path, what, f"Name one like spool/{name}.")
            else:
                spools[name] = spool
        for name, other in itertools.permutations(spools, 2):
            if _overlaps(name, spools[name], other, spools[other]):
                what = f"lies in the spool of {other}, and nobody knows whose files are whose"
                self.problem(("agents", name, "spool"), what, f"Name one like spool/{name}.")

    def executors(self, site: Site) -> None:
        for name, executor in site.executors.items():
            path = ("executors", name)
            given = self.written("executors", name)
            if name == AGENT_EXECUTOR and executor.type != "agent":
                what = '"agent" is the agent itself, by permit'
                self.problem(path, what, "Give this executor another name.")
            for field in _NEEDS[executor.type]:
                if not given.get(field):
                    what = f"type {executor.type} needs {field}"
                    self.problem(path, what, f"Add {field} = {_EXAMPLES[field]}")
            fields = {field.encode_name for field in msgspec.structs.fields(Executor)}
            for field in sorted((given.keys() & fields) - _USES[executor.type]):
                what = f"type {executor.type} has no use for {field}"
                self.problem((*path, field), what, "Leave it out.")
            self.targets(executor, path)

    def targets(self, executor: Executor, path: Path) -> None:
        if executor.type == "command" and executor.argv and not executor.argv[0]:
            self.problem((*path, "argv"), "the program has no name")
        if executor.type == "http" and executor.url and not _is_url(executor.url, query=True):
            what = f'"{executor.url}" is no web address'
            self.problem((*path, "url"), what, "Write it like https://api.example.com/refunds.")
        for field, address in (("from", executor.from_), ("reply_to", executor.reply_to)):
            if executor.type == "mail" and address:
                self.address(address, (*path, field))

    def name_shapes(self, table: str, what: str) -> None:
        for name in self.written(table):
            if not _NAME.fullmatch(name):
                mend = "Use a-z 0-9 . _ - and begin with a letter, a digit or _."
                self.problem((table, name), f'"{name}" is no name for {what}', mend)

    def person(self, name: str, path: Path) -> None:
        if name not in self.names:
            self.problem(path, f'no person "{name}"', nearest(name, self.names))

    def address(self, address: str, path: Path) -> None:
        if len(address) > 254 or not _MAIL.fullmatch(address):
            mend = "Write it like ada@example.com, without a name."
            self.problem(path, f'"{address}" is no mail address', mend)


_EXAMPLES = {
    "argv": '["/usr/local/bin/refund"]',
    "url": '"https://…"',
    "from": '"desk@example.com"',
}


def _addresses(path: Path, person: Person) -> Iterable[tuple[Path, str]]:
    yield (*path, "mail"), person.mail
    for index, alias in enumerate(person.aliases):
        yield (*path, "aliases", index), alias


def _is_zone(name: str) -> bool:
    if name == "UTC":  # there even where the system has no time zone database
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_url(text: str, query: bool) -> bool:
    try:
        url = urlsplit(text)
        known = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return (
        known
        and plain
        and not url.fragment
        and "@" not in url.netloc
        and (query or "?" not in text)
    )


def _overlaps(name: str, spool: PurePosixPath, other: str, outer: PurePosixPath) -> bool:
    """Whether a spool is another's or inside it; `spool/billing` may lie in the default's."""
    if spool == outer:  # said once, of the one that is rather in the wrong
        return other == DEFAULT_AGENT or (name != DEFAULT_AGENT and name > other)
    if outer not in spool.parents:
        return False
    return other != DEFAULT_AGENT or spool.relative_to(outer).parts[0] in SPOOL_PARTS
