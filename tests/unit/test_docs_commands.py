"""Every command that a page shows is there, with its options, and none is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from hitl_mail.cli import cli
from tests.pages import PAGES, ROOT, calls, commands, resolved


def every(command: click.Command, *name: str) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(name)
        return
    context = click.Context(command)
    for word in command.list_commands(context):
        found = command.get_command(context, word)
        assert found is not None
        yield from every(found, *name, word)


@pytest.mark.parametrize("line", sorted(set(calls())))
def test_a_command_that_a_page_shows_is_there_with_its_options(line: str) -> None:
    _, command, _ = resolved(line)
    known = {name for option in command.params for name in option.opts} | {"--help"}
    assert set(re.findall(r"--[a-z-]+", line)) <= known


def test_a_script_is_read_as_a_shell_reads_it() -> None:
    script = "a b  # why\nc <<'X'\nnot d\nX\n# e\nf 'g\n h'\ni#j\n"
    assert list(commands(script)) == ["a b", "c <<'X'", "f 'g\n h'", "i#j"]


def test_no_command_is_left_out() -> None:
    text = " ".join(page.read_text("utf-8") for page in PAGES)
    missing = [
        name
        for name in every(cli)
        if not re.search(rf"`(hitl-mail )?{name}\b", text) and f"hitl-mail {name}" not in text
    ]
    assert missing == []


def test_every_target_that_a_page_makes_is_there() -> None:
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    named = set(re.findall(r"(?:^|`|# )make ([a-z]+)", text, re.MULTILINE))
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (named - known, "demo" in named) == (set(), True)


def test_every_module_that_a_page_names_is_there() -> None:
    named = {
        name
        for page in [*PAGES, *sorted((ROOT / "docs/decisions").glob("*.md"))]
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+[.]py)`", page.read_text("utf-8"))
    }
    gone = [
        n for n in sorted(named) if not any((ROOT / d / n).exists() for d in ("hitl_mail", "."))
    ]
    assert (gone, "daemon/letters.py" in named) == ([], True)
