"""A home as its users see it: files, mails, pages, the command line. Nothing of the code inside."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SITE = """
[site]
name = "Test approvals"
admins = ["cleo"]

[mail]
transport = "maildir"
address = "approvals@example.com"
[mail.authentication]
require = "token"

[web]
bind = "127.0.0.1:{port}"
base_url = "http://127.0.0.1:{port}"

[people.ada]
mail = "ada@example.com"
aliases = ["ada@personal.example"]
[people.bob]
mail = "bob@example.com"
[people.cleo]
mail = "cleo@example.com"
os_user = "{user}"

[groups]
finance = ["ada", "bob"]
owner = ["cleo"]

[agents.billing]
spool = "spool/billing"
owner = "bob"

[executors.refund]
type = "command"
argv = ["{python}", "{script}", "{ran}"]
timeout = "10s"

[executors.twice]
type = "command"
argv = ["{python}", "{script}", "{ran}", "75"]
timeout = "10s"
retries = 2

[executors.broken]
type = "command"
argv = ["{python}", "{script}", "{ran}", "3"]
timeout = "10s"
"""

RULES = """
[policy]
unmatched = "hard"
reviewers = ["owner"]
expires = "24h"

[kinds."payment.refund"]
title = "Refund {payload.amount} {payload.currency} to {payload.customer}"
effects = ["money"]
reversible = false
executor = "refund"

[kinds."crm.label"]
reversible = true
executor = "refund"

[kinds."crm.broken"]
reversible = true
executor = "broken"

[kinds."crm.flaky"]
reversible = true
executor = "twice"

[kinds."self.run"]
reversible = true

[kinds."root.grant"]
effects = ["permission"]

[[rules]]
name = "money"
when = '"money" in effects'
gate = "hard"
reason = "Moves funds"
reviewers = ["finance"]
expires = "4h"

[[rules]]
name = "never"
when = 'kind == "root.grant"'
gate = "deny"
reason = "Agents never change permissions"

[[rules]]
name = "labels"
when = 'kind in ["crm.label", "crm.broken", "crm.flaky", "self.run"]'
gate = "auto"
"""

# Appends a line to the file of what ran, so that tests count real executions.
SCRIPT = """
import json, os, sys
line = sys.stdin.readline()
with open(sys.argv[1], "a") as ran:
    env = {name: os.environ["HITL_" + name] for name in ("CASE", "REVISION", "IDEMPOTENCY_KEY")}
    ran.write(json.dumps({**env, "payload": json.loads(line), "line": line}) + "\\n")
print("did it")
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""


def refund(**changes: Any) -> dict[str, Any]:
    """An action that needs ada or bob."""
    action = {
        "kind": "payment.refund",
        "payload": {"amount": 49, "currency": "EUR", "customer": "Ada"},
        "summary": "Refund the double charge",
        "why": "Charged twice on May 3",
    }
    return action | changes


def label(**changes: Any) -> dict[str, Any]:
    """An action that runs alone."""
    return {"kind": "crm.label", "payload": {"x": 1}, "summary": "Label a contact"} | changes


def until(look: Callable[[], T | None], what: str | Callable[[], str], timeout: float = 20.0) -> T:
    """What `look` finds, as soon as it does; `what` is said of a failure, as things are then."""
    end = time.monotonic() + timeout
    while not (found := look()):
        said = what if isinstance(what, str) else (what() if time.monotonic() >= end else "")
        assert time.monotonic() < end, f"not within {timeout} s: {said}"
        time.sleep(0.02)
    return found


