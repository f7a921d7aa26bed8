"""Result files, several at a time: each whole and durable or not at all, with one sync of the
directory for all.

Knows names and documents; not what they are about, nor who waits for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hitl_mail.adapters.durable import sync_directory, sync_file
from hitl_mail.adapters.spool.files import open_aside, plain_name
from hitl_mail.errors import Refused, SyncFailed

Fault = OSError | Refused | SyncFailed

_syncing = ThreadPoolExecutor(8, thread_name_prefix="results")


def write_results(
    directory: Path, documents: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[Fault | None]:
    """Write `DIRECTORY/NAME.json` of each, in order; what kept each from being written.

    A fault is `Refused` for a name that is no plain file name, an OSError, or `SyncFailed`. Raises
    `SyncFailed` where the directory's sync fails, TypeError for what is no JSON document.
    """
    faults: list[Fault | None] = [None] * len(documents)
    begun: dict[int, tuple[int, Path]] = {}
    try:
        for number, (name, document) in enumerate(documents):
            try:
                begun[number] = open_aside(_path(directory, name), document)
            except (OSError, Refused) as error:
                faults[number] = error
        synced = _sync_all([(descriptor, aside) for descriptor, aside in begun.values()])
        for (number, (_, aside)), fault in zip(begun.items(), synced, strict=True):
            faults[number] = fault or _rename(aside, _path(directory, documents[number][0]))
    finally:
        for number, (descriptor, aside) in begun.items():
            os.close(descriptor)
            if faults[number] is not None:
                aside.unlink(missing_ok=True)
    if any(faults[number] is None for number in begun):
        try:
            sync_directory(directory)
        except OSError as error:
            return [fault or error for fault in faults]
    return faults


def _sync_all(files: list[tuple[int, Path]]) -> list[Fault | None]:
    """Side by side: a file system has one journal, and what waits for it at once waits once."""
    if len(files) < 2:
        return [_sync(file) for file in files]
    return list(_syncing.map(_sync, files))


def _sync(file: tuple[int, Path]) -> Fault | None:
    try:
        sync_file(*file)
    except SyncFailed as error:
        return error
    return None


def _rename(aside: Path, path: Path) -> OSError | None:
    try:
        aside.replace(path)
    except OSError as error:
        return error
    return None


def _path(directory: Path, name: str) -> Path:
    if not name or "/" in name or plain_name(name) != name:
        raise Refused("bad_name", f"not a plain file name: {name!r}")
    return directory / f"{name}.json"
