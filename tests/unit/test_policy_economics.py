"""What asking costs and brings: sums over receipts, and the warnings that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from hitl_mail.core.documents import iso
from hitl_mail.policy.advice import warnings
from hitl_mail.policy.answers import Answer, read_answers, shown_size, unanswered
from hitl_mail.policy.economics import OUTCOMES as COUNTED
from hitl_mail.policy.economics import Economics, Reviewer, quantile, size_of
from tests.support.answered import NOON, Said, case


def review(number: int, status: str, *said: Said) -> dict[str, Any]:
    """The receipt of a review of the case of that number."""
    made = case(number, *said, status=status)
    return {**made, "about": f"review of {made['case']}"}


def sums(receipts: Iterable[dict[str, Any]], since: str = "") -> dict[str, Any]:
    found = Economics(since)
    for receipt in receipts:
        found.add(receipt)
    return found.document()


APPROVED: Said = ("ada", "approve", 40.0)

OUTCOMES: dict[str, tuple[dict[str, Any], str]] = {
    "it ran alone": (case(asks=False), "ran_alone"),
    "it failed alone": (case(asks=False, status="failed"), "ran_alone"),
    "it was approved": (case(0, APPROVED), "approved"),
    "it was approved and failed": (case(0, APPROVED, status="failed"), "approved"),
    "it was edited": (case(0, ("ada", "edit", 5.0), APPROVED), "edited"),
    "it was edited and rejected": (
        case(0, ("ada", "edit", 5.0), ("bob", "reject", 9.0), status="rejected"),
        "rejected",
    ),
    "it was rejected": (case(0, ("ada", "reject", 5.0), status="rejected"), "rejected"),
    "it expired": (case(status="expired"), "expired"),
    "it was denied": (case(asks=False, status="denied"), "denied"),
    "it was withdrawn": (case(status="canceled"), "other"),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_case_has_one_outcome(name: str) -> None:
    receipt, outcome = OUTCOMES[name]
    found = sums([receipt])
    assert {k: v for k, v in found["days"][0].items() if v and k != "day"} == {outcome: 1}
    for row in (found["all"], found["rules"][0], found["kinds"][0]):
        assert (row["actions"], row["asked"]) == (1, outcome not in ("ran_alone", "denied"))
        if outcome != "other":
            assert row[outcome] == 1


def test_a_case_counts_for_every_rule_that_asked() -> None:
    found = sums([case(0, APPROVED, rules=("money", "large")), case(1, APPROVED)])
    assert [(row["rule"], row["asked"]) for row in found["rules"]] == [("money", 2), ("large", 1)]
    assert found["all"]["actions"] == 2


def test_a_flagged_review_counts_for_the_rule_that_drew_it() -> None:
    drawn = case(0, asks=False, rules=("labels",))
    drawn["verdict"]["sampled"] = True
    found = sums([drawn, review(0, "flagged", ("ada", "flag", 30.0)), review(1, "ok")])
    assert [(row["rule"], row["flagged"]) for row in found["rules"]] == [("labels", 1)]
    assert found["reviewers"][0]["flag"] == 1


def sampled(number: int) -> dict[str, Any]:
    drawn = case(number, asks=False, rules=("labels",), at=NOON + 2000)
    drawn["verdict"]["sampled"] = True
    return drawn


SMALL_HISTORY = [
    case(0, ("ada", "edit", 20.0), ("bob", "approve", 31.26)),
    case(1, ("ada", "reject", 10.0), status="rejected", at=NOON + 900),
    case(2, ("bob", "route", 65.26), ("ada", "approve", 100.0), rules=("large",), at=NOON + 1800),
    *(sampled(number) for number in (3, 4, 5, 6)),
    review(3, "flagged", ("ada", "flag", 2100.0)),
    review(4, "flagged", ("ada", "flag", 2118.0)),
    review(5, "ok", ("bob", "ok", 2200.0)),
    review(6, "ok"),
    case(7, status="expired", to=("cleo",), at=NOON + 86400),
]
SILENT_TALLY = {
    "actions": 0,
    **dict.fromkeys(("ran_alone", "asked", "approved", "edited", "rejected"), 0),
    **dict.fromkeys(("expired", "denied", "flagged", "unread"), 0),
    **dict.fromkeys(("median_seconds", "p90_seconds", "within_goal")),
    "people_minutes": 0.0,
}
SILENT_REVIEWER = {
    **dict.fromkeys(("answered", "unanswered", "approve", "reject", "edit", "route"), 0),
    **dict.fromkeys(("ok", "flag", "fast_runs", "longest_fast_run"), 0),
    **dict.fromkeys(("median_seconds", "p90_seconds")),
    "median_by_size": {"short": None, "middling": None, "long": None},
    "people_minutes": 0.0,
}


def test_every_number_of_a_small_history_stands_under_its_name() -> None:
    found = Economics()
    for receipt in SMALL_HISTORY:
        found.add(receipt)
    outcomes = {"ran_alone": 4, "approved": 1, "edited": 1, "rejected": 1, "expired": 1}
    times = {"median_seconds": 20.0, "p90_seconds": 65.3, "within_goal": 0.667}
    every = SILENT_TALLY | times | outcomes
    # ada: 20 + 10 + 100 + 200 (since her last) + 18 s; bob: 31.26 + 65.26 + 300 s (at most).
    every |= {"actions": 8, "asked": 4, "flagged": 2, "unread": 1, "people_minutes": 12.4}
    money = {"actions": 3, "asked": 3, "edited": 1, "rejected": 1, "expired": 1, "unread": 1}
    money |= {"median_seconds": 10.0, "p90_seconds": 20.0, "within_goal": 1.0}
    large = {"actions": 1, "asked": 1, "approved": 1, "within_goal": 0.0}
    labels = {"actions": 4, "ran_alone": 4, "flagged": 2, "people_minutes": 8.6}
    ada = {"answered": 5, "approve": 1, "reject": 1, "edit": 1, "flag": 2, "people_minutes": 5.8}
    bob = {"answered": 3, "approve": 1, "route": 1, "ok": 1, "people_minutes": 6.6}
    assert found.document() == {
        "since": None,
        "goal_seconds": 60.0,
        "all": every,
        "rules": [
            {"rule": "money", **SILENT_TALLY, **money, "people_minutes": 1.0},
            {"rule": "large", **SILENT_TALLY, **large, "people_minutes": 2.8}
            | dict.fromkeys(("median_seconds", "p90_seconds"), 65.3),
            {"rule": "labels", **SILENT_TALLY, **labels},
        ],
        "kinds": [{"kind": "payment.refund", **every}],
        "reviewers": [
            {"reviewer": "ada", **SILENT_REVIEWER, **ada}
            | {"median_seconds": 100.0, "p90_seconds": 2118.0}
            | {"median_by_size": {"short": 100.0, "middling": None, "long": None}},
            {"reviewer": "bob", **SILENT_REVIEWER, **bob}
            | {"median_seconds": 65.3, "p90_seconds": 2200.0}
            | {"median_by_size": {"short": 65.3, "middling": None, "long": None}},
            {"reviewer": "cleo", **SILENT_REVIEWER, "unanswered": 1},
        ],
        "waits": [
            {"up_to_seconds": bound, "answers": count}
            for bound, count in (
                *((15.0, 1), (60.0, 1), (300.0, 1), (900.0, 0), (3600.0, 0)),
                *((14400.0, 0), (86400.0, 0), (None, 0)),
            )
        ],
        "days": [
            {"day": "2026-09-21", **dict.fromkeys(COUNTED, 0), **outcomes, "expired": 0},
            {"day": "2026-09-22", **dict.fromkeys(COUNTED, 0), "expired": 1},
        ],
    }


def test_who_answered_most_and_which_rule_asked_most_stand_first() -> None:
    found = sums(
        [
            case(0, ("bob", "approve", 5.0), rules=("large",)),
            case(1, ("ada", "approve", 5.0), rules=("large",)),
            case(2, ("bob", "approve", 5.0)),
            case(3, ("cleo", "approve", 5.0)),
            case(4, asks=False, rules=("labels",)),
            *(case(number, asks=False, rules=("notes",)) for number in (5, 6)),
        ]
    )
    assert [row["reviewer"] for row in found["reviewers"]] == ["bob", "ada", "cleo"]
    assert [row["rule"] for row in found["rules"]] == ["large", "money", "notes", "labels"]


def test_times_run_from_the_mail_to_the_answer() -> None:
    found = sums(case(n, ("ada", "approve", wait)) for n, wait in enumerate((10, 20, 60, 600)))
    assert (found["all"]["median_seconds"], found["all"]["p90_seconds"]) == (20.0, 600.0)
    assert found["all"]["within_goal"] == 0.75
    counts = {row["up_to_seconds"]: row["answers"] for row in found["waits"] if row["answers"]}
    assert counts == {15.0: 1, 60.0: 2, 900.0: 1}


def test_a_later_mail_to_the_same_person_is_what_they_answered() -> None:
    reminded = case(0, ("ada", "approve", 1000.0))
    reminded["packets"] += [
        {"to": "ada", "about": "remind", "at": iso(NOON + 970), "status": "sent"},
        {"to": "bob", "about": "remind", "at": iso(NOON + 990), "status": "sent"},
        {"to": "ada", "about": "remind", "at": iso(NOON + 995), "status": "failed"},
        {"to": "ada", "about": "remind", "at": iso(NOON + 1001), "status": "sent"},
    ]
    assert [answer.waited for answer in read_answers(reminded)] == [30.0]


def test_an_answer_without_a_mail_has_no_time() -> None:
    [answer] = read_answers(case(0, ("cleo", "approve", 5.0)))
    assert (answer.asked_at, answer.waited) == (None, None)


def test_a_mail_of_the_very_second_of_the_answer_is_what_was_answered() -> None:
    [answer] = read_answers(case(7, ("ada", "approve", 0.0)))
    assert (answer.case, answer.waited) == ("261122-000007", 0.0)


def test_what_was_said_of_a_failure_is_no_answer() -> None:
    assert list(read_answers(case(0, ("ada", "retry", 5.0)))) == []


def test_peoples_time_is_what_lies_between_answers_and_never_the_lunch() -> None:
    morning = [
        case(0, ("ada", "approve", 30.0)),
        case(1, ("ada", "approve", 50.0)),
        case(2, ("ada", "approve", 7200.0)),
    ]
    # 30 s since the mail, 20 s since the answer before, and five minutes at most.
    assert sums(morning)["all"]["people_minutes"] == round((30 + 20 + 300) / 60, 1)


def test_who_was_mailed_and_silent_counts_only_where_it_expired() -> None:
    found = sums([case(0, APPROVED), case(1, status="expired"), case(2, status="expired")])
    silent = {row["reviewer"]: row["unanswered"] for row in found["reviewers"]}
    assert silent == {"ada": 2, "bob": 2}
    assert unanswered(case(0, APPROVED)) == {"bob"}


def test_a_mail_about_a_doubt_is_no_question_that_somebody_left_unanswered() -> None:
    doubted = case(0, status="expired", to=("ada",))
    doubted["packets"].append({"to": "cleo", "about": "doubt", "at": iso(NOON), "status": "sent"})
    assert unanswered(doubted) == {"ada"}


def test_whom_an_erased_case_asked_is_not_known() -> None:
    assert unanswered({**case(0), "packets": {"erased": "sha256:0"}}) == set()


def test_answer_times_stand_beside_what_was_shown() -> None:
    found = sums(
        [case(0, ("ada", "approve", 9.0)), case(1, ("ada", "approve", 99.0), text="y" * 3000)]
    )
    sizes = found["reviewers"][0]["median_by_size"]
    assert sizes == {"short": 9.0, "middling": None, "long": 99.0}


@pytest.mark.parametrize(
    ("size", "name"),
    [(500, "short"), (501, "middling"), (2000, "middling"), (2001, "long")],
)
def test_sizes(size: int, name: str) -> None:
    assert size_of(size) == name


def test_what_is_shown_is_the_payload_and_the_agents_words() -> None:
    action = {"payload": {"a": 1}, "summary": "Pay", "why": "Due", "context": [], "cost": 4}
    assert shown_size(action) == len('{"a":1}"Pay""Due"')
    assert shown_size({"erased": "sha256:0"}) is None


def run(*gaps: float, text: str = "y" * 600, verb: str = "approve") -> int:
    """How many runs too fast to read approvals with these gaps are."""
    at, receipts = 0.0, []
    for number, gap in enumerate(gaps):
        at += gap
        receipts.append(case(number, ("ada", verb, at), text=text))
    return int(sums(receipts)["reviewers"][0]["fast_runs"])


def test_approvals_in_a_row_that_nobody_can_have_read_are_a_run() -> None:
    assert run(50, 2, 2, 2) == 1
    assert run(50, 2, 2, 2, 2, 2) == 1
    assert run(50, 2, 2, 50, 2, 2) == 0
    assert run(50, 2, 2, 2, 50, 2, 2, 2) == 2
    assert run(50, 11, 11, 11) == 0
    assert run(50, 2, 2, 2, text="short") == 0
    assert run(50, 2, 2, 2, verb="reject") == 0


def test_two_answers_of_one_second_took_no_time_and_were_not_read() -> None:
    person = Reviewer()
    answers = [Answer("c", "ada", "approve", NOON, NOON - 7, 600)] * 4
    assert [person.add(answer) for answer in answers] == [7.0, 0.0, 0.0, 0.0]
    assert (person.fast_runs, person.longest_run) == (1, 3)


def test_who_takes_just_as_long_as_reading_takes_may_have_read() -> None:
    person = Reviewer()
    for number in range(5):
        person.add(Answer("c", "ada", "approve", NOON + 10 * number, None, 600))
    assert (person.fast_runs, person.longest_run) == (0, 0)


def test_too_few_fast_approvals_for_a_run_are_told_as_none() -> None:
    person = Reviewer()
    for number in range(3):
        person.add(Answer("c", "ada", "approve", NOON + number, None, 600))
    told = person.document("ada")
    assert (person.longest_run, told["fast_runs"], told["longest_fast_run"]) == (2, 0, 0)


def test_what_was_closed_at_the_very_moment_counts() -> None:
    assert sums([case(0, APPROVED)], iso(NOON + 40))["all"]["actions"] == 1
    told = sums([case(0, APPROVED)], iso(NOON + 41))
    assert (told["since"], told["all"]["actions"]) == (iso(NOON + 41), 0)


def test_earlier_cases_count_for_nothing() -> None:
    receipts = [case(n, APPROVED, at=NOON + 86400 * n) for n in range(3)]
    found = sums(receipts, iso(NOON + 86400))
    assert (found["all"]["actions"], len(found["days"])) == (2, 2)


def test_days_without_a_case_are_days() -> None:
    found = sums([case(0, APPROVED), case(1, APPROVED, at=NOON + 3 * 86400)])
    assert [day["approved"] for day in found["days"]] == [1, 0, 0, 1]


def test_an_erased_case_still_counts() -> None:
    gone = {"erased": "sha256:" + "0" * 64}
    erased = case(0, APPROVED) | dict.fromkeys(("action", "revisions", "packets", "outcome"), gone)
    found = sums([erased])
    assert (found["all"]["approved"], found["reviewers"][0]["approve"]) == (1, 1)


def test_nothing_is_no_fault() -> None:
    found = sums([])
    assert (found["all"]["median_seconds"], found["days"]) == (None, [])
    assert list(warnings(found)) == []


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9, 9),
        ([1, 2, 3], 0.5, 2),
        ([1, 2], 0.5, 1),
        ([7], 0.9, 7),
        ([1.26], 0.5, 1.3),
        (list(range(1, 2003)), 0.5, 1001),
    ],
)
def test_quantiles_are_values_that_are_there(
    values: list[float], share: float, found: float
) -> None:
    assert quantile(values, share) == found


# Warnings


def warned(*receipts: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The warnings of these cases by their code."""
    return {warning["code"]: warning for warning in warnings(sums(receipts))}


