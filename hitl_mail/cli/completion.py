"""What a shell may complete: the ids of open cases.

`eval "$(_HITL_MAIL_COMPLETE=bash_source hitl-mail)"` makes bash ask; zsh and fish alike.
"""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from hitl_mail.core.text import visible

_MOST = 200


def open_cases(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The open cases whose id begins or ends so, with their titles; none where the home cannot be
    read."""
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
        if not case.final and case.id.startswith(incomplete)
    ]
    return found[:_MOST]
