"""The five gates, each alone and together."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from hitl_mail.core.sampling import check_draws, draw, share
from hitl_mail.core.verdict import Quorum, Standing, Verdict
from tests.rulebook import KINDS, action, policy, rule

AUTO = rule("auto", "true", "auto")
SAMPLE = rule("sample", "true", "sample", 'rate = 0.05\nreason = "Now and then"')
HARD = rule("hard", "true", "hard", 'reviewers = ["finance"]')
DENY = rule("deny", "true", "deny")


def exception(*conditions: str, name: str = "exception", more: str = "") -> str:
    tables = ", ".join(f"{{ when = '{when}' }}" for when in conditions)
    return rule(name, "true", "exception", f"exceptions = [{tables}]\n{more}")


QUIET, TRIGGERED = exception("false"), exception("true")
ORDER = {"auto": AUTO, "quiet": QUIET, "sample": SAMPLE, "triggered": TRIGGERED, "hard": HARD}
ORDER["deny"] = DENY


def ask(rules: str, standing: Standing | None = None, **fields: Any) -> Verdict:
    found = policy(KINDS + rules)
    kind = fields.pop("kind", "crm.label")
    return found.judge(action(kind, **fields), "billing", frozenset(), None, standing or Standing())


def reached(verdict: Verdict) -> str:
    if verdict.gate != "exception":
        return verdict.gate
    return "triggered" if verdict.asks else "quiet"


@pytest.mark.parametrize(
    "together",
    [
        names
        for size in (1, 2, 3)
        for names in combinations(ORDER, size)
        if not {"quiet", "triggered"} <= set(names)
    ],
)
def test_the_strictest_gate_wins(together: tuple[str, ...]) -> None:
    disagree = {"auto", "sample"} & set(together) and {"hard", "deny"} & set(together)
    verdict = ask("".join(ORDER[name] for name in together))
    assert reached(verdict) == together[-1]
    assert verdict.conflict is bool(disagree or {"hard", "deny"} <= set(together))


def test_an_exception_that_is_triggered_beside_a_hard_rule_keeps_its_own_quorum() -> None:
    verdict = ask(HARD + TRIGGERED)
    assert verdict.rules == ("hard",)
    assert [(quorum.rule, quorum.reviewers) for quorum in verdict.quorums] == [
        ("exception", ("cleo",)),
        ("hard", ("ada", "bob")),
    ]


def test_its_expiry_counts_too() -> None:
    assert ask(HARD + exception("true", more='expires = "1h"')).expires == 3600


def test_an_exception_beside_a_hard_rule_stays_quiet_where_nothing_triggers_it() -> None:
    assert [quorum.rule for quorum in ask(HARD + QUIET).quorums] == ["hard"]


def test_rules_that_disagree_trigger_an_exception() -> None:
    verdict = ask(AUTO + HARD + QUIET)
    assert (verdict.conflict, [quorum.rule for quorum in verdict.quorums]) == (
        True,
        ["exception", "hard"],
    )


# Exceptions

TRIAGE = rule(
    "triage",
    'kind == "crm.label"',
    "exception",
    """
