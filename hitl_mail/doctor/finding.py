"""What one check found."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from hitl_mail.errors import Problem

Level = Literal["ok", "note", "fault"]


class Finding(msgspec.Struct, frozen=True):
    """`what` is so, `mend` is what to do where it is a fault. A note is for somebody to know."""

    check: str
    level: Level
    what: str
    mend: str = ""

    def sentence(self) -> str:
        """Both on one line, as `status` tells it."""
        return f"{self.what.rstrip('.')}. {self.mend}" if self.mend else self.what

    def document(self) -> dict[str, Any]:
        """As `doctor --json` prints it."""
        found: dict[str, Any] = {"check": self.check, "level": self.level, "what": self.what}
        return {**found, "mend": self.mend} if self.mend else found


def of_problem(problem: Problem) -> Finding:
    """What is wrong with one of the two configuration files."""
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    where = f"{place}: {problem.where}" if problem.where else place
    mend = problem.mend or f"Mend it in {problem.file}; hitl-mail rules check tells when it is."
    return fault(which_file(problem), f"{where}: {problem.what}", mend)


def which_file(problem: Problem) -> str:
    """`config` or `rules`."""
    return "config" if problem.file.endswith("hitl-mail.toml") else "rules"


def ok(check: str, what: str) -> Finding:
    return Finding(check, "ok", what)


def note(check: str, what: str, mend: str = "") -> Finding:
    return Finding(check, "note", what, mend)


def fault(check: str, what: str, mend: str) -> Finding:
    return Finding(check, "fault", what, mend)
