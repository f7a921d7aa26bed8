"""Pages as their readers use them: blocks typed into a shell, and what they are said to print.

A ```text block right after a ```sh block is what the latter prints, where `…` stands for anything
in a line, or alone on one for any lines; case ids and times may be others.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
_FREE = {
    r"\d{6}-[0-9a-z]{6}": r"\d{6}-[0-9a-z]{6}",
    r"\d{4}-\d\d-\d\dT[0-9:.]+Z?": r"\d{4}-\d\d-\d\dT[0-9:.]+Z?",
    r"\d+h(?: \d+m)?": r"\d+h(?: \d+m)?",
    r"…": r".*?",
    r"[ ─]{2,}": r"[ ─]+",
}


@dataclass(frozen=True)
class Step:
    """One shell block, and the text that the page says it prints, if any."""

    script: str
    prints: str | None


def page(name: str) -> str:
    """A page, by its path from the checkout."""
    return (ROOT / name).read_text("utf-8")


def section(text: str, title: str) -> str:
    """What stands below a heading of any level, up to the next of its own or a higher one."""
    match = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert match, title
    end = re.compile(rf"^#{{1,{len(match[1])}}} ", re.MULTILINE).search(text, match.end())
    return text[match.end() : end.start() if end else len(text)]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in one language."""
    return [code for found, code in _BLOCK.findall(text) if found == language]


def steps(text: str) -> list[Step]:
    """The shell blocks, each with the text block that follows it before any other block."""
    found = [*_BLOCK.findall(text), ("", "")]
    return [
        Step(code, after if then == "text" else None)
        for (language, code), (then, after) in itertools.pairwise(found)
        if language == "sh"
    ]


def type_in(script: str, tmp_path: Path, *, fails: bool = False, **env: str) -> str:
    """What a shell prints whose reader types a block; `~` and /tmp are below `tmp_path`."""
    program = tmp_path / "bin" / "hitl-mail"
    if not program.exists():
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hitl_mail "$@"\n')
        program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-e", "-c", re.sub(r"(?<=[ >])/tmp/", f"{tmp_path}/", script)],
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            **env,
        },
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode != 0) is fails, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def is_as_told(told: str, printed: str) -> bool:
    """Whether a program printed what the page says."""
    wanted, actual = (
        [line.rstrip() for line in text.splitlines() if line.strip()] for text in (told, printed)
    )
    pattern = "".join(r"(?:.*\n)*?" if line == "…" else _pattern(line) + r"\n" for line in wanted)
    return bool(re.fullmatch(pattern, "".join(f"{line}\n" for line in actual)))


def _pattern(line: str) -> str:
    parts = re.split("|".join(f"({free})" for free in _FREE), line)
    free = iter(_FREE.values())
    kinds = list(free)
    made = ""
    for index, part in enumerate(parts):
        if part is None:
            continue
        which = index % (len(kinds) + 1)
        made += re.escape(part) if which == 0 else kinds[which - 1]
    return made
