"""docs/agents.md, typed in word for word, in a home as `init` makes it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_mail import client
from hitl_mail.cli.agents import EXIT, STILL_OPEN
from tests.acceptance.home import TestHome, until
from tests.acceptance.pages import ROOT, blocks, is_as_told, page, section, steps, type_in

PAGE = page("docs/agents.md")
FIVE, FILES, INSTALL, REPORT = steps(PAGE)
REFUND, GATED = blocks(PAGE, "python")
[KIND] = blocks(PAGE, "toml")
TITLE = "A function of your own, gated"
REHEARSAL = re.compile(r'^executor = "rehearsal".*\n', re.MULTILINE)


def beside(newcomer: TestHome, agent: Callable[[], str], *words: str) -> str:
    """What an agent prints beside a reviewer who says these words once they can."""

    def review() -> None:
        until(lambda: newcomer.cli(*words).returncode == 0 or None, f"{words} to be taken")

    person = threading.Thread(target=review)
    person.start()
    try:
        return agent()
    finally:
        person.join()


def run(newcomer: TestHome, script: str, *options: str) -> Callable[[], str]:
    """A Python script as an agent of that home runs it; what it prints."""

    def agent() -> str:
        env = {**os.environ, "HITL_MAIL_HOME": str(newcomer.root), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *options, "-c", script],
            check=False,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return agent


def taken_up(newcomer: TestHome) -> None:
    """Once the daemon judges by the rules as they are written."""
    written = newcomer.json("rules", "check")["policy"]
    until(lambda: written in newcomer.cli("status").stdout or None, "the rules to be taken up")


def typed(newcomer: TestHome, script: str, tmp_path: Path) -> Callable[[], str]:
    return lambda: type_in(script, tmp_path, HITL_MAIL_HOME=str(newcomer.root))


def test_the_shell_script_has_five_lines_and_prints_what_it_says(
    newcomer: TestHome, tmp_path: Path
) -> None:
    assert len(FIVE.script.splitlines()) == 5
    agent = typed(newcomer, FIVE.script, tmp_path)
    printed = beside(newcomer, agent, "approve", "refund-8841")
    assert is_as_told(str(FIVE.prints), printed), printed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("", ""), "it did not run: 3\n"),
        (('"amount": 49', '"amount": NaN'), "it did not run: 2\n"),
    ],
)
def test_the_shell_script_tells_when_it_did_not_run(
    newcomer: TestHome, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    agent = typed(newcomer, FIVE.script.replace(*change), tmp_path)
    printed = beside(newcomer, agent, "reject", "refund-8841") if said[-2] == "3" else agent()
    assert printed.endswith(said)


def test_the_exit_statuses_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| (`.*?`|none yet) \|.*\| ([\d, ]+) \|$", PAGE, re.MULTILINE)
    told = {
        name: int(code)
        for names, codes in rows
        for name, code in zip(
            re.findall(r"[a-z_]+", names) if "`" in names else [names],
            codes.split(", "),
            strict=True,
        )
    }
    assert told == {**EXIT, "none yet": STILL_OPEN}


def test_files_alone_do_and_a_report_closes_the_case(newcomer: TestHome, tmp_path: Path) -> None:
    permit = json.loads(typed(newcomer, FILES.script, tmp_path)())
    assert (permit["status"], "token" in permit["permit"]) == ("approved", True)
    typed(newcomer, REPORT.script, tmp_path)()
    until(lambda: (newcomer.result("note-17") or {})["status"] == "executed" or None, "the end")


def test_files_alone_tell_of_a_refusal(newcomer: TestHome, tmp_path: Path) -> None:
    script = FILES.script.replace('"summary"', '"sumary"')
    refused = json.loads(typed(newcomer, script, tmp_path)())
    assert refused["field"] == "sumary"


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("approve", "refund-8842"), "refunded 49 EUR; edited: False\n"),
        (("reject", "refund-8842", "once only"), "ada said no: once only\n"),
    ],
)
def test_the_refund_works(newcomer: TestHome, words: tuple[str, ...], printed: str) -> None:
    assert beside(newcomer, run(newcomer, REFUND), *words) == printed


def test_the_refund_tells_that_it_was_not_taken(newcomer: TestHome) -> None:
    script = REFUND.replace("49", "2**60")
    assert run(newcomer, script)().startswith("not taken: refund-8842 was refused:")


def test_the_gated_function_works_once_the_line_is_taken_out(newcomer: TestHome) -> None:
    rules = newcomer.root / "rules.toml"
    starter = rules.read_text()
    assert len(REHEARSAL.findall(starter)) == 1
    rules.write_text(REHEARSAL.sub("", starter))
    assert KIND in rules.read_text()
    taken_up(newcomer)
    [told] = blocks(section(PAGE, TITLE), "text")
    assert beside(newcomer, run(newcomer, GATED), "approve", "refund-order-8843") == told
    assert run(newcomer, GATED)() == told


def test_what_the_page_installs_is_all_that_the_client_needs(
    newcomer: TestHome, tmp_path: Path
) -> None:
    rules = newcomer.root / "rules.toml"
    rules.write_text(REHEARSAL.sub("", rules.read_text()))
    installed = INSTALL.script.split("--no-deps ")[1].split()
    assert installed[0] == "~/hitl-mail"
    place = tmp_path / "site"
    place.mkdir()
    (place / "hitl_mail").symlink_to(ROOT / "hitl_mail")
    for name in installed[1:]:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (place / name).symlink_to(Path(spec.origin).parent)

    taken_up(newcomer)
    begin = f"import sys; sys.path.insert(0, {str(place)!r})\n"
    agent = run(newcomer, begin + GATED, "-I", "-S")
    printed = beside(newcomer, agent, "approve", "refund-order-8843")
    assert printed == "paid 49 EUR back to Ada\n"


def test_the_page_names_every_error_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \|", PAGE, re.MULTILINE)
    ends = {"Refused", "StillOpen"} | {
        name
        for name in client.__all__
        if isinstance(found := getattr(client, name), type) and issubclass(found, client.Ended)
    }
    assert set(rows) == ends - {"Ended"}
