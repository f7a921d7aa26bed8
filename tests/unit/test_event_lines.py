"""A line for each event of a case: who and what, and nothing that anybody said."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from hitl_mail.core.case import Case, Moment
from hitl_mail.core.commands import FiledAs, MailWas, Withdraw
from hitl_mail.core.effects import Mail
from hitl_mail.daemon.event_lines import EVENTS, tell
from hitl_mail.daemon.news import News
from tests.factories import action, after, begin, by, case_after, decide_, finish, receive

AT = 1_795_338_000.0
SECRET = "hunter2"
Said = list[tuple[str, dict[str, Any]]]


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Any:
    logger, handler = logging.getLogger(EVENTS), Kept()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def life(*steps: Any, first: Any = None) -> Case:
    """A case shown after each of these steps, with its lines logged."""
    news = News(lambda: AT)
    news.listeners.append(tell)
    case = case_after(first or receive(expires_at=AT + 1000), now=AT)
    news.watch(case)
    for step in steps:
        case = after(case, step(case) if callable(step) else step, AT)
        news.watch(case)
    return case


def said(kept: Kept) -> Said:
    """The events' names, with what is told of them beside case and agent."""
    return [
        (
            record.getMessage(),
            {k: v for k, v in record.fields.items() if k not in ("case", "agent")},
        )
        for record in kept.records
    ]


def test_a_life_is_told_by_who_and_what(kept: Kept) -> None:
    ran = finish(outcome={"ok": True, "exit_code": 0, "stdout": SECRET})
    life(by("ada"), begin(), ran, FiledAs(7, "sha256:7", result=True))
    assert said(kept) == [
        (
            "received",
            {
                "revision": 1,
                "id": "refund-8841",
                "kind": "payment.refund",
                "gate": "hard",
                "rules": ["money"],
            },
        ),
        ("decided", {"revision": 1, "by": "ada", "verb": "approve", "via": "mail"}),
        ("approved", {"revision": 1}),
        ("started", {"revision": 1, "attempt": 1}),
        ("succeeded", {"revision": 1, "exit_code": 0}),
        ("filed", {"revision": 1, "receipt": 7}),
        ("result_written", {"revision": 1}),
    ]
    assert {record.fields["case"] for record in kept.records} == {"261122-k3f9ma"}
    assert {record.fields["agent"] for record in kept.records} == {"billing"}
    assert {(record.levelname, record.created) for record in kept.records} == {("INFO", AT)}


def first_mail(case: Case) -> str:
    return next(effect.id for effect in case.pending.values() if isinstance(effect, Mail))


def test_nothing_that_anybody_said_is_told(kept: Kept) -> None:
    """Payload, summary, reasons, notes, outputs, errors of servers: none of it, in no event."""
    told = action(
        payload={"password": SECRET},
        summary=SECRET,
        why=SECRET,
        id="a",
        run_id=SECRET,
        labels={SECRET: SECRET},
        context=[{"title": SECRET, "text": SECRET}],
    )
    first = receive(told, title=SECRET, expires_at=AT + 1000)
    failed = finish("failed", outcome={"ok": False, "error": SECRET, "stderr": SECRET})
    life(
        lambda case: MailWas(first_mail(case), "deferred", error=SECRET, next_at=AT + 5),
        lambda case: MailWas(first_mail(case), "failed", error=SECRET),
        lambda case: decide_(case, note=SECRET, evidence={"message_id": SECRET}, message_id=SECRET),
        begin(),
        failed,
        first=first,
    )
    life(Withdraw("billing", SECRET), first=first)
    assert len(kept.records) > 8
    texts = [f"{record.getMessage()} {record.__dict__}" for record in kept.records]
    assert [text for text in texts if SECRET in text] == []


def test_an_exit_code_that_is_no_number_is_not_told(kept: Kept) -> None:
    case = case_after(receive(), by("ada"), begin(), finish(outcome={"exit_code": SECRET}))
    tell(case, Moment(AT, "succeeded"))
    assert said(kept) == [("succeeded", {"revision": 1})]


def test_who_does_not_want_these_lines_gets_none(kept: Kept) -> None:
    logging.getLogger(EVENTS).setLevel(logging.WARNING)
    life(by("ada"))
    assert kept.records == []


def test_a_line_costs_its_loop_microseconds(kept: Kept) -> None:
    """Ten times what it takes on an idle machine, so that a busy one passes, too."""
    case = case_after(receive(), by("ada"))
    begun = time.thread_time()
    for _ in range(1000):
        tell(case, case.history[1])
    assert (time.thread_time() - begun) / 1000 < 70e-6
