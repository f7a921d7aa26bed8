"""The Jinja environment of mails: strict, sandboxed, and with the filters that make agent text
safe to show. HTML templates escape by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from hitl_mail.core.text import one_line
from hitl_mail.review.ask import reason, row_lines
from hitl_mail.review.text import boxed, fill, inert, shorten


def environment(directories: Sequence[Path]) -> SandboxedEnvironment:
    """Templates from these directories; the first that has a file wins."""
    found = SandboxedEnvironment(
        loader=FileSystemLoader([str(directory) for directory in directories]),
        autoescape=lambda name: name is None or not name.endswith(".txt"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters.update(
        boxed=boxed,
        fill=fill,
        inert=inert,
        line=one_line,
        reason=reason,
        row=row_lines,
        shorten=shorten,
    )
    return found
