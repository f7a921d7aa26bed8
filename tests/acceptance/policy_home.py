"""A home with a policy of all five gates, and what people and admins do to it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.home import SCRIPT, TestHome, link, until

RULES = """
[policy]
reviewers = ["finance"]
expires = "24h"

[kinds."ticket.route"]
title = "Route {payload.ticket} to {payload.team}"
reversible = true
requires = ["why"]
schema = "schemas/route.json"
executor = "refund"

[kinds."crm.label"]
title = "Label {payload.x}"
reversible = true
executor = "refund"

[kinds."crm.short"]
reversible = true
executor = "refund"

[kinds."crm.seldom"]
reversible = true
executor = "refund"

[kinds."file.sync"]
title = "Sync {payload.x}"
reversible = true
executor = "wavering"

[[rules]]
name = "triage"
when = 'kind == "ticket.route"'
gate = "exception"
exceptions = [
  { when = 'confidence < 0.8', reason = "Confidence {confidence} is below 0.8" },
]

[[rules]]
name = "backlog"
when = 'kind == "ticket.route" && payload.team == "backlog"'
gate = "auto"

[[rules]]
name = "press"
when = 'kind == "ticket.route" && payload.team in ["press", "backlog"]'
gate = "hard"
reason = "The press is asked about"
reviewers = ["owner"]

[[rules]]
name = "labels"
when = 'kind == "crm.label"'
gate = "sample"
rate = 1.0
reason = "Labels are looked at afterwards"
tighten = { flagged = 0.4, of = 5 }

[[rules]]
name = "short"
when = 'kind == "crm.short"'
gate = "sample"
rate = 1.0
expires = "1s"

[[rules]]
name = "seldom"
when = 'kind == "crm.seldom"'
gate = "sample"
rate = 0.0

[[rules]]
name = "sync"
when = 'kind == "file.sync"'
gate = "auto"
on_failure = "review"
"""

SCHEMA = {
    "type": "object",
    "required": ["ticket", "team"],
    "properties": {"ticket": {"type": "integer"}, "team": {"type": "string"}},
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

[people.ada]
mail = "ada@example.com"
os_user = "{user}"
[people.bob]
mail = "bob@example.com"
[people.cleo]
mail = "cleo@example.com"

[groups]
finance = ["ada"]
owner = ["cleo"]

[executors.refund]
type = "command"
argv = ["{python}", "{script}", "{ran}"]
timeout = "10s"

[executors.wavering]
type = "command"
argv = ["{python}", "{script}", "{ran}"]
timeout = "10s"
retries = 1
"""

# Fails for as long as a file beside that of what ran says so.
WAVERING = SCRIPT.replace(
    "sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)",
    """
if json.loads(line).get("fails") and not os.path.exists(sys.argv[1] + ".mended"):
    print("the share is not mounted", file=sys.stderr)
    sys.exit(75)
""",
)
assert WAVERING != SCRIPT

GATE_OF_LABELS = """
[[rules]]
name = "no labels alone"
when = 'kind == "crm.label"'
gate = "{gate}"
reason = "Labels broke the report"
reviewers = ["bob"]
"""


class PolicyHome(TestHome):
    """Ada reviews and is the OS user; cleo is the admin."""

    __test__ = False

    def __init__(
        self, root: Path, port: int, rules: str = RULES, site: str = SITE, script: str = WAVERING
    ) -> None:
        super().__init__(root, port, rules, site, script)
        (root / "schemas").mkdir(exist_ok=True)
        (root / "schemas/route.json").write_text(json.dumps(SCHEMA))

    def mend(self) -> None:
        """From now on no execution fails."""
        Path(f"{self.ran_file}.mended").touch()

    def let_decide(self, person: str) -> None:
        """Make another person the one behind our OS user; for a daemon that is down."""
        text = (self.root / "hitl-mail.toml").read_text()
        line = next(line for line in text.splitlines() if line.startswith("os_user"))
        moved = text.replace(f"{line}\n", "")
        mark = f'mail = "{person}@example.com"\n'
        self.write_site(moved.replace(mark, f"{mark}{line}\n"))

    # The policy

    def write_rules(self, text: str) -> None:
        aside = self.root / "rules.new"
        aside.write_text(text)
        aside.rename(self.root / "rules.toml")

    def policy(self) -> str:
        """The digest of the policy in force."""
        return str(json.loads((self.root / "state/health.json").read_text())["policy"])

    def change_rules(self, text: str) -> None:
        """Write other rules and wait until they are in force."""
        before = self.policy()
        self.write_rules(text)
        until(lambda: self.policy() != before or None, f"another policy\n{self.log()}")

    def faults(self) -> list[str]:
        """What `status` finds wrong."""
        found: list[str] = json.loads(self.cli("status", "--json").stdout)["faults"]
        return found

    def relax(self, rule: str) -> dict[str, Any]:
        """The daemon's answer to a request to trust a rule again."""
        name = f"relax-{uuid.uuid4().hex[:8]}"
        aside = self.root / "control/tmp" / f"{name}.json"
        aside.write_text(json.dumps({"relax": rule}))
        aside.rename(self.root / "control/new" / aside.name)
        path = self.root / "control/results" / f"{name}.json"
        until(lambda: path.exists() or None, f"answer to relax\n{self.log()}")
        answer: dict[str, Any] = json.loads(path.read_text())
        return answer

    # Receipts

    def stored(self) -> list[dict[str, Any]]:
        """All receipts as they are stored, in order."""
        from hitl_mail import open_receipts

        with open_receipts(self.root) as db:
            return [dict(receipt) for receipt in db.table("receipts").all()]

    def review_of(self, case: str, timeout: float = 20.0) -> dict[str, Any]:
        """The receipt of a case's review, once it is there."""

        def look() -> dict[str, Any] | None:
            return next((r for r in self.stored() if r["case"] == case and "reviews" in r), None)

        return until(look, f"the review of {case}\n{self.log()}", timeout)

    # The page

    def post(self, mail: Any, verb: str, note: str = "") -> int:
        """Decide on the page of a mail; the status of the answer."""
        url = link(mail)
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            page = client.get(url)
            seen = page.text.split('name="seen" value="')[1].split('"')[0]
            return client.post(url, data={"verb": verb, "note": note, "seen": seen}).status_code


def route(**changes: Any) -> dict[str, Any]:
    """A confident action under the gate `exception`."""
    action = {
        "kind": "ticket.route",
        "payload": {"ticket": 7, "team": "billing"},
        "summary": "Route a ticket",
        "why": "It speaks of an invoice",
        "confidence": 0.95,
    }
    return {key: value for key, value in (action | changes).items() if value is not None}


def sync(**changes: Any) -> dict[str, Any]:
    """An action that runs alone and fails until mended."""
    return {
        "kind": "file.sync",
        "payload": {"x": 1, "fails": True},
        "summary": "Sync a folder",
    } | changes
