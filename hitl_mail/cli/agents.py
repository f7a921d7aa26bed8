"""For agents' authors: submit an action, wait for its result, cancel it."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from hitl_mail.cli.actions import read_action
from hitl_mail.cli.completion import open_cases
from hitl_mail.cli.down import tell_if_down
from hitl_mail.cli.drops import AgentSide
from hitl_mail.cli.output import emit_json, json_option, safe
from hitl_mail.cli.reader import Reader
from hitl_mail.cli.seconds import timeout_option
from hitl_mail.errors import HitlError, Refused
from hitl_mail.home import find_home
from hitl_mail.settings import DEFAULT_AGENT

EXIT = {
    "executed": 0,
    "approved": 0,
    "rejected": 3,
    "expired": 4,
    "denied": 5,
    "failed": 6,
    "canceled": 7,
    "in_doubt": 8,
}
STILL_OPEN = 9

_timeout = timeout_option("Wait no longer; exit 9 then.")
_whose = click.option("--agent", metavar="NAME", help="Whose ID it is, where two agents have it.")


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option("--wait", "wait_", is_flag=True, help="Wait for the result and print it.")
@_timeout
@click.option("--agent", default=DEFAULT_AGENT, metavar="NAME", help="Whose spool to use.")
@json_option
@click.pass_obj
def submit(
    home: str, file: str, wait_: bool, timeout: float | None, agent: str, as_json: bool
) -> None:
    """Hand in one action: a file for an agent's spool.

    FILE is JSON, or TOML where its name ends so; - reads JSON from standard input. Prints the
    action's id, and the case it became if a daemon runs. With --wait: as `hitl-mail wait`.
    """
    found = find_home(home)
    spool = AgentSide(found, agent)
    message, written = read_action(file)
    document: dict[str, Any] = {**written, "id": message.id}
    action_id = document["id"]
    name = f"submit-{secrets.token_hex(8)}.json"
    started = time.time()
    spool.drop(name, document)
    where = f"it lies in {spool.root / 'refused'}, its reason beside it"
    unnamed = "id" not in written and file != "-"
    refusal = _told(file, where, _RENAME if unnamed else "")
    tell_if_down(found)
    with refusal:
        if wait_:
            _finish(spool.await_result(action_id, name, timeout), action_id, as_json)
        case = spool.case_of(action_id, name, started, 2.0) if found.running() else None
    answer = {"id": action_id} | ({"case": case[0]} if case else {})
    if as_json:
        emit_json(answer)
    else:
        click.echo(" ".join(answer.values()))
    if case and case[1]:
        text = f"(a case from before: {case[1]}; the same id and content is never run twice)"
        click.echo(text, err=True)


@click.command()
@click.argument("id", shell_complete=open_cases)
@_timeout
@_whose
@json_option
@click.pass_obj
def wait(home: str, id: str, timeout: float | None, agent: str | None, as_json: bool) -> None:
    """Wait for a case's result, and print it.

    \b
    Exit status:  0 executed or approved    3 rejected    4 expired
                  5 denied    6 failed    7 canceled    8 in doubt
                  9 still open after --timeout
                  2 its file was refused
    """
    found = find_home(home)
    reader = Reader(found)
    owner, action_id = reader.agent_id(id, agent)
    spool = AgentSide(found, owner)
    tell_if_down(found)

    def strange() -> None:
        click.echo(
            f"no case {safe(action_id)} of {safe(owner)}, and no file of that id waits; waiting"
            " until there is one, or until --timeout",
            err=True,
        )

    _finish(spool.await_result(action_id, None, timeout, strange), action_id, as_json)


@click.command()
@click.argument("id", shell_complete=open_cases)
@timeout_option("How long to wait for the daemon.", 10.0)
@_whose
@json_option
@click.pass_obj
def cancel(home: str, id: str, timeout: float, agent: str | None, as_json: bool) -> None:
    """Withdraw a case whose execution has not started."""
    found = find_home(home)
    reader = Reader(found)
    owner, action_id = reader.agent_id(id, agent)
    spool = AgentSide(found, owner)
    name = f"cancel-{secrets.token_hex(8)}.json"
    spool.drop(name, {"cancel": action_id})
    queued = not found.running()
    if queued:
        if not reader.knows(id):
            click.echo(f"no case is called {safe(id)} so far; see: hitl-mail queue", err=True)
        tell_if_down(found)
    else:
        with _told(f"cancel {action_id}", "see: hitl-mail queue"):
            taken = spool.await_taken(name, timeout)
        if not taken:
            raise HitlError(
                f"the daemon did not answer within {timeout:g} s; the cancel is in the spool and"
                " counts when it is read. See: hitl-mail status"
            )
    if as_json:
        emit_json({"id": action_id, "queued": queued})
    else:
        click.echo(f"{'queued: cancel' if queued else 'canceled'} {safe(action_id)}")


_RENAME = ". A file without an id is called by its name: write an id into it, or rename it"


@contextmanager
def _told(what: str, mend: str, of_an_id: str = "") -> Iterator[None]:
    """A refusal by the daemon, with what was refused and the next step; `of_an_id` is that of one
    that is in use."""
    try:
        yield
    except Refused as error:
        more = of_an_id if error.code == "id_conflict" else ""
        raise Refused(error.code, f"{what}: {error.detail}; {mend}{more}", error.field) from None


def _finish(result: dict[str, Any] | None, action_id: str, as_json: bool) -> NoReturn:
    if result is None:
        if as_json:
            emit_json({"id": action_id, "status": "open"})
        else:
            click.echo(f"no result of {safe(action_id)} yet; see: hitl-mail queue", err=True)
        sys.exit(STILL_OPEN)
    if as_json:
        emit_json(result)
    else:
        click.echo(json.dumps(result, indent=2))
    status = EXIT.get(str(result.get("status")))
    if status is None:
        raise HitlError(f"{action_id}: the result has no status this version knows")
    sys.exit(status)
