"""A whole life under the worst settings: what is left on the disk, in the log and in processes.

The daemon runs with umask 000 and with secrets in its environment; cases are approved, refused,
edited, sampled, erased; keys are rotated. Then everything is searched.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import hitl_mail
from tests.acceptance.home import RULES, SITE, TestHome, label, link, refund, until
from tests.security.pages import post
from tests.servers.webhook import Receiver, receiver

ENVIRONMENT = {"DATABASE_PASSWORD": "env-hunter2-secret", "LD_PRELOAD": "", "PYTHONSTARTUP": "x"}
BEARER = "bearer-hunter2-secret"
HOOK = """
[executors.hook]
type = "http"
url = "{hook}/status/200?key=query-hunter2-secret"
secret_file = "hook.secret"
headers = {{ Authorization = "Bearer bearer-hunter2-secret" }}
[executors.nowhere]
type = "http"
url = "http://127.0.0.1:9/?key=query-hunter2-secret"
secret_file = "hook.secret"
headers = {{ Authorization = "Bearer bearer-hunter2-secret" }}
"""
KINDS = """
[kinds."hook.call"]
reversible = true
executor = "hook"
[kinds."hook.nowhere"]
reversible = true
executor = "nowhere"
[[rules]]
name = "hooks"
when = 'kind.startsWith("hook.")'
gate = "sample"
rate = 1.0
"""
SCRIPT = """
import json, os, sys
line = sys.stdin.readline()
facts = {
    "argv": sys.argv[1:],
    "environment": dict(os.environ),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
    "group": os.getpgid(0) == os.getpid() and os.getpgid(0) != os.getpgid(os.getppid()),
    "cmdline": open("/proc/self/cmdline").read(),
    "umask": os.umask(0o077),
    "payload": json.loads(line),
}
with open(sys.argv[1], "a") as ran:
    ran.write(json.dumps(facts) + "\\n")
