"""Putting a file into a spool: what an agent's side does, at the command line and in its program.

Imports little, for agents import it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hitl_mail.adapters.durable import sync_directory
from hitl_mail.adapters.spool.files import plain_name, write_new
from hitl_mail.errors import HitlError, UsageError, explain_os


def drop(root: Path, document: bytes, name: str) -> Path:
    """Put a file in the spool at `root` as `new/NAME`, durable when it returns; where it is.

    Raises `UsageError` for a name that is not plain or already waits, `HitlError` where the
    spool cannot be written to.
    """
    if not name or name.startswith(".") or "/" in name or plain_name(name) != name:
        raise UsageError(f"{name!r} cannot be the name of a file in a spool: choose a plain one")
    aside = root / "tmp" / f"{name}.{secrets.token_hex(8)}"
    path = root / "new" / name
    if os.path.lexists(path):
        raise UsageError(f"{path} still waits for the daemon: choose another name, or wait")
    try:
        write_new(aside, document)
        try:
            aside.rename(path)
        except OSError:
            aside.unlink()
            raise
        sync_directory(path.parent)
    except OSError as error:
        raise HitlError(
            f"cannot write to {explain_os(error, root)}; the daemon makes what is missing there"
            " when it starts"
        ) from None
    return path
