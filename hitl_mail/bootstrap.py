"""The one place that knows which adapter stands behind which port, and wires them.

Everything heavy is imported inside the functions, so that a command pays only for what it uses.
"""

from __future__ import annotations

import datetime as dt
import grp
import os
import pwd
import re
import sys
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_mail.errors import ConfigError, Problem, UsageError
from hitl_mail.home import Home
from hitl_mail.resources import shipped
from hitl_mail.settings import Site

if TYPE_CHECKING:
    from hitl_mail.adapters.receipts_lookup import Lookup
    from hitl_mail.core.records import State
    from hitl_mail.daemon.daemon import Daemon, Server
    from hitl_mail.daemon.front import Front
    from hitl_mail.policy.judge import Policy
    from hitl_mail.ports import Inbox, Outbox, Spool
    from hitl_mail.review.facts import SiteFacts


def create_home(directory: str | Path) -> Home:
    """Make a home at `directory` that works at once. Raises `UsageError` where there is one."""
    return _create(directory, "hitl-mail.toml", "rules.toml", {})


def create_demo_home(directory: str | Path, port: int) -> Home:
    """The demo's home: executors that do no harm, pages on `port` of loopback."""
    return _create(directory, "demo.toml", "demo-rules.toml", {":8025": f":{port}"})


def _create(directory: str | Path, site_file: str, rules: str, changes: dict[str, str]) -> Home:
    from hitl_mail.adapters.keys import create_keys

    home = Home(Path(directory).absolute())
    if home.site_file.exists():
        raise UsageError(f"{home.root} is a home already; nothing was changed")
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.root.chmod(0o700)
    _fill(home, {home.rules_file: rules, home.site_file: site_file}, changes)
    prepare(home, load_site(home))
    create_keys(home.state, dt.datetime.now(dt.UTC))
    return home


def load_site(home: Home) -> Site:
    """`hitl-mail.toml`, checked. Raises `ConfigError` with every problem."""
    from hitl_mail.site import load_site as load

    return load(_text(home.site_file), home.site_file.name)


def load_policy(home: Home, site: Site) -> Policy:
    """`rules.toml`, checked and compiled. Raises `ConfigError` with every problem."""
    from hitl_mail.policy.load import load_policy as load

    def read_schema(path: str) -> bytes:
        return (home.root / path).read_bytes()

    return load(_text(home.rules_file), site, home.rules_file.name, read_schema)


def read_state(home: Home) -> State:
    """Open cases, read from the journal beside a daemon or without one."""
    from hitl_mail.adapters.journal import read_journal
    from hitl_mail.core.records import replay

    return replay(read_journal(home.journal))


def read_receipts(home: Home) -> Lookup:
    """Finding closed cases, read-only."""
    from hitl_mail.adapters.receipts import open_lookup

    return open_lookup(home.state)


def verify_receipts(home: Home) -> dict[str, Any]:
    """Whether every receipt is as it was sealed, and none is missing."""
    from hitl_mail.adapters.keys import load_public_keys
    from hitl_mail.adapters.receipts import receipts_directory
    from hitl_mail.adapters.receipts_verify import verify

    head = read_state(home).desk.head
    report = verify(
        receipts_directory(home.state),
        load_public_keys(home.state),
        (head.seq, head.digest) if head else None,
        running=home.running(),
    )
    fault = report.fault
    return {
        "ok": fault is None,
        "count": report.count,
        "seq": report.head_seq,
        "digest": report.head_digest,
        "fault": {"seq": fault.seq, "file": fault.file, "what": fault.what} if fault else None,
    }


def shared_users(home: Home, site: Site) -> list[str]:
    """Where one OS user is more than one of agent, daemon and reviewer: nothing divides them."""
    daemon = home.state.stat().st_uid
    user = os_user(daemon)
    agents = sorted(
        name
        for name in home.spools(site)
        if name not in site.agents or site.agents[name].uid in (None, daemon)
    )
    people = sorted(name for name, person in site.people.items() if person.os_user == user)
    if not agents or not people:
        return []
    return [
        f"the OS user {user} runs the daemon, is {' and '.join(people)}, and may be the agent"
        f" {' or '.join(agents)}: nothing stops that agent from deciding at the command line"
    ]


