"""The agent's own OS user: it may write its spool and read its results, and nothing else.

As root, which CI is; the agent is `nobody`. How its directories are made is docs/operations.md,
as `tests/acceptance/test_agent_user.py` has it; here its program attacks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.home import SITE, TestHome, label, refund, until
from tests.acceptance.test_agent_user import AGENT, as_agent, nobody, python, spool
from tests.servers.process import free_port

__all__ = ["spool"]

ATTACK = """
import json, os, signal, sys
home, spool, pid, action = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
done = []

def attempt(name, work):
    try:
        work()
    except (OSError, ValueError):
        return
    done.append(name)

def write(path):
    with open(path, "w") as file:
        file.write(action)

def listed(path):
    if os.listdir(path):
        raise SystemExit(f"could list {path}")

for place in ("", "state", "state/keys", "state/journal", "state/receipts", "mail", "mail/out",
              "mail/out/new", "control", "control/new", "control/results", "spool", "spool/new"):
    path = os.path.join(home, place)
    attempt(f"list {place}", lambda: os.listdir(path))
    attempt(f"write {place}", lambda: write(os.path.join(path, "x.json")))
    attempt(f"open {place}", lambda: os.chmod(path, 0o777))
for place in ("hitl-mail.toml", "rules.toml", "state/keys/links.json", "state/lock",
              "state/health.json", "state/receipts.pub"):
    path = os.path.join(home, place)
    attempt(f"read {place}", lambda: open(path).read())
    attempt(f"change {place}", lambda: write(path))
    attempt(f"link {place}", lambda: os.link(path, os.path.join(spool, "tmp/linked.json")))
for place in ("results", "refused", "cur", "."):
    path = os.path.join(spool, place)
    attempt(f"write {place}", lambda: write(os.path.join(path, "x.json")))
    attempt(f"open {place}", lambda: os.chmod(path, 0o777))
    attempt(f"move {place}", lambda: os.rename(path, os.path.join(spool, "tmp/moved")))
    attempt(f"replace {place}", lambda: os.symlink("/tmp", path + ".new"))
for name in os.listdir(os.path.join(spool, "results")):
    path = os.path.join(spool, "results", name)
    attempt(f"change {name}", lambda: write(path))
    attempt(f"delete {name}", lambda: os.unlink(path))
    attempt(f"take {name}", lambda: os.rename(path, os.path.join(spool, "tmp", name)))
for place in ("new", "tmp"):
    path = os.path.join(spool, place)
    attempt(f"open {place}", lambda: os.chmod(path, 0o777))
    attempt(f"move {place}", lambda: os.rename(path, path + "2"))
    attempt(f"take the daemon's file in {place}", lambda: os.unlink(os.path.join(path, "daemons")))
for place in ("environ", "mem", "fd", "cwd", "maps", "root"):
    path = f"/proc/{pid}/{place}"
    attempt(f"look at {place}", lambda: os.listdir(path) if place in ("fd", "cwd", "root")
            else open(path, "rb").read(1))
for sign in (signal.SIGTERM, signal.SIGHUP, signal.SIGSTOP, signal.SIGKILL):
    attempt(f"send {sign}", lambda: os.kill(pid, sign))
os.umask(0o027)
write(os.path.join(spool, "tmp/mine.json"))
attempt("drop", lambda: os.rename(os.path.join(spool, "tmp/mine.json"),
                                  os.path.join(spool, "new/mine.json")))
attempt("read a result", lambda: open(os.path.join(spool, "results/earlier.json")).read())
print(json.dumps(done))
"""

CHANGE = """
import os, sys, time
os.umask(0o027)
spool, first, second = sys.argv[1:]
aside = f"{spool}/tmp/held.json"
file = open(aside, "w")
file.write(first)
file.flush()
os.rename(aside, f"{spool}/new/held.json")
while os.path.exists(f"{spool}/new/held.json"):
    time.sleep(0.005)
file.seek(0)
file.write(second)
file.truncate()
file.flush()
"""

LINKED = """
import os, sys
spool, target = sys.argv[1:]
for number, path in enumerate((target, "/etc/passwd", f"{spool}/results", "/proc/self/environ")):
    os.symlink(path, f"{spool}/tmp/l{number}.json")
    os.rename(f"{spool}/tmp/l{number}.json", f"{spool}/new/l{number}.json")
"""


@pytest.fixture
def served(spool: Path) -> Iterator[TestHome]:
    """A home in a place that everybody may enter: what closes it is the home itself."""
    site = SITE + AGENT.format(spool=spool, uid=nobody().pw_uid)
    home = TestHome(spool.parent / "home", free_port(), site=site)
    home.start()
    assert as_agent("ls", str(spool.parent)).returncode == 0
    yield home
    if home.daemon is not None:
        home.daemon.kill()
        home.daemon.wait()


def attack(script: str, *words: str) -> str:
    done = as_agent(python(), "-c", script, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_it_attacks_stays_as_it_was(served: TestHome, spool: Path) -> None:
    """It can neither read tokens nor write results, control or state, nor touch the daemon."""
    home = served
    (spool / "results/earlier.json").write_text("{}")
    (spool / "results/earlier.json").chmod(0o640)
    os.chown(spool / "results/earlier.json", -1, nobody().pw_gid)
    (spool / "new/daemons").write_text("x")
    (spool / "tmp/daemons").write_text("x")
    assert home.daemon is not None
    pid, action = str(home.daemon.pid), json.dumps(refund())
    done = json.loads(attack(ATTACK, str(home.root), str(spool), pid, action))
    # The last two are what it may: without them, it could have been looking in the wrong place.
    assert (done, home.daemon.poll()) == (["drop", "read a result"], None)
    assert (spool / "results/earlier.json").read_text() == "{}"
    assert home.case_of("mine")


def test_a_link_to_what_only_the_daemon_may_read_brings_nothing_out(
    served: TestHome, spool: Path
) -> None:
    """The daemon reads as root here; it follows nothing that an agent points it to."""
    home = served
    attack(LINKED, str(spool), str(home.root / "state/keys/links.json"))

    def refused() -> list[dict[str, Any]] | None:
        found = [*(spool / "refused").glob("l*.error.json")]
        return [json.loads(path.read_bytes()) for path in found] if len(found) == 4 else None

    assert {one["error"] for one in until(refused, "four refusals")} == {"not_a_file"}
    left = [*(spool / "refused").glob("l?.json")]
    assert len(left) == 4 and all(path.is_symlink() for path in left), "moved, and not read"


def test_a_file_written_to_after_it_was_taken_changes_nothing(
    served: TestHome, spool: Path
) -> None:
    """A descriptor kept open is no way into an action that has been read, judged and shown."""
    home = served
    first, second = json.dumps(label(payload={"x": 1})), json.dumps(label(payload={"x": 9}))
    attack(CHANGE, str(spool), first, second.ljust(len(first)))
    until((spool / "results/held.json").exists, f"a result\n{home.log()}")
    result = json.loads((spool / "results/held.json").read_text())
    ran = [run["payload"] for run in home.ran()]
    assert (ran, home.json("receipts", "show", "held")["action"]["payload"]) in (
        ([{"x": 1}], {"x": 1}),
        # It may have been quicker than the one reading: then all of it is the other.
        ([{"x": 9}], {"x": 9}),
    )
    assert result["payload"] == ran[0]
