"""A storm over a home: agents, reviewers, and who kills the daemon, all by one random generator.

`storm` takes the seed and the lengths, so that a longer run is one call of it. With `Weather` there
is more than `kill -9`: calls that fail, a clock that jumps, servers that misbehave, and replies
that come twice and out of order.
"""

from __future__ import annotations

import collections
import random
import re
import signal
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

from hitl_mail import bootstrap
from hitl_mail.core.case import Case
from hitl_mail.home import Home
from tests.acceptance.failing_daemon import Child, Zygote
from tests.acceptance.failpoints import CALLS, FAILURES, POINTS
from tests.acceptance.home import TestHome, body, link, until
from tests.acceptance.storm_checks import check
from tests.acceptance.storm_mail import Maildirs, Post
from tests.acceptance.storm_site import KINDS, SPOOLS

_TWICE = {"ask.edit": 3, "sample.once": 3}
"""A kind about which a reviewer is asked more than once."""

_GRAVE = ("a sync that fails", "a disk that is full")

_JUMP = 1200.0
"""Seconds by which the clock may be wrong: what waits a day and a permit of an hour outlast it."""


@dataclass(frozen=True)
class Weather:
    """How often, of each life of the daemon, or of each reply."""

    points: float = 0.0
    failures: float = 0.0
    jumps: float = 0.0
    servers: float = 0.0
    twice: float = 0.0


FAIR = Weather()
FOUL = Weather(points=0.4, failures=0.2, jumps=0.5, servers=0.7, twice=0.3)


