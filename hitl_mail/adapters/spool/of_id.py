"""Files of one agent's id in its spool: those that still wait, and those that were refused.

For whoever waits by an id alone. Looks into a bounded number of files, the newest first, and
follows nothing; knows no case.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hitl_mail.adapters.spool.files import read_bounded
from hitl_mail.errors import Refused

_MOST = 300
"""Files looked into. A refused one further back was refused long ago."""
_LONGEST = 1 << 20
_REASON = ".error.json"


def file_waits(root: Path, id: str, *, sure: bool = False) -> bool:
    """Whether a file of this id is in `new/` or `cur/`. Where there are too many to look into all
    of them it may be, and, unless somebody wants to be `sure`, is."""
    for place in ("new", "cur"):
        with _names(root / place) as (directory, names):
            if any(_is_of(directory, name, name, id) for name in names[:_MOST]):
                return True
            if len(names) > _MOST and not sure:
                return True
    return False


def last_refusal(root: Path, id: str, since: float = 0.0) -> dict[str, Any] | None:
    """Why the newest refused file of this id was refused (`error`, `detail`, `field`), with its
    name as `file`; None where none was after `since`, in seconds since the epoch."""
    with _names(root / "refused") as (directory, names):
        reasons = [name for name in names if name.endswith(_REASON)]
        for reason in reasons[:_MOST]:
            if _written(directory, reason) < since:
                return None
            name = reason.removesuffix(_REASON)
            stem, _, number = name.rpartition(".")
            given = stem if number.isdigit() and stem else name
            if not _is_of(directory, name, given, id):
                continue
            with contextlib.suppress(OSError, ValueError, Refused):
                data, _ = read_bounded(directory, reason, _LONGEST, None)
                return {**json.loads(data), "file": name}
    return None


@contextlib.contextmanager
def _names(path: Path) -> Iterator[tuple[int, list[str]]]:
    """A descriptor of a directory and what is in it, the newest first; nothing where it is not
    ours to read."""
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield -1, []
        return
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
        yield directory, sorted(names, key=lambda name: _written(directory, name), reverse=True)
    finally:
        os.close(directory)


def _written(directory: int, name: str) -> float:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime
    except OSError:
        return 0.0


def _is_of(directory: int, name: str, given: str, id: str) -> bool:
    """Whether the file `name`, handed in as `given`, is of this id: it says so, or says nothing
    else and is named so."""
    said = _id_in(directory, name, given.endswith(".toml"))
    return said == id or (said is None and given.rpartition(".")[0] == id)


def _id_in(directory: int, name: str, toml: bool) -> str | None:
    import tomllib

    try:
        data, _ = read_bounded(directory, name, _LONGEST, None)
        document = tomllib.loads(data.decode()) if toml else json.loads(data)
    except (OSError, ValueError, RecursionError, Refused):
        return None
    if not isinstance(document, dict):
        return None
    if "cancel" in document or "report" in document:
        # It speaks of a case and is none.
        return ""
    found = document.get("id")
    return found if isinstance(found, str) else None


def reason(refused: Mapping[str, Any]) -> str:
    """Why, of a reason file, which has the field beside its text and not always in it."""
    detail, field = str(refused["detail"]), refused.get("field")
    if field is None or re.search(rf"(?<!\w){re.escape(str(field))}(?!\w)", detail):
        return detail
    return f"{field}: {detail}"
