"""docs/agents.md, typed in word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hitl_mail import client
from tests.acceptance.home import RULES, TestHome
from tests.servers.process import free_port

PAGE = (Path(__file__).parents[2] / "docs/agents.md").read_text("utf-8")
SHELL, REFUND, GATED = re.findall(r"```(?:sh|python)\n(.*?)```", PAGE, re.DOTALL)
[KIND] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
ASKS = '[[rules]]\nname = "external"\nwhen = \'"external" in effects\'\ngate = "hard"\n'


@pytest.fixture
def home(make_home: object, tmp_path: Path) -> TestHome:
    return TestHome(tmp_path / "home", free_port(), rules=RULES + KIND + ASKS)


def typed(home: TestHome, words: list[str], *answers: tuple[str, str]) -> str:
    """What a program prints that is run as an agent, beside people who answer its mails."""
    home.start()

    def answer() -> None:
        for number, (person, text) in enumerate(answers, 1):
            mail = home.await_mail(f"{person}@example.com", count=number)
            home.reply(mail, text, f"{person}@example.com")

    people = threading.Thread(target=answer)
    people.start()
    env = {**os.environ, "HITL_MAIL_HOME": str(home.root), "PYTHONPATH": str(Path.cwd())}
    try:
        done = subprocess.run(
            words, check=False, env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    finally:
        people.join()
        home.stop()
    return done.stdout


def test_the_shell_script_has_five_lines_and_works(home: TestHome, tmp_path: Path) -> None:
    assert len(SHELL.splitlines()) == 5
    script = SHELL.replace("/tmp/", f"{tmp_path}/")
    found = typed(home, ["sh", "-e", "-c", script], ("ada", "approve"))
    assert '"status": "executed"' in found


@pytest.mark.parametrize(
    ("reply", "printed"),
    [
        ("approve", "refunded 49 EUR; edited: False\n"),
        ("reject because of it", "ada said no: of it\n"),
    ],
)
def test_the_refund_works(home: TestHome, reply: str, printed: str) -> None:
    assert typed(home, [sys.executable, "-c", REFUND], ("ada", reply)) == printed


def test_the_gated_function_works(home: TestHome) -> None:
    found = typed(home, [sys.executable, "-c", GATED], ("cleo", "approve"))
    assert found == "sent 'Welcome' to ada@example.com\n"


def test_the_page_names_every_error_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \|", PAGE, re.MULTILINE)
    ends = {"Refused", "StillOpen"} | {
        name
        for name in client.__all__
        if isinstance(found := getattr(client, name), type) and issubclass(found, client.Ended)
    }
    assert set(rows) == ends - {"Ended"}
