"""The policy at work, from outside: who is asked before, who looks afterwards, what a changed
rules.toml does, and what the command line tells about it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.home import body, label, until
from tests.acceptance.policy_home import GATE_OF_LABELS, RULES, PolicyHome, route, sync


@pytest.fixture
def idle_home(make_home: Callable[..., Any]) -> PolicyHome:
    home: PolicyHome = make_home(PolicyHome)
    return home


@pytest.fixture
def policy_home(idle_home: PolicyHome) -> PolicyHome:
    idle_home.start()
    return idle_home


def text_of(mail: Any) -> str:
    """Both forms of a mail, white space as single spaces."""
    html = mail.get_body(("html",)).get_content()
    return " ".join(f"{body(mail)} {html}".split())


# Exceptions


def test_a_quiet_exception_runs_alone(policy_home: PolicyHome) -> None:
    result = policy_home.await_result(policy_home.drop(route()))
    assert (result["status"], result["verdict"]["gate"]) == ("executed", "exception")
    assert policy_home.mails() == []


def test_a_triggered_exception_asks_and_says_why(policy_home: PolicyHome) -> None:
    home = policy_home
    triggers: dict[str, dict[str, Any]] = {
        "Confidence 0.6 is below 0.8": {"confidence": 0.6},
        "confidence is not given": {"confidence": None},
        "Missing: why": {"why": None},
        "'seven' is not of type 'integer'": {"payload": {"ticket": "seven", "team": "billing"}},
    }
    told = {}
    for reason, changes in triggers.items():
        home.drop(route(**changes))
        mail = home.await_mail("ada@example.com", count=len(told) + 1)
        told[reason] = " ".join(body(mail).split("RISK")[1].split("PAYLOAD")[0].split())
    assert [reason for reason, risk in told.items() if reason not in risk] == []
    assert {row["status"] for row in home.json("queue")} == {"pending"}
    assert home.ran() == []


def test_rules_that_disagree_trigger_an_exception(policy_home: PolicyHome) -> None:
    action = policy_home.drop(route(payload={"ticket": 7, "team": "backlog"}))
    mail = policy_home.await_mail("ada@example.com")
    assert "The rules disagree" in text_of(mail)
    verdict = policy_home.json("rules", "explain", action)
    assert [quorum["rule"] for quorum in verdict["quorums"]] == ["press", "triage"]
    assert (verdict["conflict"], policy_home.ran()) == (True, [])


# Failures that come to a person


def held(home: PolicyHome) -> tuple[str, Any]:
    """A case that failed with its retries exhausted, and the mail about it."""
    action = home.drop(sync())
    mail = home.await_mail("ada@example.com")
    [row] = home.json("queue")
    assert row["status"] == "held"
    return action, mail


def test_retries_exhausted_come_to_a_person_with_the_error_and_the_choices(
    policy_home: PolicyHome,
) -> None:
    _, mail = held(policy_home)
    told = text_of(mail)
    assert "It failed. What now?" in told
    assert "It was tried and failed (2 attempts)" in told
    assert "the share is not mounted" in told
    assert "retry | done | abandon" in told


def test_a_held_case_is_tried_again_by_a_reply(policy_home: PolicyHome) -> None:
    action, mail = held(policy_home)
    policy_home.mend()
    policy_home.reply(mail, "retry", "ada@example.com")
    result = policy_home.await_result(action)
    assert (result["status"], result["outcome"]["attempts"]) == ("executed", 3)
    assert len(policy_home.ran()) == 3


def test_a_held_case_is_settled_as_done_on_the_page(policy_home: PolicyHome) -> None:
    action, mail = held(policy_home)
    assert policy_home.post(mail, "done", "did it by hand") == 200
    result = policy_home.await_result(action)
    assert (result["status"], result["outcome"]["settled_by"]) == ("executed", "ada")
    assert len(policy_home.ran()) == 2


def test_a_held_case_is_given_up_at_the_command_line(policy_home: PolicyHome) -> None:
    action, _ = held(policy_home)
    assert policy_home.cli("abandon", action, "not", "needed").returncode == 0
    result = policy_home.await_result(action)
    assert (result["status"], result["outcome"]["settled_as"]) == ("failed", "abandon")


# Samples


def sampled(
    home: PolicyHome, name: str | None = None, **changes: Any
) -> tuple[dict[str, Any], Any]:
    """The result of an action that ran at once, and the mail that asks for a look."""
    count = len(home.mails("ada@example.com", "Label"))
    result = home.await_result(home.drop(label(**changes), name))
    assert result["status"] == "executed"
    return result, home.await_mail("ada@example.com", "Label", count + 1)


def test_a_sample_runs_at_once_and_a_mail_asks_whether_it_was_right(
    policy_home: PolicyHome,
) -> None:
    result, mail = sampled(policy_home)
    assert result["verdict"]["sampled"] is True
    text, html = body(mail), str(mail.get_body(("html",)).get_content())
    assert str(mail["Subject"]).endswith("Label 1")
    assert "Label 1\n\nIt ran by itself. Was that right?" in text.replace("\r", "")
    assert "It ran by itself. Was that right?" in html
    assert "Labels are looked at afterwards" in text
    assert "looked at afterwards = every one" in text
    assert "draw = " not in text
    assert policy_home.json("show", result["case"])["review"]["status"] == "open"
    assert "It ran by itself (1 attempt)" in text
    assert "did it" in text
    assert "ok | flag why" in text
    assert "PAYLOAD: exactly what ran" in text
    assert "EXACTLY WHAT RAN" in html
    assert "does not run" not in text + html
    for command in ("body=ok", "body=flag"):
        assert command in text
        assert command in html
    assert "/d/" in text
    assert "/d/" in html


@pytest.mark.parametrize(
    ("door", "status", "note"),
    [
        ("mail", "ok", ""),
        ("link", "flagged", "wrong team"),
        ("cli", "ok", ""),
    ],
)
def test_what_was_sampled_is_found_right_or_wrong_at_every_door(
    policy_home: PolicyHome, door: str, status: str, note: str
) -> None:
    home = policy_home
    result, mail = sampled(home)
    verb = "ok" if status == "ok" else "flag"
    if door == "mail":
        home.reply(mail, f"{verb}: {note}" if note else verb, "ada@example.com")
    elif door == "link":
        assert home.post(mail, verb, note) == 200
    else:
        done = home.cli(verb, result["case"], *note.split())
        assert done.returncode == 0, done.stderr
    review = home.review_of(result["case"])
    [said] = review["decisions"]
    assert (review["status"], review["decided_by"]) == (status, ["ada"])
    assert (said["verb"], said["via"], said["note"]) == (verb, door, note)
    assert review["reviews"] == {k: result["receipt"][k] for k in ("seq", "digest")}
    shown = home.json("show", result["case"])["review"]
    assert shown["receipt"] == {"seq": review["seq"], "digest": review["digest"]}
    assert [shown["status"], shown["decisions"]] == [status, review["decisions"]]
    assert f"{status} by ada ({door})" in home.cli("show", result["case"]).stdout
    assert home.result(result["id"]) == result
    assert home.json("receipts", "verify")["count"] == 2
    assert len(home.ran()) == 1


def test_a_review_that_nobody_answers_lapses(policy_home: PolicyHome) -> None:
    result = policy_home.await_result(policy_home.drop(label(kind="crm.short")))
    review = policy_home.review_of(result["case"], timeout=5.0)
    assert (review["status"], review["decided_by"]) == ("lapsed", [])
    assert review["expires_at"] <= review["closed_at"]
    assert "lapsed: nobody answered until" in policy_home.cli("show", result["case"]).stdout
    assert policy_home.result(result["id"]) == result
    assert policy_home.json("receipts", "verify")["ok"]
    assert policy_home.json("queue") == []


def test_what_is_not_drawn_is_not_looked_at(policy_home: PolicyHome) -> None:
    result = policy_home.await_result(policy_home.drop(label(kind="crm.seldom")))
    assert (result["verdict"]["gate"], result["verdict"]["sampled"]) == ("sample", False)
    until(lambda: policy_home.json("queue") == [] or None, "a closed case")
    assert (policy_home.mails(), len(policy_home.stored())) == ([], 1)


def test_a_reviewed_action_again_is_still_the_same_case(policy_home: PolicyHome) -> None:
    home = policy_home
    result, mail = sampled(home, name="same.json")
    home.reply(mail, "ok", "ada@example.com")
    home.review_of(result["case"])
    until(lambda: home.json("queue") == [] or None, "a closed case")
    (home.root / "spool/results/same.json").unlink()
    home.drop(label(), "same.json")
    assert home.await_result("same") == result
    assert len(home.ran()) == 1


def test_a_reply_after_the_review_is_told_what_became_of_it(policy_home: PolicyHome) -> None:
    home = policy_home
    result, mail = sampled(home)
    assert home.cli("ok", result["case"]).returncode == 0
    home.review_of(result["case"])
    until(lambda: home.json("queue") == [] or None, "a closed case")
    home.reply(mail, "flag: late", "ada@example.com")
    answer = home.await_mail("ada@example.com", "Closed already")
    assert "found right afterwards" in body(answer)
    assert "Decided by: ada" in body(answer)


def test_an_ok_on_a_gated_case_decides_nothing(policy_home: PolicyHome) -> None:
    home = policy_home
    action = home.drop(route(confidence=0.5))
    mail = home.await_mail("ada@example.com")
    home.reply(mail, "ok", "ada@example.com")
    answer = home.await_mail("ada@example.com", "Route", count=2)
    assert "Nothing was decided" in body(answer)
    assert home.cli("ok", action).returncode == 1
    assert home.json("queue")[0]["status"] == "pending"


# Drift


def tightened(home: PolicyHome) -> None:
    """Flag enough samples of the rule `labels` for it to ask."""
    for number in range(3):
        result, _ = sampled(home, payload={"x": number})
        assert home.cli("flag", result["case"], "wrong").returncode == 0
    until(lambda: home.mails("cleo@example.com") or None, f"a mail to the admin\n{home.log()}")


def test_a_rule_too_often_flagged_asks_until_an_admin_relaxes_it(idle_home: PolicyHome) -> None:
    home = idle_home
    home.start()
    tightened(home)
    [told] = home.mails("cleo@example.com")
    assert "labels" in str(told["Subject"])
    assert "rules relax labels" in body(told)
    until(lambda: any("labels is tightened" in fault for fault in home.faults()) or None, "status")

    asked = home.drop(label(payload={"x": 9}))
    mail = home.await_mail("ada@example.com", "Label 9")
    assert "3 of the last 3 samples were flagged" in body(mail)
    assert len(home.ran()) == 3
    assert home.relax("labels")["code"] == "not_admin"

    home.stop()
    home.let_decide("cleo")
    home.start()
    assert home.relax("labels") == {"ok": True, "rule": "labels", "by": "cleo"}
    assert home.relax("labels")["code"] == "not_now"
    home.drop(label(payload={"x": 10}), "after.json")
    result = home.await_result("after")
    assert (result["status"], result["verdict"]["gate"]) == ("executed", "sample")
    assert home.result(asked) is None
    assert len(home.mails("cleo@example.com")) == 1


# Change of policy


def pending_label(home: PolicyHome, gate: str = "hard") -> tuple[str, str]:
    """A case that ada is asked about, under rules that ask about labels."""
    action = home.drop(route(confidence=0.5))
    home.await_mail("ada@example.com", "Route")
    return action, RULES + GATE_OF_ROUTES.format(gate=gate)


GATE_OF_ROUTES = GATE_OF_LABELS.replace("labels", "routes").replace("crm.label", "ticket.route")


def test_a_stricter_policy_asks_its_people_about_open_cases_too(policy_home: PolicyHome) -> None:
    home = policy_home
    action, stricter = pending_label(home)
    home.change_rules(stricter)
    asked = home.await_mail("bob@example.com", "Route")
    assert "Labels broke the report" in body(asked)
    assert home.json("queue")[0]["waiting_for"] == ["ada", "bob"]
    assert home.cli("approve", action).returncode == 0
    assert home.json("queue")[0]["waiting_for"] == ["bob"]
    home.reply(asked, "approve", "bob@example.com")
    result = home.await_result(action)
    assert (result["status"], result["verdict"]["policy"]) == ("executed", home.policy())
    assert [said["by"] for said in result["decisions"]] == ["ada", "bob"]


def test_a_policy_that_denies_closes_open_cases(policy_home: PolicyHome) -> None:
    action, denying = pending_label(policy_home, "deny")
    policy_home.change_rules(denying)
    result = policy_home.await_result(action)
    assert (result["status"], result["verdict"]["rules"]) == ("denied", ["no routes alone"])
    assert policy_home.ran() == []


def test_a_milder_policy_changes_nothing_for_open_cases(policy_home: PolicyHome) -> None:
    home = policy_home
    action, _ = pending_label(home)
    before = home.policy()
    home.change_rules(RULES.replace("confidence < 0.8", "confidence < 0.1"))
    later = home.await_result(home.drop(route(confidence=0.5)))
    assert later["status"] == "executed"
    [row] = home.json("queue")
    assert (row["id"], row["status"]) == (action, "pending")
    assert home.json("show", action)["verdict"]["policy"] == before


def test_a_broken_policy_leaves_the_old_one_in_force_and_says_so_once(
    policy_home: PolicyHome,
) -> None:
    home = policy_home
    home.write_rules(RULES + '\n[[rules]]\nname = "typo"\nwhen = "knd == 1"\ngate = "hard"\n')
    [told] = until(lambda: home.mails("cleo@example.com") or None, "a mail to the admin")
    assert "rules.toml" in str(told["Subject"])
    assert "knd" in body(told)
    until(lambda: any("knd" in fault for fault in home.faults()) or None, "status")
    assert "knd" in home.log()
    assert home.await_result(home.drop(label()))["status"] == "executed"
    assert home.daemon is not None
    for _ in range(2):
        logged = home.log().count("rules.toml is not used")
        os.kill(home.daemon.pid, signal.SIGHUP)
        until(lambda n=logged: home.log().count("rules.toml is not used") > n or None, "SIGHUP")
    assert len(home.mails("cleo@example.com")) == 1
    home.write_rules(RULES)
    until(lambda: home.faults() == [] or None, "a status without faults")


@pytest.mark.parametrize("text", [b"\xff\xfe", None], ids=["not UTF-8", "gone"])
def test_a_policy_that_cannot_be_read_leaves_the_old_one_in_force(
    policy_home: PolicyHome, text: bytes | None
) -> None:
    home, file = policy_home, policy_home.root / "rules.toml"
    if text is None:
        file.unlink()
    else:
        file.write_bytes(text)
    until(lambda: any("rules.toml" in fault for fault in home.faults()) or None, "status")
    home.await_mail("cleo@example.com")
    assert home.await_result(home.drop(label()))["status"] == "executed"


SCHEMA = "schemas/route.json"


def test_a_changed_schema_is_taken_up_and_a_broken_one_is_not(policy_home: PolicyHome) -> None:
    home = policy_home
    (home.root / SCHEMA).write_text("{")
    until(lambda: any(SCHEMA in fault for fault in home.faults()) or None, "status")
    assert home.await_result(home.drop(route()))["status"] == "executed"
    (home.root / SCHEMA).write_text('{"required": ["customer"]}')
    until(lambda: home.faults() == [] or None, "a status without faults")

    def look() -> bool | None:
        before = len(home.mails("ada@example.com"))
        action = home.drop(route())
        until(lambda: home.result(action) or len(home.mails("ada@example.com")) > before, "an end")
        return home.result(action) is None or None

    until(look, f"the new schema\n{home.log()}")
    assert "customer" in body(home.mails("ada@example.com")[0])


def test_rules_changed_while_the_daemon_was_down_judge_open_cases_again(
    idle_home: PolicyHome,
) -> None:
    home = idle_home
    action = home.drop(route(confidence=0.5))
    home.once()
    home.write_rules(RULES + GATE_OF_ROUTES.format(gate="deny"))
    home.once()
    result = home.result(action)
    assert result is not None
    assert result["status"] == "denied"


def test_every_policy_used_is_kept_under_its_digest(policy_home: PolicyHome) -> None:
    home = policy_home
    first = home.policy()
    home.change_rules(RULES + GATE_OF_LABELS.format(gate="hard"))
    kept = {path.stem: path.read_text() for path in (home.root / "state/policies").iterdir()}
    assert kept[first.removeprefix("sha256:")] == RULES
    assert (
        kept[home.policy().removeprefix("sha256:")] == home.root.joinpath("rules.toml").read_text()
    )
    differs = home.cli("rules", "diff", first, home.policy())
    assert (differs.returncode, "no labels alone" in differs.stdout) == (0, True)


# The command line on a home that lived


def test_what_the_command_line_tells_of_rules(idle_home: PolicyHome) -> None:
    home = idle_home
    quiet, asked = home.drop(route()), home.drop(route(confidence=0.5))
    home.once()
    assert home.json("rules", "explain", quiet)["asks"] is False
    assert home.json("rules", "explain", asked)["reasons"] == ["Confidence 0.5 is below 0.8"]
    file = home.root.parent / "act.json"
    file.write_text(json.dumps(route(confidence=0.7)))
    told = home.cli("rules", "explain", str(file))
    assert (told.returncode, "Confidence 0.7 is below 0.8" in told.stdout) == (0, True)

    other = home.root.parent / "other.toml"
    other.write_text(RULES.replace("confidence < 0.8", "confidence < 0.99"))
    replay = home.json("rules", "replay", "--rules", str(other))
    assert (replay["receipts"], replay["asks"]["change"]) == (1, 1)
    assert home.json("rules", "suggest")["suggestions"] == []
    for words in (("replay", "--rules", str(other)), ("suggest",), ("check",), ("test",)):
        done = home.cli("rules", *words)
        assert (done.returncode, done.stderr) == (0, "")

    test = '\n[[tests]]\nname = "t"\naction = {}\nexpect = {{ gate = "deny" }}\n'
    action = '{ kind = "crm.label", payload = {}, summary = "s" }'
    home.write_rules(RULES + test.format(action))
    done = home.cli("rules", "test")
    assert (done.returncode, "expected deny, is sample" in done.stdout) == (1, True)