def alone(count: int) -> list[dict[str, Any]]:
    return [case(1000 + n, asks=False, rules=("labels",)) for n in range(count)]


def approved(count: int, rules: tuple[str, ...] = ("money",)) -> list[dict[str, Any]]:
    return [case(n, APPROVED, rules=rules, at=NOON + 900 * n) for n in range(count)]


def test_more_than_a_fifth_asked_names_the_rule_that_asks_most() -> None:
    found = warned(*approved(5), *approved(1, ("large",)), *alone(18))["asks_too_much"]
    assert found["rule"] == "money"
    assert "6 of 24 actions (25 %)" in found["text"]
    assert "rules suggest" in found["mend"]


def test_the_smallest_history_that_says_something_has_twenty_actions() -> None:
    assert list(warned(*approved(5), *alone(15))) == ["asks_too_much"]
    assert warned(*approved(5), *alone(14)) == {}


def test_a_tenth_that_expires_unread_is_no_warning() -> None:
    lapsed = [case(n, status="expired") for n in range(3)]
    assert "expires_unread" not in warned(*lapsed, *approved(27), *alone(500))
    assert "expires_unread" in warned(*lapsed, *approved(26), *alone(500))


def test_each_warning_says_of_whom_or_what_it_is_and_what_to_do() -> None:
    fast = [case(n, ("ada", "approve", 50.0 + n), text="y" * 900) for n in range(5)]
    lapsed = [case(n, status="expired", rules=("large",)) for n in range(9)]
    assert list(warnings(sums([*fast, *approved(50), *lapsed, *alone(20)]))) == [
        {
            "code": "asks_too_much",
            "rule": "money",
            "text": "64 of 84 actions (76 %) were asked about, the most of them, 55, by the rule"
            " money: what is asked too often is no longer read",
            "mend": "Look at hitl-mail rules suggest: it shows which of them were never refused,"
            " and how to narrow the rule's condition",
        },
        {
            "code": "never_refused",
            "rule": "money",
            "text": "The rule money asked 55 times and was never refused",
            "mend": 'Where its effects allow it, give money gate = "sample" with rate = 0.05; or'
            " let hitl-mail rules suggest find the safe part of it",
        },
        {
            "code": "expires_unread",
            "rule": "large",
            "text": "9 of 9 questions of the rule large expired without an answer",
            "mend": "Give large remind and escalate, more reviewers, or more time (expires); if"
            " nobody misses them, deny them or let them run",
        },
        {
            "code": "too_fast",
            "rule": "",
            "reviewer": "ada",
            "text": "ada approved up to 4 in a row, each in less time than it takes to read",
            "mend": "Ask ada about less; or ask for approvals = 2 where it matters",
        },
    ]


