"""A home in which one action lives its life, told as a story, while the daemon dies or its calls
fail; and what must be left in the end, whenever that was."""

from __future__ import annotations

import collections
import email
import email.policy
import getpass
import itertools
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from hitl_mail import bootstrap, open_receipts
from hitl_mail.home import Home
from tests.acceptance.failing_daemon import Zygote
from tests.acceptance.home import body
from tests.servers.process import free_port
from tests.servers.smtp_sink import Received, SmtpSink
from tests.servers.webhook import Receiver

KILLED = -9
PAYLOAD = {"amount": 49}
MAIL = {"to": "customer@example.com", "subject": "Hello", "text": "Hello"}

SITE = """
[site]
name = "Test approvals"
admins = ["cleo"]
[mail]
address = "approvals@example.com"
{mail}
[mail.authentication]
require = "token"
[people.ada]
mail = "ada@example.com"
[people.cleo]
mail = "cleo@example.com"
os_user = "{user}"
[executors.once]
type = "command"
argv = ["{python}", "run.py"]
[executors.again]
type = "command"
argv = ["{python}", "run.py"]
idempotent = true
[executors.post]
type = "http"
url = "{url}/status/200"
secret_file = "state/secret"
[executors.send]
type = "mail"
from = "desk@example.com"
"""

SMTP = """
transport = "smtp"
[mail.smtp]
host = "127.0.0.1"
port = {port}
tls = "none"
timeout = "5s"
[mail.imap]
host = "127.0.0.1"
port = {deaf}
tls = "none"
username = "approvals"
password_file = "state/secret"
"""

RULES = """
[policy]
unmatched = "hard"
reviewers = ["cleo"]
expires = "24h"
[kinds."mail.once"]
executor = "once"
[kinds."control.once"]
executor = "once"
[kinds."auto.once"]
executor = "once"
[kinds."auto.again"]
executor = "again"
[kinds."auto.post"]
executor = "post"
[kinds."auto.send"]
executor = "send"
[[rules]]
name = "mail"
when = 'kind == "mail.once"'
gate = "hard"
reviewers = ["ada", "cleo"]
[[rules]]
name = "auto"
when = 'kind.startsWith("auto.")'
gate = "auto"
"""

# Written whole and synced: what ran is known although the daemon dies at the same instant.
SCRIPT = """
import os
line = " ".join(os.environ["HITL_" + name] for name in ("CASE", "IDEMPOTENCY_KEY")) + "\\n"
ran = os.open("ran", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(ran, line.encode())
os.fsync(ran)
"""


@dataclass
class Outside:
    """The servers that a home speaks to, for as many homes as there are."""

    sink: SmtpSink
    receiver: Receiver
    deaf: int = field(default_factory=free_port)
    """Where nobody listens: replies are of no matter here."""


