"""Homes of every stored format: today's daemon goes on with each, and refuses one of the future."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.framelog import scan, write_frames
from tests.homes import HOMES, copy_of

FORMATS = sorted(path.name for path in HOMES.glob("format_*"))


@pytest.fixture(params=FORMATS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = copy_of(request.param, tmp_path / "home")
    site = made / "hitl-mail.toml"
    site.write_text(site.read_text().replace('"root"', json.dumps(getpass.getuser())))
    return made


def cli(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hitl_mail", "--home", str(home), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def told(home: Path, *words: str) -> Any:
    done = cli(home, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def reply(home: Path, case: str, text: str) -> None:
    """Answer the newest mail about a case, as it lies in the home."""
    import email
    import email.policy

    path = max((home / "mail/out/new").glob(f"{case}-*"))
    packet = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    answer = EmailMessage()
    answer["From"], answer["To"] = str(packet["To"]), str(packet["Reply-To"])
    answer["Message-ID"] = f"<{time.time_ns()}@client.example>"
    answer.set_content(text + "\n")
    (home / "mail/in/new" / f"{case}-{time.time_ns()}").write_bytes(bytes(answer))


def test_its_past_can_be_read_and_verified(home: Path) -> None:
    report = told(home, "receipts", "verify")
    assert (report["ok"], report["count"]) == (True, 3)
    statuses = {row["id"]: row["status"] for row in told(home, "receipts", "list")}
    assert statuses == {"approved": "executed", "rejected": "rejected", "sampled": "executed"}
    assert told(home, "show", "approved")["decisions"][0]["by"] == "ada"
    assert told(home, "stats", "--since", "3650d")["all"]["actions"] == 3


def test_its_open_cases_go_on(home: Path) -> None:
    rows = {row["id"]: row for row in told(home, "queue")}
    statuses = {name: row["status"] for name, row in rows.items()}
    assert statuses == {
        "open": "pending",
        "edited": "pending",
        "held": "held",
        "sampled": "executed",
    }
    # The keys of then still tell whose replies these are, to mails of then.
    reply(home, rows["edited"]["case"], "approve")
    reply(home, rows["open"]["case"], "reject because of it")
    reply(home, rows["held"]["case"], "abandon")
    reply(home, rows["sampled"]["case"], "flag it was wrong")
    done = cli(home, "run", "--once")
    assert done.returncode == 0, done.stderr
    assert told(home, "queue") == []
    assert told(home, "show", "edited")["payload"] == {"amount": 40}
    statuses = {row["id"]: row["status"] for row in told(home, "receipts", "list")}
    assert (statuses["edited"], statuses["open"]) == ("executed", "rejected")
    report = told(home, "receipts", "verify")
    assert (report["ok"], report["count"]) == (True, 7)


def test_an_action_of_then_is_known_again(home: Path) -> None:
    action = {"kind": "pay", "payload": {"amount": 49}, "summary": "Pay the invoice"}
    (home / "spool/new/approved.json").write_text(json.dumps(action))
    assert cli(home, "run", "--once").returncode == 0
    assert told(home, "receipts", "verify")["count"] == 3


def frames_of_the_future(path: Path) -> None:
    header, *rest = (payload for _, payload in scan(path))
    write_frames(path, [header.replace(b'"format":1', b'"format":99'), *rest], 0o600)


def json_of_the_future(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


FUTURE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "journal": ("state/journal/00000001.log", frames_of_the_future),
    "keys": ("state/keys/links.json", json_of_the_future),
}


@pytest.mark.parametrize("what", FUTURE)
def test_what_a_later_version_wrote_is_refused_and_left_alone(home: Path, what: str) -> None:
    name, change = FUTURE[what]
    path = home / name
    change(path)
    before = path.read_bytes()
    done = cli(home, "run", "--once")
    assert (done.returncode != 0, "format 99" in done.stderr) == (True, True), done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == before


def test_receipts_of_a_later_version_are_refused_and_left_alone(home: Path) -> None:
    [month] = (home / "state/receipts").glob("*.jsonl")
    frames_of_the_future(month)
    before = month.read_bytes()
    for words in (("run", "--once"), ("receipts", "verify")):
        done = cli(home, *words)
        assert (done.returncode != 0, "format 99" in done.stdout + done.stderr) == (True, True)
    assert month.read_bytes() == before


def test_a_cursor_of_a_later_version_is_begun_anew(tmp_path: Path) -> None:
    from hitl_mail.adapters.imap.inbox import ImapInbox
    from hitl_mail.settings import Imap

    cursor = tmp_path / "imap.json"
    cursor.write_text('{"mailbox":"m","uidvalidity":7,"uid":9,"format":99}')
    inbox = ImapInbox(Imap(username="a"), "", cursor)
    # It only spares work: all mails are offered again, and each decides once.
    assert inbox._cursor.uid == 0