@pytest.mark.parametrize(("asked", "ran"), [(4, 16), (3, 3)])
def test_a_fifth_or_too_few_to_say_is_no_warning(asked: int, ran: int) -> None:
    assert warned(*approved(asked), *alone(ran)) == {}


def test_a_rule_that_was_never_refused_could_ask_less() -> None:
    found = warned(*approved(50), *alone(500))["never_refused"]
    assert (found["rule"], "50 times" in found["text"]) == ("money", True)
    rejected = case(99, ("ada", "reject", 5.0), status="rejected")
    assert "never_refused" not in warned(*approved(50), rejected, *alone(500))
    edited = case(99, ("ada", "edit", 5.0), APPROVED)
    assert "never_refused" not in warned(*approved(50), edited, *alone(500))
    assert "never_refused" not in warned(*approved(49), *alone(500))


def test_questions_that_expire_unread_are_told() -> None:
    lapsed = [case(n, status="expired") for n in range(3)]
    found = warned(*lapsed, *approved(9), *alone(500))["expires_unread"]
    assert "3 of 12 questions of the rule money expired" in found["text"]
    assert "escalate" in found["mend"]
    assert "expires_unread" not in warned(*lapsed[:2], *approved(9), *alone(500))
    half_read = [case(n, APPROVED, status="expired") for n in range(3)]
    assert "expires_unread" not in warned(*half_read, *approved(9), *alone(500))


def test_a_reviewer_who_does_not_read_is_named() -> None:
    fast = [case(n, ("ada", "approve", 50.0 + n), text="y" * 900) for n in range(5)]
    found = warned(*fast, *alone(500))["too_fast"]
    assert (found["reviewer"], "4 in a row" in found["text"]) == ("ada", True)
