"""Write a home with something of everything that is stored: `python -m tests.homes.make DIR`."""

from __future__ import annotations

import email
import email.policy
import json
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

SITE = """\
[site]
name = "Kept"
admins = ["cleo"]
[mail]
transport = "maildir"
address = "approvals@example.com"
[mail.authentication]
require = "token"
[people.ada]
mail = "ada@example.com"
[people.cleo]
mail = "cleo@example.com"
os_user = "root"
[groups]
owner = ["cleo"]
[executors.print]
type = "command"
argv = ["cat"]
[executors.broken]
type = "command"
argv = ["false"]
"""
RULES = """\
[policy]
unmatched = "hard"
reviewers = ["ada"]
expires = "3600d"
[kinds."pay"]
title = "Pay {payload.amount}"
effects = ["money"]
executor = "print"
[kinds."label"]
effects = []
reversible = true
executor = "print"
[kinds."fragile"]
effects = []
reversible = true
executor = "broken"
[[rules]]
name = "money"
when = '"money" in effects'
gate = "hard"
reason = "Moves money"
[[rules]]
name = "labels"
when = 'kind == "label"'
gate = "sample"
rate = 1.0
[[rules]]
name = "fragile"
when = 'kind == "fragile"'
gate = "auto"
on_failure = "review"
"""


def main(directory: str) -> None:
    """Cases that are closed by mail, rejected, open, edited, held and looked at afterwards."""
    home = Path(directory)
    _cli(home, "init", directory, home_first=False)
    (home / "hitl-mail.toml").write_text(SITE)
    (home / "rules.toml").write_text(RULES)
    for name in ("approved", "rejected", "open", "edited"):
        _drop(home, name, {"kind": "pay", "payload": {"amount": 49}, "summary": "Pay the invoice"})
    _drop(home, "sampled", {"kind": "label", "payload": {"x": 1}, "summary": "Label it"})
    _drop(home, "held", {"kind": "fragile", "payload": {}, "summary": "Try it"})
    _cli(home, "run", "--once")
    _reply(home, "approved", "approve")
    _reply(home, "rejected", "reject because it was paid")
    _reply(home, "edited", "edit amount = 40")
    _cli(home, "run", "--once")
    for path in home.rglob("*"):
        if path.name in ("lock", "health.json") or path.parent.name in ("cache", "work"):
            path.unlink()


def _cli(home: Path, *words: str, home_first: bool = True) -> None:
    where = ["--home", str(home)] if home_first else []
    subprocess.run([sys.executable, "-m", "hitl_mail", *where, *words], check=True)


def _drop(home: Path, name: str, action: dict[str, object]) -> None:
    (home / f"spool/new/{name}.json").write_text(json.dumps(action))


def _reply(home: Path, action: str, text: str) -> None:
    case = _case(home, action)
    for path in (home / "mail/out/new").iterdir():
        packet = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if case in str(packet["Subject"]):
            answer = EmailMessage()
            answer["From"], answer["To"] = str(packet["To"]), str(packet["Reply-To"])
            answer["Message-ID"] = f"<{action}@client.example>"
            answer.set_content(text + "\n")
            (home / f"mail/in/new/{action}").write_bytes(bytes(answer))


def _case(home: Path, action: str) -> str:
    words = [sys.executable, "-m", "hitl_mail", "--home", str(home), "queue", "--json"]
    rows = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return next(str(row["case"]) for row in rows if row["id"] == action)


if __name__ == "__main__":
    main(sys.argv[1])
