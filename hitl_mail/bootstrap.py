"""The one place that knows which adapter stands behind which port, and wires them.

Everything heavy is imported inside the functions, so that a command pays only for what it uses.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import time
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_mail.errors import ConfigError, HitlError, Problem, UsageError
from hitl_mail.home import Home
from hitl_mail.resources import shipped
from hitl_mail.settings import Site

if TYPE_CHECKING:
    from hitl_mail.adapters.keys import Keys
    from hitl_mail.adapters.receipts_lookup import Lookup
    from hitl_mail.core.records import State
    from hitl_mail.daemon.daemon import Daemon, Server
    from hitl_mail.policy.judge import Policy
    from hitl_mail.ports import Inbox, Outbox


def create_home(directory: str | Path) -> Home:
    """Make a home at `directory` that works at once. Raises `UsageError` where there is one."""
    from hitl_mail.adapters.keys import create_keys

    home = Home(Path(directory).absolute())
    if home.site_file.exists():
        raise UsageError(f"{home.root} is a home already; nothing was changed")
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.root.chmod(0o700)
    words = _placeholders()
    for file in (home.rules_file, home.site_file):
        text = (shipped("config") / file.name).read_text("utf-8")
        file.write_text(_filled(text, words), "utf-8")
        file.chmod(0o600)
    site = load_site(home)
    prepare(home, site)
    create_keys(home.state, _now())
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
    from hitl_mail.adapters.clock import SystemClock
    from hitl_mail.adapters.execute import executor_for
    from hitl_mail.adapters.ids import new_case_id
    from hitl_mail.adapters.journal import Journal
    from hitl_mail.adapters.keys import load_keys
    from hitl_mail.adapters.receipts import ReceiptBook
    from hitl_mail.adapters.spool import SpoolDirectory
    from hitl_mail.adapters.watch import DirectoryWatch
    from hitl_mail.daemon import daemon as parts
    from hitl_mail.daemon.beat import Beat
    from hitl_mail.daemon.clerk import Clerk
    from hitl_mail.daemon.control import Control
    from hitl_mail.daemon.desk import Front
    from hitl_mail.daemon.engine import Engine
    from hitl_mail.daemon.intake import Intake
    from hitl_mail.daemon.letters import Letters
    from hitl_mail.daemon.mailer import Mailer
    from hitl_mail.daemon.runner import Runner
    from hitl_mail.daemon.timers import Timers
    from hitl_mail.daemon.world import World

    site = load_site(home)
    policy = load_policy(home, site)
    prepare(home, site)
    keys = load_keys(home.state)
    mode = 0o600 if site.site.group is None else 0o640
    _keep_policy(home, policy, mode)
    zone = zoneinfo.ZoneInfo(site.site.timezone)
    world = World(site, policy)
    engine = Engine(Journal(home.journal, mode), SystemClock())
    receipts = ReceiptBook(home.state, keys.key_id, keys.sign, mode)
    raise HitlError("wiring")


def _keep_policy(home: Home, policy: Policy, mode: int) -> None:
    """Keep the text of a policy that is used, under its digest."""
    kept = home.policies / f"{policy.digest.removeprefix('sha256:')}.toml"
    if not kept.exists():
        from hitl_mail.adapters.durable import write_whole

        write_whole(kept, policy.text.encode(), mode)
