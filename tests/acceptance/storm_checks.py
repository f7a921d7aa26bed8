"""What must be true after any storm, whatever it did."""

from __future__ import annotations

import collections
import difflib
import email
import email.policy
import json
import re
from typing import Any

from hitl_mail import bootstrap, open_receipts
from hitl_mail.home import Home
from tests.acceptance.home import TestHome
from tests.acceptance.storm_mail import Maildirs, Post
from tests.acceptance.storm_site import IDEMPOTENT, SPOOLS

Asked = tuple[str, str, bool]
"""Case, person, and whether it goes on with a thread."""


def check(
    home: TestHome,
    post: Post,
    dropped: dict[tuple[str, str], dict[str, Any]],
    refused: dict[str, str],
    *,
    fair: bool,
) -> None:
    """Every action is a case with a receipt, ran as often as it may, and its people were asked."""
    report = bootstrap.verify_receipts(Home(home.root))
    assert report["ok"], report
    filed = [dict(row) for row in open_receipts(home.root).table("receipts")]
    receipts = {(row["agent"], row["id"]): row for row in filed if "about" not in row}
    reviews = [row for row in filed if "about" in row]
    assert receipts.keys() == dropped.keys()
    assert report["count"] == len(dropped) + len(reviews)
    assert {row["kind"] for row in reviews} <= {"sample.once"}
    runs: dict[str, list[str]] = collections.defaultdict(list)
    for case, key, what in map(json.loads, home.ran_file.read_text().splitlines()):
        if what == "start":
            runs[case].append(key)
    asked = check_mails(post)
    for (agent, name), receipt in receipts.items():
        check_case(receipt, runs[receipt["case"]])
        result = home.result(name, SPOOLS[agent])
        assert result is not None, name
        assert (result["status"], result["receipt"]["digest"]) == (
            receipt["status"],
            receipt["digest"],
        )
        check_asked(receipt, asked, fair)
    assert refused == {}
    assert post.lost() == []
    assert "Traceback" not in home.log()
    for spool in SPOOLS.values():
        assert list((home.root / spool / "refused").iterdir()) == []


def check_mails(post: Post) -> set[Asked]:
    """A Message-ID is one mail to one person, and a packet says the same each time; whom these
    were sent to about which case. An answer tells how things stand when it is sent."""
    mails: dict[str, bytes] = {}
    asked: set[Asked] = set()
    for data in post.sent():
        mail = email.message_from_bytes(data, policy=email.policy.default)
        name = str(mail["Message-ID"])
        answers = str(mail["Subject"]).startswith("Re:")
        first = mails.setdefault(name, data)
        same = _envelope(first) == _envelope(data) if answers else _plain(first) == _plain(data)
        assert same, f"{name} is two mails: {_difference(first, data)}"
        found = re.search(r"\[hitl ([0-9a-z-]+)\]", str(mail["Subject"]))
        # A packet that went out late, when others had decided, has no link any more. That a case
        # is in doubt goes on in the thread of whoever was asked, or would have been.
        if found:
            asked.add((found[1], str(mail["To"]).partition("@")[0], answers))
    if isinstance(post, Maildirs):
        assert len(mails) == len(post.sent())
    return asked


def _plain(data: bytes) -> list[str]:
    """The lines of a mail, but for how much else waits: that is as of when it is sent."""
    lines = data.decode("utf-8", "replace").replace("=\r\n", "").replace("=\n", "").splitlines()
    return [line for line in lines if "for you" not in line]


def _envelope(data: bytes) -> list[str]:
    mail = email.message_from_bytes(data, policy=email.policy.default)
    return [str(mail[name]) for name in ("From", "To", "Subject", "Date", "In-Reply-To")]


def _difference(first: bytes, second: bytes) -> str:
    return "\n".join(difflib.unified_diff(_plain(first), _plain(second), n=0, lineterm=""))


def check_asked(receipt: dict[str, Any], asked: set[Asked], fair: bool) -> None:
    """Everybody who is said to have been written to was; and nobody was left out, but where all
    was decided before a mail that had failed once was tried again."""
    case = receipt["case"]
    packets = receipt["packets"]
    for packet in packets:
        if packet["status"] == "sent" or (fair and packet["status"] == "queued"):
            threads = {False, packet["about"] == "doubt"}
            found = any((case, packet["to"], thread) in asked for thread in threads)
            assert found, f"{case} never asked {packet['to']}: {packets}"
        elif packet["status"] == "failed":
            assert "decided meanwhile" in (packet["error"] or ""), f"{case}: {packet}"
    for quorum in receipt["verdict"]["quorums"] if receipt["verdict"]["asks"] else []:
        for person in quorum["reviewers"]:
            assert person in {packet["to"] for packet in packets}, f"{case} not for {person}"


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
        "ask.edit": ["approve"],
        "ask.reject": ["reject"],
    }.get(kind, [])
    said = [verb for verb in verbs if not (kind == "ask.edit" and verb == "edit")]
    assert said == expected + settled, (case, kind, receipt["decisions"])
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