@dataclass
class Life:
    """One home. What its daemon does in the step under test is another's to say."""

    root: Path
    zygote: Zygote
    outside: Outside
    smtp: bool = False
    sent: list[Received] = field(default_factory=list)
    """By SMTP, before a life that is copied from this one begins."""

    def cli(self, *words: str, **how: Any) -> tuple[int, str]:
        return self.zygote.live(self.root, *words, **how)

    def daemon(self, point: str = "", nth: int = 1) -> bool:
        """One pass of the daemon that may die; then a whole one. Whether it died."""
        status, output = self.cli("run", "--once", point=point, nth=nth, snapshot_after=2)
        assert status in (0, KILLED), output
        if status == KILLED:
            status, output = self.cli("run", "--once", snapshot_after=2)
            assert status == 0, output
            return True
        return False

    def drop(self, kind: str) -> None:
        payload = MAIL if kind == "auto.send" else PAYLOAD
        action = {"kind": kind, "payload": payload, "summary": "Do it"}
        (self.root / "spool/new/act.json").write_text(json.dumps(action))

    def mails(self) -> list[EmailMessage]:
        """Those to people; what an executor sends is among what ran."""
        if self.smtp:
            found = [mail.content for mail in self.outside.sink.received]
        else:
            found = [path.read_bytes() for path in sorted((self.root / "mail/out/new").iterdir())]
        read = (email.message_from_bytes(data, policy=email.policy.default) for data in found)
        return [mail for mail in read if "customer@" not in str(mail["To"])]

    def packet(self, to: str) -> EmailMessage:
        [mail] = [mail for mail in self.mails() if to in str(mail["To"])]
        return mail

    def reply(self, text: str) -> None:
        packet = self.packet("ada@example.com")
        answer = EmailMessage()
        answer["From"] = "ada@example.com"
        answer["To"] = str(packet["Reply-To"])
        answer["Subject"] = "Re: " + str(packet["Subject"])
        answer["In-Reply-To"] = str(packet["Message-ID"])
        answer["Message-ID"] = f"<{uuid.uuid4().hex}@client.example>"
        quoted = "\n".join("> " + line for line in body(packet).splitlines())
        answer.set_content(f"{text}\n\nOn Monday, approvals wrote:\n{quoted}\n")
        (self.root / "mail/in/new/reply").write_bytes(bytes(answer))

    def say(self, verb: str) -> None:
        [case] = self.open
        assert self.cli(verb, case)[0] == 0

    @property
    def open(self) -> dict[str, str]:
        """The open cases and their statuses."""
        state = bootstrap.read_state(Home(self.root))
        return {case.id: case.status for case in state.cases.values()}

    def ran(self) -> list[str]:
        """A word for each run of an executor: what is the same is the same attempt's."""
        path = self.root / "ran"
        commands = path.read_text().splitlines() if path.exists() else []
        posts = [post.headers["idempotency-key"] for post in self.outside.receiver.received]
        sent = [path.name for path in (self.root / "mail/out/new").glob("execute-*")]
        return commands + posts + sent

    def receipts(self) -> list[dict[str, Any]]:
        """All there are, once they are verified."""
        report = bootstrap.verify_receipts(Home(self.root))
        assert report["ok"], report
        return [dict(receipt) for receipt in open_receipts(self.root).table("receipts")]


