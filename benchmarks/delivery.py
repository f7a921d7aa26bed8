"""The whole daemon, as a process of its own, from the outside: files, mails, a real Dovecot.

Everything is timed one at a time on a daemon that is otherwise idle, except where it says at once.
"""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import figures, work
from hitl_mail.bootstrap import read_state
from hitl_mail.home import Home
from tests.acceptance.home import RULES, TestHome, refund
from tests.acceptance.post import PASSWORD_FILE, site
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, dovecot_at
from tests.servers.process import free_port
from tests.servers.smtp_sink import Received, SmtpSink, smtp_sink_at

DENY = '[policy]\nunmatched = "deny"\nunknown_kind = "deny"\n'

RAN = """#!/bin/sh
# Only what the shell itself can do, so that nothing is measured but the way here.
: > "$1-$HITL_CASE"
"""


class Seen(list[Received]):
    """The sink's mails, with the moment of each."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[float] = []
        self.more = threading.Condition()

    def append(self, mail: Received) -> None:
        """A mail was handed over, whole."""
        with self.more:
            self.moments.append(time.perf_counter())
            super().append(mail)
            self.more.notify_all()

    def moment(self, number: int) -> float:
        """When that mail came, waited for; counted from 0."""
        with self.more:
            assert self.more.wait_for(lambda: len(self) > number, 30), "no mail came"
        return self.moments[number]


class MailHome(TestHome):
    """A home that sends to a sink and reads at Dovecot, or at a port where nobody listens."""

    __test__ = False

    def write_site(self, text: str) -> None:
        super().write_site(text.replace(_python(), '"/bin/sh"'))
        password = self.root / PASSWORD_FILE
        password.write_text(PASSWORD)
        password.chmod(0o600)


def _python() -> str:
    return json.dumps(sys.executable)


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """All of it; what needs Dovecot is None where there is none."""
    directory.mkdir()
    found: dict[str, Any] = {"mail": None, "reply": None}
    with smtp_sink_at(directory) as sink:
        found["mail"] = _drop_to_mail(directory, sink, 5 if quick else 200)
    if not quick and shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
        found["reply"] = _reply_to_run(directory, 20)
    found["control"] = _control_to_result(directory, 5 if quick else 100, 20 if quick else 1000)
    found["denied"] = _denied(directory, 20 if quick else 3000)
    return found


def _mail_home(root: Path, sink: SmtpSink, imap_port: int) -> MailHome:
    smtp = {"host": sink.host, "port": sink.port, "tls": "none"}
    imap = {
        **{"host": "127.0.0.1", "port": imap_port, "tls": "none", "username": APPROVALS},
        "password_file": PASSWORD_FILE,
    }
    return MailHome(root, free_port(), RULES, site(smtp, imap, finance='["ada"]'), RAN)


def _drop_to_mail(directory: Path, sink: SmtpSink, count: int) -> dict[str, float]:
    """A file is renamed into the spool; its mail is in the SMTP server's hands."""
    seen = Seen()
    sink.received = seen
    home = _mail_home(directory / "mail", sink, free_port())
    home.start()
    seconds = []
    try:
        for number in range(count + 3):
            begun = time.perf_counter()
            home.drop(refund())
            seconds.append(seen.moment(number) - begun)
    finally:
        home.stop()
    # The first ones import what is imported lazily, and compile the templates.
    return figures.spread(seconds[3:])


def _reply_to_run(directory: Path, count: int) -> dict[str, float]:
    """Dovecot has taken a reply (LMTP); the executor's program has started."""
    base = directory / "dovecot"
    base.mkdir()
    for path in (base, *base.parents):
        if path.stat().st_mode & 0o005 != 0o005 and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    seconds = []
    with smtp_sink_at(base) as sink, dovecot_at(base) as dovecot:
        seen = Seen()
        sink.received = seen
        home = _mail_home(directory / "reply", sink, dovecot.imap_port)
        home.start()
        try:
            for number in range(count + 1):
                action = home.drop(refund())
                # Of each action two mails: the question, and what became of it.
                seen.moment(2 * number)
                asked = email.message_from_bytes(
                    seen[2 * number].content, policy=email.policy.default
                )
                answers: list[bytes] = []
                home.deliver = answers.append  # type: ignore[assignment, method-assign]
                home.reply(asked, "approve", REVIEWER)
                with smtplib.LMTP(dovecot.host, dovecot.lmtp_port) as lmtp:
                    lmtp.sendmail(REVIEWER, [APPROVALS], answers[0])
                    begun = time.perf_counter()
                result = _await(lambda: _ran(home), begun)
                seconds.append(result)
                home.await_result(action)
                seen.moment(2 * number + 1)
        finally:
            home.stop()
    return figures.spread(seconds[1:])


