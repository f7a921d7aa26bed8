"""Every instant at which the daemon may die, one after the other: what is left is the same."""

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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from hitl_mail import bootstrap, open_receipts
from hitl_mail.home import Home
from tests.acceptance.failing_daemon import POINTS, Zygote
from tests.acceptance.home import body

KILLED = -9
PAYLOAD = {"amount": 49}

SITE = """
[site]
name = "Test approvals"
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
os_user = "{user}"
[executors.once]
type = "command"
argv = ["{python}", "run.py"]
[executors.again]
type = "command"
argv = ["{python}", "run.py"]
idempotent = true
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
class Life:
    """One home; `point`, `nth`: how the daemon dies in the step that is under test."""

    root: Path
    zygote: Zygote

    def cli(self, *words: str, **how: Any) -> tuple[int, str]:
        return self.zygote.live(self.root, *words, **how)

    def daemon(self, point: str, nth: int) -> bool:
        """One pass of the daemon that may die; then a whole one. Whether it died."""
        status, output = self.cli("run", "--once", point=point, nth=nth, snapshot_after=2)
        assert status in (0, KILLED), output
        if status == KILLED:
            status, output = self.cli("run", "--once", snapshot_after=2)
            assert status == 0, output
            return True
        return False

    def drop(self, kind: str) -> None:
        action = {"kind": kind, "payload": PAYLOAD, "summary": "Do it"}
        (self.root / "spool/new/act.json").write_text(json.dumps(action))

    def mails(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted((self.root / "mail/out/new").iterdir())
        ]

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
        path = self.root / "ran"
        return path.read_text().splitlines() if path.exists() else []

    def receipts(self) -> list[dict[str, Any]]:
        """All there are, once they are verified."""
        report = bootstrap.verify_receipts(Home(self.root))
        assert report["ok"], report
        return [dict(receipt) for receipt in open_receipts(self.root).table("receipts")]


@dataclass(frozen=True)
class Story:
    """What is dropped, and what a person does about it."""

    kind: str
    says: Callable[[Life], None] | None
    verbs: list[str]
    status: str = "executed"
    runs: int = 1


STORIES = {
    "auto": Story("auto.once", None, []),
    "auto and idempotent": Story("auto.again", None, []),
    "by reply": Story("mail.once", lambda life: life.reply("approve"), ["approve"]),
    "rejected by reply": Story(
        "mail.once", lambda life: life.reply("reject: no"), ["reject"], "rejected", 0
    ),
    "by control file": Story("control.once", lambda life: life.say("approve"), ["approve"]),
    "rejected by control file": Story(
        "control.once", lambda life: life.say("reject"), ["reject"], "rejected", 0
    ),
}


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    made = Zygote(tmp_path_factory.mktemp("zygote") / "output")
    yield made
    made.close()


@pytest.fixture
def new_life(tmp_path: Path, zygote: Zygote) -> Callable[..., Life]:
    """A fresh home each time, copied from one that `init` made, or from the home of a life."""
    first = tmp_path / "first"
    assert zygote.live(first, "init", str(first))[0] == 0
    site = SITE.format(user=getpass.getuser(), python=sys.executable)
    (first / "hitl-mail.toml").write_text(site)
    (first / "rules.toml").write_text(RULES)
    (first / "run.py").write_text(SCRIPT)

    numbers = itertools.count()

    def make(like: Life | None = None) -> Life:
        root = tmp_path / f"home{next(numbers)}"
        shutil.copytree(like.root if like else first, root)
        return Life(root, zygote)

    return make


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
    life.daemon("", 1)
    return True


def check(life: Life, story: Story, doubted: bool) -> None:
    """The final facts, the same whenever the daemon died."""
    [receipt], runs = life.receipts(), life.ran()
    assert life.open == {}
    ran = bool(runs) or not doubted
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


def check_mails(life: Life, story: Story, doubted: bool) -> None:
    """Each mail once, and none that says something else than the others."""
    found = life.mails()
    assert collections.Counter(str(mail["Message-ID"]) for mail in found).most_common(1)[:1] in (
        [],
        [(str(found[0]["Message-ID"]), 1)] if found else [],
    )
    asked = {"mail.once": ["ada", "cleo"], "control.once": ["cleo"]}.get(story.kind, [])
    doubts = (asked or ["cleo"]) if doubted else []
    outcome = ["ada"] if story.kind == "mail.once" else []
    addresses = sorted(f"{name}@example.com" for name in (*asked, *doubts, *outcome))
    assert sorted(str(mail["To"]) for mail in found) == addresses


def reached_in(life: Life, story: Story, phase: int) -> dict[str, int]:
    """How often each point is reached in a phase that nothing disturbs."""
    if phase == 0 or story.says is None:
        life.drop(story.kind)
    else:
        story.says(life)
    assert not life.daemon("", 1)
    return life.zygote.reached()


def walk(new_life: Callable[..., Life], story: Story, phase: int, points: Iterable[str]) -> int:
    """Die at every call of every point; how many deaths that was."""
    begin = new_life()
    if phase == 1:
        begin.drop(story.kind)
        begin.daemon("", 1)
    reached, deaths = reached_in(new_life(begin), story, phase), 0
    for point in points:
        for nth in range(1, reached[point] + 1):
            life = new_life(begin)
            try:
                deaths += play(life, story, phase, point, nth)
                check(life, story, settle(life))
            except AssertionError as error:
                where = f"killed in phase {phase} at: {point}, time {nth}"
                raise AssertionError(f"{where}\n{error}") from error
    return deaths


@pytest.mark.parametrize(("story", "phase"), [("auto", 0), ("by reply", 0), ("by reply", 1)])
def test_whenever_the_daemon_dies_the_same_is_left(
    new_life: Callable[..., Life], story: str, phase: int
) -> None:
    assert walk(new_life, STORIES[story], phase, POINTS) > 15


@pytest.mark.parametrize(
    ("story", "phase", "points"),
    [
        ("auto and idempotent", 0, "executor"),
        ("rejected by reply", 1, "inbox"),
        ("by control file", 1, "spool"),
        ("rejected by control file", 1, "spool"),
    ],
)
def test_the_same_is_left_however_it_was_decided(
    new_life: Callable[..., Life], story: str, phase: int, points: str
) -> None:
    reached = [point for point in POINTS if point.startswith(points)]
    assert walk(new_life, STORIES[story], phase, reached) > 1


def test_a_letter_that_decided_but_was_not_put_away_is_not_told_that_it_came_late(
    new_life: Callable[..., Life],
) -> None:
    life, told = new_life(), STORIES["rejected by reply"]
    play(life, told, 0, "", 1)
    [read] = (life.root / "mail/in/cur").iterdir()
    read.rename(life.root / "mail/in/new/reply")
    life.daemon("", 1)
    check(life, told, doubted=False)


def test_a_control_file_that_decided_but_was_not_answered_is_answered_with_what_it_did(
    new_life: Callable[..., Life],
) -> None:
    life = new_life()
    life.drop("control.once")
    life.daemon("", 1)
    life.say("reject")
    [command] = (life.root / "control/new").iterdir()
    data = command.read_bytes()
    life.daemon("", 1)
    [answer] = (life.root / "control/results").iterdir()
    answer.unlink()
    command.write_bytes(data)
    life.daemon("", 1)
    told = json.loads(answer.read_text())
    assert (told["ok"], told.get("verb"), told.get("status")) == (True, "reject", "rejected")
    assert len(life.receipts()) == 1


@pytest.mark.parametrize("point", ["journal append, before", "spool done, before"])
def test_a_file_is_not_to_blame_for_a_daemon_that_is_killed_again_and_again(
    new_life: Callable[..., Life], point: str
) -> None:
    life = new_life()
    life.drop("mail.once")
    life.daemon("", 1)
    (life.root / "spool/new/cancel.json").write_text(json.dumps({"cancel": "act"}))
    for _ in range(6):
        status, output = life.cli("run", "--once", point=point)
        assert status == KILLED, output
    life.daemon("", 1)
    [receipt] = life.receipts()
    assert receipt["status"] == "canceled"
    for place in ("spool/new", "spool/cur", "spool/refused"):
        assert list((life.root / place).iterdir()) == [], place
