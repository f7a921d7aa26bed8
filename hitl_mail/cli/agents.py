"""For agents' authors: submit an action, wait for its result, cancel it."""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from hitl_mail.cli.completion import open_cases
from hitl_mail.cli.down import tell_if_down
from hitl_mail.cli.drops import AgentSide
from hitl_mail.cli.output import emit_json, json_option, safe
from hitl_mail.cli.reader import Reader
from hitl_mail.cli.seconds import timeout_option
from hitl_mail.core.action import Action, parse_document, read_message
from hitl_mail.errors import HitlError, Refused, UsageError
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
    document, named = _read(file)
    name = f"submit-{secrets.token_hex(8)}.json"
    started = time.time()
    spool.drop(name, document)
    tell_if_down(found)
    try:
        if wait_:
            _finish(spool.await_result(document["id"], name, timeout), document["id"], as_json)
        case = spool.case_of(document["id"], name, started, 2.0) if found.running() else None
    except Refused as error:
        raise (_with_source(error, file) if named else error) from None
    answer = {"id": document["id"]} | ({"case": case[0]} if case else {})
    if as_json:
        emit_json(answer)
    else:
        click.echo(" ".join(answer.values()))
    if case and case[1]:
        text = f"(a case from before: {case[1]}; the same id and content is never run twice)"
        click.echo(text, err=True)


def _with_source(error: Refused, file: str) -> Refused:
    """A refusal of an id that nobody wrote down, and where it came from."""
    if error.code != "id_conflict":
        return error
    where = f"a file without an id is called by its name: write an id into {file}, or rename it"
    return Refused(error.code, f"{error.detail} ({where})", error.field)


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
    owner, action_id = Reader(found).agent_id(id, agent)
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
    owner, action_id = Reader(found).agent_id(id, agent)
    spool = AgentSide(found, owner)
    name = f"cancel-{secrets.token_hex(8)}.json"
    spool.drop(name, {"cancel": action_id})
    queued = not found.running()
    if not queued and not spool.await_taken(name, timeout):
        raise HitlError(
            f"the daemon did not answer within {timeout:g} s; the cancel is in the spool and"
            " counts when it is read"
        )
    if as_json:
        emit_json({"id": action_id, "queued": queued})
    else:
        click.echo(f"{'queued: cancel' if queued else 'canceled'} {safe(action_id)}")


def _read(file: str) -> tuple[dict[str, Any], bool]:
    """The action document, checked here already, its id filled in; whether that is the file's
    name."""
    path = Path(file)
    try:
        data = sys.stdin.buffer.read() if file == "-" else path.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    stem = secrets.token_hex(8) if file == "-" else path.stem
    try:
        document = parse_document(data, toml=path.suffix == ".toml")
        message = read_message(document, stem)
    except Refused as error:
        mend = "what an action may hold: hitl-mail schema action"
        raise Refused(error.code, f"{file}: {error.detail}; {mend}", error.field) from None
    if not isinstance(message, Action):
        raise UsageError(f"{file}: this is no action; drop cancels and reports into the spool")
    return {**document, "id": message.id}, "id" not in document


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
