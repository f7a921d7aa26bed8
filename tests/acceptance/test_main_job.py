"""The main job, from outside: an action goes in, a person answers, exactly that runs, a receipt
that verifies is left."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx
import pytest

from tests.acceptance.home import TestHome, label, link, refund, until


def verified(home: TestHome, count: int) -> None:
    def look() -> bool | None:
        report = home.json("receipts", "verify")
        return (report["ok"] and report["count"] == count) or None

    until(look, f"{count} receipts")


def test_an_approving_reply_runs_exactly_the_payload(home: TestHome) -> None:
    action = home.drop(refund())
    mail = home.await_mail("ada@example.com")
    assert str(mail["Subject"]).endswith("Refund 49 EUR to Ada")
    home.reply(mail, "approve", "Ada <ada@example.com>")
    result = home.await_result(action)
    assert result["status"] == "executed"
    assert result["payload"] == refund()["payload"]
    assert [d["by"] for d in result["decisions"]] == ["ada"]
    assert result["decisions"][0]["via"] == "mail"
    assert [run["line"] for run in home.ran()] == [
        '{"amount":49,"currency":"EUR","customer":"Ada"}\n'
    ]
    verified(home, 1)
    answer = home.await_mail("ada@example.com", count=2)
    assert "executed" in answer.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_rejecting_reply_gives_the_reason_to_the_agent(home: TestHome) -> None:
    action = home.drop(refund())
    home.reply(home.await_mail("bob@example.com"), "Reject: too much", "bob@example.com")
    result = home.await_result(action)
    assert result["status"] == "rejected"
    assert result["decisions"][0]["note"] == "too much"
    assert home.ran() == []


def test_a_get_changes_nothing_and_a_post_decides(home: TestHome) -> None:
    action = home.drop(refund())
    url = link(home.await_mail("ada@example.com"))
    before = home.json("queue")
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        page = client.get(url)
        assert page.status_code == 200
        assert client.head(url).status_code == 200
        assert home.json("queue") == before
        seen = page.text.split('name="seen" value="')[1].split('"')[0]
        done = client.post(url, data={"verb": "approve", "note": "", "seen": seen})
        assert done.status_code == 200
        result = home.await_result(action)
        assert (result["status"], result["decisions"][0]["via"]) == ("executed", "link")
        client.post(url, data={"verb": "approve", "note": "", "seen": seen})
    assert len(home.ran()) == 1


def test_an_admin_who_is_no_reviewer_may_not_approve_at_the_command_line(home: TestHome) -> None:
    action = home.drop(refund())
    refused = home.cli("approve", home.case_of(action))
    assert refused.returncode == 1
    assert "not one of its reviewers" in refused.stderr


def test_a_reviewer_decides_at_the_command_line(home: TestHome) -> None:
    action = home.drop(refund(kind="unknown.kind", effects=["other"]))
    case = home.case_of(action)
    assert home.json("approve", action)["status"] in ("approved", "executing", "executed")
    result = home.await_result(action)
    assert result["case"] == case
    assert result["status"] == "approved"
    assert result["permit"]["token"]


def test_what_no_rule_asks_about_runs_alone(home: TestHome) -> None:
    result = home.await_result(home.drop(label()))
    assert (result["status"], result["verdict"]["gate"]) == ("executed", "auto")
    assert home.mails() == []


def test_what_is_denied_never_runs(home: TestHome) -> None:
    result = home.await_result(home.drop(refund(kind="root.grant")))
    assert (result["status"], result["verdict"]["rules"]) == ("denied", ["never"])
    assert home.ran() == []


def test_what_nobody_answers_expires(home: TestHome) -> None:
    result = home.await_result(home.drop(refund(expires="1s")))
    assert result["status"] == "expired"
    assert home.ran() == []


def test_the_same_action_again_is_the_same_case(home: TestHome) -> None:
    first = home.await_result(home.drop(label(), "same.json"))
    (home.root / "spool/results/same.json").unlink()
    home.drop(label(), "same.json")
    assert home.await_result("same") == first
    assert len(home.ran()) == 1


def test_the_same_id_with_other_content_is_refused(home: TestHome) -> None:
    home.await_result(home.drop(label(), "same.json"))
    home.drop(label(payload={"x": 2}), "same.json")
    refusal = until(lambda: home.refusal("same.json"), "refusal")
    assert (refusal["error"], refusal["field"]) == ("id_conflict", "id")
    assert "the id same (from the file's name) was used for another action, " in refusal["detail"]
    assert refusal["detail"].endswith("; give another id, or another file name")


@pytest.mark.parametrize("wait", [(), ("--wait",)])
def test_a_file_submitted_again_is_a_case_from_before_or_told_why_not(
    home: TestHome, tmp_path: Path, wait: tuple[str, ...]
) -> None:
    file = tmp_path / "again.json"
    file.write_text(json.dumps(label()))
    first = home.cli("submit", str(file))
    assert first.stderr == ""
    home.await_result("again")
    again = home.cli("submit", str(file))
    assert again.stdout == first.stdout
    assert "(a case from before: executed; " in again.stderr
    file.write_text(json.dumps(label(payload={"x": 2})))
    other = home.cli("submit", str(file), *wait)
    assert (other.returncode, other.stdout) == (2, "")
    assert "write an id into it, or rename it" in other.stderr
    file.write_text(json.dumps(label(payload={"x": 2}, id="again")))
    assert "rename it" not in home.cli("submit", str(file), *wait).stderr


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{", "malformed"),
        (b'{"kind":"a","kind":"b"}', "duplicate_key"),
        (b"\xff\xfe", "not_utf8"),
        (b'{"kind":"a","payload":{},"summary":"s","efects":[]}', "unknown_field"),
        (b'{"kind":"a","payload":{"x":9007199254740993},"summary":"s"}', "bad_number"),
        (b" " * (1024 * 1024 + 1), "too_large"),
    ],
)
def test_bad_files_are_refused_and_the_rest_goes_on(home: TestHome, data: bytes, code: str) -> None:
    home.drop(data, "bad.json")
    good = home.drop(label())
    assert home.await_result(good)["status"] == "executed"
    assert until(lambda: home.refusal("bad.json"), "refusal")["error"] == code
    assert (home.root / "spool/refused/bad.json").read_bytes() == data


def test_ok_and_conditions_and_strangers_do_not_approve(home: TestHome) -> None:
    action = home.drop(refund())
    mail = home.await_mail("ada@example.com")
    home.reply(mail, "ok", "ada@example.com")
    answer = home.await_mail("ada@example.com", count=2)
    assert "approve" in answer.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    home.reply(mail, "approve, but make it 20", "ada@example.com")
    home.reply(mail, "approve", "eve@evil.example")
    home.reply(mail, "approve", "bob@example.com")
    home.reply(mail, "approve", "ada@example.com", Auto_Submitted="auto-replied")
    until(lambda: not list((home.root / "mail/in/new").iterdir()), "all mail read")
    assert home.result(action) is None
    home.reply(mail, "Approve!", "ada@personal.example")
    assert home.await_result(action)["status"] == "executed"


def test_the_agents_owner_never_approves(home: TestHome) -> None:
    action = home.drop(refund(), spool="spool/billing")
    home.await_mail("ada@example.com")
    assert home.mails("bob@example.com") == []
    row = home.json("queue")[0]
    assert (row["agent"], row["id"], row["waiting_for"]) == ("billing", action, ["ada"])


def test_cancel_withdraws_before_execution(home: TestHome) -> None:
    action = home.drop(refund())
    home.case_of(action)
    home.drop({"cancel": action})
    assert home.await_result(action)["status"] == "canceled"


def test_a_permit_is_reported_once(home: TestHome) -> None:
    action = home.drop(label(kind="self.run"))
    result = home.await_result(action)
    assert result["status"] == "approved"
    report = {"report": result["case"], "permit": "wrong", "outcome": {"ok": True}}
    home.drop(report, "r1.json")
    assert until(lambda: home.refusal("r1.json"), "refusal")["error"] == "bad_permit"
    home.drop(report | {"permit": result["permit"]["token"]}, "r2.json")
    final = until(
        lambda: (r := home.result(action)) and r["status"] == "executed" and r, "final result"
    )
    assert final["outcome"]["ok"] is True


def test_a_temporary_failure_is_tried_again_and_a_failure_is_not(home: TestHome) -> None:
    flaky, broken = home.drop(label(kind="crm.flaky")), home.drop(label(kind="crm.broken"))
    result = home.await_result(broken)
    assert (result["status"], result["outcome"]["exit_code"]) == ("failed", 3)
    assert result["outcome"]["attempts"] == 1
    result = home.await_result(flaky)
    assert (result["status"], result["outcome"]["attempts"]) == ("failed", 3)


def test_a_decision_waits_for_a_daemon_that_is_down(quiet_home: TestHome) -> None:
    home = quiet_home
    action = home.drop(refund(kind="other.kind"))
    home.once()
    assert home.json("queue")[0]["status"] == "pending"
    queued = home.cli("reject", action, "not", "now")
    assert (queued.returncode, "queued" in queued.stdout) == (0, True)
    home.once()
    result = home.result(action)
    assert result is not None
    assert (result["status"], result["decisions"][0]["note"]) == ("rejected", "not now")
    assert result["decisions"][0]["via"] == "cli"


def test_submit_waits_and_its_status_says_what_became_of_it(home: TestHome) -> None:
    file = home.root.parent / "act.json"
    file.write_text(json.dumps(label()))
    done = home.cli("submit", str(file), "--wait", "--json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "executed")
    file.write_text(json.dumps(refund(id="late")))
    assert home.cli("submit", str(file), "--wait", "--timeout", "1").returncode == 9
    assert home.cli("cancel", "late").returncode == 0
    assert home.cli("wait", "late").returncode == 7


def test_a_second_daemon_is_refused_and_sigterm_ends_the_first(home: TestHome) -> None:
    second = home.cli("run")
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert home.stop(signal.SIGTERM) == 0


def test_a_lock_file_that_somebody_removed_lets_no_second_daemon_in(home: TestHome) -> None:
    (home.root / "state/lock").unlink()
    for _ in range(2):
        second = home.cli("run", "--once")
        assert (second.returncode, "already running" in second.stderr) == (1, True)
    # Whoever decides still finds the one that runs, and waits for its word.
    home.drop(refund(id="one"))
    answer = home.cli("reject", home.case_of("one"))
    assert "cleo is not one of its reviewers" in answer.stderr


def test_open_receipts_answers_beside_the_daemon(home: TestHome) -> None:
    from tinydb import where

    from hitl_mail import open_receipts

    home.await_result(home.drop(label()))
    table = open_receipts(home.root).table("receipts")
    assert [r["status"] for r in table.search(where("status") == "executed")] == ["executed"]


def test_one_changed_byte_fails_verification(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(label())
    home.once()
    [month] = (home.root / "state/receipts").glob("*.jsonl")
    data = bytearray(month.read_bytes())
    data[data.index(b"crm.label")] ^= 1
    month.write_bytes(bytes(data))
    assert home.cli("receipts", "verify").returncode == 1
