"""What every executor does alike, over real programs, a real HTTP server and a real directory."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from hitl_mail.adapters.execute.choice import executor_for
from hitl_mail.core.canonical import check
from hitl_mail.ports import Executor, MailDoubt, MailPermanent, MailTemporary, Order
from hitl_mail.settings import Executor as Settings
from tests.servers.webhook import Receiver, receiver
from tests.waiting import eventually

LIMIT = 1000


def order(payload: dict[str, Any] | None = None) -> Order:
    mail = {"to": "ada@example.com", "subject": "Hello", "text": "Hello Ada"}
    return Order("261122-k3f9ma", 1, 1, payload or mail, (), "261122-k3f9ma-1")


class Rig(Protocol):
    """One type of executor and targets of every manner for it."""

    def executor(self, manner: str, timeout: int = 30) -> Executor: ...

    def busy(self) -> bool:
        """Whether a target is at work on an order."""


SCRIPTS = {
    "ok": "cat",
    "temporary": "exit 75",
    "failed": "exit 3",
    "slow": "exec 9>$FIFO; sleep 1000 & sleep 1000",
    "endless": "exec yes",
    "doubt": "kill -9 $$",
}
PATHS = {
    "ok": "/status/200",
    "temporary": "/status/503",
    "failed": "/status/500",
    "slow": "/slow",
    "endless": "/endless",
}


class CommandRig:
    """Programs hold a named pipe open: while any of them lives, it is not at its end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.fifo = home / "fifo"
        os.mkfifo(self.fifo)
        self.reader = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)

    def executor(self, manner: str, timeout: int = 30) -> Executor:
        settings = Settings(
            type="command",
            argv=("/bin/sh", "-c", SCRIPTS[manner]),
            env={"FIFO": str(self.fifo)},
            timeout=timeout,
            output_bytes=LIMIT,
        )
        return executor_for(settings, self.home, DirectoryOutbox(self.home))

    def busy(self) -> bool:
        try:
            return os.read(self.reader, 1) != b""
        except BlockingIOError:
            return True


class HttpRig:
    def __init__(self, home: Path, server: Receiver) -> None:
        self.home = home
        self.server = server
        (home / "secret").write_text("whsec_c2VjcmV0")

    def executor(self, manner: str, timeout: int = 30) -> Executor:
        url = "http://127.0.0.1:1/" if manner == "doubt" else self.server.url + PATHS[manner]
        settings = Settings(
            type="http", url=url, secret_file="secret", timeout=timeout, output_bytes=LIMIT
        )
        return executor_for(settings, self.home, DirectoryOutbox(self.home))

    def busy(self) -> bool:
        return self.server.waiting > 0


class DirectoryOutbox:
    """Each mail a file, as long as the manner is `ok`."""

    def __init__(self, directory: Path, manner: str = "ok") -> None:
        self.directory = directory
        self.manner = manner
        self.sending = 0

    async def send(
        self, mail_from: str, rcpt_to: list[str], message: bytes, name: str
    ) -> list[str]:
        faults = {"temporary": MailTemporary, "failed": MailPermanent, "doubt": MailDoubt}
        if self.manner in faults:
            raise faults[self.manner]("the server said no")
        self.sending += 1
        try:
            while self.manner == "slow":
                await asyncio.sleep(3600)
        finally:
            self.sending -= 1
        (self.directory / name).write_bytes(message)
        return []

    async def close(self) -> None: ...


class MailRig:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.outbox = DirectoryOutbox(home)

    def executor(self, manner: str, timeout: int = 30) -> Executor:
        self.outbox.manner = manner
        settings = Settings(type="mail", from_="crew@example.com", timeout=timeout)
        return executor_for(settings, self.home, self.outbox)

    def busy(self) -> bool:
        return self.outbox.sending > 0


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture(params=["command", "http", "mail"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "command":
        found = CommandRig(tmp_path)
        yield found
        os.close(found.reader)
    elif request.param == "http":
        yield HttpRig(tmp_path, request.getfixturevalue("server"))
    else:
        yield MailRig(tmp_path)


@pytest.mark.parametrize("manner", ["ok", "temporary", "failed", "doubt"])
async def test_what_the_target_does_is_the_result(rig: Rig, manner: str) -> None:
    assert (await rig.executor(manner).run(order())).result == manner


async def test_a_target_that_does_not_answer_in_time_leaves_doubt(rig: Rig) -> None:
    attempt = await rig.executor("slow", timeout=1).run(order())
    assert (attempt.result, "timeout after 1 s" in attempt.outcome["error"]) == ("doubt", True)


async def test_after_a_timeout_nothing_is_at_work(rig: Rig) -> None:
    await rig.executor("slow", timeout=1).run(order())
    await eventually(lambda: not rig.busy(), "the target to be idle")


@pytest.mark.parametrize("manner", ["ok", "temporary", "failed", "doubt"])
async def test_only_what_went_well_is_ok(rig: Rig, manner: str) -> None:
    outcome = (await rig.executor(manner).run(order())).outcome
    assert outcome["ok"] is (manner == "ok")


@pytest.mark.parametrize("manner", ["ok", "temporary", "failed", "doubt"])
async def test_whatever_did_not_go_well_says_why(rig: Rig, manner: str) -> None:
    outcome = (await rig.executor(manner).run(order())).outcome
    assert bool(outcome.get("error")) is (manner != "ok")


@pytest.mark.parametrize("manner", ["ok", "temporary", "failed", "doubt"])
async def test_an_outcome_is_json_that_a_receipt_can_hold(rig: Rig, manner: str) -> None:
    check((await rig.executor(manner).run(order())).outcome)


async def test_an_outcome_says_how_long_it_took(rig: Rig) -> None:
    seconds = (await rig.executor("slow", timeout=1).run(order())).outcome["seconds"]
    assert 1 <= seconds < 10


async def test_a_cancelled_order_is_cancelled(rig: Rig) -> None:
    running = asyncio.create_task(rig.executor("slow").run(order()))
    await eventually(rig.busy, "the target at work")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_cancelled_order_leaves_nothing_at_work(rig: Rig) -> None:
    running = asyncio.create_task(rig.executor("slow").run(order()))
    await eventually(rig.busy, "the target at work")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await eventually(lambda: not rig.busy(), "the target to be idle")


@pytest.mark.parametrize("rig", ["command", "http"], indirect=True)
async def test_output_without_end_is_kept_up_to_the_limit(rig: Rig) -> None:
    outcome = (await rig.executor("endless", timeout=1).run(order())).outcome
    assert len(outcome.get("stdout", "") + outcome.get("body", "")) == LIMIT


async def test_orders_run_beside_each_other(rig: Rig) -> None:
    executor = rig.executor("ok")
    attempts = await asyncio.gather(*(executor.run(order()) for _ in range(10)))
    assert {attempt.result for attempt in attempts} == {"ok"}


def test_an_agents_action_has_no_executor(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="permit"):
        executor_for(Settings(type="agent"), tmp_path, DirectoryOutbox(tmp_path))
