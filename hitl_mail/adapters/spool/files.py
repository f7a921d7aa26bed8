"""Single files of a spool: named, read within bounds, written whole.

Knows the operating system and what must never be followed; nothing of the spool's order.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hitl_mail.adapters.durable import aside, sync_file, write_all
from hitl_mail.core.text import escape_json, is_plain
from hitl_mail.errors import Refused

LONGEST_NAME = 200
"""Bytes: what a file system takes (255) less what we append."""

# The daemon is short of something; the file is as good as any other.
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def plain_name(name: str) -> str:
    """`name` as text to be shown and to be a file's name: bytes that are not UTF-8 and whatever
    cannot be seen as %XX, cut to `LONGEST_NAME` bytes. Most names are plain already."""
    escaped = (
        name
        if is_plain(name)
        else "".join(
            "".join(f"%{byte:02X}" for byte in os.fsencode(one))
            if not is_plain(one) and unicodedata.category(one) != "Zs"
            else one
            for one in name
        )
    )
    return escaped.encode()[:LONGEST_NAME].decode("utf-8", "ignore")


def check_regular(mode: int) -> None:
    """Refuse, as `not_a_file`, what is no regular file by its `st_mode`."""
    if not stat.S_ISREG(mode):
        what = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise Refused("not_a_file", f"{what}, not a file; drop plain files only")


def read_bounded(
    directory: int, name: str, max_bytes: int, uid: int | None, own: bool = False
) -> tuple[bytes, int]:
    """The bytes and the owner of a file, judged by what was opened and not by its name. `own`:
    nobody but its owner may be able to write it.

    Raises `Refused` with code `not_a_file`, `linked`, `wrong_owner`, `writable`, `too_large` or
    `unreadable`; FileNotFoundError; and OSError where the daemon lacks descriptors or memory.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not wait for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=directory)
        try:
            owner = _check(os.fstat(descriptor), max_bytes, uid, own)
            data = _read(descriptor, max_bytes + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _SHORTAGES:
            raise
        check_regular(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
        detail = f"cannot be read by the daemon: {error.strerror}; check the file's mode and group"
        raise Refused("unreadable", detail) from None
    if len(data) > max_bytes:
        raise _too_large(max_bytes)
    return data, owner


def write_aside(path: Path, document: Mapping[str, Any]) -> Path:
    """Write `document` as JSON, durably, next to `path`, for the caller to rename to it.

    The name is new each time, so that threads may do this side by side; `drop_asides` knows what
    a kill left behind. Raises OSError.
    """
    descriptor, new = open_aside(path, document)
    try:
        sync_file(descriptor, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return new


def open_aside(path: Path, document: Mapping[str, Any]) -> tuple[int, Path]:
    """The same without the sync, which is the caller's to do, by the descriptor that is still
    open."""
    text = escape_json(json.dumps(document, ensure_ascii=False, indent=1)) + "\n"
    new = aside(path.with_name(f"{path.name}.{secrets.token_hex(4)}"))
    return _create(new, text.encode("utf-8", "replace")), new


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet, and sync it; nothing is left of it on failure.

    Mode 0600, or 0640 in a directory with the set-group-ID bit. Raises OSError, `SyncFailed`.
    """
    descriptor = _create(path, data)
    try:
        sync_file(descriptor, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _create(path: Path, data: bytes) -> int:
    """The same without the sync, and the descriptor still open."""
    shared = path.parent.stat().st_mode & stat.S_ISGID
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        os.fchmod(descriptor, 0o640 if shared else 0o600)
        write_all(descriptor, data)
    except BaseException:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return descriptor


def _check(found: os.stat_result, max_bytes: int, uid: int | None, own: bool) -> int:
    check_regular(found.st_mode)
    if found.st_nlink != 1:
        raise Refused("linked", "the file has another name elsewhere; drop a copy, not a hard link")
    if uid is not None and found.st_uid != uid:
        raise Refused("wrong_owner", f"owned by uid {found.st_uid}; this spool is for uid {uid}")
    if own and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        detail = "others than its owner may write it, so it is no word of theirs; give it mode 0640"
        raise Refused("writable", detail)
    if found.st_size > max_bytes:
        raise _too_large(max_bytes)
    return found.st_uid


def _read(descriptor: int, most: int) -> bytes:
    parts: list[bytes] = []
    while most and (part := os.read(descriptor, most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _too_large(max_bytes: int) -> Refused:
    return Refused("too_large", f"over {max_bytes} bytes; see limits.action_bytes")
