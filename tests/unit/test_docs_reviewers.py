"""docs/reviewers.md: whatever it says one can reply is read as what it says."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path

import pytest

from hitl_mail.core.events import Verb
from hitl_mail.review.reply import Reply, read_reply

PAGE = Path(__file__).parents[2].joinpath("docs/reviewers.md").read_text("utf-8")
CELLS = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
LINES = [line for cell in CELLS for line in re.findall("`([^`]+)`", cell)]
EDITS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def read(text: str) -> Reply:
    mail = EmailMessage()
    mail.set_content(text)
    return read_reply(bytes(mail), lambda address: False)


@pytest.mark.parametrize("line", [line for line in LINES if line != "help"])
def test_every_line_of_the_page_is_the_command_it_begins_with(line: str) -> None:
    found = read(line)
    assert (found.key, found.verb) == ("decision", line.split(maxsplit=1)[0].rstrip(":"))


def test_help_is_help() -> None:
    assert ("help" in LINES, read("help").key) == (True, "help")


@pytest.mark.parametrize("text", EDITS)
def test_every_edit_of_the_page_sets_the_amount(text: str) -> None:
    found = read(text)
    assert (found.key, found.verb, "40" in str(found.edit)) == ("decision", "edit", True)


def test_the_page_leaves_no_command_out() -> None:
    assert {line.split(maxsplit=1)[0].rstrip(":") for line in LINES} == {*Verb.__args__, "help"}
