"""Somebody asks to be forgotten: what was said of them is gone, and the chain still verifies."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.acceptance.home import TestHome, label, link, refund, until
from tests.acceptance.test_receipts_doc import verify

SECRET = "Zoe-Example-of-Secret-Street"


def secret(**fields: Any) -> dict[str, Any]:
    """A refund that names somebody."""
    payload = {"amount": 49, "currency": "EUR", "customer": SECRET}
    return refund(payload=payload, summary=f"For {SECRET}", **fields)


def settled(home: TestHome, **fields: Any) -> str:
    """The case of a secret refund that ada rejected with a word on it."""
    action_id = home.drop(secret(**fields))
    mail = home.await_mail("ada@example.com", SECRET[:10])
    home.reply(mail, f"reject because {SECRET} is gone", "ada@example.com")
    home.await_result(action_id)
    case = str(home.json("receipts", "list")[-1]["case"])
    until(lambda: case not in str(home.json("queue")) or None, "the case is out of the queue")
    return case


def holders(home: TestHome) -> list[Path]:
    """The files of the state that hold the secret."""
    state = home.root / "state"
    return [p for p in state.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]


def erased(home: TestHome, case: str) -> dict[str, Any]:
    """The answer, once the daemon has sent the last mail of the case."""

    def look() -> dict[str, Any] | None:
        done = home.cli("receipts", "erase", case, "as", "asked", "--json")
        assert done.returncode == 0 or "still open" in done.stderr, done.stderr
        answer: dict[str, Any] | None = json.loads(done.stdout) if not done.returncode else None
        return answer

    return until(look, "the case is closed")


def test_what_was_erased_is_in_no_file_of_the_state_and_all_verifies(
    home: TestHome, tmp_path: Path
) -> None:
    case = settled(home)
    assert holders(home) != []
    before = home.json("receipts", "show", case)
    answer = erased(home, case)
    assert (answer["by"], answer["erased"], answer["queued"]) == ("cleo", [1], False)
    assert holders(home) == []
    after = home.json("receipts", "show", case)
    assert (after["digest"], after["decided_by"]) == (before["digest"], ["ada"])
    assert home.json("receipts", "verify")["ok"]
    theirs = verify(tmp_path, str(home.root)).stdout
    assert theirs == f"2 receipts verified; head {answer['receipt']['digest']}\n"
    assert "\npayload\n  erased\n" in home.cli("show", case).stdout


def test_the_erasure_is_a_receipt_and_twice_is_once(home: TestHome) -> None:
    case = settled(home)
    answer = erased(home, case)
    assert erased(home, case)["receipt"] == answer["receipt"]
    exported = json.loads(home.cli("receipts", "export", "--json", "--status", "erased").stdout)
    [receipt] = exported
    assert receipt["erases"] == [
        {"seq": 1, "digest": home.json("receipts", "show", case)["digest"]}
    ]
    assert (receipt["decided_by"], receipt["decisions"][0]["note"]) == (["cleo"], "as asked")
    schema = home.json("schema", "receipt")
    for one in (receipt, home.json("receipts", "show", case)):
        assert [error.message for error in Draft202012Validator(schema).iter_errors(one)] == []


def test_an_open_case_is_not_erased(quiet_home: TestHome) -> None:
    quiet_home.drop(secret(), "open.json")
    quiet_home.once()
    done = quiet_home.cli("receipts", "erase", "open")
    assert (done.returncode, "still open" in done.stderr) == (2, True)


def test_only_an_admin_erases(home: TestHome) -> None:
    case = settled(home)
    home.stop()
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site.replace('admins = ["cleo"]', 'admins = ["ada"]'))
    done = home.cli("receipts", "erase", case)
    assert (done.returncode, "no admin" in done.stderr) == (1, True)
    name = f"erase-{case}.json"
    aside = home.root / "control/tmp" / name
    aside.write_text(json.dumps({"erase": case}))
    aside.rename(home.root / "control/new" / name)
    home.once()
    answer = json.loads((home.root / "control/results" / name).read_text())
    assert (answer["ok"], answer["code"]) == (False, "not_admin")
    assert holders(home) != []


def test_ahead_of_a_daemon_it_is_queued_and_a_killed_daemon_ends_it(home: TestHome) -> None:
    case = settled(home)
    home.stop(signal.SIGKILL)
    assert home.json("receipts", "erase", case) == {"case": case, "queued": True}
    assert holders(home) != []
    home.once()
    assert holders(home) == []
    assert home.json("receipts", "verify")["ok"]


def test_what_is_older_than_it_is_kept_goes_by_itself(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(label(payload={"name": SECRET}, id="old"))
    home.drop(secret(id="open"))
    home.once()
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site + '\n[store]\nkeep = "1s"\n')

    def gone() -> bool | None:
        home.once()
        [old] = [row for row in home.json("receipts", "list") if row["status"] == "executed"]
        kept = home.json("receipts", "show", old["case"])
        return kept["action"].keys() == {"erased"} or None

    until(gone, "the contents go")
    rows = home.json("receipts", "list")
    assert [(row["status"], row["decided_by"]) for row in rows] == [
        ("executed", []),
        ("erased", []),
    ]
    home.once()
    assert len(home.json("receipts", "list")) == 2
    assert home.json("receipts", "verify")["ok"]
    assert [row["id"] for row in home.json("queue")] == ["open"]


def test_a_receipt_link_from_before_shows_what_is_left(home: TestHome) -> None:
    action_id = home.drop(secret())
    asked = home.await_mail("ada@example.com", SECRET[:10])
    home.reply(asked, "reject", "ada@example.com")
    home.await_result(action_id)
    erased(home, str(home.json("receipts", "list")[-1]["case"]))
    page = httpx.get(link(asked, "/r/"), trust_env=False)
    assert (page.status_code, SECRET in page.text, "ada" in page.text) == (200, False, True)
