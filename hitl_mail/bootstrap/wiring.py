"""The daemon of a home: which adapter stands behind which port. Importing this is slow."""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import hmac
import logging
import secrets
import sys
import zoneinfo
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from hitl_mail.adapters.beat import HealthFile
from hitl_mail.adapters.clock import SystemClock
from hitl_mail.adapters.dns_txt import DnsTxt
from hitl_mail.adapters.execute.choice import executor_for
from hitl_mail.adapters.execute.handed import WORK, sweep
from hitl_mail.adapters.ids import new_case_id
from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.adapters.keys.keys import load_keys
from hitl_mail.adapters.receipts.book import ReceiptBook
from hitl_mail.adapters.spool.directory import SpoolDirectory
from hitl_mail.adapters.systemd import Notify
from hitl_mail.adapters.watch import DirectoryWatch
from hitl_mail.bootstrap.making import prepare
from hitl_mail.bootstrap.observing import Observing
from hitl_mail.bootstrap.reading import load_config, load_policy, os_user, site_facts
from hitl_mail.bootstrap.secrets import read_password
from hitl_mail.core.sampling import draw
from hitl_mail.daemon.clerk import Clerk
from hitl_mail.daemon.control import Control
from hitl_mail.daemon.daemon import Daemon, Server
from hitl_mail.daemon.daily import Daily
from hitl_mail.daemon.deciding import Deciding
from hitl_mail.daemon.drift import Drift
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.eraser import Eraser
from hitl_mail.daemon.front import Front
from hitl_mail.daemon.health import health
from hitl_mail.daemon.intake import Intake
from hitl_mail.daemon.letters import Letters
from hitl_mail.daemon.mailer import Mailer
from hitl_mail.daemon.overrides import Overrides
from hitl_mail.daemon.permits import Permits
from hitl_mail.daemon.reach import Reach
from hitl_mail.daemon.refusals import Refusals
from hitl_mail.daemon.rekey import Rekey
from hitl_mail.daemon.reload import Reload, Settled
from hitl_mail.daemon.runner import Runner
from hitl_mail.daemon.tally import CountedInbox, CountedOutbox
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.daemon.world import World
from hitl_mail.home import Home
from hitl_mail.policy.judge import Policy
from hitl_mail.ports import Inbox, Outbox, Spool
from hitl_mail.resources import shipped
from hitl_mail.review.compose import Composer
from hitl_mail.review.facts import Moment
from hitl_mail.review.links import Links
from hitl_mail.review.parts import mail_templates
from hitl_mail.review.tokens import Tokens
from hitl_mail.settings import Site

log = logging.getLogger(__name__)

_YOUNG = 20_000
"""Objects made before the collector looks at them: a case makes some hundreds, in no circle."""
_TURN = 0.0005
"""Seconds that a thread may hold the interpreter while another waits for it."""


_Version = tuple[int, int, int] | None


