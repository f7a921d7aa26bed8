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
from hitl_mail.errors import HitlError

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
    "ok": "decisions",
    "flag": "decisions",
    "retry": "decisions",
    "done": "decisions",
    "abandon": "decisions",
    "receipts": "receipts",
    "rules": "rules",
    "status": "status",
    "schema": "schema",
}


class _Lazy(click.Group):
    """Knows the names of all commands and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        from importlib import import_module

        if name not in _COMMANDS:
            return None
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
    """Approvals by mail for AI agents: run the reversible, ask before the irreversible."""
    ctx.obj = home


def main() -> NoReturn:
    """The console script."""
    try:
        cli.main(prog_name="hitl-mail", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read us has gone; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except HitlError as error:
        _fail(str(error), error.exit_code, error)
    except OSError as error:
        _fail(_plain(error), 1, error)
    except Exception as error:  # noqa: BLE001 - the last net under every command
        text = f"{type(error).__name__}: {error}"
        _fail(f"a fault of hitl-mail itself: {text}; HITL_MAIL_DEBUG=1 shows where", 70, error)
    sys.exit(0)


def _plain(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what


def _fail(text: str, status: int, error: Exception) -> NoReturn:
    if os.environ.get("HITL_MAIL_DEBUG"):
        raise error
    from hitl_mail.core.text import visible

    click.echo(f"hitl-mail: {visible(text)}", err=True)
    sys.exit(status)
