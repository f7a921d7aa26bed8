"""The daemon of a home: which adapter stands behind which port. Importing this is slow."""

from __future__ import annotations

import gc
import hashlib
import hmac
import logging
import secrets
import sys
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hitl_mail.adapters.beat import HealthFile
from hitl_mail.adapters.clock import SystemClock
from hitl_mail.adapters.dns_txt import DnsTxt
from hitl_mail.adapters.execute.choice import executor_for
from hitl_mail.adapters.execute.handed import WORK, sweep
from hitl_mail.adapters.ids import new_case_id
from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.adapters.receipts.book import ReceiptBook
from hitl_mail.adapters.spool.directory import SpoolDirectory
from hitl_mail.adapters.systemd import Notify
from hitl_mail.adapters.watch import DirectoryWatch
from hitl_mail.bootstrap.making import prepare
from hitl_mail.bootstrap.observing import Observing
from hitl_mail.bootstrap.reading import os_user, site_facts
from hitl_mail.bootstrap.rereading import Config, Ring
from hitl_mail.bootstrap.secrets import read_password
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
from hitl_mail.daemon.reload import Reload
from hitl_mail.daemon.runner import Runner
from hitl_mail.daemon.tally import CountedInbox, CountedOutbox
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.daemon.world import World
from hitl_mail.home import Home
from hitl_mail.ports import Inbox, Outbox, Spool
from hitl_mail.resources import shipped
from hitl_mail.review.compose import Composer
from hitl_mail.review.facts import Moment, SiteFacts
from hitl_mail.review.parts import mail_templates
from hitl_mail.settings import Site

log = logging.getLogger(__name__)

_YOUNG = 20_000
"""Objects made before the collector looks at them: a case makes some hundreds, in no circle."""
_TURN = 0.0005
"""Seconds that a thread may hold the interpreter while another waits for it."""


@dataclass(frozen=True)
class _Base:
    """What nearly every part of a daemon stands on."""

    home: Home
    config: Config
    ring: Ring
    clock: SystemClock
    journal: Journal
    engine: Engine
    world: World
    receipts: ReceiptBook
    facts: SiteFacts

    @property
    def site(self) -> Site:
        return self.config.site


def build(home: Home, *, web: bool, lost_lines: Callable[[], int] = lambda: 0) -> Daemon:
    """A daemon for a home whose lock the caller holds. Raises `ConfigError`, `Damaged`.

    `lost_lines` tells metrics how much of the log nobody took.
    """
    _suit_the_interpreter()
    base = _base(home)
    site, engine, world, receipts = base.site, base.engine, base.world, base.receipts
    started = base.clock.now()
    observing = Observing(home, base.journal, home.spools(site).values(), started, lost_lines)
    outbox, inbox = _transport(home, site, observing)
    refusals, waiting = Refusals(base.clock.now), Waiting()
    spools = _spools(home, site, refusals)
    permits, deciding = Permits(base.ring.keys.permits), Deciding(world)
    overrides, eraser = Overrides(engine, world), Eraser(engine, receipts, site.store.keep)

    daemon = Daemon(
        engine=engine,
        intake=_intake(base, spools, permits),
        control=_control(base, deciding, eraser),
        clerk=Clerk(engine, receipts, spools, permits.token),
        runner=_runner(base, outbox),
        mailer=_mailer(base, outbox, overrides, waiting),
        letters=_letters(base, deciding),
        drift=Drift(engine, world),
        reach=Reach(engine, world),
        eraser=eraser,
        rekey=_rekey(base),
        daily=Daily(engine, world, receipts.lookup),
        reload=_reload(base),
        overrides=overrides,
        waiting=waiting,
        inbox=inbox,
        outbox=outbox,
        watch=_watch(home, site),
        web=_web(base, deciding, waiting, overrides, observing) if web else None,
        refusals=refusals,
        beat=_beat(base, started),
        closing=[receipts.close, base.journal.close],
    )
    observing.begin(daemon)
    return daemon


def _suit_the_interpreter() -> None:
    # The loop waits no longer than this for the thread that seals receipts to let it go on.
    sys.setswitchinterval(_TURN)
    gc.set_threshold(_YOUNG, 10, 10)


def _base(home: Home) -> _Base:
    config = Config(home)
    site, mode = config.site, config.mode
    prepare(home, site)
    ring = Ring(home, site.mail.address)
    config.keep(config.policy)
    # Attachments of programs that a killed daemon left behind, and that have ended.
    sweep(home.root / WORK)
    clock = SystemClock()
    journal = Journal(home.journal, mode)
    engine = Engine(journal, clock)
    world = World(site, config.policy, lambda: engine.desk, ring.draw, clock.now)
    receipts = ReceiptBook(home.state, ring.keys.key_id, ring.keys.sign, mode)
    for torn in (journal.torn, receipts.torn):
        if torn is not None:
            log.warning("%s", torn)
    return _Base(home, config, ring, clock, journal, engine, world, receipts, site_facts(site))


