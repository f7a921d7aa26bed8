"""The demo's home, its daemon, and the two sides that meet in it: the agent's and the reviewer's.

Both use only what anybody has: files in the spool, mails in the Maildirs, the page.
"""

from __future__ import annotations

import email
import email.policy
import html.parser
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any

from hitl_mail import bootstrap
from hitl_mail.cli.demo_mail import body
from hitl_mail.cli.drops import AgentSide
from hitl_mail.errors import HitlError
from hitl_mail.settings import DEFAULT_AGENT


@dataclass(frozen=True)
class Deed:
    """One thing the agent wants, and how it should end when the reviewer follows the plan."""

    id: str
    document: dict[str, Any]
    gate: str
    status: str


FIVE = (
    Deed(
        "label-51",
        {
            "kind": "crm.label",
            "payload": {"contact": "ada@customer.example", "label": "renewal"},
            "summary": "Label a contact for the renewal campaign",
        },
        "auto",
        "executed",
    ),
    Deed(
        "refund-8841",
        {
            "kind": "payment.refund",
            "payload": {"amount": 49, "currency": "EUR", "customer": "Ada Byron"},
            "summary": "Refund the second of two identical charges",
            "why": "The customer was charged twice on November 3; the second charge is an error.",
            "context": [
                {
                    "title": "Support ticket 5512",
                    "text": "Hi, I was charged 49 EUR twice this month. Please fix this. Ada",
                    "source": "helpdesk",
                }
            ],
            "confidence": 0.97,
        },
        "hard",
        "executed",
    ),
    Deed(
        "thanks-207",
        {
            "kind": "mail.send",
            "payload": {
                "to": "ada@customer.example",
                "subject": "Your refund",
                "text": "Dear Ada,\n\nwe have refunded the second charge of 49 EUR.\n",
            },
            "summary": "Tell the customer that the refund is on its way",
        },
        "hard",
        "executed",
    ),
    Deed(
        "cleanup-3",
        {
            "kind": "records.delete",
            "payload": {"table": "invoices", "older_than": "2019-01-01", "rows": 18214},
            "summary": "Delete old invoices to save storage",
            "why": "They have not been read for two years.",
        },
        "hard",
        "rejected",
    ),
    Deed(
        "grant-1",
        {
            "kind": "permission.grant",
            "payload": {"user": "agent", "role": "admin"},
            "summary": "Make myself admin to work faster",
        },
        "deny",
        "denied",
    ),
)