def os_user(uid: int) -> str:
    """The name of an OS user, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def prepare(home: Home, site: Site) -> None:
    """Make the directories that are missing, and give all the modes of design 1.1."""
    from hitl_mail.adapters.spool import SpoolDirectory

    group = _group(site)
    shared = 0o700 if group is None else 0o750
    for path, mode in (
        (home.root, shared),
        (home.state, shared),
        (home.journal, shared),
        (home.policies, shared),
        (home.state / "receipts", shared),
        (home.state / "cache", shared),
        (home.state / "keys", 0o700),
        (home.root / "mail", 0o700),
    ):
        path.mkdir(mode=mode, exist_ok=True)
        path.chmod(mode)
        if group is not None and mode == shared:
            os.chown(path, -1, group)
    if group is not None:
        for file in (home.site_file, home.rules_file):
            os.chown(file, -1, group)
            file.chmod(0o640)
    for root in home.spools(site).values():
        SpoolDirectory(root, site.limits.action_bytes).create()
    SpoolDirectory(home.control, site.limits.action_bytes, refused=False).create(group)
    for maildir in (home.mail_in, home.mail_out):
        for name in ("", "tmp", "new", "cur"):
            (maildir / name).mkdir(mode=0o700, exist_ok=True)


def build(home: Home, *, web: bool) -> Daemon:
    """A daemon for a home whose lock the caller holds. Raises `ConfigError`, `Damaged`."""
    from hitl_mail.adapters.beat import HealthFile
    from hitl_mail.adapters.clock import SystemClock
    from hitl_mail.adapters.execute import executor_for
    from hitl_mail.adapters.ids import new_case_id
    from hitl_mail.adapters.journal import Journal
    from hitl_mail.adapters.keys import load_keys
    from hitl_mail.adapters.receipts import ReceiptBook
    from hitl_mail.adapters.spool import SpoolDirectory
    from hitl_mail.adapters.watch import DirectoryWatch
    from hitl_mail.daemon.clerk import Clerk
    from hitl_mail.daemon.control import Control
    from hitl_mail.daemon.daemon import Daemon
    from hitl_mail.daemon.engine import Engine
    from hitl_mail.daemon.front import Front
    from hitl_mail.daemon.health import health
    from hitl_mail.daemon.intake import Intake
    from hitl_mail.daemon.letters import Letters
    from hitl_mail.daemon.mailer import Mailer
    from hitl_mail.daemon.permits import Permits
    from hitl_mail.daemon.runner import Runner
    from hitl_mail.daemon.world import World
    from hitl_mail.review.compose import Composer
    from hitl_mail.review.links import Links
    from hitl_mail.review.templates import environment
    from hitl_mail.review.tokens import Tokens

    site = load_site(home)
    policy = load_policy(home, site)
    prepare(home, site)
    keys = load_keys(home.state)
    mode = 0o600 if site.site.group is None else 0o640
    _keep_policy(home, policy, mode)
    zone = zoneinfo.ZoneInfo(site.site.timezone)
    clock = SystemClock()
    world = World(site, policy)
    journal = Journal(home.journal, mode)
    engine = Engine(journal, clock)
    receipts = ReceiptBook(home.state, keys.key_id, keys.sign, mode)
    facts = _site_facts(site)
    tokens = Tokens(site.mail.address, keys.addresses[::-1])
    links = Links(keys.links[::-1])
    composer = Composer(facts, tokens, links, environment(_templates(home)))
    permits = Permits(keys.permits)
    spools: dict[str, Spool] = {
        name: SpoolDirectory(root, site.limits.action_bytes, _owner(site, name))
        for name, root in home.spools(site).items()
    }
    control = SpoolDirectory(home.control, site.limits.action_bytes, refused=False)
    outbox, inbox = _transport(home, site)
    front = Front(engine, receipts, world, links, facts)
    watched = [home.control, *home.spools(site).values()]
    pulse = HealthFile(home.state / "health.json", mode)
    started = clock.now()

    return Daemon(
        engine=engine,
        intake=Intake(
            engine,
            receipts,
            world,
            spools,
            lambda now: new_case_id(now, zone),
            permits.token,
            permits.matches,
        ),
        control=Control(engine, world, control, os_user),
        clerk=Clerk(engine, receipts, spools, permits.token),
        runner=Runner(
            engine, world, lambda settings: executor_for(settings, home.root, outbox, clock)
        ),
        mailer=Mailer(engine, outbox, site.mail.address, composer.compose, composer.compose_notice),
        letters=Letters(engine, receipts, world, tokens, facts),
        inbox=inbox,
        outbox=outbox,
        watch=DirectoryWatch([path / "new" for path in watched], rescan=2.0),
        web=_web(home, site, front, zone) if web else None,
        beat=lambda daemon: pulse.write(health(daemon, started)),
        closing=[receipts.close, journal.close],
    )


def _transport(home: Home, site: Site) -> tuple[Outbox, Inbox]:
    if site.mail.transport == "maildir":
        from hitl_mail.adapters.maildir import MaildirInbox, MaildirOutbox

        return MaildirOutbox(home.mail_out), MaildirInbox(home.mail_in)
    from hitl_mail.adapters.imap import ImapInbox
    from hitl_mail.adapters.smtp import SmtpOutbox

    smtp, imap = site.mail.smtp, site.mail.imap
    secret = _password(home, imap.password_file, "mail.imap") or ""
    return (
        SmtpOutbox(smtp, _password(home, smtp.password_file, "mail.smtp")),
        ImapInbox(imap, secret, home.state / "imap.json"),
    )


def _web(home: Home, site: Site, front: Front, zone: zoneinfo.ZoneInfo) -> Server:
    from hitl_mail.adapters.web.app import web_app
    from hitl_mail.adapters.web.server import WebServer

    app = web_app(
        front,
        _templates(home),
        site=site.site.name,
        timezone=zone,
        base_url=site.web.base_url,
    )
    return WebServer(app, site.web.bind)


def _templates(home: Home) -> list[Path]:
    return [home.root / "templates", shipped("templates")]


def _site_facts(site: Site) -> SiteFacts:
    from hitl_mail.review.facts import SiteFacts

    return SiteFacts(
        name=site.site.name,
        address=site.mail.address,
        subaddressing=site.mail.subaddressing,
        timezone=site.site.timezone,
        base_url=site.web.base_url,
        people={name: (p.mail, *p.aliases) for name, p in site.people.items()},
        trusted_sources={name: agent.trusted_sources for name, agent in site.agents.items()},
    )


def _owner(site: Site, agent: str) -> int | None:
    return site.agents[agent].uid if agent in site.agents else None


def _password(home: Home, file: str | None, where: str) -> str | None:
    """The first line of a password file, which nobody else may read."""
    if file is None:
        return None
    path = home.root / file
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path}: others may read this password; run: chmod 600 {path}")
        return path.read_text("utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        what = "is empty" if isinstance(error, IndexError) else str(error)
        raise UsageError(f"{path}: the password of [{where}] cannot be read: {what}") from None


def _keep_policy(home: Home, policy: Policy, mode: int) -> None:
    """Keep the text of a policy that is used, under its digest."""
    from hitl_mail.adapters.durable import replace_file

    kept = home.policies / f"{policy.digest.removeprefix('sha256:')}.toml"
    if not kept.exists():
        replace_file(kept, [policy.text.encode()], mode)


def _text(path: Path) -> str:
    """A configuration file, to the byte. Raises `ConfigError`."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"not UTF-8 at byte {error.start}"
        raise ConfigError([Problem(path.name, None, "", what, "Save it as UTF-8.")]) from None
    except OSError as error:
        raise ConfigError([Problem(str(path), None, "", str(error.strerror))]) from None


