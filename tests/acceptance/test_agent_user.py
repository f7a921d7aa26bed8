"""An agent under an OS user of its own: docs/operations.md, as it stands there."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.home import SITE, TestHome, label, until

AGENT = """
[agents.mailer]
spool = "{spool}"
uid = {uid}
"""

DROP = """
import os, sys
os.umask(0o027)
spool, name, text = sys.argv[1:]
aside = f"{spool}/tmp/{name}"
with open(aside, "w") as file:
    file.write(text)
os.rename(aside, f"{spool}/new/{name}")
"""


@pytest.fixture
def spool() -> Iterator[Path]:
    """The agent's directories, made as the docs say; the test's own are closed to it."""
    if os.geteuid() != 0:
        message = "only root can be two OS users"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    root = Path(tempfile.mkdtemp(prefix="hitl-agent-", dir="/tmp"))
    root.chmod(0o755)
    spool, group = root / "spool", grp.getgrgid(nobody().pw_gid).gr_gid
    for name, mode in (
        ("", 0o2750),
        ("results", 0o2750),
        ("refused", 0o2750),
        ("tmp", 0o3770),
        ("new", 0o3770),
    ):
        (spool / name).mkdir()
        os.chown(spool / name, -1, group)
        (spool / name).chmod(mode)
    (spool / "cur").mkdir(mode=0o700)
    yield spool
    shutil.rmtree(root)


def nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def as_agent(*command: str) -> subprocess.CompletedProcess[str]:
    """What a program of the agent's user does."""
    who = nobody()
    return subprocess.run(
        command,
        user=who.pw_uid,
        group=who.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def agent_home(make_home: Callable[..., TestHome], spool: Path) -> TestHome:
    home = make_home(site=SITE + AGENT.format(spool=spool, uid=nobody().pw_uid))
    home.start()
    return home


def python() -> str:
    """An interpreter that any OS user may run."""
    return "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable


def test_it_drops_an_action_and_reads_the_result(agent_home: TestHome, spool: Path) -> None:
    dropped = as_agent(python(), "-c", DROP, str(spool), "mine.json", json.dumps(label()))
    assert dropped.returncode == 0, dropped.stderr
    until((spool / "results/mine.json").exists, f"a result\n{agent_home.log()}")
    told = as_agent("cat", str(spool / "results/mine.json"))
    assert json.loads(told.stdout)["status"] == "executed"


def test_files_of_another_owner_are_refused(agent_home: TestHome, spool: Path) -> None:
    (spool / "new/forged.json").write_text(json.dumps(label()))
    error = spool / "refused/forged.json.error.json"
    until(error.exists, f"a refusal\n{agent_home.log()}")
    assert json.loads(error.read_text())["error"] == "wrong_owner"


@pytest.mark.parametrize(
    "place",
    ["state/keys/links.json", "state/journal", "mail/out/new", "hitl-mail.toml", "control/new"],
)
def test_it_can_read_nothing_of_the_home(agent_home: TestHome, spool: Path, place: str) -> None:
    assert as_agent("ls", str(agent_home.root / place)).returncode != 0
    assert as_agent("cat", str(agent_home.root / place)).returncode != 0


@pytest.mark.parametrize("place", ["results", "refused", "cur", "."])
def test_it_can_write_nothing_but_new_and_tmp(
    agent_home: TestHome, spool: Path, place: str
) -> None:
    assert as_agent("touch", str(spool / place / "x.json")).returncode != 0
