"""Deciding at the command line: through `control/`, beside a running daemon or ahead of one."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from hitl_mail import bootstrap
from hitl_mail.cli.completion import cases_to
from hitl_mail.cli.down import tell_queued
from hitl_mail.cli.drops import decide_by_file
from hitl_mail.cli.output import emit_json, json_option
from hitl_mail.cli.reader import Reader
from hitl_mail.cli.seconds import timeout_option
from hitl_mail.core.case import Case
from hitl_mail.core.events import Verb
from hitl_mail.errors import HitlError, UsageError, explain_os
from hitl_mail.home import Home, find_home

if TYPE_CHECKING:
    from hitl_mail.review.edits import Edit

_HELP: dict[Verb, str] = {
    "approve": "Approve a case: exactly the payload it has now runs.",
    "reject": "Reject a case; the NOTE goes to the agent.",
    "ok": "Say of a sampled case, which ran by itself, that it was right.",
    "flag": "Say of a sampled case that it was wrong, and why.",
    "retry": "Have a case that failed or is in doubt tried again.",
    "done": "Say of a case that failed or is in doubt that it did run.",
    "abandon": "Give a case up that failed or is in doubt.",
}


def _open_case(home: str, id: str) -> tuple[Home, Case]:
    """The case that is to be decided, and where."""
    reader = Reader(find_home(home))
    if not reader.home.running():
        # Who is nobody is told so now; a daemon says it itself.
        bootstrap.load_site(reader.home).person_of_os_user(bootstrap.os_user(os.getuid()))
    return reader.home, reader.open_case(id)


def _decide(
    found: tuple[Home, Case],
    verb: Verb,
    note: str,
    timeout: float,
    as_json: bool,
    **more: Any,
) -> None:
    home, case = found
    answer = decide_by_file(home, case, verb, note, timeout, **more)
    if answer is None:
        if as_json:
            emit_json({"case": case.id, "verb": verb, "queued": True})
        else:
            tell_queued(f"{verb} {case.id}")
        return
    if not answer["ok"]:
        raise HitlError(f"{verb} {case.id}: {answer['detail']}")
    if as_json:
        emit_json({**{k: v for k, v in answer.items() if k != "ok"}, "queued": False})
    else:
        click.echo(f"{verb} {case.id}: recorded for {answer['by']}; {_stands(verb, answer)}")


def _stands(verb: Verb, answer: dict[str, Any]) -> str:
    """Where the case stands now; `revision` and `waiting_for` are there while it is pending."""
    if "waiting_for" not in answer:
        return f"it is now {answer['status']}"
    now = f"revision {answer['revision']}" if verb == "edit" else answer["status"]
    people = ", ".join(answer["waiting_for"])
    return f"it is now {now}; it waits for {people or 'nobody yet: see hitl-mail status'}"


_timeout_option = timeout_option("How long to wait for the daemon.", 10.0)


def _check_note(case: Case, verb: Verb, note: str) -> None:
    """Tell here and now what the daemon would not take; it looks again. Raises `UsageError`."""
    from hitl_mail.daemon.deciding import CONDITION, RUNS
    from hitl_mail.review.closing import is_condition

    if verb in RUNS and is_condition(note):
        raise UsageError(f"{verb} {case.id}: {CONDITION}: hitl-mail edit {case.id} KEY=VALUE")


def _command(verb: Verb) -> click.Command:
    def run(home: str, id: str, note: tuple[str, ...], timeout: float, as_json: bool) -> None:
        found = _open_case(home, id)
        _check_note(found[1], verb, " ".join(note))
        _decide(found, verb, " ".join(note), timeout, as_json)

    decorate: list[Callable[[Callable[..., None]], Callable[..., None]]] = [
        click.argument("id", shell_complete=cases_to(verb)),
        click.argument("note", nargs=-1),
        _timeout_option,
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


@click.command()
@click.argument("id", shell_complete=cases_to("edit"))
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--payload", metavar="FILE", help="The whole new payload as JSON; - reads standard input."
)
@click.option("--note", default="", help="Why; kept in the receipt.")
@_timeout_option
@json_option
@click.pass_obj
def edit(
    home: str,
    id: str,
    changes: tuple[str, ...],
    payload: str | None,
    note: str,
    timeout: float,
    as_json: bool,
) -> None:
    """Change the payload of a case. The rules judge it again, and it is asked about afresh.

    \b
    hitl-mail edit refund amount=40 'customer.name = "Bo"'
    hitl-mail edit refund amount = 40
    hitl-mail edit refund --payload new.json
    hitl-mail edit refund            opens an editor

    Values are TOML: text in quotes, or bare where text stands now. An edit is no approval.
    """
    found = _open_case(home, id)
    edited = _edit_of(found[1], changes, payload)
    _decide(found, "edit", note, timeout, as_json, edit=edited)


@click.command()
@click.argument("id", shell_complete=cases_to("route"))
@click.argument("to", metavar="NAME")
@click.argument("note", nargs=-1)
@_timeout_option
@json_option
@click.pass_obj
def route(
    home: str, id: str, to: str, note: tuple[str, ...], timeout: float, as_json: bool
) -> None:
    """Hand the question to another person or group that its rule allows; they read the NOTE."""
    _decide(_open_case(home, id), "route", " ".join(note), timeout, as_json, to=to.rstrip(":"))


def _edit_of(case: Case, changes: tuple[str, ...], payload: str | None) -> Edit:
    from hitl_mail.review.edit_changes import example
    from hitl_mail.review.edits import BadEdit, apply_edit

    try:
        edited = _written(case, changes, payload)
    except BadEdit as error:
        # Whoever reads an edit knows no payload: what to write instead is of this one.
        raise _instead(case, error.detail, " = ".join(example(case.payload))) from None
    try:
        # What cannot be is told here and now; the daemon looks again.
        apply_edit(case.payload, edited)
    except BadEdit as error:
        raise _instead(case, error.detail, error.send.removeprefix("edit ")) from None
    return edited


def _instead(case: Case, detail: str, change: str) -> UsageError:
    mend = f"hitl-mail edit {case.id} {shlex.quote(change)}"
    return UsageError(f"{detail} Instead: {mend}")


def _written(case: Case, changes: tuple[str, ...], payload: str | None) -> Edit:
    """What was given, or typed in an editor. Raises `BadEdit`."""
    from hitl_mail.review.edits import parse_edit

    if changes and payload is not None:
        raise UsageError("either KEY=VALUE or --payload, not both")
    if changes:
        return parse_edit(together(changes))
    if payload is not None:
        try:
            with click.open_file(payload, encoding="utf-8") as file:
                return parse_edit(file.read().splitlines())
        except OSError as error:
            raise UsageError(explain_os(error, payload)) from None
        except UnicodeDecodeError as error:
            raise UsageError(f"{payload}: not UTF-8 at byte {error.start}; save it so") from None
    if sys.stdin.isatty() and sys.stdout.isatty():
        before = json.dumps(case.payload, indent=2, ensure_ascii=False) + "\n"
        after = click.edit(before, extension=".json")
        if after is None or after == before:
            raise UsageError("nothing was changed in the editor; nothing was said")
        return parse_edit(after.splitlines())
    raise UsageError("say what to change: KEY=VALUE, or --payload FILE")


def together(words: tuple[str, ...]) -> list[str]:
    """The changes that a shell has split at spaces: `amount = 40` is one, as `amount=40` is."""
    changes: list[str] = []
    for word in words:
        last = changes[-1] if changes else ""
        wants_value = "=" in last and last.index("=") == len(last) - 1
        if last and (wants_value or (word.startswith("=") and "=" not in last)):
            changes[-1] = f"{last} {word}"
        else:
            changes.append(word)
    return changes
