"""Bad input, tried one by one: each answer says what happened, where, and what to do now.

Through the program as a user calls it. An answer is on standard error alone, so that no program
takes it for data, and shows no traceback. What `doctor` and `status` find is in `test_doctor` and
`test_status`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.acceptance.failing_daemon import Zygote
from tests.acceptance.home import TestHome, label, refund, until
from tests.acceptance.post import PASSWORD_FILE, plain_imap, plain_smtp
from tests.acceptance.test_damage import ROOT, fill, only, small_disk
from tests.acceptance.test_doctor import mail_faults, post, rewrite
from tests.servers.dovecot import Dovecot
from tests.servers.process import LOOPBACK, free_port
from tests.servers.smtp_sink import SmtpSink

__all__ = ["small_disk"]


class Told(NamedTuple):
    """A call, and what its answer must hold. `OPEN`, `CLOSED`, `DAY` and `DIR` stand for the
    home's own: a case, a closed one, what several begin with, a directory."""

    call: str
    code: int
    what: str
    where: str
    mend: str


SLIPS = [
    # Words that are none.
    Told("aprove x", 2, "No such command", "'aprove'", "Did you mean approve?"),
    Told("receipts lst", 2, "No such command", "'lst'", "Did you mean 'list'?"),
    Told("show --jsn x", 2, "No such option", "'--jsn'", "Did you mean '--json'?"),
    Told(
        "queue --home x", 2, "stands before the command", "--home", "hitl-mail --home DIR COMMAND"
    ),
    Told("show", 2, "Missing argument", "'ID'", "hitl-mail show --help"),
    Told("schema", 2, "Missing argument", "schema", "\n\treceipt"),
    Told("keys rotate link", 2, "is not one of", "'link'", "'links'"),
    Told("wait x --timeout soon", 2, "not a number of seconds", "'--timeout'", "such as 10 or"),
    Told("wait x --timeout -1", 2, "not a number of seconds", "'--timeout'", "such as 10 or"),
    Told("stats --since 30", 2, "is not a duration", "--since: '30'", "write it like 90s"),
    Told("keys rotate --keep x", 2, "is not a duration", "--keep: 'x'", "write it like 90s"),
    Told("receipts export --since May", 2, "is no time", "'May'", "write a day such as"),
    Told(
        "receipts export --until 2026-02-30", 2, "is no time", "'2026-02-30'", "write a day such as"
    ),
    Told("receipts list --limit 0", 2, "not in the range", "'--limit'", "x>=1"),
    Told("receipts list --status exected", 2, "is not one of", "'exected'", "'executed'"),
    Told("submit --agent biling x", 2, "no agent", "biling", "there are billing, default"),
    Told("queue --watch", 2, "for people at a terminal", "--watch", "ask again with --json"),
    # Cases.
    Told("approve 261122-zzzzzz", 2, "no case", "261122-zzzzzz", "hitl-mail queue"),
    Told("approve OPEN?", 2, "no case", "OPEN?", "Did you mean OPEN?"),
    Told("show ab", 2, "no case ab", "at least 4 characters", "hitl-mail queue"),
    Told("approve DAY", 2, "could be any of", "OPEN", "name the case id in full"),
    Told("approve CLOSED", 2, "closed already: executed", "CLOSED", "hitl-mail show CLOSED"),
    Told("receipts show OPEN", 2, "not closed yet", "OPEN", "hitl-mail show OPEN"),
    Told("receipts erase OPEN", 2, "still open", "OPEN", "hitl-mail show OPEN"),
    Told("rules relax nosuch", 2, "is not tightened", "nosuch", "hitl-mail status"),
    Told("edit OPEN amuont=3", 2, "There is no", "amuont", "Instead: hitl-mail edit"),
    Told("approve OPEN but only 40", 2, "reads like a condition", "approve", "edit it first"),
    Told("approve OPEN amount=40", 2, "reads like a condition", "approve", "KEY=VALUE"),
    Told("edit OPEN", 2, "say what to change", "KEY=VALUE", "--payload FILE"),
    Told("edit OPEN --payload gone", 2, "No such file", "gone", "name what is there"),
    Told("wait nosuch --timeout 0", 9, "no case nosuch", "of default", "hitl-mail run"),
    # Files.
    Told("submit gone.json", 2, "No such file", "gone.json", "name what is there"),
    Told("submit DIR", 2, "Is a directory", "DIR", "name a file in it"),
    Told("submit -", 2, "is empty", "standard input", "name a file"),
    Told("rules explain gone.json", 2, "no such file, and no case", "gone.json", "name an action"),
    Told("rules replay --rules gone.toml", 2, "No such file", "gone.toml", "Name what is there"),
    Told("rules diff gone gone", 2, "no such file and no kept policy", "gone", "name a rules file"),
    Told("mail explain gone.eml", 2, "No such file", "gone.eml", "name a mail as it arrived"),
    Told("receipts verify --anchor gone", 2, "neither a digest", "gone", "sha256: and 64"),
    Told("receipts export --output /no/x", 2, "there is no directory", "/no/x", "make it first"),
    Told("init DIR/home", 2, "is a home already", "DIR/home", "hitl-mail --home DIR/home run"),
    Told("init DIR/new --mail me", 2, "is no mail address", "'me'", "me"),
    Told("init DIR/new --with bob", 2, "write it as", "--with bob", "NAME=..."),
    Told("init DIR/new --smtp mx", 2, "needs", "--smtp", "--address"),
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A home whose daemon is down, with two open cases and a closed one."""
    home = TestHome(tmp_path_factory.mktemp("asked") / "home", free_port())
    for name in ("one.json", "two.json"):
        home.drop(refund(), name)
    home.drop(label(), "done.json")
    home.once()
    [closed] = home.json("receipts", "list")
    case = home.case_of("one")
    return {"home": home, "OPEN": case, "CLOSED": closed["case"], "DAY": case[:6]}


def aloud(done: subprocess.CompletedProcess[str], told: Told, *, out: str = "") -> str:
    """The answer, which says all three and nothing to a program."""
    assert (done.returncode, done.stdout) == (told.code, out), done
    for part in (told.what, told.where, told.mend):
        assert part in done.stderr, done.stderr
    for never in ("Traceback", "a fault of hitl-mail", "U+000A", "Errno", "None"):
        assert never not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("told", SLIPS, ids=lambda told: told.call)
def test_a_slip_is_told(asked: dict[str, Any], told: Told) -> None:
    names = {"OPEN": asked["OPEN"], "CLOSED": asked["CLOSED"], "DAY": asked["DAY"]}
    names["DIR"] = str(asked["home"].root.parent)

    def filled(text: str) -> str:
        return re.sub("OPEN|CLOSED|DAY|DIR(?!/new| COM)", lambda found: names[found[0]], text)

    call, code, *parts = told
    words = shlex.split(filled(call))
    done = asked["home"].cli(*words, stdin=subprocess.DEVNULL)
    aloud(done, Told(call, code, *map(filled, parts)))


ACTIONS: list[tuple[str, str, str]] = [
    ('{"kind": "a.b",}', "not JSON", "line 1, column 16"),
    ('{"payload": {}, "summary": "x"}', "is required", "kind"),
    ('{"kind": "a.b", "payload": {}, "sumary": "x"}', "no such field", "sumary"),
    ('{"kind": "A B", "payload": {}, "summary": "x"}', "must be a dotted name", "kind: "),
    ('{"kind": "a.b", "payload": {}, "summary": "a\\nb"}', "one line", "summary: "),
    ('{"kind": "a.b", "payload": {}, "summary": "x", "expires": "9"}', "not a duration", "expires"),
    ('{"cancel": "x"}', "this is no action", "drop cancels and reports into the spool"),
]


@pytest.mark.parametrize("command", ["submit", "rules explain"])
@pytest.mark.parametrize(("text", "what", "where"), ACTIONS)
def test_what_is_wrong_with_an_action_is_told_with_its_file_and_field(
    asked: dict[str, Any], tmp_path: Path, command: str, text: str, what: str, where: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    done = asked["home"].cli(*command.split(), str(file))
    said = aloud(done, Told("", 2, what, where, "spool" if "cancel" in text else "schema action"))
    assert said.startswith(f"hitl-mail: {file}: ")


# A home that is not as it should be.

SITE, RULES = "hitl-mail.toml", "rules.toml"
TYPOS: list[tuple[str, str, str, Told]] = [
    (SITE, "transport", "transprot",
     Told("run", 2, "no such key", "hitl-mail.toml:7: mail.transprot", "Did you mean transport?")),
    (SITE, 'admins = ["cleo"]', 'admins = ["clea"]',
     Told("run", 2, 'no person "clea"', "hitl-mail.toml:4: site.admins", "Did you mean cleo?")),
    (SITE, '"bob"]', '"bbo"]',
     Told("status", 1, 'no person "bbo"', "groups.finance[1]", "Did you mean bob?")),
    (SITE, "[groups]", "[groups",
     Told("run", 2, "not TOML", "hitl-mail.toml:25", "Mend that line")),
    (RULES, 'reviewers = ["finance"]', 'reviewers = ["finanse"]',
     Told("run", 2, 'no group "finanse"', "rules[0].reviewers[0]", "Did you mean finance?")),
    (RULES, "kind ==", "kid ==",
     Told("rules check", 2, "no such name: kid", "rules[1].when", "Did you mean kind?")),
    (RULES, '[kinds."crm.broken"]', '[kinds."crm.borken"]\nreversble = true',
     Told("rules check", 2, 'no kind "crm.broken"', "rules[2].when", "Did you mean crm.borken?")),
    (RULES, '"deny"', '"denny"',
     Told("run", 2, "must be one of", "rules[1].gate", '"deny"')),
    (RULES, '[kinds."crm.label"]', '[kinds.crm.label]',
     Told("run", 2, "no such key", "rules.toml:13: kinds.crm.label", '[kinds."crm.label"]')),
    (RULES, "[[rules]]", "[[rules]",
     Told("rules explain x", 2, "not TOML", "rules.toml:", "Mend that line")),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "told"), TYPOS)
def test_a_typo_in_a_file_is_told_with_its_line(
    quiet_home: TestHome, tmp_path: Path, file: str, old: str, new: str, told: Told
) -> None:
    rewrite(quiet_home, file, old, new)
    (tmp_path / "x").write_text(json.dumps(refund()))
    done = quiet_home.cli(*told.call.split(), cwd=tmp_path, env=here())
    if told.call == "status":
        # What keeps a daemon from starting is a fault of the home, and an answer.
        done = subprocess.CompletedProcess(done.args, done.returncode, "", done.stdout)
    aloud(done, told)


def here() -> dict[str, str]:
    """The environment of a call from another directory."""
    return {**os.environ, "PYTHONPATH": str(Path.cwd())}


@pytest.mark.parametrize("command", ["run", "queue", "approve x", "doctor", "keys list", "stats"])
def test_where_no_home_is_it_says_how_to_name_one(tmp_path: Path, command: str) -> None:
    for where in (tmp_path, tmp_path / "nowhere"):
        words = [sys.executable, "-m", "hitl_mail", "--home", str(where), *command.split()]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        told = Told(command, 2, "is no hitl-mail home", f"{where} ", "name one with --home DIR")
        assert "make one: hitl-mail init DIR" in aloud(done, told)


def test_a_variable_that_names_no_home_is_told(tmp_path: Path) -> None:
    env = {**os.environ, "HITL_MAIL_HOME": str(tmp_path / "gone")}
    words = [sys.executable, "-m", "hitl_mail", "queue"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    aloud(done, Told("", 2, "no hitl-mail home", "$HITL_MAIL_HOME names it", "--home DIR"))


def newer_key(home: TestHome) -> Path:
    file = home.root / "state/keys/links.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 9'))
    return file


def newer_journal(home: TestHome) -> Path:
    file = only(home.root / "state/journal", "*.log")
    _, _, rest = file.read_bytes().partition(b"\n")
    head = b'{"hitl-mail":"journal","format":9,"segment":1}'
    file.write_bytes(b"%08x %b\n%b" % (zlib.crc32(head), head, rest))
    return file


@pytest.mark.parametrize("make", [newer_key, newer_journal])
def test_a_home_of_a_later_version_is_left_alone_and_told(
    quiet_home: TestHome, make: Callable[[TestHome], Path]
) -> None:
    quiet_home.once()
    file = make(quiet_home)
    before = file.read_bytes()
    call = "keys rotate" if make is newer_key else "queue"
    for words in ("run", call):
        done = quiet_home.cli(*words.split())
        told = Told(
            "", 1, "written in format 9", f"{file}: ", "Use a hitl-mail that reads format 9"
        )
        aloud(done, told)
    assert file.read_bytes() == before
    doctor = quiet_home.cli("doctor").stdout
    assert ("written in format 9" in doctor, "Restore" in doctor) == (True, False)


def opened(path: Path, *names: str) -> None:
    """Let every OS user come as far as this directory, and see these names in it."""
    for name in names:
        (path / name).chmod(0o755)
    while path not in (Path("/tmp"), Path("/")):
        path.chmod(0o755)
        path = path.parent


@ROOT
def test_doctor_says_as_whom_it_is_to_be_asked(quiet_home: TestHome, zygote: Zygote) -> None:
    opened(quiet_home.root, "state", "hitl-mail.toml")
    code, said = zygote.live(quiet_home.root, "doctor", user=65534)
    assert (code, "Traceback" in said, "1 fault." in said) == (1, False, True), said
    assert f"who runs the daemon, may read all of {quiet_home.root}" in said
    assert f"mend: Ask as that OS user: sudo -u root hitl-mail --home {quiet_home.root}" in said


@ROOT
@pytest.mark.parametrize("command", ["queue", "approve x", "status", "receipts list", "run --once"])
def test_a_home_that_somebody_may_not_read_is_told(
    quiet_home: TestHome, zygote: Zygote, command: str
) -> None:
    opened(quiet_home.root.parent)
    code, said = zygote.live(quiet_home.root, *command.split(), user=65534)
    assert (code, "Traceback" in said) == (1, False), said
    assert f"{quiet_home.root}/hitl-mail.toml: Permission denied; do it as the OS user" in said


# A daemon that is not there, or there already.


def test_without_a_daemon_who_would_wait_is_told(quiet_home: TestHome, tmp_path: Path) -> None:
    file = tmp_path / "refund.json"
    file.write_text(json.dumps(refund()))
    none, start = "no daemon is running: 1 file waits", "start it: hitl-mail run"
    done = quiet_home.cli("submit", str(file))
    aloud(done, Told("", 0, none, "in the spool", start), out="refund\n")
    done = quiet_home.cli("wait", "refund", "--timeout", "0")
    aloud(done, Told("", 9, none, "refund", start))
    done = quiet_home.cli("cancel", "refnud")
    told = Told("", 0, "no daemon is running: 2 files wait", "no case is called refnud", start)
    aloud(done, told, out="queued: cancel refnud\n")


def test_a_second_daemon_is_told_of_the_first(home: TestHome) -> None:
    assert home.daemon is not None
    for words in ("run", "run --once"):
        where = f"{home.root} (process {home.daemon.pid})"
        aloud(home.cli(*words.split()), Told("", 1, "already running", where, "stop it first"))


def test_what_a_daemon_refuses_is_told_with_the_next_step(home: TestHome, tmp_path: Path) -> None:
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    first.write_text(json.dumps(refund(id="same")))
    second.write_text(json.dumps(refund(id="same", why="another")))
    assert home.cli("submit", str(first)).returncode == 0
    refused = f"{home.root}/spool/refused"
    for more in ((), ("--wait",)):
        done = home.cli("submit", str(second), *more)
        aloud(done, Told("", 2, "the id same was used for another action", str(second), refused))
    told = Told("", 2, "no case nosuch of this agent", "cancel nosuch", "hitl-mail queue")
    aloud(home.cli("cancel", "nosuch"), told)
    told = Told("", 1, "the rule nosuch is not tightened", "relax nosuch", "hitl-mail status")
    aloud(home.cli("rules", "relax", "nosuch"), told)


def test_a_lock_that_a_killed_daemon_left_is_no_daemon(home: TestHome) -> None:
    assert home.stop(signal.SIGKILL) == -signal.SIGKILL
    done = home.cli("status")
    assert (done.returncode, "Start it: hitl-mail run" in done.stdout) == (1, True)
    home.once()


def test_a_port_that_is_taken_is_told_and_the_daemon_works_on(quiet_home: TestHome) -> None:
    home = quiet_home
    with socket.create_server((LOOPBACK, home.port)):
        log = (home.root.parent / "taken.log").open("wb")
        words = [sys.executable, "-m", "hitl_mail", "--home", str(home.root), "run"]
        home.daemon = subprocess.Popen(words, stdout=log, stderr=log)
        action = home.drop(label())
        home.await_result(action)
        said = until(lambda: _line("pages cannot be served", home), "the fault in status")
    assert f"{LOOPBACK}:{home.port}: Address already in use. Free that port" in said


def _line(words: str, home: TestHome) -> str | None:
    found = [line for line in home.cli("status").stdout.splitlines() if words in line]
    return found[0] if found else None


@ROOT
def test_a_full_disk_is_told_by_whoever_would_write(small_disk: TestHome) -> None:
    home = small_disk
    fill(home.root / "state")
    told = Told("", 1, "No space left on device", f"{home.root}/state/", "make room")
    aloud(home.cli("keys", "rotate"), told)
    done = home.cli("run", "--once")
    assert (done.returncode, "No space left on device" in done.stderr) == (1, True), done.stderr
    assert "Make room" in home.cli("status").stdout


# What stands around a call.


def shell(home: TestHome, line: str) -> subprocess.CompletedProcess[str]:
    call = f"{shlex.quote(sys.executable)} -m hitl_mail --home {shlex.quote(str(home.root))}"
    return subprocess.run(
        ["sh", "-c", line.replace("hitl-mail", call)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", ["schema receipt", "queue", "status", "doctor --no-mail"])
def test_who_stops_reading_is_nobodys_fault(asked: dict[str, Any], command: str) -> None:
    done = shell(asked["home"], f"hitl-mail {command} | head -c 1")
    told = "no daemon is running; start it: hitl-mail run\n" if command == "queue" else ""
    assert (len(done.stdout), done.stderr) == (1, told)


def test_a_full_disk_under_the_answer_is_told(asked: dict[str, Any]) -> None:
    done = shell(asked["home"], "hitl-mail queue --json >/dev/full")
    aloud(done, Told("", 1, "No space left on device", "output", "make room"))


@pytest.mark.parametrize("command", ["submit", "mail explain", "edit OPEN --payload"])
def test_a_standard_input_that_is_closed_is_empty(asked: dict[str, Any], command: str) -> None:
    call = command.replace("OPEN", asked["OPEN"])
    done = shell(asked["home"], f"hitl-mail {call} - <&-")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "a fault of hitl-mail itself" not in done.stderr


@pytest.mark.parametrize("command", ["queue", "receipts export", "status", "rules check"])
def test_streams_that_are_all_closed_change_nothing(asked: dict[str, Any], command: str) -> None:
    done = shell(asked["home"], f"hitl-mail {command} <&- >&- 2>&-")
    assert done.returncode == (1 if command == "status" else 0)


# Mail servers.

UNREACHABLE: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("nothing listens", {"port": 0}, {"port": 0}, "nothing listens there", "mend host and port in"),
    ("no such name", {"host": "mx.invalid"}, {"host": "mx.invalid"}, "name is not found",
     "Mend host in"),
    ("no TLS there", {"tls": "implicit"}, {"tls": "implicit"}, "TLS failed", "Mend port or tls in"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "smtp", "imap", "what", "mend"), UNREACHABLE)
def test_a_mail_server_that_cannot_be_used_is_told(
    make_home: Callable[..., TestHome],
    dovecot: Dovecot,
    smtp_sink: SmtpSink,
    name: str,
    smtp: dict[str, Any],
    imap: dict[str, Any],
    what: str,
    mend: str,
) -> None:
    ports = {"port": free_port()} if name == "nothing listens" else {}
    out = plain_smtp(smtp_sink.port) | smtp | ports
    into = plain_imap(dovecot.imap_port) | imap | ports
    if name == "no such name":
        # It would be told first that what is elsewhere is spoken to in clear.
        out, into = out | {"tls": "starttls"}, into | {"tls": "implicit"}
    found = mail_faults(post(make_home, dovecot, smtp=out, imap=into))
    for check, table in (("smtp", out), ("imap", into)):
        said = found[check]
        assert f"{table['host']}:{table['port']}: " in said
        assert (what in said, f"{mend} [mail.{check}]" in said) == (True, True), said


def test_a_password_that_is_wrong_or_gone_is_told(
    make_home: Callable[..., TestHome], dovecot: Dovecot, smtp_sink: SmtpSink
) -> None:
    home = post(make_home, dovecot, smtp=plain_smtp(smtp_sink.port))
    secret = home.root / PASSWORD_FILE
    secret.write_text("wrong\n")
    said = mail_faults(home)["imap"]
    assert "refused the login" in said
    assert "Mend username or password_file in [mail.imap]" in said
    secret.unlink()
    told = Told("run", 2, "No such file or directory", f"{secret}: ", "Write it there, on one line")
    aloud(home.cli("run", "--once"), told)