"""
PAYLOAD = {"x": "$(touch /tmp/owned); `id` && rm -rf / # '\"\n|", "$HOME": "${IFS}"}


class Life:
    def __init__(self, home: TestHome, hook: Receiver) -> None:
        self.home = home
        self.permits: list[str] = []
        home.start()
        self.hidden = [b"hunter2", *self._keys()]
        until(home.health, "health")
        self.cmdlines = [_cmdline(home.daemon.pid)] if home.daemon else []
        self._live(hook)
        self.hidden += self._keys()
        self.hidden += self._tokens()

    def _live(self, hook: Receiver) -> None:
        home = self.home
        shell = home.drop(label(payload=PAYLOAD))
        called = home.drop(label(kind="hook.call"))
        home.drop(label(kind="hook.nowhere"))
        home.drop(b"not json", "bad.json")
        mine = home.drop(label(kind="self.run"))
        asked = [home.drop(refund(attachments=[_FILE])) for _ in range(3)]
        mails = [home.await_mail("ada@example.com", home.case_of(one)) for one in asked]
        home.reply(mails[0], "approve", "ada@example.com")
        post(link(mails[1]), "reject", note="no")
        home.reply(mails[2], "edit\namount = 40", "ada@example.com")
        home.reply(mails[2], "approve", "eve@evil.example")
        permit = home.await_result(mine)["permit"]["token"]
        self.permits.append(permit)
        case = home.await_result(mine)["case"]
        home.drop({"report": case, "permit": "wrong", "outcome": {"ok": True}})
        home.drop({"report": case, "permit": permit, "outcome": {"ok": True}})
        for one in (shell, called, asked[0], asked[1]):
            home.await_result(one)
        until(lambda: hook.received, "the hook")
        assert home.cli("keys", "rotate").returncode == 0
        until(lambda: "the keys changed" in home.log(), "new keys")
        home.await_mail("ada@example.com", home.case_of(asked[2]), count=2)
        home.cli("approve", asked[2], "no reviewer, so refused")
        assert home.cli("receipts", "erase", asked[1], "asked to").returncode == 0
        exported = home.cli("receipts", "export", "--output", str(home.root / "out.jsonl"))
        assert exported.returncode == 0, exported.stderr
        home.stop()
        home.once()

    def _keys(self) -> list[bytes]:
        """Every secret in the key files."""
        found: list[bytes] = []
        for path in (self.home.root / "state/keys").iterdir():
            for text in re.findall(r'"([A-Za-z0-9+/=_-]{40,})"', path.read_text()):
                found.append(text.encode())
        public = (self.home.root / "state/receipts.pub").read_bytes()
        secret = [one for one in found if one not in public]
        assert len(secret) >= 4
        return secret

    def _tokens(self) -> list[bytes]:
        """The secrets in mails: reply addresses, Message-IDs, links; and the permits."""
        found = [permit.encode() for permit in self.permits]
        for path in (self.home.root / "mail/out/new").iterdir():
            raw = self.home.read(path)
            found += [part.encode() for part in re.findall(r"[a-z2-7]{16}(?=@)", str(raw))]
            found += [
                part.encode() for part in re.findall(r"/[drq]/([\w.-]{60,})", raw.as_string())
            ]
        assert len(found) > 10
        return found


_FILE = {"name": "a.txt", "content_type": "text/plain", "base64": "YQ=="}


def _cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture(scope="module")
def life(make_home: Callable[..., TestHome]) -> Iterator[Life]:
    before, environment = os.umask(0), dict(os.environ)
    os.environ.update(ENVIRONMENT)
    try:
        with receiver() as hook:
            home = make_home(
                rules=RULES + KINDS,
                site=SITE + HOOK.replace("{hook}", hook.url),
                script=SCRIPT,
            )
            (home.root / "hook.secret").write_text("whsec_aG9vay1odW50ZXIyLXNlY3JldC1sb25nIQ==")
            (home.root / "hook.secret").chmod(0o600)
            yield Life(home, hook)
    finally:
        os.umask(before)
        os.environ.clear()
        os.environ.update(environment)


def everything(root: Path) -> Iterator[Path]:
    yield root
    for directory, names, files in os.walk(root):
        yield from (Path(directory) / name for name in (*names, *files))


# Written by the test, by who delivers mail, or by the agent and moved as it was.
NOT_OURS = re.compile(
    r"hitl-mail\.toml|rules\.toml|spool/billing|mail/in/cur/.*|spool/refused/.*(?<!\.error\.json)"
)


def test_under_umask_000_nothing_of_a_home_is_open_to_others(life: Life) -> None:
    """State 0700, keys 0600, whatever the umask of whoever started the daemon."""
    open_to_others = {
        place: oct(stat.S_IMODE(path.lstat().st_mode))
        for path in everything(life.home.root)
        if path.lstat().st_mode & 0o077
        and not NOT_OURS.fullmatch(place := str(path.relative_to(life.home.root)))
    }
    assert open_to_others == {}


def test_no_secret_is_in_anything_that_is_written_or_shown(life: Life) -> None:
    """Logs, journal, receipts, results, exports, answers: none holds a key, a token, a password."""
    home, found = life.home, {}
    secret_places = ("state/keys", "mail/", "hook.secret", "hitl-mail.toml", "spool/cur")
    for path in everything(home.root):
        place = str(path.relative_to(home.root))
        if path.is_file() and not place.startswith(secret_places):
            data = path.read_bytes()
            # An agent's permit is its own: in its results, and in what it dropped.
            own = life.permits if place.startswith("spool/") else []
            found[place] = [s for s in life.hidden if s in data and s.decode() not in own]
    found["log"] = [secret for secret in life.hidden if secret in home.log().encode()]
    shown = [*home.json("queue"), *(row["case"] for row in home.json("receipts", "list"))]
    for words in (
        ("status",),
        ("queue",),
        ("keys", "list"),
        ("receipts", "export"),
        ("receipts", "verify", "--print-key"),
        *(("show", case) for case in shown if isinstance(case, str)),
    ):
        done = home.cli(*words)
        said = (done.stdout + done.stderr).encode()
        found[" ".join(words)] = [secret for secret in life.hidden if secret in said]
    assert {place: secrets for place, secrets in found.items() if secrets} == {}


def test_an_executor_gets_a_clean_environment_and_nothing_else(life: Life) -> None:
    """No shell, fixed argv, clean environment, no inherited descriptor, a group of its own."""
    ran = life.home.ran()
    home, facts = life.home, ran[0]
    allowed = {"PATH", "LANG", "HOME", "LC_CTYPE"}
    left = {name for name in facts["environment"] if not name.startswith("HITL_")} - allowed
    assert (left, facts["argv"], facts["group"]) == (set(), [str(home.ran_file)], True)
    # 3 is the listing of the descriptors itself.
    assert facts["descriptors"] == [0, 1, 2, 3]


def test_a_payload_that_speaks_shell_is_only_a_payload(life: Life) -> None:
    """The payload comes on standard input as JSON, and stands in no argument."""
    payloads = [run["payload"] for run in life.home.ran()]
    assert PAYLOAD in payloads
    assert not Path("/tmp/owned").exists()
    cmdlines = [run["cmdline"] for run in life.home.ran()] + [c.decode() for c in life.cmdlines]
    assert [line for line in cmdlines if "touch" in line or "hunter2" in line] == []


def test_the_key_files_are_refused_when_others_may_read_them(life: Life) -> None:
    """A key that others may read is no key any more: the daemon does not start, and says why."""
    keys = life.home.root / "state/keys"
    path = next(iter(sorted(keys.iterdir())))
    path.chmod(0o644)
    try:
        done = life.home.cli("run", "--once")
    finally:
        path.chmod(0o600)
    assert (done.returncode != 0, path.name in done.stderr) == (True, True), done.stderr


def test_tokens_are_compared_in_constant_time() -> None:
    """No secret is compared by `==`, whose time tells how much of a guess was right."""
    source = Path(hitl_mail.__file__).parent
    compared = re.compile(
        r"(?:token|secret|signature|permit|digest_?mac)\w*\s*[!=]=\s*(?!None|\"|')"
    )
    suspicious = [
        f"{path.name}: {line.strip()}"
        for path in source.rglob("*.py")
        for line in path.read_text().splitlines()
        if compared.search(line.partition("#")[0])
    ]
    assert suspicious == []


def test_the_environment_of_the_daemon_holds_no_secret_of_the_site(life: Life) -> None:
    """Keys and passwords come from files; nothing is handed over in an argument or a variable."""
    told = json.dumps([*ENVIRONMENT.values()])
    done: Any = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert [line for line in lines if any(s.decode() in line for s in life.hidden)] == []
    assert "hunter2" in told, "the search itself works"
