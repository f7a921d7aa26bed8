"""A spool made for a test, files in it, and all that is no file."""

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hitl_mail.adapters.spool.directory import SpoolDirectory

MOST = 1000
ERROR = {"error": "bad_value", "detail": "must be a number", "field": "payload.amount"}


def made(path: Path, refused: bool = True) -> Path:
    """The directories of a spool for one user."""
    SpoolDirectory(path, MOST, refused=refused).create()
    return path


def spool(root: Path, uid: int | None = None, refused: bool = True) -> SpoolDirectory:
    """A spool as a freshly started daemon has it."""
    return SpoolDirectory(root, MOST, uid, refused)


def dropped(root: Path, name: str = "a.json", data: bytes = b"{}") -> Path:
    path = root / "new" / name
    path.write_bytes(data)
    return path


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def reason(root: Path, name: str = "a.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "refused" / f"{name}.error.json").read_bytes())
    return found


@contextmanager
def without_privilege(*owned: Path) -> Iterator[None]:
    """As a user whom the modes of files bind, which root is not."""
    if os.geteuid() != 0:
        yield
        return
    for path in owned:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def symlink(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def directory(path: Path) -> None:
    path.mkdir()
    (path / "inner").write_text("x")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        back = Path.cwd()
        # The name of a socket is short; that of a test's directory is not.
        os.chdir(path.parent)
        listener.bind(path.name)
        os.chdir(back)


@contextmanager
def private_root() -> Iterator[Path]:
    """A spool outside the tests' own directory, which other users cannot enter."""
    base = Path(tempfile.mkdtemp())
    try:
        base.chmod(0o755)
        SpoolDirectory(base / "spool", MOST).create()
        yield base / "spool"
    finally:
        shutil.rmtree(base)
