"""`status`: one screen on how things are; all that it exits 1 for, `doctor` names with its mend."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.doctor.disk import check_disk, check_journal
from hitl_mail.doctor.finding import Finding
from hitl_mail.doctor.told import faults
from hitl_mail.home import Home
from tests.acceptance.home import TestHome, label, refund, until
from tests.acceptance.test_doctor import damaged_journal, rewrite

SAID: dict[str, tuple[dict[str, Any], str]] = {
    "mail does not go out": (
        {"mail_out": {"last_error": "mx.example:25 is busy", "next_try": "2026-11-25T12:00:00Z"}},
        "outgoing mail: mx.example:25 is busy; next try 2026-11-25T12:00:00Z",
    ),
    "one mail waits": ({"mail_out": {"troubles": ["a mail to ada waits"]}}, "a mail to ada waits"),
    "mail does not come in": ({"mail_in": {"last_error": "no IMAP"}}, "incoming mail: no IMAP"),
    "nobody can be reached": ({"stranded": ["261122-k3f9ma: nobody"]}, "261122-k3f9ma: nobody"),
    "the pages are not served": ({"web": {"error": "127.0.0.1:1 is taken"}}, "127.0.0.1:1 is"),
    "rules are not used": ({"policy_error": "line 1\nline 2"}, "not used: line 1; line 2"),
    "a template is not used": ({"templates": {"ask.txt": "line 2"}}, "templates/ask.txt is not"),
    "a rule is tightened": ({"tightened": {"my labels": "3 of 20"}}, "the rule my labels is"),
    "a receipt is missing": ({"receipts_error": "receipt 2 is missing"}, "receipt 2 is missing"),
    "something broke": ({"faults": ["case 1: it broke"]}, "case 1: it broke"),
    "the disk failed": ({"storage_error": "journal: no space"}, "disk: journal: no space"),
}


def status(home: TestHome) -> list[str]:
    done = home.cli("status", "--json")
    found: list[str] = json.loads(done.stdout)["faults"]
    assert done.returncode == (1 if found else 0)
    return found


def doctor(home: TestHome) -> list[str]:
    """What is a fault to `doctor`, as `status` would say it."""
    found = json.loads(home.cli("doctor", "--json", "--no-mail").stdout)["findings"]
    told = [Finding(**finding) for finding in found if finding["level"] == "fault"]
    assert [finding for finding in told if not finding.mend] == []
    return [finding.sentence() for finding in told]


def say(home: TestHome, health: dict[str, Any]) -> None:
    (home.root / "state/health.json").write_text(json.dumps(health))


def test_status_is_one_screen_on_what_waits(home: TestHome) -> None:
    home.case_of(home.drop(refund()))
    home.await_result(home.drop(label()))

    def told() -> str | None:
        shown = home.cli("status", env={"COLUMNS": "200"}).stdout
        return shown if "#1 sha256:" in shown else None

    shown = until(told, "the receipt in status")
    queue = ("1 pending", "under 1h 1", "waits for     ada 1, bob 1", "from agents   default 1")
    for words in (*queue, "default 2 in the last hour"):
        assert words in shown, shown
    assert "in 3h 59m: Refund 49 EUR to Ada" in shown
    assert home.json("status")["queue"]["reviewers"] == {"ada": 1, "bob": 1}


@pytest.mark.parametrize("name", SAID)
def test_each_fault_that_a_daemon_tells_has_its_mend(quiet_home: TestHome, name: str) -> None:
    health, words = SAID[name]
    home = Home(quiet_home.root)
    with home.lock():
        [found] = faults(home, True, health, 0.0)
    assert (words in found.what, bool(found.mend)) == (True, True)
    assert found.sentence() == f"{found.what}. {found.mend}"


def all_of_it() -> dict[str, Any]:
    whole: dict[str, Any] = {"mail_out": {}}
    for health, _ in SAID.values():
        whole |= health | {"mail_out": whole["mail_out"] | health.get("mail_out", {})}
    return whole


def test_doctor_names_all_that_status_names(quiet_home: TestHome) -> None:
    say(quiet_home, all_of_it())
    with Home(quiet_home.root).lock():
        told = status(quiet_home)
        assert len(told) == len(SAID)
        assert set(told) <= set(doctor(quiet_home))


def test_doctor_names_all_that_status_names_of_a_daemon_that_is_down(quiet_home: TestHome) -> None:
    damaged_journal(quiet_home)
    say(quiet_home, all_of_it())
    rewrite(quiet_home, "hitl-mail.toml", "[web]", "[webb]")
    told = status(quiet_home)
    # None runs, [webb], the journal; whether rules and pages are well, only a start can tell.
    assert len(told) == len(SAID) + 3 - 2
    assert ["Did you mean web?" in fault for fault in told].count(True) == 1
    assert set(told) <= set(doctor(quiet_home))


def test_settings_that_the_next_start_will_refuse_are_noted(home: TestHome) -> None:
    rewrite(home, "hitl-mail.toml", "[web]", "[webb]")
    until(lambda: "start the daemon again" in home.cli("status").stdout, "the note")
    done = home.cli("status")
    assert (done.returncode, "no such key. Did you mean web?" in done.stdout) == (0, True), (
        done.stdout
    )


@pytest.mark.parametrize("text", [None, "[policy"])
def test_rules_that_no_daemon_could_start_with_are_told(
    quiet_home: TestHome, text: str | None
) -> None:
    file = quiet_home.root / "rules.toml"
    file.unlink() if text is None else file.write_text(text)
    told = status(quiet_home)
    assert ["rules.toml" in fault for fault in told] == [False, True]
    assert set(told) <= set(doctor(quiet_home))


def test_what_a_daemon_of_another_version_says_otherwise_is_left_out(quiet_home: TestHome) -> None:
    well = {"mail_out": [], "web": 3, "at": "soon", "templates": ["x"], "cases": None, "queue": 1}
    say(quiet_home, {**well, "faults": "all", "receipts_error": "receipt 2 is missing"})
    told = status(quiet_home)
    assert [fault.partition(".")[0] for fault in told] == [
        "no daemon is running",
        "receipt 2 is missing",
    ]
    assert quiet_home.cli("status").returncode == 1


def test_a_disk_without_room_is_told_by_both(
    quiet_home: TestHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, real = Home(quiet_home.root), os.statvfs
    now = time.time()

    def seen(change: dict[int, int]) -> tuple[set[Finding], set[Finding]]:
        values = [change.get(at, value) for at, value in enumerate(real(home.state))]
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
        told = {one for one in faults(home, False, {}, now) if one.check == "disk"}
        return told, set(check_disk(home))

    free, flags = 4, 8
    for change, words in (({free: 1}, "256 KiB are free"), ({flags: os.ST_RDONLY}, "read-only")):
        told, looked = seen(change)
        assert (told == looked, [words in one.what for one in told]) == (True, [True])


def test_a_damaged_journal_is_told_alike(quiet_home: TestHome) -> None:
    damaged_journal(quiet_home)
    home = Home(quiet_home.root)
    told = [one for one in faults(home, False, {}, 0.0) if one.check == "journal"]
    assert told == list(check_journal(home, time.time()))
    assert "damaged at byte" in told[0].what


def test_a_daemon_that_is_held_up_is_not_well(home: TestHome) -> None:
    assert home.daemon is not None
    home.await_result(home.drop(label()))
    until(lambda: status(home) == [], "a status without faults")
    home.daemon.send_signal(signal.SIGSTOP)
    try:
        file = home.root / "state/health.json"
        old = {**json.loads(file.read_bytes()), "at": "2026-01-01T00:00:00.000Z"}
        say(home, old)
        # It may be another's word, whose place this one took a moment ago.
        assert status(home) == []
        os.utime(home.root / "state/lock", (1.0, 1.0))
        for told in (status(home), doctor(home)):
            assert ["has said nothing for" in fault for fault in told].count(True) == 1
    finally:
        home.daemon.send_signal(signal.SIGCONT)


def test_a_daemon_of_before_an_upgrade_is_noted(home: TestHome, tmp_path: Path) -> None:
    place = tmp_path / "later"
    place.mkdir()
    (place / "sitecustomize.py").write_text("import hitl_mail; hitl_mail.__version__ = '999'\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path.cwd()), str(place)))}
    done = home.cli("status", env=env)
    assert (done.returncode, "and 999 is installed; start the daemon again" in done.stdout) == (
        0,
        True,
    )
    looked = home.cli("doctor", "--no-mail", env=env)
    assert (looked.returncode, "and 999 is installed" in looked.stdout) == (1, True)
