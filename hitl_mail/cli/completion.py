"""What a shell may complete: the ids of open cases.

`eval "$(_HITL_MAIL_COMPLETE=bash_source hitl-mail)"` makes bash ask; zsh and fish alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from hitl_mail.core.text import visible

if TYPE_CHECKING:
    from hitl_mail.core.case import Case
    from hitl_mail.core.events import Verb

_MOST = 200


Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def open_cases(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The open cases whose id begins so, with their titles; none where the home cannot be read."""
    return _found(ctx, incomplete, lambda case: not case.final)


def cases_to(verb: Verb) -> Completer:
    """Completes with those cases of which this can be said now."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from hitl_mail.core.said import verbs

        return _found(ctx, incomplete, lambda case: verb in verbs(case))

    return complete


def _found(
    ctx: click.Context, incomplete: str, fits: Callable[[Case], bool]
) -> list[CompletionItem]:
    from hitl_mail import bootstrap
    from hitl_mail.home import Home

    home = Home(Path(str(ctx.find_root().params.get("home") or ".")).absolute())
    try:
        cases = bootstrap.read_state(home).cases.values()
    except Exception:  # noqa: BLE001 - whatever it is, a half-typed line is no place to tell it
        return []
    found = [
        CompletionItem(case.id, help=visible(case.title, keep="")[:80])
        for case in sorted(cases, key=lambda case: case.id)
        if case.id.startswith(incomplete) and fits(case)
    ]
    return found[:_MOST]