def build(home: Home, *, web: bool, lost_lines: Callable[[], int] = lambda: 0) -> Daemon:
    """A daemon for a home whose lock the caller holds. Raises `ConfigError`, `Damaged`.

    `lost_lines` tells metrics how much of the log nobody took.
    """
    # The loop waits no longer than this for the thread that seals receipts to let it go on.
    sys.setswitchinterval(_TURN)
    gc.set_threshold(_YOUNG, 10, 10)
    # Before they are read: what is saved from now on is another state of them.
    as_read = {file: _version(file) for file in (home.rules_file, home.site_file)}
    site, policy = load_config(home)
    prepare(home, site)
    ring = _Ring(home)
    keys = ring.keys
    mode = 0o600 if site.site.group is None else 0o640
    _keep_policy(home, policy, mode)
    files = _PolicyFiles(home, site, mode, policy, as_read)
    # Attachments of programs that a killed daemon left behind, and that have ended.
    sweep(home.root / WORK)
    zone = zoneinfo.ZoneInfo(site.site.timezone)
    clock = SystemClock()
    journal = Journal(home.journal, mode)
    engine = Engine(journal, clock)
    world = World(
        site,
        policy,
        lambda: engine.desk,
        lambda case_id: draw(ring.keys.sampling[-1], case_id),
        clock.now,
    )
    receipts = ReceiptBook(home.state, keys.key_id, keys.sign, mode)
    for torn in (journal.torn, receipts.torn):
        if torn is not None:
            log.warning("%s", torn)
    facts = site_facts(site)
    tokens = Tokens(site.mail.address, keys.addresses[::-1])
    links = Links(keys.links[::-1])
    ring.tell(tokens, links)
    rekey = Rekey(
        clock,
        ring.versions,
        lambda: ring.take(tokens, links, receipts),
        keys.retires,
        ring.as_read,
    )
    overrides = Overrides(engine, world)
    waiting = Waiting()
    composer = Composer(
        facts,
        tokens,
        links,
        mail_templates(_templates(home), overrides.broken),
        Moment(waiting.count, lambda: engine.desk.head, world.stands_for),
    )
    permits = Permits(keys.permits)
    refusals = Refusals(clock.now)
    spools: dict[str, Spool] = {
        name: SpoolDirectory(
            root,
            site.limits.action_bytes,
            _owner(site, name),
            on_refused=partial(refusals.note, name),
        )
        for name, root in home.spools(site).items()
    }
    shared = site.site.group is not None
    control = SpoolDirectory(home.control, site.limits.action_bytes, refused=False, shared=shared)
    started, systemd = clock.now(), Notify()
    observing = Observing(home, journal, home.spools(site).values(), started, lost_lines)
    outbox, inbox = _transport(home, site)
    outbox = CountedOutbox(outbox, observing.tally)
    inbox = CountedInbox(inbox, observing.tally)
    deciding = Deciding(world)
    eraser = Eraser(engine, receipts, site.store.keep)
    front = Front(engine, receipts, world, links, facts, deciding, waiting)
    watched = [home.control, *home.spools(site).values()]
    pulse = HealthFile(home.state / "health.json", mode)

    daemon = Daemon(
        engine=engine,
        intake=Intake(
            engine,
            receipts,
            world,
            spools,
            lambda now: new_case_id(now, zone),
            lambda: secrets.token_hex(16),
            lambda digest: _sealed(keys.actions[0], digest),
            permits.token,
            permits.matches,
        ),
        control=Control(engine, world, control, receipts, os_user, deciding, eraser),
        clerk=Clerk(engine, receipts, spools, permits.token),
        runner=Runner(
            engine, world, lambda settings: executor_for(settings, home.root, outbox, clock)
        ),
        mailer=Mailer(
            engine, world, outbox, site.mail.address, composer.compose, composer.compose_notice
        ),
        letters=Letters(engine, receipts, world, tokens, facts, deciding, DnsTxt()),
        drift=Drift(engine, world),
        reach=Reach(engine, world),
        eraser=eraser,
        rekey=rekey,
        daily=Daily(engine, world, receipts.lookup),
        reload=Reload(
            engine, world, Settled(files.versions, files.as_read), files.load, files.site_changed
        ),
        overrides=overrides,
        waiting=waiting,
        inbox=inbox,
        outbox=outbox,
        watch=DirectoryWatch([path / "new" for path in watched], rescan=2.0),
        web=_web(home, site, front, zone, overrides, observing) if web else None,
        refusals=refusals,
        beat=lambda daemon: _beat(daemon, pulse, systemd, started),
        closing=[receipts.close, journal.close],
    )
    observing.begin(daemon)
    return daemon


def _beat(daemon: Daemon, pulse: HealthFile, systemd: Notify, started: float) -> None:
    """Tell whoever watches that the daemon works, and how it is."""
    found = health(daemon, started)
    pulse.write(found)
    if daemon.engine.failure is None:
        waiting = found["mail_out"]["waiting"]
        systemd.alive(f"{len(daemon.engine.cases)} cases open, {waiting} mails waiting")


