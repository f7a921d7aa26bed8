"""`kill -9` at random instants under load: nothing is lost, nothing runs twice.

`storm` takes the seed and the lengths, so that a longer run is one call of it.
"""

from __future__ import annotations

import collections
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from hitl_mail import bootstrap, open_receipts
from hitl_mail.core.case import Case
from hitl_mail.home import Home
from tests.acceptance.home import TestHome, body, link, until

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
[people.bob]
mail = "bob@example.com"
[people.cleo]
mail = "cleo@example.com"
os_user = "{user}"
[agents.billing]
spool = "spool/billing"
[agents.crm]
spool = "spool/crm"
[executors.once]
type = "command"
argv = ["{python}", "{script}", "{ran}", "0"]
[executors.again]
type = "command"
argv = ["{python}", "{script}", "{ran}", "0"]
idempotent = true
[executors.broken]
type = "command"
argv = ["{python}", "{script}", "{ran}", "3"]
[executors.busy]
type = "command"
argv = ["{python}", "{script}", "{ran}", "75"]
retries = 1
[executors.busy_again]
type = "command"
argv = ["{python}", "{script}", "{ran}", "75"]
retries = 1
idempotent = true
"""

KINDS = {
    "auto.once": "once",
    "auto.again": "again",
    "auto.broken": "broken",
    "auto.busy": "busy",
    "auto.busyagain": "busy_again",
    "auto.permit": None,
    "ask.reply": "once",
    "ask.replyagain": "again",
    "ask.reject": "once",
    "ask.post": "once",
    "ask.control": "once",
    "ask.cancel": "once",
    "ask.expire": "once",
    "deny.it": "once",
}
IDEMPOTENT = {"auto.again", "auto.busyagain", "ask.replyagain"}

RULES = """
[policy]
unmatched = "hard"
reviewers = ["ada", "bob"]
expires = "24h"
[[rules]]
name = "auto"
when = 'kind.startsWith("auto.")'
gate = "auto"
reviewers = ["cleo"]
[[rules]]
name = "ask"
when = 'kind.startsWith("ask.") && kind != "ask.control"'
gate = "hard"
reviewers = ["ada", "bob", "cleo"]
[[rules]]
name = "control"
when = 'kind == "ask.control"'
gate = "hard"
reviewers = ["cleo"]
[[rules]]
name = "deny"
when = 'kind == "deny.it"'
gate = "deny"
""" + "".join(
    f'[kinds."{kind}"]\ntitle = "Do {{payload.n}}"\n'
    + (f'executor = "{executor}"\n' if executor else "")
    for kind, executor in KINDS.items()
)

# One synced write at the start and one at the end, so that two runs show whenever they are killed.
SCRIPT = """
import json, os, sys, time
payload = json.loads(sys.stdin.readline())
ran = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def note(what):
    line = [os.environ["HITL_CASE"], os.environ["HITL_IDEMPOTENCY_KEY"], what]
    os.write(ran, (json.dumps(line) + "\\n").encode())
    os.fsync(ran)
