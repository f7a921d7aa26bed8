"""`mail explain`: what the daemon makes of one mail, for whoever asks why a reply did not work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hitl_mail.cli.output import emit_json, json_option, safe
from hitl_mail.errors import UsageError
from hitl_mail.home import Home, find_home

if TYPE_CHECKING:
    from hitl_mail.cli.explain import Explained

_LARGEST = 20 * 1024 * 1024
"""Bytes, as the transports read them."""

_CLASSES = {
    "reply": "a reply",
    "auto-reply": "an automatic mail, which never decides",
    "bounce": "a mail that came back: nobody read it",
    "unrelated": "a mail that answers nothing of ours, and is left alone",
}


@click.group()
def mail() -> None:
    """Look into mails."""


@mail.command()
@click.argument("file", metavar="FILE|-")
@click.option("--text-only", is_flag=True, help="Only its new text, whoever wrote it about what.")
@json_option
@click.pass_obj
def explain(home: str, file: str, text_only: bool, as_json: bool) -> None:
    """What the daemon makes of one mail, and why.

    FILE is a mail as it arrived, with its header; - reads it from standard input. Nothing is
    decided and nothing is sent. With --text-only no case is looked for, and no home is needed.
    """
    message = _read(file, text_only)
    from hitl_mail.cli import explain as explaining

    if text_only:
        found = explaining.explain_text(message, _home_if_any(home))
    else:
        found = explaining.explain(message, find_home(home))
    if as_json:
        emit_json(found.document())
    else:
        _tell(found, text_only)


def _home_if_any(path: str) -> Home | None:
    return find_home(path) if (Path(path) / "hitl-mail.toml").is_file() else None


def _read(file: str, text_only: bool) -> bytes:
    """The bytes of a mail. Raises `UsageError` for what cannot be one."""
    try:
        if file == "-":
            message = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(file).open("rb") as opened:
                message = opened.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{file}: {error.strerror}; name a mail as it arrived, in a file"
        ) from None
    if len(message) > _LARGEST:
        raise UsageError(f"{file}: larger than {_LARGEST} bytes, and no mail of that size is read")
    if not message.strip() or not (text_only or _is_mail(message)):
        raise UsageError(
            f"{file}: this is no mail, it has no header; save the mail as it arrived,"
            ' with its header ("show original" or "save as .eml")'
        )
    return message


def _is_mail(message: bytes) -> bool:
    from hitl_mail.review.headers import read_fields

    return any(name[:1].isalpha() for name, _ in read_fields(message))


def _tell(found: Explained, text_only: bool) -> None:
    click.echo(f"This is {_CLASSES[found.class_]}.")
    if found.case:
        click.echo(f"It is about the case {safe(found.case)}.")
    if found.person:
        click.echo(f"It bears a secret that only {safe(found.person)} was sent.")
    click.echo("Its new text:" if found.text else "It has no new text.")
    for line in found.text.splitlines():
        click.echo(f"  {safe(line, 500)}".rstrip())
    if not text_only:
        click.echo(f"Its sender: {_sender(found)}.")
    if found.command is not None:
        click.echo(f"Read as: {_command(found.command)}.")
    for problem in found.problems:
        click.echo(f"But {safe(problem, 500)}{'' if problem.endswith('.') else '.'}")
    if not text_only:
        click.echo(_what_follows(found))


def _sender(found: Explained) -> str:
    said = found.authentication
    words = {"pass": "authenticated", "fail": "not authenticated", "none": "not vouched for"}
    word = words.get(str(said.get("result")), str(said.get("result")))
    rest = ", ".join(safe(said[key]) for key in ("method", "detail") if said.get(key))
    return f"{word} ({rest})" if rest else word


def _command(command: dict[str, object]) -> str:
    to = f" to {safe(command['to'])}" if "to" in command else ""
    edit = f" {safe(command['edit'], 500)}" if command["edit"] is not None else ""
    note = f", noting: {safe(command['note'], 500)}" if command["note"] else ""
    return f"{command['verb']}{to}{edit}{note}"


def _what_follows(found: Explained) -> str:
    if found.command is not None and not found.problems:
        return f"The daemon takes it as the word of {safe(found.person)}."
    if found.follows == "told":
        return (
            f"The daemon decides nothing by it, and tells {safe(found.person)} so: only a sign that"
            " a person's mail may bear makes it look automatic."
        )
    if found.follows == "away":
        return f"The daemon notes that {safe(found.person)} is away, and asks others at once."
    if found.class_ == "bounce":
        return "The daemon records for its case that nobody read that mail, and tells the admins."
    if found.class_ != "reply" or found.person is None:
        return "The daemon decides nothing by it, and does not answer it."
    return f"The daemon decides nothing by it, and tells {safe(found.person)} why."
