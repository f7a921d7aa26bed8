"""Every command of the documents is run, by a test that types it in, or is among the few that only
get parsed because they would change the machine or take hours."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.acceptance.home import TestHome, label, refund, until
from tests.pages import PAGES, ROOT, calls, commands, resolved, scripts
from tests.servers.process import free_port

INDEX = ROOT / "docs/index.md"
BEGIN = "hitl-mail init ~/approvals"

WHOLE = ("agents", "conditions", "policy-history", "receipts")
TYPED = [
    # In test_agents_doc, test_policy_docs and test_receipts_doc; those of the index in
    # test_newcomer and here.
    *(script for name in WHOLE for script in scripts(ROOT / f"docs/{name}.md")),
    *(script for script in scripts(INDEX) if "git clone" not in script),
]
"""Blocks that a test types in as they stand."""

_OTHER_USERS = "makes OS users and directories of the system; test_agent_user makes the same ones"
_SERVICE = "installs a service; test_systemd checks the unit, and test_wheel what is installed"
_LONG = "takes minutes or hours, or an index of packages"
PARSED = {
    "make demo": "test_demo plays it",
    "git clone URL hitl-mail": "is how these tests came here",
    "cd hitl-mail": "leads there",
    "make test": "is what runs this",
    "make lock": _LONG,
    "make lock UPGRADE=1": _LONG,
    "make bench": _LONG,
    ".venv/bin/python -m benchmarks --large": _LONG,
    ".venv/bin/python -m benchmarks --quick": "test_benchmarks runs it",
    "make mutants": _LONG,
    "make mutants MODULE=core/said.py": _LONG,
    "usermod -aG billing hitl": _OTHER_USERS,
    "S=/var/spool/hitl-billing": _OTHER_USERS,
    "install -d -o hitl -g billing -m 2750 $S $S/results $S/refused": _OTHER_USERS,
    "install -d -o hitl -g billing -m 3770 $S/tmp $S/new": _OTHER_USERS,
    "install -d -o hitl -g hitl    -m 0700 $S/cur": _OTHER_USERS,
    "useradd --system --home-dir /var/lib/hitl-mail --shell /usr/sbin/nologin hitl": _SERVICE,
    "python3 -m venv /opt/hitl-mail": _SERVICE,
    "/opt/hitl-mail/bin/python -m pip install --require-hashes -r lock/run.txt": _SERVICE,
    "/opt/hitl-mail/bin/python -m pip install --no-deps dist/hitl_mail-*.whl": _SERVICE,
    "install -d -o hitl -g hitl -m 0700 /var/lib/hitl-mail": _SERVICE,
    "runuser -u hitl -- /opt/hitl-mail/bin/hitl-mail init /var/lib/hitl-mail/home": _SERVICE,
    "install -m 0644 deploy/hitl-mail.service /etc/systemd/system/": _SERVICE,
    "systemctl enable --now hitl-mail": _SERVICE,
}
"""Lines of blocks that are not run, and why not."""


def test_every_line_of_every_block_is_run_or_said_not_to_be() -> None:
    shown = [
        (page.name, line)
        for page in PAGES
        for script in scripts(page)
        if script not in TYPED
        for line in commands(script)
    ]
    assert [(page, line) for page, line in shown if line not in PARSED] == []
    assert set(PARSED) == {line for _, line in shown}


def known_to_make(line: str) -> None:
    """What make would do for it can be told; none of it is done."""
    words = ["make", "-n", *line.split()[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", PARSED)
def test_what_is_only_parsed_is_there(line: str) -> None:
    _, found, call = line.rpartition("bin/hitl-mail ")
    if found:
        _, command, words = resolved(f"hitl-mail {call}")
        command.make_parser(click.Context(command)).parse_args(words)
    elif line.startswith("make "):
        known_to_make(line)
    elif "benchmarks" in line:
        words = [sys.executable, "-m", "benchmarks", "--help"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        assert f"{line.rpartition(' ')[2]} " in done.stdout
    for file in re.findall(r"(?:lock|deploy)/[\w.-]+", line):
        assert (ROOT / file).is_file()


def test_every_target_that_the_text_mentions_is_there() -> None:
    mentioned = {
        f"make {word}"
        for page in PAGES
        for word in re.findall(r"`make ([a-z]+)\b[^`]*`", page.read_text("utf-8"))
    }
    assert {"make lint", "make man"} <= mentioned
    for line in sorted(mentioned):
        known_to_make(line)


# What is run here.


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has hitl-mail on the path, and a home directory."""
    file = tmp_path / "bin" / "hitl-mail"
    file.parent.mkdir()
    file.write_text(f'#!/bin/sh\nexec {sys.executable} -m hitl_mail "$@"\n')
    file.chmod(0o755)
    path = f"{file.parent}:{os.environ['PATH']}"
    return {**os.environ, "HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(ROOT)}


def test_the_first_steps_make_a_home_whose_daemon_runs(
    program: dict[str, str], tmp_path: Path
) -> None:
    [script] = [script for script in scripts(INDEX) if BEGIN in script]
    typed = script.replace(". .venv/bin/activate\n", "").replace(
        "hitl-mail run",
        # The port that a new home has may be in use where the tests run.
        f"sed -i s/:8025/:{free_port()}/ ~/approvals/hitl-mail.toml\nhitl-mail run",
    )
    with (tmp_path / "log").open("wb") as log:
        shell = subprocess.Popen(["sh", "-e", "-c", typed], env=program, stdin=subprocess.DEVNULL,
                                 stdout=log, stderr=log, start_new_session=True)  # fmt: skip
    try:
        status = ["hitl-mail", "--home", str(tmp_path / "approvals"), "status"]

        def look() -> bool:
            done = subprocess.run(status, env=program, capture_output=True, check=False)
            return done.returncode == 0

        until(look, (tmp_path / "log").read_text)
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(15)


# What the text mentions: run, too, with something in the place of what stands for something.

IN_BLOCKS = {line for script in TYPED for line in commands(script)}

ELSEWHERE = {
    "hitl-mail run --log-format json": "test_logs",
    "hitl-mail run": "above",
    "hitl-mail init": "the name of the command alone; the whole call is above",
    "hitl-mail mail explain": "the name of the command alone; the whole call is below",
    "hitl-mail demo --auto": "test_demo",
    "hitl-mail queue --watch": "needs a terminal: test_queue_watch",
}
"""Calls that are not run here, and where they are."""

EXIT = {
    # No daemon runs, and nothing is tightened.
    "hitl-mail status": 1,
    "hitl-mail doctor": 1,
    "hitl-mail rules relax NAME": 2,
    "hitl-mail rules relax labels": 2,
}
"""With which status a call ends in such a home, where not with 0."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestHome, dict[str, str]]]:
    """A home with an open case, a closed one and what they were made of; and what the names that
    stand for something are there."""
    root = tmp_path_factory.mktemp("docs")
    home = TestHome(root / "home", free_port())
    for name in ("refund", "postage"):
        home.drop(refund(), f"{name}.json")
    home.drop(label(), "done.json")
    home.once()
    (root / "action.json").write_text(json.dumps(refund(summary="Another")))
    (root / "refund.json").write_text(json.dumps(refund(id="third")))
    [packet, *_] = (home.root / "mail/out/new").iterdir()
    (root / "mail.eml").write_bytes(packet.read_bytes())
    home.cli("receipts", "export", "--output", str(root / "all.jsonl"))
    [key] = home.cli("receipts", "verify", "--print-key").stdout.split()
    rules = str(home.root / "rules.toml")
    yield (
        home,
        {
            "NEW.toml": rules,
            "A B": f"{rules} {rules}",
            "PUB": key,
            "NOTE": "asked for",
            "/tmp/refund.json": str(root / "refund.json"),
            "refund-8841": "refund",
            "refund-order-8843": "refund",
            "erase refund": "erase done",
            "all.jsonl": str(root / "all.jsonl"),
            "~/approvals": str(root / "another"),
            "mail explain FILE": f"mail explain {root / 'mail.eml'}",
            "FILE": str(root / "action.json"),
            "erase ID": "erase done",
            "show ID": "show done",
            "ID": "postage",
            "wait refund": "wait refund --timeout 0",
            "wait postage": "wait postage --timeout 0",
            "--wait": "--wait --timeout 0",
        },
    )


@pytest.mark.parametrize("line", sorted(set(calls()) - set(ELSEWHERE) - IN_BLOCKS))
def test_every_call_that_a_page_shows_runs(
    place: tuple[TestHome, dict[str, str]], tmp_path: Path, line: str
) -> None:
    home, names = place
    call = re.sub(r"[\[\]]", "", line).partition(" <<")[0].partition(" > ")[0]
    for name, value in names.items():
        call = call.replace(name, value)
    words = shlex.split(call)[1:]
    done = home.cli(*words, home=words[0] != "init", cwd=tmp_path, input=json.dumps(refund()),
                    env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    expected = 9 if "--timeout" in words else EXIT.get(line, 0)
    assert (done.returncode, "Traceback" in done.stderr) == (expected, False), done.stderr


def test_what_runs_elsewhere_is_shown() -> None:
    assert set(ELSEWHERE) | set(EXIT) <= set(calls())
