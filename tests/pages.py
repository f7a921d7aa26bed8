"""What the documents show to be typed: scripts in blocks, and calls of hitl-mail in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from hitl_mail.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_DRAWN = re.compile("[─│►]")
NO_COMMAND = "hitl-mail receipt 1"
"""What a signature begins with (docs/receipts.md)."""


def scripts(page: Path) -> list[str]:
    """The shell blocks of a page; one without a language is shell, unless it is a drawing."""
    return [
        text
        for language, text in _BLOCK.findall(page.read_text("utf-8"))
        if language == "sh" or (not language and not _DRAWN.search(text))
    ]


def commands(script: str) -> Iterator[str]:
    """The lines of a script, each whole and without its comment; what is fed to one is no line."""
    lines = iter(script.splitlines())
    for line in lines:
        whole = re.sub(r"(^|\s+)#\s.*$", "", line)
        while not _is_whole(whole):
            whole += "\n" + next(lines)
        if whole.strip():
            yield whole.strip()
        if end := re.search(r"<<'?(\w+)'?", whole):
            while next(lines) != end[1]:
                pass


def _is_whole(line: str) -> bool:
    try:
        shlex.split(line)
    except ValueError:
        return False
    return True


def calls() -> Iterator[str]:
    """Every call of hitl-mail that a page shows, in a block or in the text, as it stands there."""
    for page in PAGES:
        blocks = [line for script in scripts(page) for line in commands(script)]
        inline = re.findall(r"`([^`\n]+)`", _BLOCK.sub("", page.read_text("utf-8")))
        for line in [*blocks, *inline]:
            if line.startswith("hitl-mail ") and line != NO_COMMAND:
                yield line


def resolved(line: str) -> tuple[str, click.Command, list[str]]:
    """The command a line calls, by its whole name, and the words that it is given."""
    command: click.Command = cli
    name: list[str] = []
    words = line.split()[1:]
    while words and isinstance(command, click.Group):
        word = words.pop(0)
        found = command.get_command(click.Context(command), word)
        assert found is not None, f"{line}: no such command: {word}"
        command = found
        name.append(word)
    return " ".join(name), command, words