def _ran(home: TestHome) -> bool:
    """Whether a program has started since this was asked before."""
    found = list(home.ran_file.parent.glob(f"{home.ran_file.name}-*"))
    for path in found:
        path.unlink()
    return bool(found)


def _await(look: Callable[[], bool], begun: float) -> float:
    """Seconds since `begun` until it is so."""
    while not look():
        if time.perf_counter() - begun > 30:
            raise AssertionError("waited for 30 s in vain")
        time.sleep(0.0005)
    return time.perf_counter() - begun


def _control_to_result(directory: Path, count: int, together: int) -> dict[str, Any]:
    """A reviewer's file is renamed into `control/`; the agent's result file is there.

    In between: the decision, an executor that is a program, receipt, result, all durable.
    """
    home = MailHome(directory / "control", free_port(), RULES, script=RAN)
    _become(home, "ada")
    home.start()
    try:
        names = [home.drop(refund()) for _ in range(count + 3)]
        cases = _cases(home, names)
        one = [_decide(home, case, name) for name, case in cases.items()][3:]
        names = [f"many-{number}" for number in range(together)]
        begun = time.perf_counter()
        for name in names:
            home.drop(refund(), f"{name}.json")
        cases = _cases(home, names)
        taken = time.perf_counter() - begun
        begun = time.perf_counter()
        for name, (case, seen) in cases.items():
            _say(home, case, seen, name)
        last = home.root / "spool/results"
        _await(lambda: sum(1 for _ in last.glob("many-*.json")) == together, begun)
        done = time.perf_counter() - begun
    finally:
        home.stop()
    return {**figures.spread(one), "dropped": together / taken, "approved": together / done}


def _become(home: TestHome, person: str) -> None:
    """Whoever runs this is that person at the command line."""
    file = home.root / "hitl-mail.toml"
    lines = file.read_text().splitlines()
    user = next(line for line in lines if line.startswith("os_user"))
    lines.remove(user)
    lines.insert(lines.index(f"[people.{person}]") + 1, user)
    file.write_text("\n".join(lines))


def _cases(home: TestHome, names: list[str]) -> dict[str, tuple[str, str]]:
    """Case and digest of each of these actions, once all are there; read beside the daemon."""
    wanted = set(names)
    begun = time.perf_counter()
    found: dict[str, tuple[str, str]] = {}

    def look() -> bool:
        if any((home.root / "spool/new").iterdir()):
            return False
        state = read_state(Home(home.root))
        found.update(
            (case.action_id, (case.id, case.revision.digest)) for case in state.cases.values()
        )
        return wanted <= set(found)

    _await(look, begun)
    return {name: found[name] for name in names}


def _say(home: TestHome, case: str, seen: str, name: str) -> None:
    document = {"case": case, "verb": "approve", "seen": seen}
    aside = home.root / "control/tmp" / name
    aside.write_bytes(json.dumps(document).encode())
    aside.rename(home.root / "control/new" / f"{name}.json")


def _decide(home: TestHome, case: tuple[str, str], name: str) -> float:
    result = home.root / "spool/results" / f"{name}.json"
    begun = time.perf_counter()
    _say(home, *case, name)
    return _await(result.exists, begun)


def _denied(directory: Path, count: int) -> dict[str, float]:
    """Seconds of `run --once` over so many actions that the rules deny."""
    home = TestHome(directory / "denied", free_port(), rules=DENY)
    for number in range(count):
        data = work.document(number)
        (home.root / "spool/new" / f"{number}.json").write_bytes(data)
    begun = time.perf_counter()
    command = [sys.executable, "-m", "hitl_mail", "--home", str(home.root), "run", "--once"]
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - begun
    written = sum(1 for _ in (home.root / "spool/results").iterdir())
    assert written == count, written
    return {"seconds": seconds, "of": count}