class Lives:
    """Makes homes: fresh ones, copied from one that `init` made, or from the home of a life."""

    def __init__(self, root: Path, zygote: Zygote, outside: Outside) -> None:
        self._root, self._zygote, self._outside = root, zygote, outside
        self._numbers = itertools.count()
        for smtp in (False, True):
            first = root / f"first-{smtp}"
            assert zygote.live(first, "init", str(first))[0] == 0
            ports = {"port": outside.sink.port, "deaf": outside.deaf}
            site = SITE.format(
                mail=SMTP.format(**ports) if smtp else 'transport = "maildir"',
                user=getpass.getuser(),
                python=sys.executable,
                url=outside.receiver.url,
            )
            (first / "hitl-mail.toml").write_text(site)
            (first / "rules.toml").write_text(RULES)
            (first / "run.py").write_text(SCRIPT)
            (first / "state/secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
            (first / "state/secret").chmod(0o600)

    def __call__(self, like: Life | None = None, *, smtp: bool = False) -> Life:
        root = self._root / f"home{next(self._numbers)}"
        smtp = like.smtp if like else smtp
        shutil.copytree(like.root if like else self._root / f"first-{smtp}", root)
        self._outside.sink.received[:] = like.sent if like else []
        self._outside.receiver.received.clear()
        return Life(root, self._zygote, self._outside, smtp)


@dataclass(frozen=True)
class Story:
    """What is dropped, and what a person does about it."""

    kind: str
    says: Callable[[Life], None] | None
    verbs: list[str]
    status: str = "executed"
    runs: int = 1
    smtp: bool = False


STORIES = {
    "auto": Story("auto.once", None, []),
    "auto and idempotent": Story("auto.again", None, []),
    "auto by http": Story("auto.post", None, []),
    "auto by mail": Story("auto.send", None, []),
    "by reply": Story("mail.once", lambda life: life.reply("approve"), ["approve"]),
    "rejected by reply": Story(
        "mail.once", lambda life: life.reply("reject: no"), ["reject"], "rejected", 0
    ),
    "by control file": Story("control.once", lambda life: life.say("approve"), ["approve"]),
    "rejected by control file": Story(
        "control.once", lambda life: life.say("reject"), ["reject"], "rejected", 0
    ),
    "asked by smtp": Story(
        "control.once", lambda life: life.say("approve"), ["approve"], smtp=True
    ),
}


def play(life: Life, story: Story, phase: int, point: str, nth: int) -> bool:
    """The story from this phase to its end, the daemon dying in it. Whether it did."""
    died = False
    if phase == 0:
        life.drop(story.kind)
        died = life.daemon(point, nth)
        if story.says is None:
            return died
        point = ""
    assert list(life.open.values()) == ["pending"]
    assert story.says is not None
    story.says(life)
    return life.daemon(point, nth) or died


def settle(life: Life) -> bool:
    """A person looks at what is in doubt and finds that it ran, or did not. Whether they had to."""
    if not life.open:
        return False
    assert list(life.open.values()) == ["in_doubt"]
    life.say("done" if life.ran() else "abandon")
    life.daemon()
    return True


def check(life: Life, story: Story, doubted: bool) -> None:
    """The final facts, the same whenever the daemon died."""
    [receipt], runs = life.receipts(), life.ran()
    assert life.open == {}
    ran = bool(runs) or not (doubted or _found_no_room(receipt, story))
    assert receipt["status"] == (story.status if ran else "failed")
    said = [decision["verb"] for decision in receipt["decisions"]]
    assert said == story.verbs + (["done" if ran else "abandon"] if doubted else [])
    if "again" in story.kind:
        assert (len(set(runs)), len(runs) in (1, 2), doubted) == (1, True, False)
    else:
        assert len(runs) == (story.runs if ran else 0)
    result = json.loads((life.root / "spool/results/act.json").read_text())
    assert result["status"] == receipt["status"]
    assert result["receipt"]["digest"] == receipt["digest"]
    for place in ("spool/new", "spool/cur", "spool/refused", "control/new", "control/cur"):
        assert list((life.root / place).iterdir()) == [], place
    for answer in (life.root / "control/results").iterdir():
        assert json.loads(answer.read_text())["ok"] is True
    assert list((life.root / "mail/in/new").iterdir()) == []
    check_mails(life, story, doubted)


def _found_no_room(receipt: dict[str, Any], story: Story) -> bool:
    """Whether what was to run was a mail that the disk refused: it has failed, beyond doubt."""
    error = (receipt["outcome"] or {}).get("error", "")
    return story.kind == "auto.send" and error.startswith("cannot write a mail into ")


def check_mails(life: Life, story: Story, doubted: bool) -> None:
    """Each mail at least once, by a Maildir exactly once, and none that says something else."""
    found = life.mails()
    times = collections.Counter(str(mail["Message-ID"]) for mail in found)
    assert not times or max(times.values()) <= (2 if story.smtp else 1), times
    assert len({bytes(mail) for mail in found}) == len(times)
    asked = {"mail.once": ["ada", "cleo"], "control.once": ["cleo"]}.get(story.kind, [])
    doubts = (asked or ["cleo"]) if doubted else []
    outcome = ["ada"] if story.kind == "mail.once" else []
    addresses = sorted(f"{name}@example.com" for name in (*asked, *doubts, *outcome))
    by_id = {str(mail["Message-ID"]): str(mail["To"]) for mail in found}
    assert sorted(by_id.values()) == addresses


def reached_in(life: Life, story: Story, phase: int) -> dict[str, int]:
    """How often each point is reached in a phase that nothing disturbs."""
    if phase == 0 or story.says is None:
        life.drop(story.kind)
    else:
        story.says(life)
    assert not life.daemon()
    return life.zygote.reached()


def begun(new_life: Lives, story: Story, phase: int) -> Life:
    """A home in which the story has come to its phase."""
    begin = new_life(smtp=story.smtp)
    if phase == 1:
        begin.drop(story.kind)
        begin.daemon()
        begin.sent[:] = begin.outside.sink.received
    return begin


def instants(reached: dict[str, int], points: Iterable[str]) -> list[tuple[str, int]]:
    """Every call of every point."""
    return [(point, nth) for point in points for nth in range(1, reached.get(point, 0) + 1)]
