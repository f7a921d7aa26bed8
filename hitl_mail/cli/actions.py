"""Action files at the command line: read and checked before anything is done with them."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any

from hitl_mail.core.action import Action, parse_document, read_message
from hitl_mail.errors import Refused, UsageError, explain_os

_STDIN = "standard input"


def read_action(file: str) -> tuple[Action, dict[str, Any]]:
    """The action in a file, or in standard input for -, and its document as it was written.

    Raises `UsageError` and `Refused`, which name the file, the field and what to do.
    """
    path = Path(file)
    name = _STDIN if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else path.read_bytes()
    except OSError as error:
        raise UsageError(explain_os(error, name)) from None
    if file == "-" and not data.strip():
        raise UsageError(f"{_STDIN} is empty; hand an action in on it, or name a file")
    stem = secrets.token_hex(8) if file == "-" else path.stem
    try:
        document = parse_document(data, toml=path.suffix == ".toml")
        message = read_message(document, stem)
    except Refused as error:
        mend = "what an action may hold: hitl-mail schema action"
        raise Refused(error.code, f"{name}: {_told(error)}; {mend}", error.field) from None
    if not isinstance(message, Action):
        raise UsageError(f"{name}: this is no action; drop cancels and reports into the spool")
    return message, document


def _told(error: Refused) -> str:
    """The detail, with the field where it does not say it."""
    if error.field is None or error.field.rpartition(".")[2] in error.detail:
        return error.detail
    return f"{error.field}: {error.detail}"