def _group(site: Site) -> int | None:
    if site.site.group is None:
        return None
    try:
        return grp.getgrnam(site.site.group).gr_gid
    except KeyError:
        mend = f"Make it: groupadd {site.site.group}"
        what = f'no OS group "{site.site.group}" on this machine'
        raise ConfigError([Problem("hitl-mail.toml", None, "site.group", what, mend)]) from None


def _placeholders() -> dict[str, str]:
    """What the shipped configuration leaves open: the first person, here and now."""
    user = os_user(os.getuid())
    person = re.sub(r"[^a-z0-9_-]+", "-", user.lower()).strip("-") or "admin"
    return {
        "@PERSON@": person,
        "@OS_USER@": user,
        "@MAIL@": f"{person}@localhost",
        "@TIMEZONE@": _timezone(),
        "@PYTHON@": sys.executable,
    }


def _timezone() -> str:
    """This machine's time zone by its IANA name, UTC where it has none."""
    target = Path("/etc/localtime").resolve()
    for name in (os.environ.get("TZ", ""), "/".join(target.parts[-2:]), target.name):
        if name in zoneinfo.available_timezones():
            return name
    return "UTC"


def _fill(home: Home, sources: dict[Path, str], changes: dict[str, str]) -> None:
    words = _placeholders()
    for path, source in sources.items():
        text = (shipped("config") / source).read_text("utf-8")
        for old, new in (*words.items(), *changes.items()):
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
        path.chmod(0o600)