@dataclass
class Storm:
    """`deaths` counts the ends of the daemon, `stops` those after a call that failed."""

    home: TestHome
    zygote: Zygote
    random: random.Random
    weather: Weather = FAIR
    post: Post | None = None
    dropped: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    asked: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    reported: set[str] = field(default_factory=set)
    posts: dict[str, str] = field(default_factory=dict)
    outbox: list[bytes] = field(default_factory=list)
    """What reviewers wrote and no server has got yet."""
    deaths: int = 0
    stops: int = 0
    # Made once: making one takes longer than a page.
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(trust_env=False, timeout=3.0, verify=False)
    )

    def __post_init__(self) -> None:
        self.mail: Post = self.post or Maildirs(self.home)
        self.clock = self.home.root.parent / f"{self.home.root.name}.clock"
        self.set_clock(0.0)
        self.home.deliver = self.outbox.append  # type: ignore[method-assign]

    # The daemon

    def begin(self, **how: Any) -> Child:
        log = self.home.root.parent / f"{self.home.root.name}-daemon.log"
        options = {"output": log, "clock": str(self.clock), "snapshot_after": 200}
        child = self.zygote.begin(self.home.root, "run", **options, **how)
        self.home.daemon = child  # type: ignore[assignment]
        return child

    def set_clock(self, ahead: float) -> None:
        aside = self.clock.with_suffix(".new")
        aside.write_text(str(ahead))
        aside.rename(self.clock)

    def fate(self) -> dict[str, Any]:
        """How this life of the daemon is to end, if not by a kill from outside."""
        drawn = self.random.random()
        if drawn < self.weather.points:
            point = self.random.choice([*POINTS, *CALLS])
            return {"point": point, "nth": self.random.randint(1, 40)}
        if drawn < self.weather.points + self.weather.failures:
            # Half of them end the daemon.
            fault = self.random.choice([*FAILURES, *_GRAVE, *_GRAVE])
            point, number = FAILURES[fault]
            return {"point": point, "nth": self.random.randint(1, 40), "fails": number}
        return {}

    def beat(self) -> int:
        """Another number after each sign of life."""
        try:
            return (self.home.root / "state/health.json").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def await_beat(self, before: int, child: Child) -> None:
        """Wait until the daemon says that it is up, or is at its end."""
        until(
            lambda: child.poll() is not None or self.beat() != before,
            "the daemon's first beat",
            120.0,
        )

    def kill(self, child: Child, fate: dict[str, Any]) -> None:
        """It ends now, unless it did already, and as it should."""
        child.kill()
        code = child.wait(30)
        expected = (-signal.SIGKILL, 1) if "fails" in fate else (-signal.SIGKILL,)
        assert code in expected, f"ended with {code} under {fate}: {self.home.log()[-2000:]}"
        self.deaths += 1
        self.stops += code == 1

    def rage(self, deaths: int, lives: tuple[float, float]) -> None:
        """Load, and a kill after a time between `lives` seconds, `deaths` times.

        One life in four is counted from its first instant, so that some end in a start; the
        others from when the daemon is up, so that a slow machine gets work done, too.
        """
        for _ in range(deaths):
            before, fate = self.beat(), self.fate()
            child = self.begin(**fate)
            if self.random.random() < 0.75:
                self.await_beat(before, child)
            if self.random.random() < self.weather.jumps:
                self.set_clock(self.random.uniform(-_JUMP, _JUMP))
            if self.random.random() < self.weather.servers:
                self.mail.misbehave(self.random)
            end = time.monotonic() + self.random.uniform(*lives)
            while time.monotonic() < end and child.poll() is None:
                self.agents()
                self.reviewers()
                time.sleep(0.02)
            self.kill(child, fate)

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
        for mail in self.mail.unread():
            found = re.search(r"Do ([a-z]+\.[a-z]+):(\d+)", str(mail["Subject"]))
            if "/d/" not in body(mail) or not found:
                continue
            asked = (case_of(mail), str(mail["To"]))
            self.asked[asked] += 1
            if self.asked[asked] > _TWICE.get(found[1], 1):
                continue
            if found[1] == "ask.control":
                self.say("approve", asked[0])
            elif asked[1] != "cleo@example.com":
                self.decide(found[1], f"a{found[2]}", mail)
        for case in list(self.posts):
            self.visit(case)
        self.send()

    def send(self) -> None:
        """Hand on what was written: not always in its order, and now and then twice."""
        self.random.shuffle(self.outbox)
        while self.outbox and (not self.weather.twice or self.random.random() < 0.6):
            message = self.outbox.pop()
            self.mail.deliver(message)
            if self.random.random() < self.weather.twice:
                self.outbox.append(message)

    def decide(self, kind: str, name: str, mail: EmailMessage) -> None:
        sender = str(mail["To"])
        match kind:
            case "ask.reply" | "ask.replyagain":
                self.home.reply(mail, "approve", sender)
            case "ask.reject":
                self.home.reply(mail, "reject: no", sender)
            case "ask.edit":
                first = self.asked[case_of(mail), sender] == 1
                edits = first and sender == "ada@example.com"
                self.home.reply(mail, "edit\ntakes = 0.01" if edits else "approve", sender)
            case "sample.once":
                self.home.reply(mail, self.random.choice(("ok", "flag: look at it")), sender)
            case "ask.post":
                self.posts[case_of(mail)] = link(mail)
            case "ask.cancel" if sender == "ada@example.com":
                [agent] = [agent for agent, known in self.dropped if known == name]
                self.home.drop({"cancel": name}, f"c-{name}.json", SPOOLS[agent])

    def say(self, verb: str, case_id: str) -> None:
        """What `hitl-mail VERB CASE` leaves in `control/`, without the half second it takes."""
        case = bootstrap.read_state(Home(self.home.root)).cases.get(case_id)
        if case is not None:
            said = {"case": case_id, "verb": verb, "seen": case.revision.digest}
            self.home.drop(said, f"{verb}-{case_id}.json", "control")

    def visit(self, case: str) -> None:
        """Open the page and approve, until somebody says that it is decided."""
        try:
            answer = self.client.get(self.posts[case])
            if answer.status_code in (429, 503):
                # All reviewers have one address here, and so one allowance; and a daemon whose
                # disk failed says so until it has stopped. They come again.
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
        # All that was put off is due by now, whatever the clock said when it was.
        self.set_clock(2 * _JUMP if self.weather.jumps else 0.0)
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
        """What the daemon has still to take up."""
        places = [*(f"{spool}/{part}" for spool in SPOOLS.values() for part in ("new", "cur"))]
        places += ["control/new", "control/cur"]
        found: list[Path] = [
            path for place in places for path in (self.home.root / place).glob("*")
        ]
        written = [f"{len(self.outbox)} replies to be sent"] if self.outbox else []
        return (
            [str(path.relative_to(self.home.root)) for path in found] + written + (self.mail.left())
        )

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
    zygote: Zygote,
    seed: int,
    *,
    deaths: int = 12,
    lives: tuple[float, float] = (0.6, 2.2),
    patience: float = 30.0,
    weather: Weather = FAIR,
    post: Post | None = None,
) -> Storm:
    """Load and kills, then quiet, then all the checks. AssertionError names the seed."""
    made = Storm(home, zygote, random.Random(seed), weather, post)
    for spool in SPOOLS.values():
        (home.root / spool / "new").mkdir(parents=True, exist_ok=True)
    try:
        made.rage(deaths, lives)
        made.quiet(patience)
        check(home, made.mail, made.dropped, made.refused(), fair=weather == FAIR)
    except AssertionError as error:
        said = f"seed {seed}, after {made.deaths} kills: {error}\n{made.told()}"
        raise AssertionError(said) from error
    finally:
        made.client.close()
        if home.daemon is not None and home.daemon.poll() is None:
            home.daemon.kill()
            home.daemon.wait(30)
        home.daemon = None
    return made
