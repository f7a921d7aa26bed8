"""Faults planted in a home, one by one: `doctor` finds each, names it and says the mend."""

from __future__ import annotations

import base64
import json
import os
import pwd
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.keys.keys import key_id
from hitl_mail.doctor.mail import _in_clear
from hitl_mail.settings import Imap, MailTable, Site, Smtp
from tests.acceptance.home import TestHome, label, until
from tests.acceptance.post import PASSWORD_FILE, PostHome, plain_imap, plain_smtp, site, submission
from tests.acceptance.post import imaps as imaps_of
from tests.servers.dovecot import APPROVALS, PASSWORD, Dovecot
from tests.servers.postfix import Postfix
from tests.servers.process import LOOPBACK, free_port
from tests.servers.relay import Relay
from tests.servers.smtp_sink import SENDER_REFUSED, SmtpSink

Plant = Callable[[TestHome], object]
MAIL_CHECKS = {"smtp", "imap", "round trip", "authentication", "mail"}


def report(home: TestHome, *options: str) -> tuple[int, list[dict[str, str]]]:
    done = home.cli("doctor", "--json", *options)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] is (done.returncode == 0)
    return done.returncode, found["findings"]


def faults(home: TestHome, *options: str) -> list[dict[str, str]]:
    """The faults, each of which must say its mend."""
    code, findings = report(home, *options)
    found = [finding for finding in findings if finding["level"] == "fault"]
    assert code == bool(found)
    assert all(finding["mend"] for finding in found)
    return found


def rewrite(home: TestHome, name: str, old: str, new: str) -> None:
    path = home.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def nobody() -> str:
    """A name that no OS user has."""
    return next(n for n in (f"nobody-{i}" for i in range(9)) if n not in _users())


def _users() -> set[str]:
    return {entry.pw_name for entry in pwd.getpwall()}


@contextmanager
def held(port: int) -> Iterator[None]:
    with socket.create_server((LOOPBACK, port)):
        yield


def settled(home: TestHome) -> None:
    """A case that is closed, and a daemon that is down again."""
    home.drop(label())
    home.once()