def _transport(home: Home, site: Site) -> tuple[Outbox, Inbox]:
    if site.mail.transport == "maildir":
        from hitl_mail.adapters.maildir import MaildirInbox, MaildirOutbox

        return MaildirOutbox(home.mail_out), MaildirInbox(home.mail_in)
    from hitl_mail.adapters.imap.inbox import ImapInbox
    from hitl_mail.adapters.smtp.outbox import SmtpOutbox

    smtp, imap = site.mail.smtp, site.mail.imap
    secret = read_password(home, imap.password_file, "mail.imap") or ""
    return (
        SmtpOutbox(smtp, read_password(home, smtp.password_file, "mail.smtp")),
        ImapInbox(imap, secret, home.state / "imap.json"),
    )


def _web(
    home: Home,
    site: Site,
    front: Front,
    zone: zoneinfo.ZoneInfo,
    overrides: Overrides,
    observing: Observing,
) -> Server:
    from hitl_mail.adapters.web.app import web_app
    from hitl_mail.adapters.web.server import WebServer

    app = web_app(
        front,
        _templates(home),
        site=site.site.name,
        timezone=zone,
        base_url=site.web.base_url,
        on_broken=overrides.broken,
        metrics=observing.metrics,
    )
    return WebServer(app, site.web.bind)


def _templates(home: Home) -> list[Path]:
    return [home.root / "templates", shipped("templates")]


def _sealed(key: bytes, digest: str) -> str:
    """A keyed digest: it outlives what it is of, and lets nobody try out what that was."""
    return "hmac-sha256:" + hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()


def _owner(site: Site, agent: str) -> int | None:
    return site.agents[agent].uid if agent in site.agents else None


class _PolicyFiles:
    """rules.toml and the schemas that it named when it was last read, whether it was sound or not:
    a schema may be what has to be mended."""

    def __init__(
        self, home: Home, site: Site, mode: int, policy: Policy, as_read: Mapping[Path, _Version]
    ) -> None:
        self._home = home
        self._site = site
        self._mode = mode
        self._schemas = {kind.schema for kind, _ in policy.kinds.values() if kind.schema}
        self._site_as_read = as_read[home.site_file]
        self.as_read = {**self.versions(), home.rules_file: as_read[home.rules_file]}

    def versions(self) -> dict[Path, _Version]:
        """What tells one state of these files from another."""
        files = (self._home.rules_file, *(self._home.root / name for name in self._schemas))
        return {file: _version(file) for file in files}

    def site_changed(self) -> bool:
        """Whether hitl-mail.toml is no longer what this daemon has read."""
        return _version(self._home.site_file) != self._site_as_read

    def load(self) -> Policy:
        """The policy as it is on disk now, kept under its digest once it is sound."""
        self._schemas = set()
        policy = load_policy(self._home, self._site, seen=self._schemas)
        _keep_policy(self._home, policy, self._mode)
        return policy


class _Ring:
    """The keys as they are on disk now, and who has to know of new ones."""

    def __init__(self, home: Home) -> None:
        self._home = home
        # Before they are read: what is rotated from now on is another state of them.
        self.as_read = self.versions()
        self.keys = load_keys(home.state)

    def versions(self) -> dict[Path, _Version]:
        """What tells one state of the files from another."""
        names = ("links", "addresses", "sampling", "receipts")
        files = [self._home.state / "keys" / f"{name}.json" for name in names]
        return {file: _version(file) for file in files}

    def tell(self, tokens: Tokens, links: Links) -> None:
        """Give mails and pages the keys, and when each was made."""
        since = self.keys.since
        tokens.rekey(self.keys.addresses[::-1], since["addresses"][::-1])
        links.rekey(self.keys.links[::-1], since["links"][::-1])

    def take(self, tokens: Tokens, links: Links, receipts: ReceiptBook) -> dt.datetime | None:
        """Load them, and work with them from now on; when the next of them retires."""
        self.keys = load_keys(self._home.state)
        self.tell(tokens, links)
        receipts.sign_with(self.keys.key_id, self.keys.sign)
        return self.keys.retires


def _version(file: Path) -> _Version:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _keep_policy(home: Home, policy: Policy, mode: int) -> None:
    """Keep the text of a policy that is used, under its digest."""
    from hitl_mail.adapters.durable import replace_file

    kept = home.policies / f"{policy.digest.removeprefix('sha256:')}.toml"
    if not kept.exists():
        replace_file(kept, [policy.text.encode()], mode)
