"""`receipts erase`: the contents of a closed case go, its receipt stays and verifies."""

from __future__ import annotations

import os

import click

from hitl_mail import bootstrap
from hitl_mail.cli.down import tell_queued
from hitl_mail.cli.drops import erase_by_file
from hitl_mail.cli.output import emit_json, json_option
from hitl_mail.cli.reader import Reader
from hitl_mail.cli.seconds import timeout_option
from hitl_mail.errors import HitlError, UsageError
from hitl_mail.home import find_home


@click.command()
@click.argument("id")
@click.argument("note", nargs=-1)
@timeout_option("How long to wait for the daemon.", 60.0)
@json_option
@click.pass_obj
def erase(home: str, id: str, note: tuple[str, ...], timeout: float, as_json: bool) -> None:
    """Erase what a closed case held; only an admin may, and it cannot be undone.

    Payload, revisions, packets, outcome, title, values and notes go from receipts and journal. Who
    decided what and when stays, and so does every digest. NOTE says why, in a receipt of its own.
    Not ours to erase: the agent's result file, mails that were sent, exports and backups.
    """
    reader = Reader(find_home(home))
    case_id = reader.certain_id(id)
    if case_id in reader.cases():
        raise UsageError(
            f"{case_id} is still open: only what is closed can be"
            f" erased. See: hitl-mail show {case_id}"
        )
    if not reader.home.running():
        # Who is nobody is told so now; a daemon says it itself.
        site = bootstrap.load_site(reader.home)
        person = site.person_of_os_user(bootstrap.os_user(os.getuid()))
        if person not in site.site.admins:
            raise HitlError(f"{person} is no admin of this site; nothing was erased")
    answer = erase_by_file(reader.home, case_id, " ".join(note), timeout)
    if answer is None:
        if as_json:
            emit_json({"case": case_id, "queued": True})
        else:
            tell_queued(f"erase {case_id}")
        return
    if not answer["ok"]:
        raise HitlError(f"erase {case_id}: {answer['detail']}")
    if as_json:
        emit_json({**{k: v for k, v in answer.items() if k != "ok"}, "queued": False})
        return
    numbers = ", ".join(f"#{seq}" for seq in answer["erased"])
    click.echo(f"{case_id}: contents of {numbers} erased; receipt #{answer['receipt']['seq']}")
    if answer["texts_stay"]:
        click.echo("Title, values and notes stay: the receipt was sealed before they could go.")
