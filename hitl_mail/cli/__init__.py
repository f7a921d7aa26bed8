"""The command line: one file per group of commands, loaded only when asked for.

Nobody sees a traceback for what is theirs to mend: `HitlError` is one text and an exit status.
With HITL_MAIL_DEBUG set, the traceback is shown all the same.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from hitl_mail import __version__
from hitl_mail.errors import ConfigError, HitlError, explain_os

_COMMANDS = {
    "init": "home",
    "run": "run",
    "demo": "demo",
    "submit": "agents",
    "wait": "agents",
    "cancel": "agents",
    "queue": "cases",
    "show": "cases",
    "approve": "decisions",
    "reject": "decisions",
    "edit": "decisions",
    "route": "decisions",
    "ok": "decisions",
    "flag": "decisions",
    "retry": "decisions",
    "done": "decisions",
    "abandon": "decisions",
    "receipts": "receipts",
    "rules": "rules",
    "mail": "mail",
    "keys": "keys",
    "status": "status",
    "stats": "stats",
    "doctor": "doctor",
    "schema": "schema",
}


class _Lazy(click.Group):
    """Knows the names of all commands and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        from importlib import import_module

        if name not in _COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(name, _COMMANDS, 1)
            hint = f"Did you mean {close[0]}? " if close else ""
            ctx.fail(f"No such command {name!r}. {hint}All of them: hitl-mail --help")
        module = import_module(f"hitl_mail.cli.{_COMMANDS[name]}")
        command: click.Command = getattr(module, name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    envvar="HITL_MAIL_HOME",
    default=".",
    metavar="DIR",
    help="The home to work on: else $HITL_MAIL_HOME, else the current directory.",
)
@click.version_option(__version__, prog_name="hitl-mail")
@click.pass_context
def cli(ctx: click.Context, home: str) -> None:
    """Approvals by mail for AI agents: run the reversible, ask before the irreversible.

    \b
    To see it:    hitl-mail demo
    To begin:     hitl-mail init DIR, then hitl-mail --home DIR run
    To decide:    reply to the mail, press a button on its page, or hitl-mail approve ID

    An ID is a case id such as 261122-k3f9ma, four or more characters that begin or end one, or
    the agent's own id, as AGENT/ID where two agents have it.
    """
    ctx.obj = home


def main() -> NoReturn:
    """The console script."""
    _hold_streams()
    try:
        # https://no-color.org: set and not empty; click itself does not look.
        color = False if os.environ.get("NO_COLOR") else None
        cli.main(prog_name="hitl-mail", standalone_mode=False, color=color)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.NoSuchOption as error:
        shown: click.UsageError = error
        if error.option_name == "--home":
            text = "--home DIR stands before the command: hitl-mail --home DIR COMMAND"
            shown = click.UsageError(text, error.ctx)
        _show(shown)
        sys.exit(shown.exit_code)
    except click.ClickException as error:
        _show(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read us has gone; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last net under every command
        _fail(error)
    sys.exit(0)


def _hold_streams() -> None:
    """What our caller has closed is empty: else the next file that is opened takes its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _show(error: click.ClickException) -> None:
    """What click says of a wrong call, which quotes what was given."""
    from io import StringIO

    from hitl_mail.core.text import visible

    said = StringIO()
    error.show(said)
    # What is written to no terminal is written without colours.
    text, quotes = said.getvalue(), click.unstyle(error.format_message())
    # Both are ours, and have lines of their own.
    if not isinstance(error, click.exceptions.NoArgsIsHelpError | click.MissingParameter):
        text = text.replace(quotes, visible(quotes, keep=""))
    click.echo(visible(text), nl=False, err=True)


def in_words(error: Exception) -> tuple[list[str], int]:
    """What is said of an error that ends a command, and the exit status."""
    match error:
        case ConfigError(problems=problems):
            many = len(problems)
            head = [f"{many} problems in the configuration"] if many > 1 else []
            return [*head, *map(str, problems)], error.exit_code
        case HitlError():
            return [str(error)], error.exit_code
        case OSError():
            return [explain_os(error)], 1
        case _:
            text = f"{type(error).__name__}: {error}"
            return [f"a fault of hitl-mail itself: {text}; HITL_MAIL_DEBUG=1 shows where"], 70


def _fail(error: Exception) -> NoReturn:
    if os.environ.get("HITL_MAIL_DEBUG"):
        raise error
    from hitl_mail.core.text import visible

    lines, status = in_words(error)
    # A line is ours to begin: what is quoted in it stays on it.
    click.echo("hitl-mail: " + "\n".join(visible(line, keep="") for line in lines), err=True)
    sys.exit(status)