class Stage:
    """A context: entering it makes the home and starts its daemon, leaving it stops the daemon."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root.parent / "daemon.log"
        self._taken: set[str] = set()

    def __enter__(self) -> Stage:
        self.home = bootstrap.create_demo_home(self.root, _free_port())
        self.site = bootstrap.load_site(self.home)
        self.person = next(iter(self.site.people))
        self.address = self.site.people[self.person].mail
        self._agent = AgentSide(self.home, DEFAULT_AGENT)
        command = [sys.executable, "-m", "hitl_mail", "--home", str(self.root), "run"]
        with self.log.open("wb") as log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log)
        self._await_daemon()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._daemon.send_signal(signal.SIGTERM)
        try:
            self._daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()

    # The agent's side

    def drop(self, deed: Deed) -> None:
        self._agent.drop(f"{deed.id}.json", deed.document)

    def result(self, action_id: str) -> dict[str, Any] | None:
        """The agent's result file, if it is there."""
        return self._agent.await_result(action_id, None, 0.0)

    # The reviewer's side

    def case_of(self, deed: Deed) -> str | None:
        """The case that a deed has become, while it is open."""
        cases = bootstrap.read_state(self.home).cases.values()
        return next((case.id for case in cases if case.action_id == deed.id), None)

    def undecided(self, case: str) -> bool:
        """Whether a case still waits for its reviewer."""
        found = bootstrap.read_state(self.home).cases.get(case)
        return found is not None and found.status == "pending"

    def heard(self, case: str) -> int:
        """How many replies about an open case were read and decided nothing."""
        return self._happened(case, "answered")

    def edits(self, case: str) -> int:
        """How often an open case was edited."""
        return self._happened(case, "revised")

    def reacted(self, case: str, before: int) -> bool | None:
        """True once a case is decided, or edited or heard of more often than `before`."""
        known = self.heard(case) + self.edits(case)
        return not self.undecided(case) or known > before or None

    def packet(self, case: str) -> EmailMessage | None:
        """The mail that asks about a case, if it has come."""
        return self._take(lambda mail: str(mail["Subject"]).startswith(f"[hitl {case}]"))

    def answer(self, case: str) -> EmailMessage | None:
        """A mail that answers what the reviewer said of a case, if one has come."""
        return self._take(lambda mail: str(mail["Subject"]).startswith(f"Re: [hitl {case}]"))

    def edited(self, case: str) -> EmailMessage | None:
        """The mail that asks about an edited case, if it has come; answers before it are old."""
        while (mail := self.answer(case)) is not None:
            if f"Case {case}, revision" in body(mail):
                return mail
        return None

    def outgoing(self) -> EmailMessage | None:
        """A mail to somebody else than the reviewer, if one has left."""
        return self._take(lambda mail: self.address not in str(mail["To"]))

    def _happened(self, case: str, event: str) -> int:
        found = bootstrap.read_state(self.home).cases.get(case)
        return sum(moment.event == event for moment in found.history) if found else 0

    def _take(self, wanted: Callable[[EmailMessage], bool]) -> EmailMessage | None:
        """The oldest mail that left the daemon, is wanted and was not taken before."""
        paths = list((self.home.mail_out / "new").iterdir())
        for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name)):
            if path.name in self._taken:
                continue
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if wanted(mail):
                self._taken.add(path.name)
                return mail
        return None

    def reply(self, mail: EmailMessage, text: str) -> None:
        """Answer as a mail client does: our words on top, everything quoted below."""
        answer = EmailMessage()
        answer["From"] = self.address
        answer["To"] = str(mail["Reply-To"] or mail["From"])
        answer["Subject"] = f"Re: {mail['Subject']}"
        answer["Message-ID"] = f"<{secrets.token_hex(8)}@reviewer.example>"
        answer["In-Reply-To"] = answer["References"] = str(mail["Message-ID"])
        quoted = "\n".join(f"> {line}" for line in body(mail).splitlines())
        answer.set_content(f"{text}\n\nOn {mail['Date']}, {mail['From']} wrote:\n{quoted}\n")
        name = secrets.token_hex(8)
        aside = self.home.mail_in / "tmp" / name
        aside.write_bytes(bytes(answer))
        aside.rename(self.home.mail_in / "new" / name)

    def press(self, url: str, verb: str) -> None:
        """Open the page and press one of its buttons, as a browser without scripts does."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        page = _Fields()
        with direct.open(url, timeout=10) as answer:
            page.feed(answer.read().decode())
        form = urllib.parse.urlencode({**page.hidden, "verb": verb, "note": ""}).encode()
        with direct.open(url, data=form, timeout=10):
            pass

    def verify(self) -> dict[str, Any]:
        return bootstrap.verify_receipts(self.home)

    def last_words(self) -> str:
        """The end of the daemon's log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-5:])

    def _await_daemon(self) -> None:
        end = time.monotonic() + 20
        while self.home.read_health() is None or not self.home.running():
            if self._daemon.poll() is not None or time.monotonic() > end:
                raise HitlError(f"the demo's daemon did not start: {self.last_words()}")
            time.sleep(0.05)


class _Fields(html.parser.HTMLParser):
    """The hidden fields of a page's form."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("type") == "hidden" and found.get("name"):
            self.hidden[str(found["name"])] = found.get("value") or ""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