def _transport(home: Home, site: Site, observing: Observing) -> tuple[Outbox, Inbox]:
    outbox, inbox = _mail(home, site)
    return CountedOutbox(outbox, observing.tally), CountedInbox(inbox, observing.tally)


def _mail(home: Home, site: Site) -> tuple[Outbox, Inbox]:
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


def _spools(home: Home, site: Site, refusals: Refusals) -> dict[str, Spool]:
    return {
        name: SpoolDirectory(
            root,
            site.limits.action_bytes,
            site.agents[name].uid if name in site.agents else None,
            on_refused=partial(refusals.note, name),
        )
        for name, root in home.spools(site).items()
    }


def _watch(home: Home, site: Site) -> DirectoryWatch:
    watched = [home.control, *home.spools(site).values()]
    return DirectoryWatch([path / "new" for path in watched], rescan=2.0)


def _intake(base: _Base, spools: dict[str, Spool], permits: Permits) -> Intake:
    zone, key = _zone(base.site), base.ring.keys.actions[0]
    return Intake(
        base.engine,
        base.receipts,
        base.world,
        spools,
        lambda now: new_case_id(now, zone),
        lambda: secrets.token_hex(16),
        lambda digest: _sealed(key, digest),
        permits.token,
        permits.matches,
    )


def _sealed(key: bytes, digest: str) -> str:
    """A keyed digest: it outlives what it is of, and lets nobody try out what that was."""
    return "hmac-sha256:" + hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()


def _control(base: _Base, deciding: Deciding, eraser: Eraser) -> Control:
    spool = SpoolDirectory(
        base.home.control,
        base.site.limits.action_bytes,
        refused=False,
        shared=base.site.site.group is not None,
    )
    return Control(base.engine, base.world, spool, base.receipts, os_user, deciding, eraser)


def _runner(base: _Base, outbox: Outbox) -> Runner:
    return Runner(
        base.engine,
        base.world,
        lambda settings: executor_for(settings, base.home.root, outbox, base.clock),
    )


def _mailer(base: _Base, outbox: Outbox, overrides: Overrides, waiting: Waiting) -> Mailer:
    engine, world = base.engine, base.world
    composer = Composer(
        base.facts,
        base.ring.tokens,
        base.ring.links,
        mail_templates(_templates(base.home), overrides.broken),
        Moment(waiting.count, lambda: engine.desk.head, world.stands_for),
    )
    address = base.site.mail.address
    return Mailer(engine, world, outbox, address, composer.compose, composer.compose_notice)


def _letters(base: _Base, deciding: Deciding) -> Letters:
    engine, receipts, world = base.engine, base.receipts, base.world
    return Letters(engine, receipts, world, base.ring.tokens, base.facts, deciding, DnsTxt())


def _reload(base: _Base) -> Reload:
    config = base.config
    changed = config.rules.settled
    return Reload(base.engine, base.world, changed, config.load, config.site_changed)


def _rekey(base: _Base) -> Rekey:
    ring = base.ring
    take = partial(ring.take, base.receipts)
    return Rekey(base.clock, ring.files.changed, take, ring.keys.retires)


def _web(
    base: _Base, deciding: Deciding, waiting: Waiting, overrides: Overrides, observing: Observing
) -> Server:
    from hitl_mail.adapters.web.app import web_app
    from hitl_mail.adapters.web.server import WebServer

    site, links = base.site, base.ring.links
    app = web_app(
        Front(base.engine, base.receipts, base.world, links, base.facts, deciding, waiting),
        _templates(base.home),
        site=site.site.name,
        timezone=_zone(site),
        base_url=site.web.base_url,
        on_broken=overrides.broken,
        metrics=observing.metrics,
    )
    return WebServer(app, site.web.bind)


def _beat(base: _Base, started: float) -> Callable[[Daemon], None]:
    """Tells whoever watches that the daemon works, and how it is."""
    pulse, systemd = HealthFile(base.home.state / "health.json", base.config.mode), Notify()

    def beat(daemon: Daemon) -> None:
        found = health(daemon, started)
        pulse.write(found)
        if daemon.engine.failure is None:
            waiting = found["mail_out"]["waiting"]
            systemd.alive(f"{len(daemon.engine.cases)} cases open, {waiting} mails waiting")

    return beat


def _templates(home: Home) -> list[Path]:
    return [home.root / "templates", shipped("templates")]


def _zone(site: Site) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(site.site.timezone)
