"""Errors a person or a program gets to see. Each says what happened and what to do now.

Nothing here knows where an error is shown: the command line prints `HitlError` on one line and
exits with `exit_code`; doors turn `NotAllowed` into an answer; the spool turns `Refused` into an
`.error.json`.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass


class HitlError(Exception):
    """Base of every error that is somebody's to mend. `str(error)` is one readable text."""

    exit_code = 1


class UsageError(HitlError):
    """The call itself is wrong; nothing was done."""

    exit_code = 2


class Refused(HitlError):
    """An action file, or a field of it, that cannot be taken.

    `code` is stable and for programs, `detail` is for people, `field` a dotted path or None.
    """

    exit_code = 2

    def __init__(self, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field


class NotAllowed(HitlError):
    """A command that does not apply to the case as it is now; nothing changed.

    `code` is one of the keys that doors know how to answer: see `core.decide`.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Impossible(HitlError):
    """An event that the transition table forbids. A bug or a damaged journal, never user input."""


class StorageFailed(HitlError):
    """The disk did not take what had to be durable. After it, nothing may be assumed.

    `final`: it is over with all that is written in this way, and not only with what failed.
    """

    final = False


class SyncFailed(StorageFailed):
    """A sync failed: the system may have thrown away what it was to write, and will not say so a
    second time. Trying again would find out nothing."""

    final = True

    def __init__(self, path: object, error: OSError) -> None:
        super().__init__(
            f"{path}: could not be synced: {error}. What is on the disk is not known: make sure"
            " that it is well and has room, then start again."
        )


class Damaged(HitlError):
    """A stored file is broken in a place where a torn write cannot explain it."""

    def __init__(self, path: str, offset: int, why: str, mend: str) -> None:
        super().__init__(f"{path}: damaged at byte {offset}: {why}. {mend}")
        self.path = path
        self.offset = offset
        self.why = why
        self.what = f"damaged at byte {offset}: {why}. {mend}"


class Newer(HitlError):
    """A stored file of a format that only a later version knows."""

    def __init__(self, path: object, found: object, version: str, known: int = 1) -> None:
        super().__init__(
            f"{path}: written in format {found}; hitl-mail {version} reads formats up to {known}."
            f" Use a hitl-mail that reads format {found}."
        )


_MENDS = {
    errno.EACCES: "do it as the OS user who runs the daemon, or as one of the group under [site]",
    errno.EPERM: "do it as the OS user who owns it",
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room: the quota of this OS user is used up",
    errno.EFBIG: "raise the limit of the size of files: ulimit -f",
    errno.EROFS: "mount that disk to be written to",
    errno.EIO: "make sure that the disk is well",
    errno.ENOENT: "name what is there, or make it first",
    errno.EISDIR: "name a file in it",
    errno.ENOTDIR: "name a directory",
    errno.EEXIST: "choose another name",
    errno.EMFILE: "raise the limit of open files: ulimit -n",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def explain_os(error: OSError, place: object = None) -> str:
    """What the system refused, where, and what to do; `place` where the error itself names none."""
    where = place or error.filename or "standard input or output"
    mend = _MENDS.get(error.errno or 0)
    return f"{where}: {error.strerror or error}{f'; {mend}' if mend else ''}"


def mend_os(error: OSError) -> str:
    """What to do, as a sentence; empty where it is not known."""
    mend = _MENDS.get(error.errno or 0, "")
    return f"{mend[:1].upper()}{mend[1:]}." if mend else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration file."""

    file: str
    line: int | None
    where: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        mend = f" {self.mend}" if self.mend else ""
        return (
            f"{place}: {self.where}: {self.what}.{mend}"
            if self.where
            else f"{place}: {self.what}.{mend}"
        )


class ConfigError(HitlError):
    """All that is wrong with the configuration, found in one run."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
