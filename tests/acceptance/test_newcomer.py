"""What a newcomer types, rightly as the quick start says it, and wrongly."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.acceptance.home import TestHome, label, refund, until
from tests.acceptance.pages import is_as_told, page, section, steps, type_in

START = page("docs/index.md")
ACTIVATED = ". .venv/bin/activate\n"
AT_HOME = "export HITL_MAIL_HOME=~/approvals\n"


def test_the_quick_start_prints_what_it_says(newcomer: TestHome, tmp_path: Path) -> None:
    shown = steps(section(START, "An action, a decision, a receipt"))
    assert [bool(step.prints) for step in shown] == [True] * 5
    for step in shown:
        printed = type_in(AT_HOME + step.script.replace(ACTIVATED, ""), tmp_path)
        assert is_as_told(str(step.prints), printed), printed
    assert newcomer.json("receipts", "list")[0]["status"] == "executed"


def test_the_same_file_again_is_the_same_case(newcomer: TestHome, tmp_path: Path) -> None:
    submit = steps(section(START, "An action, a decision, a receipt"))[0].script
    script = AT_HOME + submit.replace(ACTIVATED, "")
    first = type_in(script, tmp_path).split()
    assert type_in(script, tmp_path).split()[:2] == first
    newcomer.cli("approve", "refund")
    newcomer.await_result("refund")
    other = script.replace("49", "48").replace("submit", "submit --wait 2>&1")
    assert "was used for another action" in type_in(other, tmp_path, fails=True)
    assert len(newcomer.json("receipts", "list")) == 1


def test_the_reply_of_the_quick_start_decides(newcomer: TestHome, tmp_path: Path) -> None:
    newcomer.drop(refund(), "another.json")
    newcomer.await_mail("", "Refund 49 EUR to Ada")
    [step] = steps(section(START, "By mail"))
    type_in(AT_HOME + step.script, tmp_path)
    rows = newcomer.json("receipts", "list")
    assert [(row["id"], row["status"]) for row in rows] == [("postage", "executed")]


def test_the_reply_of_the_quick_start_may_be_its_edit(newcomer: TestHome, tmp_path: Path) -> None:
    by_mail = section(START, "By mail")
    [edit] = re.findall(r"`(printf '[^`]+edit[^`]+')`", by_mail)
    script = steps(by_mail)[0].script.replace(r"printf '\napprove\n'", edit)
    assert edit in script
    type_in(AT_HOME + script.replace("hitl-mail wait postage --json", ""), tmp_path)
    newcomer.await_mail("", "Refund 5 EUR to Bo")
    [row] = newcomer.json("queue")
    assert (row["title"], row["status"]) == ("Refund 5 EUR to Bo", "pending")


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("aprove", "x"), "Did you mean approve?"),
        (("queue", "--home", "x"), "--home DIR stands before the command"),
        (("approve", "zzzz"), "see: hitl-mail queue"),
        (("submit", "nowhere.json"), "nowhere.json: No such file or directory"),
    ],
)
def test_a_slip_exits_2_and_names_the_mend(
    quiet_home: TestHome, words: tuple[str, ...], mend: str
) -> None:
    done = quiet_home.cli(*words)
    assert (done.returncode, mend in done.stderr) == (2, True), done.stderr


def test_a_malformed_action_is_named_with_its_file(quiet_home: TestHome, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"kind": "payment.refund", "payload": {}, "sumary": "x"}')
    done = quiet_home.cli("submit", str(file))
    assert (done.returncode, done.stderr) == (
        2,
        f"hitl-mail: {file}: no such field: sumary (did you mean summary?);"
        " what an action may hold: hitl-mail schema action\n",
    )


def test_several_mistakes_are_counted(quiet_home: TestHome) -> None:
    site = quiet_home.root / "hitl-mail.toml"
    site.write_text(site.read_text().replace("transport =", "transprot =") + "\n[weeb]\n")
    done = quiet_home.cli("rules", "check")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "hitl-mail: 2 problems in the configuration",
    )


def test_a_second_person_needs_a_start_and_status_says_so(newcomer: TestHome) -> None:
    site = newcomer.root / "hitl-mail.toml"
    assert "start the daemon again" not in newcomer.cli("status").stdout
    site.write_text(site.read_text() + '\n[people.bob]\nmail = "bob@localhost"\n')
    rules = newcomer.root / "rules.toml"
    rules.write_text(rules.read_text().replace('"4h"', '"4h"\nroute_to = ["bob"]\nrate = 1'))
    told = newcomer.await_mail("", "rules.toml is not used")
    assert "start the daemon again" in " ".join(told.as_string().split())
    until(lambda: "note  hitl-mail.toml was changed" in newcomer.cli("status").stdout, "a note")
    assert "U+000A" not in newcomer.cli("status").stdout
    rules.write_text(rules.read_text().replace("\nrate = 1", ""))
    newcomer.stop()
    newcomer.start()
    assert newcomer.cli("status").returncode == 0


@pytest.mark.parametrize(
    "words", [("status",), ("queue",), ("run", "--once"), ("receipts", "verify"), ("show", "abcd")]
)
def test_a_home_without_its_state_is_never_taken_for_an_empty_one(
    quiet_home: TestHome, words: tuple[str, ...]
) -> None:
    shutil.rmtree(quiet_home.root / "state")
    done = quiet_home.cli(*words)
    assert (done.returncode, "restore it from a backup" in done.stderr) == (1, True), done.stderr


def test_deciding_twice_says_what_the_case_is(home: TestHome) -> None:
    home.drop(refund(kind="self.run"), "twice.json")
    ends = home.await_result("twice")["permit"]["until"]
    done = home.cli("approve", "twice")
    assert (done.returncode, done.stderr) == (
        1,
        f"hitl-mail: approve {home.case_of('twice')}: the case is approved, approve does not"
        f" apply; nothing is to be decided; its permit ends at {ends}; then done, retry or"
        " abandon\n",
    )


def test_what_a_program_printed_ends_where_its_last_line_does(home: TestHome) -> None:
    home.await_result(home.drop(label(), "printed.json"))
    until(lambda: home.json("show", "printed")["outcome"], "the outcome")
    [outcome] = [
        line for line in home.cli("show", "printed").stdout.splitlines() if "exit_code" in line
    ]
    assert "U+000A" not in outcome