exceptions = [
  { when = 'confidence < 0.8', reason = "Confidence {confidence} is below 0.8" },
  { when = 'cost > 3.0 * typical.cost', reason = "Costs {cost}, typically {typical.cost}" },
  { when = 'payload.amount > 100.0' },
]""",
)
USUAL = Standing(typical={"cost": 2.0})


def test_each_exception_gives_its_reason() -> None:
    verdict = ask(TRIAGE, USUAL, confidence=0.6, cost=7, payload={"amount": 500})
    assert (verdict.gate, verdict.asks, verdict.rules, verdict.reasons) == (
        "exception",
        True,
        ("triage",),
        (
            "Confidence 0.6 is below 0.8",
            "Costs 7, typically 2",
            "Rule triage: payload.amount > 100.0",
        ),
    )


def test_an_exception_that_nothing_triggers_runs_alone() -> None:
    verdict = ask(TRIAGE, USUAL, confidence=0.9, cost=2)
    assert (verdict.gate, verdict.asks, verdict.quorums, verdict.reasons) == (
        "exception",
        False,
        (),
        ("Rule triage applies",),
    )


def test_an_exception_without_a_reason_gives_its_rules() -> None:
    verdict = ask(exception("true", more='reason = "Unusual: {payload.amount}"'))
    assert verdict.reasons == ("Unusual: 40",)


def test_an_exception_that_cannot_be_told_asks() -> None:
    verdict = ask(TRIAGE, USUAL, cost=1)
    assert (verdict.gate, verdict.asks, verdict.reasons) == (
        "exception",
        True,
        ("Rule triage cannot be told: confidence is not given",),
    )


def test_what_is_not_typical_yet_is_said_in_words() -> None:
    verdict = ask(TRIAGE, confidence=0.9, cost=7)
    unknown = "typical.cost is not known yet: fewer than 10 executed cases of this kind"
    assert verdict.reasons == (f"Rule triage cannot be told: {unknown}",)
    assert verdict.trace[0].error == unknown


def test_the_values_of_its_exceptions_stand_in_the_trace() -> None:
    assert ask(TRIAGE, USUAL, confidence=0.9, cost=2).trace[0].values == {
        "kind": "crm.label",
        "confidence": 0.9,
        "cost": 2.0,
        "typical.cost": 2.0,
        "payload.amount": 40,
    }


def test_an_exception_rule_whose_own_condition_errs_is_hard() -> None:
    verdict = ask(rule("odd", "payload.nope > 1.0", "exception", "exceptions = []"))
    assert (verdict.gate, verdict.rules) == ("hard", ("odd",))


NEEDY = """
[kinds."note.add"]
requires = ["why"]
reversible = true
"""


def test_what_is_missing_triggers_an_exception() -> None:
    verdict = ask(NEEDY + QUIET, kind="note.add")
    assert (verdict.gate, verdict.asks, verdict.rules, verdict.reasons) == (
        "exception",
        True,
        ("exception",),
        ("Missing: why",),
    )


def test_what_is_missing_is_added_to_the_reasons_of_an_exception() -> None:
    verdict = ask(NEEDY + TRIGGERED, kind="note.add")
    assert verdict.reasons == ("Rule exception: true", "Missing: why")
    assert verdict.spoken == (("exception", "Rule exception: true"), ("", "Missing: why"))


@pytest.mark.parametrize("rules", [AUTO, SAMPLE])
def test_what_is_missing_makes_the_other_gates_that_run_alone_hard(rules: str) -> None:
    verdict = ask(NEEDY + rules, kind="note.add")
    assert (verdict.gate, verdict.reasons) == ("hard", ("Missing: why",))


def test_what_is_missing_is_asked_of_those_whose_rule_would_have_let_it_run() -> None:
    verdict = ask(NEEDY + AUTO + SAMPLE, kind="note.add")
    assert [quorum.rule for quorum in verdict.quorums] == ["sample"]


def test_an_exception_rule_that_cannot_be_told_disagrees_with_one_that_lets_it_run() -> None:
    untold = rule("untold", "cost > 1.0", "exception", "exceptions = [{ when = 'false' }]")
    assert ask(AUTO + untold).conflict is True


def test_a_claimed_effect_can_trigger_an_exception() -> None:
    rules = exception('"money" in effects', more='reason = "Moves money"')
    assert ask(rules).asks is False
    claimed = ask(rules, effects=["money"])
    assert (claimed.asks, claimed.reasons) == (True, ("Moves money",))


def test_the_trace_of_an_exception_shows_the_claim_that_triggered_it() -> None:
    verdict = ask(exception('"money" in effects'), effects=["money"])
    assert [trace.values for trace in verdict.trace] == [{"effects": ["money"]}]


def test_the_trace_of_one_that_is_triggered_anyway_shows_what_is_known() -> None:
    verdict = ask(exception("size(effects) < 2"), effects=["money"])
    assert [trace.values for trace in verdict.trace] == [{"effects": []}]


def test_a_claim_adds_its_reason_to_an_exception_that_asks_anyway() -> None:
    triggers = ["confidence < 0.8", '"money" in effects', '!("money" in effects)']
    asked = ask(exception(*triggers), effects=["money"], confidence=0.5)
    assert asked.reasons == tuple(f"Rule exception: {triggers[number]}" for number in (0, 2, 1))


def test_a_claim_does_not_silence_an_exception() -> None:
    rules = exception('!("money" in effects)', more='reason = "Free of charge"')
    assert ask(rules, effects=["money"]).reasons == ("Free of charge",)


def test_a_claim_does_not_trade_those_who_are_asked_about_what_is_missing_for_others() -> None:
    rules = AUTO + rule("claimed", '"money" in effects', "sample", "rate = 1\nreviewers = ['ada']")
    verdict = ask(NEEDY + rules, kind="note.add", effects=["money"])
    assert [quorum.rule for quorum in verdict.quorums] == ["auto", "claimed"]


@pytest.mark.parametrize("gate", ["auto", "hard"])
def test_any_rule_that_matches_brings_a_failure_to_a_person(gate: str) -> None:
    rules = HARD + rule("careful", "true", gate, 'on_failure = "review"')
    assert ask(rules).on_failure == "review"


def test_a_rule_that_does_not_match_has_no_say_in_failures() -> None:
    assert (
        ask(HARD + rule("careful", "false", "auto", 'on_failure = "review"')).on_failure == "fail"
    )


# Samples


@pytest.mark.parametrize(
    ("drawn", "sampled"), [(None, None), (0.0, True), (0.0499, True), (0.05, False), (0.9, False)]
)
def test_a_sample_is_drawn_below_its_rate(drawn: float | None, sampled: bool | None) -> None:
    verdict = ask(SAMPLE, Standing(draw=drawn))
    assert (verdict.gate, verdict.asks, verdict.sampled) == ("sample", False, sampled)


def test_the_rate_and_the_draw_stand_in_the_trace() -> None:
    assert ask(SAMPLE, Standing(draw=0.0312)).trace[0].values == {"rate": 0.05, "draw": 0.0312}


def test_each_rule_that_drew_the_case_has_it_reviewed() -> None:
    often = rule("often", "true", "sample", 'rate = 0.5\nreviewers = ["finance"]\nexpires = "2d"')
    verdict = ask(SAMPLE + often, Standing(draw=0.2))
    assert [(review.rule, review.approvals, review.reviewers) for review in verdict.reviews] == [
        ("often", 1, ("ada", "bob"))
    ]
    assert verdict.review_expires == 2 * 86400


@pytest.mark.parametrize(("expires", "remind"), [('expires = "2d"', 86400), ("", 43200)])
def test_a_review_has_the_doors_and_reminders_of_its_rule(expires: str, remind: int) -> None:
    more = f'rate = 1\ndoors = ["mail"]\nremind = ["50%"]\n{expires}'
    verdict = ask(rule("r", "true", "sample", more), Standing(draw=0.0))
    assert verdict.reviews == (Quorum("r", 1, ("owner",), ("cleo",), ("mail",), (remind,)),)


def test_the_shortest_time_to_review_it_counts() -> None:
    rules = "".join(
        rule(name, "true", "sample", f"rate = 1\nexpires = '{expires}'")
        for name, expires in (("long", "3h"), ("short", "1h"))
    )
    assert ask(rules, Standing(draw=0.0)).review_expires == 3600


def test_an_action_cannot_shorten_the_time_to_review_it() -> None:
    verdict = ask(SAMPLE, Standing(draw=0.0), expires="1s")
    assert verdict.review_expires == 86400


def test_what_a_person_decided_before_is_not_reviewed_after() -> None:
    verdict = ask(SAMPLE + HARD, Standing(draw=0.0))
    assert (verdict.gate, verdict.sampled, verdict.reviews) == ("hard", False, ())


def test_a_rate_of_one_takes_every_case() -> None:
    every = rule("every", "true", "sample", "rate = 1")
    assert ask(every, Standing(draw=1 - 2**-53)).sampled is True


def test_a_tightened_sample_is_hard_and_says_why() -> None:
    why = "3 of the last 20 were flagged"
    verdict = ask(SAMPLE, Standing(draw=0.9, tightened={"sample": why}))
    assert (verdict.gate, verdict.asks, verdict.rules, verdict.reasons) == (
        "hard",
        True,
        ("sample",),
        (why,),
    )


def test_a_tightened_sample_that_was_drawn_is_asked_before_and_not_reviewed_after() -> None:
    verdict = ask(SAMPLE, Standing(draw=0.0, tightened={"sample": "drift"}))
    assert (verdict.asks, verdict.sampled, verdict.reviews) == (True, False, ())


def test_a_tightened_name_that_is_no_sample_rule_changes_nothing() -> None:
    assert ask(AUTO, Standing(tightened={"auto": "x"})).gate == "auto"


def test_of_ten_thousand_draws_at_five_percent_about_five_hundred_are_taken() -> None:
    taken = sum(draw(b"k" * 32, f"261122-{n:06}") < 0.05 for n in range(10_000))
    assert 443 <= taken <= 559  # 99 %: 500 ± 2.58 * 21.8


def test_a_draw_depends_on_the_key_and_can_be_repeated() -> None:
    first, second = draw(b"a" * 32, "261122-k3f9ma"), draw(b"b" * 32, "261122-k3f9ma")
    assert (first == draw(b"a" * 32, "261122-k3f9ma"), first == second) == (True, False)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.05, "one in 20"),
        (0.3, "3 in 10"),
        (1 / 3, "one in 3"),
        (1.0, "every one"),
        (0.0, "none"),
        (0.00001, "one in 100000"),
        (0.000013, "1.3e-05"),
    ],
)
def test_a_rate_is_said_in_words(rate: float, words: str) -> None:
    assert share(rate) == words


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("beside", ["", AUTO, QUIET, TRIGGERED, HARD, DENY, "untold"])
@pytest.mark.parametrize("tightened", [{}, {"mine": "drift"}])
def test_an_auditor_finds_every_verdict_on_a_sample_right(
    rate: float, beside: str, tightened: dict[str, str]
) -> None:
    key, case = b"k" * 32, "261122-k3f9ma"
    other = rule("untold", "cost > 1.0", "auto") if beside == "untold" else beside
    found = policy(KINDS + rule("mine", "true", "sample", f"rate = {rate}") + other)
    standing = Standing(draw=draw(key, case), tightened=tightened)
    verdict = found.judge(action("crm.label"), "billing", frozenset(), case, standing)
    assert check_draws({"case": case, "verdict": verdict.document()}, (key,)) is None
