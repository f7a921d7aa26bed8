"""New keys for old ones: each file of keys in one step, beside a running daemon or without one.

An older key of links and addresses verifies until it retires, so that mails that are out can be
answered. What draws samples and what verifies receipts is kept for ever: old receipts have to
verify. A private key that signs no more is destroyed; its public half stays.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hitl_mail.adapters.durable import drop_asides, replace_file
from hitl_mail.adapters.keys.keys import (
    is_retired,
    key_file,
    load_keys,
    load_public_keys,
    new_entry,
    public_entry,
    public_path,
    read_entries,
    show_public_keys,
)
from hitl_mail.errors import StorageFailed, UsageError, explain_os

KINDS = ("links", "addresses", "sampling", "signatures")
_FOR_EVER = frozenset({"sampling", "signatures"})
_KEY_BYTES = 32


def rotate(state: Path, kinds: tuple[str, ...], now: dt.datetime, keep: dt.timedelta) -> None:
    """A new key for each of `kinds`; the one before verifies for `keep` longer.

    A kill leaves each file as it was or as it is to be, and nothing signed that cannot be verified.
    Raises `UsageError` for keys that may not be read, `StorageFailed`.
    """
    load_keys(state)
    directory = state / "keys"
    try:
        with _alone(directory):
            drop_asides(directory)
            for kind in kinds:
                if kind == "signatures":
                    _rotate_signatures(state, now)
                else:
                    _rotate_secret(directory / f"{kind}.json", kind, now, keep)
    except PermissionError as error:
        raise UsageError(
            f"{error.filename or directory}: only the OS user who runs the daemon may change keys"
        ) from None
    except OSError as error:
        raise StorageFailed(f"keys could not be written: {explain_os(error, directory)}") from error


def list_keys(state: Path) -> list[dict[str, Any]]:
    """All keys but their secrets, the newest of each kind last. Raises `UsageError`."""
    rows = []
    for kind in KINDS:
        name = "receipts" if kind == "signatures" else kind
        keys = read_entries(state / "keys" / f"{name}.json")
        for key in keys:
            retires = None if kind in _FOR_EVER else key.get("retires")
            row = {"kind": kind, "id": key["id"], "created": key.get("created"), "retires": retires}
            rows.append({**row, "signs": key is keys[-1]})
    return rows


def _rotate_secret(path: Path, kind: str, now: dt.datetime, keep: dt.timedelta) -> None:
    keys = read_entries(path)
    if kind not in _FOR_EVER:
        # One that is already on its way out gets no longer life.
        keys[-1].setdefault("retires", (now + keep).isoformat())
        for older in keys[:-1]:
            older["retires"] = min(older.get("retires", ""), (now + keep).isoformat(), key=_late)
        keys = [key for key in keys if not is_retired(key, now)]
    keys.append(new_entry("secret", os.urandom(_KEY_BYTES), now.isoformat()))
    replace_file(path, [key_file(keys)], 0o600)


def _late(moment: str) -> dt.datetime:
    return dt.datetime.fromisoformat(moment) if moment else dt.datetime.max.replace(tzinfo=dt.UTC)


def _rotate_signatures(state: Path, now: dt.datetime) -> None:
    path = state / "keys" / "receipts.json"
    entry = new_entry("private", os.urandom(_KEY_BYTES), now.isoformat())
    known = show_public_keys({**load_keys(state).public, **load_public_keys(state)})
    mode = public_path(state).stat().st_mode & 0o777
    # Nothing is signed by a key that nobody can verify by: its public half comes first.
    replace_file(public_path(state), [key_file([*known, public_entry(entry)])], mode)
    created = {key["id"]: key.get("created", "") for key in read_entries(path)}
    older = [{**key, "created": created.get(key["id"], "")} for key in known]
    replace_file(path, [key_file([*older, entry])], 0o600)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Nobody else rotates meanwhile."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
