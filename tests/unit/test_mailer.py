"""When mails are offered to the server, and what becomes of those that it does not take."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.core.case import Case
from hitl_mail.core.commands import MailWas
from hitl_mail.core.desk import Desk, Notice
from hitl_mail.core.effects import Mail
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.mailer import Mailer
from hitl_mail.daemon.world import Rules, World
from hitl_mail.errors import HitlError
from hitl_mail.ports import MailDoubt, MailPermanent, MailTemporary
from hitl_mail.review.compose import Composed
from hitl_mail.settings import Site, SiteTable
from tests.factories import CASE, EXPIRES, receive

DOWN = MailTemporary("mx: connection refused")
FULL = MailTemporary("mx: 452 mailbox full", server=False)
GONE = MailPermanent("mx: 550 no such mailbox")
DOUBT = MailDoubt("mx: did not answer")
NOW = 1_000.0


@dataclass
class Clock:
    at: float = NOW

    def now(self) -> float:
        return self.at


@dataclass
class Server:
    """Takes what `answers` does not raise for; the key is a person."""

    answers: dict[str, Exception] = field(default_factory=dict)
    offered: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    async def send(
        self, mail_from: str, rcpt_to: list[str], message: bytes, name: str
    ) -> list[str]:
        [to] = rcpt_to
        self.offered.append(to)
        if to in self.answers:
            raise self.answers[to]
        self.taken.append(to)
        return []

    async def close(self) -> None:
        pass


@dataclass
class Composing:
    """Composes what need not be read; `fault` is raised for a case's mail to ada."""

    fault: Exception | None = None

    def case(self, case: Case, mail: Mail) -> Composed:
        if self.fault is not None and mail.to == "ada":
            raise self.fault
        return self.notice(mail)

    def notice(self, item: Mail | Notice) -> Composed:
        return Composed(b"mail", f"<{item.id}@x>", item.to, item.id, "sha256:a")


class NoRules:
    digest = "sha256:p"


@dataclass
class Office:
    """A journal with one case that asks ada and bob, and a mailer that knows it."""

    journal: Path
    clock: Clock
    server: Server
    composing: Composing

    def open(self) -> Office:
        """Begin, or begin again after a restart."""
        self.store = Journal(self.journal, 0o600)
        self.engine = Engine(self.store, self.clock)
        self.engine.recover()
        rules: Rules = NoRules()  # type: ignore[assignment]
        site = Site(site=SiteTable(admins=("cleo", "ada")))
        self.mailer = Mailer(
            self.engine,
            World(site, rules, Desk, lambda _: 0.0, self.clock.now),
            self.server,
            "approvals@x",
            self.composing.case,
            self.composing.notice,
        )
        self.engine.watchers.append(self.mailer.watch)
        self.engine.desk_watchers.append(self.mailer.watch_desk)
        self.engine.show_all()
        return self

    async def again(self) -> Office:
        await self.store.close()
        return self.open()

    async def after(self, seconds: float) -> list[str]:
        """To whom mails are offered when that time has passed."""
        self.clock.at += seconds
        before = len(self.server.offered)
        await self.mailer.drain()
        return sorted(self.server.offered[before:])

    @property
    def statuses(self) -> dict[str, str]:
        return {mail.to: mail.status for mail in self.engine.cases[CASE].mails}


@pytest.fixture
async def office(tmp_path: Path) -> Office:
    made = Office(tmp_path / "journal", Clock(), Server(), Composing()).open()
    await made.engine.handle(CASE, receive(expires_at=NOW + EXPIRES))
    return made


async def test_one_mail_asks_a_dead_server_for_all_at_growing_intervals(office: Office) -> None:
    office.server.answers = {"ada": DOWN, "bob": DOWN}
    offered = [len(await office.after(seconds)) for seconds in (0, 4.9, 0.2, 4.9, 5.2, 19.9)]
    assert offered == [1, 0, 1, 0, 1, 0]
    assert (office.mailer.last_error, office.mailer.waiting) == (str(DOWN), 2)


