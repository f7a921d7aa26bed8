"""The lines of the log, for people and for programs: each is one record, nothing hides in it."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.bootstrap.logs import Form, is_journal, renderer, with_priority
from tests.security.hostile import ALL, forged_lines, marked, raw

FORMS: tuple[Form, ...] = ("console", "json")
AT = 1_795_338_000.25


def record(text: str, *args: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord(
        more.pop("name", "hitl_mail.daemon.mailer"),
        more.pop("level", logging.WARNING),
        "",
        0,
        text,
        args,
        more.pop("exc_info", None),
    )
    made.created = AT
    made.__dict__.update(more)
    return made


def raised(text: str) -> Any:
    """An error with these words, as `logging` takes it."""
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()


def test_a_line_for_people() -> None:
    shown = renderer("console")(record("mail %s waits: busy", "m1", fields={"case": "c", "n": 1}))
    assert shown == "2026-11-22T09:00:00.250Z [warning  ] mail m1 waits: busy case=c n=1"


def test_a_line_for_programs() -> None:
    shown = renderer("json")(
        record(
            "received", level=logging.INFO, name="hitl_mail.events", fields={"rules": ["a", "b"]}
        )
    )
    assert shown == (
        '{"time": "2026-11-22T09:00:00.250Z", "level": "info", "event": "received",'
        ' "rules": ["a", "b"], "logger": "hitl_mail.events"}'
    )


def test_lists_are_short_for_people() -> None:
    shown = renderer("console")(record("received", fields={"rules": ["money", "large"]}))
    assert shown.endswith(" rules=money,large")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_hidden_is_shown_as_it_is(form: Form) -> None:
    hostile = record(
        "%s", marked("word", ALL), fields={"by": marked("by", ALL), "to": [marked("to", ALL)]}
    )
    hostile.exc_info = raised(marked("error", ALL))
    shown = renderer(form)(hostile)
    assert re.findall(r"M(word|by|to|error) ", shown) == ["word", "by", "to", "error"]
    assert raw(shown.encode()) == set()
    assert forged_lines(shown.encode()) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_message_of_many_lines_is_one(form: Form) -> None:
    shown = renderer(form)(record("one\ntwo\r\n2026-11-22T09:00:00.250Z [info] approved"))
    assert len(shown.splitlines()) == 1
    assert "one⟨U+000A⟩two" in shown


def test_a_traceback_for_people_is_set_in_so_that_no_line_of_it_looks_like_a_record() -> None:
    error = raised("no\n2026-11-22T09:00:00.250Z [info     ] approved")
    first, *rest = renderer("console")(record("it broke", exc_info=error)).split("\n")
    assert first == "2026-11-22T09:00:00.250Z [warning  ] it broke"
    assert rest[0] == "  Traceback (most recent call last):"
    assert "  ValueError: no" in rest
    assert [line for line in rest if not line.startswith("  ")] == []


def test_a_traceback_for_programs_is_a_field_of_the_one_line() -> None:
    shown = renderer("json")(record("it broke", exc_info=raised("no\x1b[2J")))
    said = json.loads(shown)
    assert len(shown.splitlines()) == 1
    assert said["exception"].startswith("  Traceback (most recent call last):\n")
    assert said["exception"].endswith("\n  ValueError: no⟨U+001B⟩[2J")
    assert "exc_info" not in said


def test_colours_are_for_terminals_alone() -> None:
    assert "\x1b[" not in renderer("console")(record("x"))
    assert "\x1b[" in renderer("console", colors=True)(record("x"))


@pytest.mark.parametrize(
    ("level", "priority"), [(logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6)]
)
def test_the_journal_is_told_how_bad_each_line_is(level: int, priority: int) -> None:
    render = with_priority(renderer("console"))
    lines = render(record("it broke", level=level, exc_info=raised("no"))).split("\n")
    assert len(lines) > 2
    assert {line[:3] for line in lines} == {f"<{priority}>"}


def test_the_journal_is_known_by_its_inode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("wb") as out:
        there = os.fstat(out.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        assert is_journal(out.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino + 1}")
        assert not is_journal(out.fileno())
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not is_journal(out.fileno())
    assert not is_journal(-1)


@pytest.mark.parametrize(
    "imported",
    ["hitl_mail.cli.status", "hitl_mail.cli.cases", "hitl_mail.client", "hitl_mail.cli.run"],
)
def test_what_logs_and_metrics_need_is_imported_by_the_daemon_alone(imported: str) -> None:
    program = (
        f"import sys, {imported}\n"
        "print(sorted({'structlog', 'prometheus_client'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