def damage(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def damaged_receipt(home: TestHome) -> None:
    settled(home)
    [month] = (home.root / "state/receipts").glob("*.jsonl")
    damage(month, month.stat().st_size // 2)


def damaged_journal(home: TestHome) -> None:
    for _ in range(3):
        settled(home)
    journal = max((p for p in (home.root / "state/journal").iterdir() if p.is_file()),
                  key=lambda p: p.stat().st_size)  # fmt: skip
    damage(journal, 60)


def other_public_key(home: TestHome) -> None:
    """The key of somebody else, in a file that is whole."""
    other = {"id": key_id(bytes(32)), "public": base64.b64encode(bytes(32)).decode()}
    (home.root / "state/receipts.pub").write_text(json.dumps({"format": 1, "keys": [other]}))


def foreign_file(home: TestHome) -> None:
    path = home.root / "state/left-by-root"
    path.touch()
    os.chown(path, 4242, 4242)


def from_the_future(home: TestHome) -> None:
    home.drop(label(kind="self.run"))
    home.cli("run", "--once", env={**os.environ, "PYTHONPATH": os.pathsep.join((str(Path.cwd()),
             str(_late(home))))})  # fmt: skip


def _late(home: TestHome) -> Path:
    """A directory that makes a daemon believe that it is a day later."""
    place = home.root.parent / "late"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(
        "import time\nreal = time.time\ntime.time = lambda: real() + 86400\n"
    )
    return place


DOWN: dict[str, tuple[Plant, str, str]] = {
    "no daemon": (lambda home: None, "daemon", "no daemon is running"),
    "a setting that is unknown": (
        lambda home: rewrite(home, "hitl-mail.toml", "[web]", "[webb]"),
        "config",
        "webb",
    ),
    "a rule that names nobody": (
        lambda home: rewrite(home, "rules.toml", '["finance"]', '["finanse"]'),
        "rules",
        "finanse",
    ),
    "keys that others can read": (
        lambda home: (home.root / "state/keys/links.json").chmod(0o644),
        "permissions",
        "links.json has mode 0644",
    ),
    "settings that others can write": (
        lambda home: (home.root / "rules.toml").chmod(0o666),
        "permissions",
        "rules.toml has mode 0666",
    ),
    "mail that others can list": (
        lambda home: (home.root / "mail").chmod(0o755),
        "permissions",
        "mail has mode 0755",
    ),
    "a key that is gone": (
        lambda home: (home.root / "state/keys/permits.json").unlink(),
        "keys",
        "permits.json",
    ),
    "a public key of another home": (other_public_key, "keys", "lacks the key that signs"),
    "a damaged journal": (damaged_journal, "journal", "damaged at byte"),
    "a damaged receipt": (damaged_receipt, "receipts", "#1"),
    "a clock that went back": (from_the_future, "clock", "24.0 hours behind"),
    "a spool that lacks a directory": (
        lambda home: (home.root / "spool/billing/new").rmdir(),
        "spools",
        "has no ",
    ),
    "an agent's user that is not there": (
        lambda home: rewrite(home, "hitl-mail.toml", 'owner = "bob"', 'owner = "bob"\nuid = 4242'),
        "users",
        "no OS user has the uid 4242",
    ),
    "a person's user that is not there": (
        lambda home: rewrite(home, "hitl-mail.toml", 'os_user = "', f'os_user = "{nobody()}'),
        "users",
        "there is no OS user",
    ),
    "a group that is not there": (
        lambda home: rewrite(home, "hitl-mail.toml", "admins =", 'group = "hitl-no"\nadmins ='),
        "users",
        "no OS group hitl-no",
    ),
    "a program that is not there": (
        lambda home: rewrite(home, "hitl-mail.toml", 'argv = ["', 'argv = ["/no/such'),
        "executors",
        "is no program",
    ),
}


_FOLLOWS = {"keys": {"receipts"}, "journal": {"receipts"}, "permissions": {"keys"}}
"""What else cannot be well where a check is not."""


@pytest.mark.parametrize("name", DOWN)
def test_a_planted_fault_is_named(quiet_home: TestHome, name: str) -> None:
    plant, check, words = DOWN[name]
    quiet_home.once()
    plant(quiet_home)
    found = [fault for fault in faults(quiet_home) if fault["check"] == check]
    assert any(words in fault["what"] for fault in found), report(quiet_home)
    others = {fault["check"] for fault in faults(quiet_home)} - {check, "daemon"}
    assert others <= _FOLLOWS.get(check, set()), others


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(("count", "said"), [(1, "1 file of default lies"), (2, "2 files of")])
def test_files_that_were_refused_are_counted_in_english(
    quiet_home: TestHome, count: int, said: str
) -> None:
    for number in range(count):
        quiet_home.drop(b"{", f"half-{number}.json")
    quiet_home.once()
    told = [one["what"] for one in report(quiet_home, "--no-mail")[1] if one["check"] == "spools"]
    assert [said in what for what in told if "reason beside" in what] == [True], told


def test_files_that_somebody_left_as_root_are_named(quiet_home: TestHome) -> None:
    foreign_file(quiet_home)
    [found] = [fault for fault in faults(quiet_home) if fault["check"] == "permissions"]
    assert ("left-by-root" in found["what"], found["mend"].startswith("chown -R")) == (True, True)


def test_a_port_of_somebody_elses_is_named(quiet_home: TestHome) -> None:
    with held(quiet_home.port):
        [found] = [fault for fault in faults(quiet_home) if fault["check"] == "web"]
    assert "cannot be used" in found["what"]


def test_a_disk_that_takes_nothing_is_named(quiet_home: TestHome) -> None:
    program = (
        "import os, sys\n"
        "from hitl_mail.cli import main\n"
        "def full(*_): raise OSError(28, 'No space left on device')\n"
        "os.fsync = full\nmain()\n"
    )
    import subprocess
    import sys

    words = ["--home", str(quiet_home.root), "doctor"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "nothing can be written in" in done.stdout) == (1, True)


def test_a_home_that_is_well_has_no_fault(home: TestHome) -> None:
    home.await_result(home.drop(label()))
    assert faults(home) == []
    done = home.cli("doctor")
    assert (done.returncode, "FAULT" in done.stdout) == (0, False)
    for words in ("ok     daemon", "ok     receipts", "ok     web", "leads here", "note   users"):
        assert words in done.stdout


RUNNING: dict[str, tuple[Plant, str, str]] = {
    "a base_url that leads nowhere": (
        lambda home: rewrite(home, "hitl-mail.toml", f'http://127.0.0.1:{home.port}"',
                             f'http://127.0.0.1:{free_port()}"'),
        "web",
        "cannot be reached",
    ),
    "settings that were changed since": (
        lambda home: rewrite(home, "hitl-mail.toml", "Test approvals", "Other approvals"),
        "daemon",
        "was changed after the daemon had read it",
    ),
    "rules that are not used": (
        lambda home: rewrite(home, "rules.toml", 'gate = "deny"', 'gate = "denied"'),
        "rules",
        "the changed rules.toml is not used",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNNING)
def test_a_fault_planted_beside_a_daemon_is_named(home: TestHome, name: str) -> None:
    plant, check, words = RUNNING[name]
    plant(home)

    def look() -> list[dict[str, str]]:
        return [f for f in faults(home) if f["check"] == check and words in f["what"]]

    assert until(look, lambda: f"{words} in {report(home)}")


def test_a_base_url_of_another_daemon_is_named(
    home: TestHome, make_home: Callable[..., TestHome]
) -> None:
    other = make_home()
    other.start()
    home.stop()
    home.write_site(home_site(home, other.port))
    home.start()
    [found] = [fault for fault in faults(home) if fault["check"] == "web"]
    assert "of another home" in found["what"]


def home_site(home: TestHome, port: int) -> str:
    """The site of a home whose links lead to another port."""
    text = (home.root / "hitl-mail.toml").read_text()
    text = re.sub(r'bind = "[^"]+"', f'bind = "127.0.0.1:{home.port}"', text)
    return re.sub(r'base_url = "[^"]+"', f'base_url = "http://127.0.0.1:{port}"', text)


def test_a_daemon_that_is_held_up_is_named(home: TestHome) -> None:
    assert home.daemon is not None
    home.daemon.send_signal(signal.SIGSTOP)
    try:
        health = json.loads((home.root / "state/health.json").read_bytes())
        (home.root / "state/health.json").write_text(
            json.dumps({**health, "at": "2026-01-01T00:00:00.000Z"})
        )
        os.utime(home.root / "state/lock", (1.0, 1.0))
        found = [f for f in faults(home, "--no-mail") if f["check"] == "daemon"]
    finally:
        home.daemon.send_signal(signal.SIGCONT)
    assert ["has said nothing" in fault["what"] for fault in found] == [True]


# Real mail


def post(make_home: Callable[..., TestHome], dovecot: Dovecot, **tables: Any) -> PostHome:
    """A home on real servers; `smtp` and `imap` replace what is in these tables."""
    text = site(tables.pop("smtp"), tables.pop("imap", plain_imap(dovecot.imap_port)), **tables)
    made = make_home(PostHome, dovecot=dovecot, site=text)
    assert isinstance(made, PostHome)
    return made


def mail_faults(home: TestHome) -> dict[str, str]:
    return {f["check"]: f["what"] for f in faults(home) if f["check"] in MAIL_CHECKS}


@pytest.mark.parametrize("running", [False, True])
def test_a_mail_to_ourselves_comes_back(
    make_home: Callable[..., TestHome],
    dovecot: Dovecot,
    postfix: Postfix | Relay,
    running: bool,
) -> None:
    home = post(make_home, dovecot, smtp=submission(postfix), imap=imaps_of(dovecot))
    if running:
        home.start()
    _, findings = report(home)
    found = {f["check"]: (f["level"], f["what"]) for f in findings if f["check"] in MAIL_CHECKS}
    assert {level for level, _ in found.values()} == {"ok"}
    assert "its +tag in the address" in found["round trip"][1]
    assert "IDLE" in found["imap"][1]


def test_a_login_that_is_wrong_is_named(
    make_home: Callable[..., TestHome], dovecot: Dovecot, tmp_path: Path
) -> None:
    from tests.servers.certificate import make_certificate

    sink = SmtpSink(free_port(), make_certificate(tmp_path), "implicit", (APPROVALS, PASSWORD))
    with sink.listening():
        home = post(
            make_home,
            dovecot,
            smtp=plain_smtp(sink.port)
            | {
                "tls": "implicit",
                "host": "localhost",
                "ca_file": str(sink.certificate.ca),
                "username": APPROVALS,
                "password_file": PASSWORD_FILE,
            },
        )
        (home.root / PASSWORD_FILE).write_text("wrong\n")
        found = mail_faults(home)
    assert "does not accept the login" in found["smtp"]
    assert "refused the login" in found["imap"]


def test_servers_that_are_down_are_named(
    make_home: Callable[..., TestHome], dovecot: Dovecot
) -> None:
    down = free_port()
    home = post(make_home, dovecot, smtp=plain_smtp(down), imap=plain_imap(free_port()))
    found = mail_faults(home)
    assert f"cannot use 127.0.0.1:{down}" in found["smtp"]
    assert "imap" in found


def test_a_server_that_refuses_our_address_is_named(
    make_home: Callable[..., TestHome], dovecot: Dovecot, smtp_sink: SmtpSink
) -> None:
    home = post(make_home, dovecot, smtp=plain_smtp(smtp_sink.port))

    smtp_sink.then(SENDER_REFUSED)
    assert "sender not known" in mail_faults(home)["smtp"]


def test_a_mailbox_that_is_not_there_is_named(
    make_home: Callable[..., TestHome], dovecot: Dovecot, smtp_sink: SmtpSink
) -> None:
    imap = {**plain_imap(dovecot.imap_port), "mailbox": "Nowhere"}
    home = post(make_home, dovecot, smtp=plain_smtp(smtp_sink.port), imap=imap)
    assert "refused the mailbox Nowhere" in mail_faults(home)["imap"]


def test_a_password_file_that_others_can_read_is_named(
    make_home: Callable[..., TestHome], dovecot: Dovecot, smtp_sink: SmtpSink
) -> None:
    home = post(make_home, dovecot, smtp=plain_smtp(smtp_sink.port))
    (home.root / PASSWORD_FILE).chmod(0o644)
    assert "others may read this password" in mail_faults(home)["imap"]


@pytest.mark.parametrize(
    ("host", "named"),
    [("localhost", False), ("127.8.9.1", False), ("::1", False), ("192.0.2.7", True)],
)
def test_a_server_elsewhere_without_tls_is_named(host: str, named: bool) -> None:
    smtp = Smtp(host=host, tls="none", username="a", password_file="b")
    found = _in_clear(Site(mail=MailTable(smtp=smtp, imap=Imap(host="192.0.2.8"))))
    assert [finding.what for finding in found] == (
        [f"{host} gets our password and the mails in clear"] if named else []
    )


async def test_a_mail_that_does_not_come_back_is_named(
    make_home: Callable[..., TestHome], dovecot: Dovecot, smtp_sink: SmtpSink
) -> None:
    from hitl_mail import bootstrap
    from hitl_mail.doctor.mail import check_mail
    from hitl_mail.home import Home

    made = post(make_home, dovecot, smtp=plain_smtp(smtp_sink.port))
    home = Home(made.root)
    found = await check_mail(home, bootstrap.load_site(home), patience=0.5)
    [lost] = [finding for finding in found if finding.level == "fault"]
    assert (lost.check, "did not come into INBOX" in lost.what) == ("round trip", True)
    assert "subaddressing = false" in lost.mend