async def test_all_mails_go_as_soon_as_one_finds_the_server_back(office: Office) -> None:
    office.server.answers = {"ada": DOWN, "bob": DOWN}
    await office.after(0)
    office.server.answers = {}
    assert await office.after(5.1) == ["ada", "bob"]
    assert (office.mailer.last_error, office.mailer.next_try) == ("", None)
    assert office.mailer.troubles == {}


@pytest.mark.parametrize("why", [DOWN, FULL])
async def test_mails_put_off_by_a_clock_that_was_ahead_go_when_it_is_right_again(
    office: Office, why: Exception
) -> None:
    office.clock.at += 86400
    office.server.answers = {"ada": why, "bob": why}
    await office.after(0)
    office.server.answers = {}
    assert await office.after(-86400) == ["ada", "bob"]
    assert (office.mailer.waiting, office.mailer.next_try) == (0, None)


async def test_a_full_mailbox_holds_up_nobody_else(office: Office) -> None:
    office.server.answers = {"ada": FULL}
    assert await office.after(0) == ["ada", "bob"]
    assert office.statuses == {"ada": "queued", "bob": "sent"}
    [trouble] = office.mailer.troubles.values()
    assert "a mail to ada waits until 1970-01-01T00:16:45" in trouble
    office.server.answers = {}
    assert await office.after(5.1) == ["ada"]
    assert office.mailer.troubles == {}


async def test_a_retry_waits_its_time_over_a_restart(office: Office) -> None:
    office.server.answers = {"ada": DOUBT}
    await office.after(0)
    office = await office.again()
    assert [str(DOUBT) in trouble for trouble in office.mailer.troubles.values()] == [True]
    assert [await office.after(4.9), await office.after(0.2)] == [[], ["ada"]]


@pytest.mark.parametrize("fault", [None, HitlError("no mail address of ada is configured")])
async def test_who_cannot_be_asked_is_told_to_the_other_admins_once(
    office: Office, fault: HitlError | None
) -> None:
    office.server.answers = {"ada": GONE}
    office.composing.fault = fault
    await office.after(0)
    assert office.statuses == {"ada": "failed", "bob": "sent"}
    assert sorted(office.server.taken) == ["bob", "cleo"]
    [trouble] = office.mailer.troubles.values()
    assert f"{CASE}: ada was not asked: {fault or GONE}" == trouble
    office = await office.again()
    assert await office.after(1000) == []
    assert len(office.mailer.troubles) == 1


async def test_a_notice_that_cannot_be_delivered_brings_no_other(office: Office) -> None:
    office.server.answers = {"ada": GONE, "cleo": GONE}
    await office.after(0)
    assert await office.after(1000) == []
    assert office.mailer.waiting == 0


async def test_a_mail_over_which_the_outbox_breaks_waits_and_stops_no_other(
    office: Office,
) -> None:
    office.server.answers = {"ada": RuntimeError("nobody thought of this")}
    assert await office.after(0) == ["ada", "bob"]
    assert office.statuses == {"ada": "queued", "bob": "sent"}
    assert "nobody thought of this" in " ".join(office.mailer.troubles.values())
    office.server.answers = {}
    assert await office.after(5.1) == ["ada"]
    assert office.statuses == {"ada": "sent", "bob": "sent"}


async def test_a_mail_over_which_we_break_is_offered_again_and_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = office.engine.handle

    async def handle(case_id: str, command: MailWas, *more: Any) -> Case | None:
        if command.effect == ask_to_ada:
            raise RuntimeError("nobody thought of this")
        return await real(case_id, command, *more)

    [ask_to_ada] = [m.id for m in office.engine.cases[CASE].mails if m.to == "ada"]
    with monkeypatch.context() as patched:
        patched.setattr(office.engine, "handle", handle)
        assert await office.after(0) == ["ada", "bob"]
        assert "nobody thought of this" in " ".join(office.engine.faults.now.values())
    assert await office.after(5.1) == ["ada"]
    assert office.statuses == {"ada": "sent", "bob": "sent"}
    assert (office.engine.faults.now, office.mailer.waiting) == ({}, 0)


async def test_a_mail_that_cannot_be_written_waits_and_stops_no_other(office: Office) -> None:
    office.composing.fault = ValueError("a broken template")
    assert await office.after(0) == ["bob"]
    office.composing.fault = None
    assert await office.after(5.1) == ["ada"]
