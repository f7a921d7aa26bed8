"""docs/operations.md: the log that it shows is what a daemon writes, in both forms."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_mail.bootstrap.logs import Form, renderer
from hitl_mail.core.commands import FiledAs, MailWas
from hitl_mail.core.effects import Mail
from hitl_mail.daemon.event_lines import EVENTS, tell
from hitl_mail.daemon.news import News
from tests.factories import after, begin, by, case_after, finish, quorum, receive, verdict

PAGE = Path(__file__).parents[2].joinpath("docs/operations.md").read_text("utf-8")
(SHOWN,) = re.findall(r"## Reading the log\n(.*?)\n## ", PAGE, re.DOTALL)
CONSOLE, JSON = re.findall(r"```(?:text|json)\n(.*?)```", SHOWN, re.DOTALL)
NINE = 1_795_338_000.0


class Lines(logging.Handler):
    def __init__(self, form: Form) -> None:
        super().__init__()
        self.render = renderer(form)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.render(record))


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[Lines]:
    handler = Lines(request.param)
    logger = logging.getLogger("hitl_mail")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def happens() -> None:
    """A refund is asked about, approved two minutes later, run, and filed."""
    at = NINE
    news = News(lambda: at)
    news.listeners.append(tell)
    asks = verdict(quorums=[quorum("money", "ada")])
    case = case_after(receive(verdict_=asks, expires_at=NINE + 4 * 3600), now=NINE + 0.512)
    news.watch(case)
    (question,) = (effect.id for effect in case.pending.values() if isinstance(effect, Mail))
    for at, step in (
        (NINE + 0.604, MailWas(question, "sent", "sha256:1")),
        (NINE + 127.031, by("ada")),
        (NINE + 127.033, begin()),
        (NINE + 127.205, finish(outcome={"ok": True, "exit_code": 0})),
        (NINE + 127.209, FiledAs(118, "sha256:118", result=True)),
    ):
        case = after(case, step(case) if callable(step) else step, at)
        news.watch(case)
    record = logging.LogRecord(
        *("hitl_mail.daemon.mailer", logging.WARNING, "", 0),
        *("mail %s waits: %s", ("261122-k3f9ma/m2", "smtp.example.com:465: Connection refused")),
        None,
    )
    record.created = NINE + 127.9
    logging.getLogger(record.name).handle(record)


@pytest.mark.parametrize(
    ("written", "shown"), [("console", CONSOLE), ("json", JSON)], indirect=["written"]
)
def test_the_log_that_is_shown_is_what_is_written(written: Lines, shown: str) -> None:
    happens()
    # Of the second form, two lines are enough to see it.
    wanted = written.lines if shown is CONSOLE else [written.lines[2], written.lines[-1]]
    assert shown.splitlines() == wanted


def test_every_event_that_is_named_is_one() -> None:
    assert re.search(rf"`{re.escape(EVENTS)}`", SHOWN)
