"""A home in which everything can be said of a case, by everybody, through every door.

ada is the OS user; ada, bob and gus are `finance`, cleo is the admin and `owner`. Each action has
a customer of its own, who stands in the subject of its mails.
"""

from __future__ import annotations

import itertools
import json
import uuid
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.acceptance.home import TestHome, body, until

_PEOPLE = {
    "ada": 'aliases = ["ada@personal.example"]\nos_user = "{user}"',
    "bob": "",
    "gus": "",
    "cleo": "",
    "eve": "",
    "hal": "",
    "ivy": 'away = [{{ from = 2020-01-01, to = 2199-12-31, delegate = "eve" }}]',
}
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

[groups]
finance = ["ada", "bob", "gus"]
owner = ["cleo"]

[agents.mine]
spool = "spool/mine"
owner = "ada"

[executors.refund]
type = "command"
argv = ["{python}", "{script}", "{ran}"]
timeout = "10s"

[executors.broken]
type = "command"
argv = ["{python}", "{script}", "{ran}", "3"]
timeout = "10s"
""" + "".join(
    f'\n[people.{name}]\nmail = "{name}@example.com"\n{more}\n' for name, more in _PEOPLE.items()
)

_SOON = """reviewers = ["bob"]
remind = ["4s", "5s"]
escalate = { after = "5s", to = ["owner"] }"""
_RULES = {
    "money": 'reviewers = ["finance"]\nroute_to = ["owner"]',
    "two": 'reviewers = ["finance"]\napprovals = 2',
    "slow": f'{_SOON}\nexpires = "7s"',
    "later": _SOON,
    "gone": 'reviewers = ["hal"]',
    "away": 'reviewers = ["ivy"]',
    "relay": 'reviewers = ["gus"]\nescalate = { after = "20h", to = ["owner"] }',
    "cli": 'reviewers = ["ada"]\ndoors = ["cli"]',
    "mail": 'reviewers = ["ada"]\ndoors = ["mail"]',
    "link": 'reviewers = ["ada"]\ndoors = ["link"]',
}
KIND = """
[kinds."pay.{name}"]
title = "Refund {{payload.amount}} to {{payload.customer}}"
effects = ["money"]
schema = "refund.json"
executor = "refund"

[[rules]]
name = "{name}"
when = 'kind == "pay.{name}"'
gate = "hard"
reason = "Moves funds"
{more}
"""
RULES = """
[policy]
reviewers = ["owner"]
expires = "24h"

[kinds."crm.label"]
title = "Label {payload.customer}"
reversible = true
executor = "refund"

[kinds."file.sync"]
title = "Sync {payload.customer}"
reversible = true
executor = "broken"

[[rules]]
name = "labels"
when = 'kind == "crm.label"'
gate = "sample"
rate = 1.0
reviewers = ["ada", "bob"]

[[rules]]
name = "sync"
when = 'kind == "file.sync"'
gate = "auto"
on_failure = "review"

[[rules]]
name = "large"
when = '"money" in effects && payload.amount > 1000'
gate = "hard"
reason = "Large"
reviewers = ["owner"]

[[rules]]
name = "never"
when = '"money" in effects && payload.amount > 9000'
gate = "deny"
reason = "Never so much"
""" + "".join(KIND.format(name=name, more=more) for name, more in _RULES.items())
SCHEMA = {
    "type": "object",
    "required": ["amount", "customer"],
    "properties": {"amount": {"type": "number", "minimum": 1}, "customer": {"type": "string"}},
    "additionalProperties": False,
}
_customers = (f"customer {number:04}." for number in itertools.count(1))


class DecidingHome(TestHome):
    """`ask` drops an action and gives the customer, by whom its mails are known."""

    __test__ = False

    def __init__(self, root: Path, port: int, rules: str = RULES, site: str = SITE) -> None:
        super().__init__(root, port, rules, site)
        (root / "refund.json").write_text(json.dumps(SCHEMA))
        self.actions: dict[str, str] = {}

    def ask(
        self, kind: str = "pay.money", amount: Any = 49, spool: str = "spool", **more: Any
    ) -> str:
        customer = next(_customers)
        payload = {"amount": amount, "customer": customer}
        action = {"kind": kind, "payload": payload, "summary": "Pay it back", **more}
        self.actions[customer] = self.drop(action, spool=spool)
        return customer

    def mail(self, person: str, customer: str, count: int = 1) -> EmailMessage:
        """The mail of that number to a person about this customer."""
        return self.await_mail(f"{person}@example.com", customer, count)

    def count(self, person: str, customer: str) -> int:
        return len(self.mails(f"{person}@example.com", customer))

    def say(self, person: str, customer: str, text: str, nth: int = 1, **more: Any) -> None:
        """Reply to that mail, from that person's address unless another `sender` is named."""
        sender = more.pop("sender", f"{person}@example.com")
        self.reply(self.mail(person, customer, nth), text, sender, **more)

    def row(self, customer: str) -> dict[str, Any]:
        """The case's row of `queue`."""
        [row] = [r for r in self.json("queue") if r["id"] == self.actions[customer]]
        return dict(row)

    def show(self, customer: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.json("show", self.actions[customer])
        return shown

    def ended(self, customer: str, spool: str = "spool") -> dict[str, Any]:
        return self.await_result(self.actions[customer], spool)

    def read_all(self) -> None:
        """Until the daemon has dealt with every mail that is in."""
        inside = self.root / "mail/in/new"
        until(lambda: not list(inside.iterdir()), f"an empty inbox\n{self.log()}")

    def bounce(self, mail: EmailMessage, field: str = "Message-ID") -> None:
        """A mail server gives this mail of ours back, with this field to know it by."""
        self.deliver(
            f"""From: MAILER-DAEMON@mx.example.com
To: approvals@example.com
Subject: Undelivered Mail Returned to Sender
Message-ID: <{uuid.uuid4().hex}@mx.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain

I'm sorry.

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {mail["To"]}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such mailbox

--=b
Content-Type: message/rfc822

{field}: {mail[field]}
Subject: {mail["Subject"]}

The packet.
--=b--
""".encode()
        )

    def refused(self, *words: str) -> str:
        """What a command line that decides is refused with."""
        done = self.cli(*words)
        assert done.returncode in (1, 2), (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stderr


def text(mail: EmailMessage) -> str:
    """A mail's words on one line."""
    return " ".join(body(mail).split())


def decided(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Who said what by which door."""
    return [(d["by"], d["verb"], d["via"]) for d in result["decisions"]]