class TestHome:
    """One home under test. `start` and `stop` run a real daemon; `once` is `run --once`."""

    __test__ = False

    def __init__(
        self,
        root: Path,
        port: int,
        rules: str = RULES,
        site: str = SITE,
        script: str = SCRIPT,
    ) -> None:
        self.root = root
        self.port = port
        self.ran_file = root.parent / f"{root.name}-ran.jsonl"
        self.daemon: subprocess.Popen[bytes] | None = None
        script_file = root.parent / f"{root.name}-script.py"
        script_file.write_text(script)
        assert self.cli("init", str(root), home=False).returncode == 0
        user = subprocess.run(
            ["id", "-un"], capture_output=True, text=True, check=True
        ).stdout.strip()
        self.write_site(
            site.format(
                port=port, user=user, python=sys.executable, script=script_file, ran=self.ran_file
            )
        )
        (root / "rules.toml").write_text(rules)
        (root / "spool/billing").mkdir(exist_ok=True)

    def write_site(self, text: str) -> None:
        (self.root / "hitl-mail.toml").write_text(text)

    # The command line

    def cli(
        self, *words: str, home: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        where = ["--home", str(self.root)] if home else []
        return subprocess.run(
            [sys.executable, "-m", "hitl_mail", *where, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    def json(self, *words: str) -> Any:
        done = self.cli(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def once(self) -> None:
        done = self.cli("run", "--once")
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        self.begin()
        self.await_daemon()

    def await_daemon(self) -> None:
        until(lambda: self.health() is not None, "the daemon's health")

    def begin(self) -> None:
        """As `start`, but without waiting for it."""
        log = (self.root.parent / f"{self.root.name}-daemon.log").open("ab")
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "hitl_mail", "--home", str(self.root), "run"],
            stdout=log,
            stderr=log,
        )
        log.close()

    def health(self) -> dict[str, Any] | None:
        import httpx

        try:
            url = f"http://127.0.0.1:{self.port}/healthz"
            health: dict[str, Any] = httpx.get(url, trust_env=False).json()
        except httpx.TransportError:
            assert self.daemon is None or self.daemon.poll() is None, self.log()
            return None
        return health

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.daemon is not None
        self.daemon.send_signal(how)
        status = self.daemon.wait(timeout=15)
        self.daemon = None
        return status

    def log(self) -> str:
        path = self.root.parent / f"{self.root.name}-daemon.log"
        return path.read_text() if path.exists() else ""

    # The agent's side

    def drop(self, action: Any, name: str | None = None, spool: str = "spool") -> str:
        """Drop a file as an agent does; the stem it had."""
        name = name or f"a-{uuid.uuid4().hex[:8]}.json"
        data = action if isinstance(action, bytes) else json.dumps(action).encode()
        aside = self.root / spool / "tmp" / name
        aside.parent.mkdir(parents=True, exist_ok=True)
        (self.root / spool / "new").mkdir(parents=True, exist_ok=True)
        aside.write_bytes(data)
        aside.rename(self.root / spool / "new" / name)
        return name.rsplit(".", 1)[0]

    def result(self, action_id: str, spool: str = "spool") -> dict[str, Any] | None:
        path = self.root / spool / "results" / f"{action_id}.json"
        result: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return result

    def await_result(self, action_id: str, spool: str = "spool") -> dict[str, Any]:
        return until(lambda: self.result(action_id, spool), f"result {action_id}\n{self.log()}")

    def refusal(self, name: str, spool: str = "spool") -> dict[str, Any] | None:
        path = self.root / spool / "refused" / f"{name}.error.json"
        refusal: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return refusal

    def ran(self) -> list[dict[str, Any]]:
        """What executors did, in order."""
        if not self.ran_file.exists():
            return []
        return [json.loads(line) for line in self.ran_file.read_text().splitlines()]

    # The reviewer's side

    def mails(self, to: str | None = None, subject: str = "") -> list[EmailMessage]:
        found = []
        for path in sorted((self.root / "mail/out/new").iterdir(), key=os.path.getmtime):
            mail = self.read(path)
            if (to is None or to in str(mail["To"])) and subject in str(mail["Subject"]):
                found.append(mail)
        return found

    def read(self, path: Path) -> EmailMessage:
        return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)

    def await_mail(self, to: str, subject: str = "", count: int = 1) -> EmailMessage:
        def look() -> list[EmailMessage] | None:
            found = self.mails(to, subject)
            return found if len(found) >= count else None

        return until(look, f"mail {count} to {to}\n{self.log()}")[count - 1]

    def reply(
        self, mail: EmailMessage, text: str, sender: str, message_id: str = "", **headers: str
    ) -> None:
        """Answer a mail as a client does: the text, then everything quoted."""
        answer = EmailMessage()
        answer["From"] = sender
        answer["To"] = str(mail["Reply-To"] or mail["From"])
        answer["Subject"] = "Re: " + str(mail["Subject"])
        answer["In-Reply-To"] = str(mail["Message-ID"])
        answer["References"] = str(mail["Message-ID"])
        answer["Message-ID"] = message_id or f"<{uuid.uuid4().hex}@client.example>"
        for key, value in headers.items():
            answer[key.replace("_", "-")] = value
        quoted = "\n".join("> " + line for line in body(mail).splitlines())
        answer.set_content(f"{text}\n\nOn Monday, approvals wrote:\n{quoted}\n")
        self.deliver(bytes(answer))

    def deliver(self, message: bytes) -> None:
        name = uuid.uuid4().hex
        aside = self.root / "mail/in/tmp" / name
        aside.write_bytes(message)
        aside.rename(self.root / "mail/in/new" / name)

    def case_of(self, action_id: str) -> str:
        def look() -> str | None:
            for row in self.json("queue"):
                if row["id"] == action_id:
                    return str(row["case"])
            return None

        return until(look, f"case of {action_id}")


def body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link(mail: EmailMessage, path: str = "/d/") -> str:
    """The decision link of a packet."""
    found = re.search(rf"https?://[^\s>]+{path}[^\s>]+", body(mail))
    assert found, body(mail)
    return found[0]
