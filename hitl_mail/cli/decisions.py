"""Deciding at the command line: through `control/`, beside a running daemon or ahead of one."""

from __future__ import annotations

import os
from collections.abc import Callable

import click

from hitl_mail import bootstrap
from hitl_mail.cli.drops import decide_by_file
from hitl_mail.cli.output import emit_json, json_option
from hitl_mail.cli.reader import Reader
from hitl_mail.core.events import Verb
from hitl_mail.errors import HitlError
from hitl_mail.home import find_home

_HELP: dict[Verb, str] = {
    "approve": "Approve a case: exactly the payload it has now runs.",
    "reject": "Reject a case; the NOTE goes to the agent.",
    "ok": "Say of a sampled case, which ran by itself, that it was right.",
    "flag": "Say of a sampled case that it was wrong, and why.",
    "retry": "Have a case that failed or is in doubt tried again.",
    "done": "Say of a case in doubt that it was carried out.",
    "abandon": "Give a case up that failed or is in doubt.",
}


def _decide(home: str, id: str, verb: Verb, note: str, timeout: float, as_json: bool) -> None:
    reader = Reader(find_home(home))
    if not reader.home.running():
        # Who is nobody is told so now; a daemon says it itself.
        bootstrap.load_site(reader.home).person_of_os_user(bootstrap.os_user(os.getuid()))
    case = reader.open_case(id)
    answer = decide_by_file(reader.home, case, verb, note, timeout)
    if answer is None:
        if as_json:
            emit_json({"case": case.id, "verb": verb, "queued": True})
        else:
            click.echo(f"queued: {verb} {case.id}; it counts when the daemon runs")
        return
    if not answer["ok"]:
        raise HitlError(f"{verb} {case.id}: {answer['detail']}")
    if as_json:
        emit_json({**{k: v for k, v in answer.items() if k != "ok"}, "queued": False})
    else:
        click.echo(f"{verb} {case.id}: recorded for {answer['by']}; it is now {answer['status']}")


def _command(verb: Verb) -> click.Command:
    def run(home: str, id: str, note: tuple[str, ...], timeout: float, as_json: bool) -> None:
        _decide(home, id, verb, " ".join(note), timeout, as_json)

    decorate: list[Callable[[Callable[..., None]], Callable[..., None]]] = [
        click.argument("id"),
        click.argument("note", nargs=-1),
        click.option(
            "--timeout",
            default=10.0,
            metavar="SECONDS",
            help="How long to wait for the daemon.",
        ),
        json_option,
        click.pass_obj,
    ]
    run.__doc__ = _HELP[verb]
    decorated: Callable[..., None] = run
    for decorator in reversed(decorate):
        decorated = decorator(decorated)
    return click.command(name=verb)(decorated)


approve = _command("approve")
reject = _command("reject")
ok = _command("ok")
flag = _command("flag")
retry = _command("retry")
done = _command("done")
abandon = _command("abandon")
