"""The daemon's log: what stdlib `logging` is given, in lines that people or programs read.

A line is one record, whatever it quotes: agents, servers and strangers choose words in it, and what
could not be seen of these is shown by its code, in either form. Times are RFC 3339, UTC. structlog
takes a fifth of a second to import: the thread that writes does it, when there is a first line.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, MutableMapping
from functools import cache, partial
from typing import IO, Any, Literal

from hitl_mail.adapters.log_lines import LogLines
from hitl_mail.core.documents import iso
from hitl_mail.core.text import visible
from hitl_mail.daemon.event_lines import EVENTS

Form = Literal["console", "json"]
Said = MutableMapping[str, Any]
Render = Callable[[logging.LogRecord], str]

_SECRETIVE = ("aioimaplib", "httpx")
"""They would log whole mails, with the secrets in their addresses, or the addresses of hooks, some
of which hold a secret."""

_ALWAYS = (EVENTS, "hitl_mail.cli.run")
"""What is told of a daemon that works: events, its start and its end."""

_WIDTH = 14
"""Of the longest name of an event."""


def begin(form: Form, *, verbose: bool, events: bool) -> LogLines:
    """Log on stderr from now on: warnings, with `events` what happens to cases, and with `verbose`
    all that is said."""
    lines = _lines(form)
    logging.basicConfig(handlers=[lines], level=logging.INFO if verbose else logging.WARNING)
    for name in _SECRETIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _ALWAYS:
        logging.getLogger(name).setLevel(logging.INFO if events or verbose else logging.WARNING)
    return lines


def renderer(form: Form, *, colors: bool = False) -> Render:
    """What makes a record a line of this form, or more: a traceback for people has its own, each
    set in, so that none looks like a record. Slow to make."""
    from structlog.dev import ConsoleRenderer
    from structlog.processors import JSONRenderer
    from structlog.stdlib import ProcessorFormatter

    console = form == "console"
    last = (
        ConsoleRenderer(_WIDTH, colors=colors, sort_keys=False, timestamp_key="time")
        if console
        else JSONRenderer(partial(json.dumps, ensure_ascii=False))
    )
    chain = [_joined, last] if console else [last]
    return ProcessorFormatter(
        foreign_pre_chain=[_named if console else _named_with_logger],
        processors=[ProcessorFormatter.remove_processors_meta, _shown, *chain],
        use_get_message=True,
    ).format


def _lines(form: Form) -> LogLines:
    stderr: IO[str] | None = sys.stderr
    if stderr is None:
        # Closed by whoever started this: its number may be that of another file by now.
        return LogLines(os.open(os.devnull, os.O_WRONLY), logging.Formatter().format)
    descriptor = stderr.fileno()
    colors = stderr.isatty() and _likes_colors()
    made = cache(lambda: renderer(form, colors=colors))

    def render(record: logging.LogRecord) -> str:
        return made()(record)

    return LogLines(descriptor, with_priority(render) if is_journal(descriptor) else render)


def _likes_colors() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_journal(descriptor: int) -> bool:
    """Whether what is written there goes to systemd's journal (systemd.exec(5))."""
    try:
        there = os.fstat(descriptor)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def with_priority(render: Render) -> Render:
    """The same lines with the priority that the journal takes off again: sd-daemon(3)."""

    def prefixed(record: logging.LogRecord) -> str:
        level = (
            3 if record.levelno >= logging.ERROR else 4 if record.levelno >= logging.WARNING else 6
        )
        return "\n".join(f"<{level}>{line}" for line in render(record).split("\n"))

    return prefixed


def _named(_logger: object, _method: str, said: Said) -> Said:
    """When, how bad, what, and then whatever else the record holds."""
    record: logging.LogRecord = said["_record"]
    return {
        "time": iso(record.created),
        "level": record.levelname.lower(),
        **said,
        **getattr(record, "fields", {}),
    }


def _named_with_logger(_logger: object, _method: str, said: Said) -> Said:
    return {**_named(_logger, _method, said), "logger": said["_record"].name}


def _shown(_logger: object, _method: str, said: Said) -> Said:
    """Nothing hidden in it: every text on one line, but for a traceback."""
    raised = said.pop("exc_info", None)
    shown = {key: _visible(value) for key, value in said.items()}
    if raised:
        trace = "".join(traceback.format_exception(*raised)).rstrip("\n")
        shown["exception"] = "\n".join(f"  {visible(line)}" for line in trace.split("\n"))
    return shown


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else visible(value, keep="")
    return [_visible(item) for item in value] if isinstance(value, list | tuple) else value


def _joined(_logger: object, _method: str, said: Said) -> Said:
    """For people: lists as `ada,bob`."""
    return {
        key: ",".join(map(str, value)) if isinstance(value, list) else value
        for key, value in said.items()
    }