note("start")
time.sleep(payload["takes"])
note("end")
sys.exit(int(sys.argv[2]))
"""
SPOOLS = {"default": "spool", "billing": "spool/billing", "crm": "spool/crm"}


@dataclass
class Storm:
    """Agents, reviewers and somebody with `kill -9`, all by one random generator."""

    home: TestHome
    random: random.Random
    dropped: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    asked: set[tuple[str, str]] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    posts: dict[str, str] = field(default_factory=dict)
    deaths: int = 0
    # Made once: making one takes longer than a page.
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(trust_env=False, timeout=3.0, verify=False)
    )

    # The daemon

    def begin(self) -> None:
        with (self.home.root.parent / f"{self.home.root.name}-daemon.log").open("ab") as log:
            words = [sys.executable, "-m", "hitl_mail", "--home", str(self.home.root), "run"]
            self.home.daemon = subprocess.Popen(words, stdout=log, stderr=log)

    def beat(self) -> int:
        """Another number after each sign of life."""
        try:
            return (self.home.root / "state/health.json").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def await_beat(self, before: int) -> None:
        """Wait until the daemon says that it is up."""

        def look() -> bool:
            assert self.home.daemon is not None
            assert self.home.daemon.poll() is None, self.home.log()
            return self.beat() != before

        until(look, "the daemon's first beat", 120.0)

    def kill(self) -> None:
        assert self.home.daemon is not None
        assert self.home.daemon.poll() is None, self.home.log()
        self.home.daemon.kill()
        self.home.daemon.wait()
        self.deaths += 1

    def rage(self, deaths: int, lives: tuple[float, float]) -> None:
        """Load, and a kill after a time between `lives` seconds, `deaths` times.

        One life in four is counted from its first instant, so that some end in a start; the
        others from when the daemon is up, so that a slow machine gets work done, too.
        """
        for _ in range(deaths):
            before = self.beat()
            self.begin()
            if self.random.random() < 0.75:
                self.await_beat(before)
            end = time.monotonic() + self.random.uniform(*lives)
            while time.monotonic() < end:
                self.agents()
                self.reviewers()
                time.sleep(0.02)
            self.kill()

    # The agents

    def agents(self) -> None:
        for _ in range(self.random.choice((0, 0, 1, 2))):
            self.drop()
        if self.dropped and self.random.random() < 0.1:
            (agent, name), action = self.random.choice(list(self.dropped.items()))
            self.home.drop(action, f"{name}.json", SPOOLS[agent])

    def drop(self) -> None:
        number = len(self.dropped)
        kind, agent = self.random.choice(list(KINDS)), self.random.choice(list(SPOOLS))
        payload = {"n": f"{kind}:{number}", "takes": round(self.random.uniform(0, 0.1), 3)}
        action: dict[str, Any] = {"kind": kind, "payload": payload, "summary": "Do it"}
        if kind == "ask.expire":
            action["expires"] = f"{self.random.choice((1, 2))}s"
        name = f"a{number}"
        self.dropped[agent, name] = action
        self.home.drop(action, f"{name}.json", SPOOLS[agent])

    def report(self) -> None:
        """Agents that hold a permit say what they did, now and then twice."""
        for (agent, name), action in self.dropped.items():
            if action["kind"] != "auto.permit" or name in self.reported:
                continue
            result = self.home.result(name, SPOOLS[agent])
            if result is None:
                continue
            self.reported.add(name)
            report = {
                "report": result["case"],
                "permit": result["permit"]["token"],
                "outcome": {"ok": True},
            }
            for again in range(self.random.choice((1, 2))):
                self.home.drop(report, f"r-{name}-{again}.json", SPOOLS[agent])

    # The reviewers

    def reviewers(self) -> None:
        self.report()
        for mail in self.unread():
            if "/d/" not in body(mail) or (asked := (case_of(mail), str(mail["To"]))) in self.asked:
                continue
            self.asked.add(asked)
            found = re.search(r"Do (ask\.[a-z]+):(\d+)", str(mail["Subject"]))
            if found and str(mail["To"]) != "cleo@example.com":
                self.decide(found[1], f"a{found[2]}", mail)
            elif found and found[1] == "ask.control":
                self.control(mail)
        for case in list(self.posts):
            self.post(case)

    def unread(self) -> list[EmailMessage]:
        new = [
            path
            for path in (self.home.root / "mail/out/new").iterdir()
            if path.name not in self.read
        ]
        self.read.update(path.name for path in new)
        return [self.home.read(path) for path in new]

    def decide(self, kind: str, name: str, mail: EmailMessage) -> None:
        sender = str(mail["To"])
        match kind:
            case "ask.reply" | "ask.replyagain":
                self.home.reply(mail, "approve", sender)
            case "ask.reject":
                self.home.reply(mail, "reject: no", sender)
            case "ask.post":
                self.posts[case_of(mail)] = link(mail)
            case "ask.cancel" if sender == "ada@example.com":
                [agent] = [agent for agent, known in self.dropped if known == name]
                self.home.drop({"cancel": name}, f"c-{name}.json", SPOOLS[agent])

    def control(self, mail: EmailMessage) -> None:
        self.say("approve", case_of(mail))

    def say(self, verb: str, case_id: str) -> None:
        """What `hitl-mail VERB CASE` leaves in `control/`, without the half second it takes."""
        case = bootstrap.read_state(Home(self.home.root)).cases.get(case_id)
        if case is not None:
            said = {"case": case_id, "verb": verb, "seen": case.revision.digest}
            self.home.drop(said, f"{verb}-{case_id}.json", "control")

    def post(self, case: str) -> None:
        """Open the page and approve, until somebody says that it is decided."""
        try:
            answer = self.client.get(self.posts[case])
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                # All reviewers have one address here, and so one allowance: they come again.
                return
            assert answer.status_code == httpx.codes.OK, answer.text
            page = answer.text
            if 'name="seen" value="' not in page:
                del self.posts[case]
                return
            seen = page.split('name="seen" value="')[1].split('"')[0]
            said = {"verb": "approve", "note": "", "seen": seen}
            self.client.post(self.posts[case], data=said)
        except httpx.TransportError:
            return

    # The end

    def quiet(self, patience: float) -> None:
        """Run until nothing is left to do, and have a person settle what is in doubt."""
        self.begin()
        self.settle({"in_doubt"}, patience)
        for case in self.open().values():
            assert case.status == "in_doubt"
            self.say(self.random.choice(("done", "abandon")), case.id)
        self.settle(set(), patience)
        assert self.home.stop(signal.SIGTERM) == 0

    def settle(self, statuses: set[str], patience: float) -> None:
        """Wait until only cases in `statuses` are open: however slow, but never without progress.

        A machine may be as busy as it likes; what counts as stuck is a daemon of which nothing
        was seen to move for `patience` seconds.
        """
        before, moved = None, time.monotonic()
        while True:
            self.reviewers()
            left, cases = self.left(), self.open()
            if not left and {case.status for case in cases.values()} <= statuses:
                return
            now = time.monotonic()
            if (left, cases) != before:
                before, moved = (left, cases), now
            said = [(case.id, case.kind, case.status, [*case.pending]) for case in cases.values()]
            assert now - moved < patience, f"nothing moved for {patience} s: {left} {said}"
            # To look is to read the whole journal, and the daemon needs the time more.
            time.sleep(0.2)

    def left(self) -> list[str]:
        """The files that the daemon has still to take up."""
        places = [*(f"{spool}/{part}" for spool in SPOOLS.values() for part in ("new", "cur"))]
        places += ["control/new", "control/cur", "mail/in/new"]
        root = self.home.root
        return [
            str(path.relative_to(root)) for place in places for path in (root / place).glob("*")
        ]

    def open(self) -> dict[str, Case]:
        return dict(bootstrap.read_state(Home(self.home.root)).cases)

    def refused(self) -> dict[str, str]:
        """Why files were refused, by their names."""
        return {
            str(path.relative_to(self.home.root)): path.read_text()
            for spool in SPOOLS.values()
            for path in (self.home.root / spool / "refused").glob("*.error.json")
        }

    def told(self) -> str:
        """What the daemon has to say for itself, for who reads of a failure."""
        return f"refused: {self.refused()}\n{self.home.log()[-4000:]}"


def case_of(mail: EmailMessage) -> str:
    found = re.search(r"\[hitl ([0-9a-z-]+)\]", str(mail["Subject"]))
    assert found
    return found[1]


def storm(
    home: TestHome,
    seed: int,
    deaths: int = 12,
    lives: tuple[float, float] = (0.6, 2.2),
    patience: float = 30.0,
) -> Storm:
    """Load and kills, then quiet, then all the checks. AssertionError names the seed."""
    made = Storm(home, random.Random(seed))
    for spool in SPOOLS.values():
        (home.root / spool / "new").mkdir(parents=True, exist_ok=True)
    try:
        made.rage(deaths, lives)
        made.quiet(patience)
        check(made)
    except AssertionError as error:
        said = f"seed {seed}, after {made.deaths} kills: {error}\n{made.told()}"
        raise AssertionError(said) from error
    finally:
        made.client.close()
    return made


def check(made: Storm) -> None:
    home = made.home
    report = bootstrap.verify_receipts(Home(home.root))
    assert report["ok"], report
    receipts = {
        (row["agent"], row["id"]): dict(row) for row in open_receipts(home.root).table("receipts")
    }
    assert receipts.keys() == made.dropped.keys()
    assert report["count"] == len(made.dropped)
    runs: dict[str, list[str]] = collections.defaultdict(list)
    for case, key, what in map(json.loads, home.ran_file.read_text().splitlines()):
        if what == "start":
            runs[case].append(key)
    files = collections.Counter(
        str(home.read(path)["Message-ID"]) for path in (home.root / "mail/out/new").iterdir()
    )
    assert [one for one, count in files.items() if count > 1] == []
    # A packet that went out late, when others had decided, has no link any more.
    packets = [mail for mail in home.mails() if not str(mail["Subject"]).startswith("Re:")]
    asked = {(case_of(mail), str(mail["To"]).partition("@")[0]) for mail in packets}
    for (agent, name), receipt in receipts.items():
        check_case(receipt, runs[receipt["case"]])
        result = home.result(name, SPOOLS[agent])
        assert result is not None, name
        assert (result["status"], result["receipt"]["digest"]) == (
            receipt["status"],
            receipt["digest"],
        )
        for quorum in receipt["verdict"]["quorums"] if receipt["verdict"]["asks"] else []:
            for person in quorum["reviewers"]:
                assert (receipt["case"], person) in asked, f"{receipt['case']} never asked {person}"
    assert made.refused() == {}
    assert list((home.root / "mail/in/failed").iterdir()) == []
    assert "Traceback" not in home.log()
    for spool in SPOOLS.values():
        assert list((home.root / spool / "refused").iterdir()) == []


def check_case(receipt: dict[str, Any], runs: list[str]) -> None:
    """What one case's receipt may say, and how often it may have run."""
    kind, status, case = receipt["kind"], receipt["status"], receipt["case"]
    verbs = [decision["verb"] for decision in receipt["decisions"]]
    settled = [verb for verb in verbs if verb in ("done", "abandon")]
    expected = {
        "ask.reply": ["approve"],
        "ask.replyagain": ["approve"],
        "ask.post": ["approve"],
        "ask.control": ["approve"],
        "ask.reject": ["reject"],
    }.get(kind, [])
    assert verbs == expected + settled, (case, kind, receipt["decisions"])
    assert len(settled) <= 1
    statuses = {
        "deny.it": "denied",
        "ask.reject": "rejected",
        "ask.cancel": "canceled",
        "ask.expire": "expired",
        "auto.broken": "failed",
        "auto.busy": "failed",
        "auto.busyagain": "failed",
    }
    wanted = {"done": "executed", "abandon": "failed"}
    assert status == (wanted[settled[0]] if settled else statuses.get(kind, "executed")), receipt
    if kind in IDEMPOTENT:
        # An attempt that a crash ended too often is in doubt as well, and may never have run.
        assert len(set(runs)) == 1 or (settled and not runs), (case, runs)
    elif kind == "auto.busy":
        assert len(runs) <= receipt["outcome"]["attempts"] <= 2, (case, runs)
    else:
        assert len(runs) <= 1, (case, kind, runs)
    if status == "executed" and not settled and kind != "auto.permit":
        assert runs, (case, kind)
    if status in ("denied", "rejected", "canceled", "expired"):
        assert runs == [], (case, kind)


def test_a_reviewer_who_is_sent_away_for_coming_too_often_comes_again(
    quiet_home: TestHome,
) -> None:
    form = '<input type="hidden" name="seen" value="sha256:1">'
    answers = [httpx.Response(429), httpx.Response(200, text=form), httpx.Response(303)]
    answers += [httpx.Response(200, text="It is decided.")]
    came: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request.method)
        return answers[len(came) - 1]

    made = Storm(quiet_home, random.Random(1), posts={"261122-k3f9ma": "http://127.0.0.1/d/x"})
    made.client = httpx.Client(transport=httpx.MockTransport(answer))
    for _ in range(4):
        made.reviewers()
    assert (came, made.posts) == (["GET", "GET", "POST", "GET"], {})


@pytest.mark.parametrize("seed", [time.time_ns() % 1_000_000])
def test_killed_at_random_nothing_is_lost_and_nothing_runs_twice(
    make_home: Callable[..., TestHome], seed: int
) -> None:
    made = storm(make_home(site=SITE, rules=RULES, script=SCRIPT), seed)
    assert made.deaths == 12
