"""What `init` is told: by options, or by somebody at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from hitl_mail.bootstrap.making import first_person
from hitl_mail.bootstrap.presets import Preset, find_exchanges, preset_of
from hitl_mail.bootstrap.setup import ADDRESS, NAME, Server, Setup, read_server
from hitl_mail.errors import UsageError

_YES, _NO = ("y", "yes", "j", "ja"), ("n", "no", "nein")

Answers = tuple[Setup, str | None]
"""And the password of the mail account."""


def read(given: Mapping[str, Any]) -> Answers:
    """From options, by their names. Raises `UsageError`."""
    person, mail = first_person()
    address = given.get("address") or ("approvals@localhost" if "smtp" not in given else None)
    if address is None:
        raise UsageError("--smtp needs --address: whose mailbox the approvals use")
    setup = Setup(
        person=given.get("person", person),
        mail=given.get("mail", mail),
        name=given.get("name", "hitl-mail"),
        address=address,
        smtp=read_server(given["smtp"], "starttls") if "smtp" in given else None,
        imap=read_server(given["imap"], "implicit") if "imap" in given else None,
        username=given.get("username") or (address if "password_file" in given else ""),
        people=dict(_pair(text, "--with") for text in given.get("people", ())),
        groups={
            name: tuple(who.split(","))
            for name, who in (_pair(text, "--group") for text in given.get("groups", ()))
        },
    )
    return setup, _password(given.get("password_file"))


def _pair(text: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not value:
        raise UsageError(f"{option} {text}: write it as NAME=...")
    return name.strip(), value.strip()


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    lines = file.read_text("utf-8").splitlines()
    if not lines or not lines[0]:
        raise UsageError(f"{file}: the password cannot be read: its first line is empty")
    return lines[0]


def ask() -> Answers:
    """From somebody at a terminal; every question has an answer to take as it is."""
    person, _ = first_person()
    click.echo("A new home. Enter takes what stands in brackets; all of it can be changed later.\n")
    name = click.prompt("Name of the site, as mails show it", "hitl-mail")
    person = _asked("Your short name", person, NAME.fullmatch, "small letters, digits, - and _")
    click.echo(
        "\nMail. Without a mail server, mails are files in the home: good to try things out."
    )
    if not agreed("Set up real mail now?", False):
        mail = _asked("Your mail address", f"{person}@localhost", ADDRESS.fullmatch, "an address")
        people, groups = _others(person)
        return Setup(person=person, mail=mail, name=name, people=people, groups=groups), None
    mail = _asked("Your mail address", None, ADDRESS.fullmatch, "a mail address")
    domain = mail.rpartition("@")[2]
    address = _asked(
        "Address of the mailbox that the approvals use, not your own",
        f"approvals@{domain}",
        ADDRESS.fullmatch,
        "a mail address",
    )
    smtp, imap = _servers(address.rpartition("@")[2])
    username = click.prompt("Login", address)
    password = _secret()
    people, groups = _others(person)
    setup = Setup(
        person=person,
        mail=mail,
        name=name,
        address=address,
        smtp=smtp,
        imap=imap,
        username=username,
        people=people,
        groups=groups,
    )
    return setup, password


def agreed(question: str, default: bool) -> bool:
    """Whether somebody said yes; Enter is the `default`."""
    while True:
        shown = "Y/n" if default else "y/N"
        answer = str(click.prompt(f"{question} [{shown}]", "", show_default=False)).strip().lower()
        if not answer:
            return default
        if answer in _YES or answer in _NO:
            return answer in _YES
        click.echo(f"  {answer!r} is neither: answer y for yes, n for no.")


def _secret() -> str:
    while True:
        password = str(click.prompt("Password", "", hide_input=True, show_default=False))
        if password:
            return password
        click.echo("  It is empty. Type the password; nothing shows while you do.")


def _asked(question: str, default: str | None, fits: Callable[[str], object], what: str) -> str:
    while True:
        answer = str(click.prompt(question, default)).strip()
        if fits(answer):
            return answer
        click.echo(f"  {answer!r} is not {what}.")


def _servers(domain: str) -> tuple[Server, Server]:
    preset = preset_of(domain) or preset_of(domain, find_exchanges(domain))
    if preset is not None:
        click.echo(f"  {domain} is with {preset.name}. {preset.note}".rstrip())
        if preset.usable and agreed(f"Use {preset.smtp} and {preset.imap}?", True):
            return _of(preset)
    smtp = _server("Server out (SMTP)", f"smtp.{domain}", "starttls")
    return smtp, _server("Server in (IMAP)", f"imap.{domain}", "implicit")


def _of(preset: Preset) -> tuple[Server, Server]:
    return Server(preset.smtp, None, preset.smtp_tls), Server(preset.imap)


def _server(question: str, default: str, tls: Any) -> Server:
    while True:
        try:
            return read_server(str(click.prompt(f"{question}, host or host:port", default)), tls)
        except UsageError as error:
            click.echo(f"  {error}")


def _others(person: str) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """More people, and whom the rules should know by one name."""
    click.echo("\nPeople. Who else may be asked? An empty name goes on.")
    people: dict[str, str] = {}
    while name := _another(person):
        if mail := _address_of(name, people.get(name)):
            people[name] = mail
    groups: dict[str, tuple[str, ...]] = {}
    while people and (name := _group(person, people, groups)):
        groups[name] = _members(name, (person, *people))
        click.echo(f'  No rule asks {name} yet: write reviewers = ["{name}"] into rules.toml.')
    return people, groups


def _another(person: str) -> str:
    """The short name of one more person; empty where there is to be none."""
    while True:
        question = "Another person's short name"
        name = str(click.prompt(question, "", show_default=False)).strip()
        # Who is asked whether there is another may well say no.
        if not name or name.lower() in _NO:
            return ""
        if NAME.fullmatch(name) and name != person:
            return name
        click.echo("  Small letters, digits, - and _, and not your own.")


def _address_of(name: str, before: str | None) -> str:
    """Their mail address; empty where the name was not meant, and what stood there stays."""
    if before is not None:
        click.echo(f"  {name} is {before} so far; another address takes its place.")
    while True:
        question = f"{name}'s mail address, empty goes back"
        mail = str(click.prompt(question, "", show_default=False)).strip()
        if not mail or ADDRESS.fullmatch(mail):
            return mail
        click.echo(f"  {mail!r} is not a mail address.")


def _members(name: str, people: tuple[str, ...]) -> tuple[str, ...]:
    known = ", ".join(people)
    while True:
        said = str(click.prompt(f"Who is {name}? Of {known}, with commas"))
        chosen = tuple(member.strip() for member in said.split(",") if member.strip())
        strangers = [member for member in chosen if member not in people]
        if chosen and not strangers:
            return chosen
        wrong = f"{strangers[0]!r} is nobody known" if strangers else "Nobody is named"
        click.echo(f"  {wrong}: write names of {known}, with commas between.")


def _group(person: str, people: Mapping[str, str], groups: Mapping[str, object]) -> str:
    """The name of another group; empty where there is to be none."""
    while True:
        question = "A group's name, such as finance; empty goes on"
        name = str(click.prompt(question, "", show_default=False)).strip()
        if not name or name.lower() in _NO:
            return ""
        if NAME.fullmatch(name) and name not in {person, *people, *groups}:
            return name
        click.echo("  Small letters, digits, - and _, and nobody's own name.")
