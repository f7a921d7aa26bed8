"""Seeded histories: what was planted is suggested, and nothing else is."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pytest

from hitl_mail.core.verdict import Standing, Verdict
from hitl_mail.policy.history import Entry, Past, Review
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.replay import Judge
from hitl_mail.policy.suggest import Tools, suggest
from tests.rulebook import policy, rule
from tests.support.history import Case, case, entries

KINDS = "".join(
    f'\n[kinds."{kind}"]\neffects = [{effects}]\nreversible = {reversible}\n'
    for kind, effects, reversible in (
        ("a.calm", "", "true"),
        ("b.unsure", "", "true"),
        ("c.mixed", "", "true"),
        ("d.plain", "", "true"),
        ("pay", '"money"', "true"),
        ("wipe", '"destructive"', "true"),
        ("post", '"publish"', "true"),
        ("grant", '"permission"', "true"),
        ("final", "", "false"),
    )
)
GUARDED = ("pay", "wipe", "post", "grant", "final")


def of(kind: str, gate: str = "hard", more: str = "") -> str:
    """A rule for one kind, named like it."""
    return rule(kind, f'kind == "{kind}"', gate, more)


def judge_by(policy: Policy) -> Judge:
    def judge(past: Past, typical: Mapping[str, float]) -> Verdict:
        assert past.action is not None
        standing = Standing(int(past.case[-4:]) / 10_000, typical)
        return policy.judge(past.action, past.agent, frozenset(), past.case, standing)

    return judge


def suggested(rules: str, cases: Iterable[Case], history: list[Entry] | None = None) -> list[Any]:
    now = policy(KINDS + rules)
    past = entries(cases, now) if history is None else history
    found = suggest(lambda: past, now, Tools(policy, judge_by)).found
    return [suggestion.document() for suggestion in found]


def brief(found: list[Any]) -> list[tuple[str, str]]:
    return [(one["what"], one["rule"]) for one in found]


def changed(one: Any) -> dict[str, Any]:
    """The rule as the suggestion would have it."""
    table: dict[str, Any] = tomllib.loads(one["change"]["new"])["rules"][0]
    return table


def quick(kind: str, count: int = 60, **fields: Any) -> list[Case]:
    return [case(kind, seconds=10.0 + n % 5, **fields) for n in range(count)]


def unsure(kind: str = "b.unsure", count: int = 400, limit: float = 0.7) -> list[Case]:
    """Below `limit` every third is refused, and the last of them; above it none."""
    confident = [n / count for n in range(count)]
    random.Random(3).shuffle(confident)
    return [
        case(
            kind,
            "reject" if c < limit and (n % 3 == 0 or c > limit - 0.005) else "approve",
            90.0,
            confidence=c,
        )
        for n, c in enumerate(confident)
    ]


def mixed(kind: str = "c.mixed", count: int = 100) -> list[Case]:
    """One in ten is refused, however sure the agent was."""
    chance = random.Random(5)
    return [
        case(kind, "approve" if n % 10 else "edit", 90.0, confidence=chance.random())
        for n in range(count)
    ]


def shuffled(*parts: list[Case]) -> list[Case]:
    whole = [one for part in parts for one in part]
    random.Random(11).shuffle(whole)
    return whole


def test_in_a_history_with_everything_only_what_was_planted_is_found() -> None:
    rules = of("a.calm") + of("b.unsure") + of("c.mixed") + of("d.plain", "auto")
    rules += "".join(of(kind) for kind in GUARDED)
    harmful = [quick(kind, 80) for kind in GUARDED]
    plain = [case("d.plain") for _ in range(1500)]
    cases = shuffled(quick("a.calm"), unsure(), mixed(), plain, *harmful)
    found = suggested(rules, cases)
    assert brief(found) == [("exception", "a.calm"), ("threshold", "b.unsure")]


def test_a_ready_rule_asks_for_exceptions_only_and_the_replay_proves_it() -> None:
    (found,) = suggested(of("a.calm"), quick("a.calm", 60, confidence=0.93))
    assert changed(found)["gate"] == "exception"
    assert changed(found)["on_failure"] == "review"
    assert changed(found)["exceptions"][1]["when"] == "confidence < 0.93"
    assert found["asks"] == {"now": 60, "then": 0}
    assert found["replay"]["asks"] == {"before": 60, "after": 0, "change": -60}
    assert found["evidence"]["approved"] == 60
    assert found["evidence"]["median_seconds"] == 12.0


@pytest.mark.parametrize(
    "cases",
    [
        quick("a.calm", 49),
        [*quick("a.calm", 99), case("a.calm", "reject")],
        [*quick("a.calm", 99), case("a.calm", "edit")],
        [*quick("a.calm", 99), case("a.calm", "reject", erased=True)],
    ],
)
def test_a_rule_that_is_not_ready_is_left_alone(cases: list[Case]) -> None:
    many = [case("d.plain") for _ in range(1000)]
    assert suggested(of("a.calm") + of("d.plain", "auto"), [*cases, *many]) == []


@pytest.mark.parametrize("kind", GUARDED)
def test_what_is_known_to_harm_is_never_opened(kind: str) -> None:
    confident = [case(kind, "approve", 5.0, confidence=0.9 + n / 2000) for n in range(200)]
    assert suggested(of(kind), confident) == []
    assert suggested(of(kind), unsure(kind)) == []


@pytest.mark.parametrize(
    "claim", [*({"effects": [e]} for e in ("money", "destructive", "publish", "permission"))]
)
def test_one_claim_of_harm_keeps_a_rule_shut(claim: dict[str, Any]) -> None:
    assert suggested(of("a.calm"), [*quick("a.calm", 200), case("a.calm", **claim)]) == []


def test_a_claim_that_there_is_no_way_back_keeps_a_rule_shut() -> None:
    assert suggested(of("a.calm"), [*quick("a.calm", 200), case("a.calm", reversible=False)]) == []


def test_a_kind_that_nobody_registered_keeps_a_rule_shut() -> None:
    assert suggested(rule("all", "true"), quick("who.knows", 200)) == []


def test_an_opened_rule_would_still_ask_about_harm_never_seen_before() -> None:
    rules = rule("all", "true")
    (found,) = suggested(rules, quick("a.calm"))
    then = policy(KINDS + found["change"]["new"])
    verdicts = []
    for one in [*(case(kind) for kind in GUARDED), case("a.calm", effects=["money"])]:
        (past,) = entries([one], then)
        assert isinstance(past, Past)
        verdicts.append(past.asked)
    assert verdicts == [True] * 6


def test_the_threshold_is_where_people_began_to_disagree() -> None:
    (found,) = suggested(of("b.unsure"), unsure(limit=0.7))
    assert (found["what"], found["evidence"]["threshold"]) == ("threshold", 0.7)
    assert changed(found)["exceptions"][1]["when"] == "confidence < 0.7"
    assert found["replay"]["alone_though_refused"]["count"] == 0
    assert found["asks"] == {"now": 400, "then": 280}


def test_a_threshold_lies_above_the_last_refusal_however_doubles_round() -> None:
    low = [case("b.unsure", "reject", 90.0, confidence=0.29) for _ in range(20)]
    high = [case("b.unsure", "approve", 90.0, confidence=0.8) for _ in range(100)]
    (found,) = suggested(of("b.unsure"), [*low, *high])
    assert found["evidence"]["threshold"] == 0.3


def test_an_exception_rule_gets_its_threshold_lowered() -> None:
    triggers = 'exceptions = [{ when = "confidence < 0.9", reason = "{confidence} < 0.9" }]'
    rules = of("b.unsure", "exception", triggers)
    (found,) = suggested(rules, unsure(count=800, limit=0.7))
    guard, lowered = changed(found)["exceptions"]
    assert lowered == {"when": "confidence < 0.7", "reason": "{confidence} < 0.7"}
    assert "money" in guard["when"]
    assert found["replay"]["alone_though_refused"]["count"] == 0


@pytest.mark.parametrize("seed", range(20))
def test_refusals_by_chance_make_no_threshold(seed: int) -> None:
    chance = random.Random(seed)
    cases = [
        case("c.mixed", chance.choices(["approve", "reject"], [97, 3])[0], 90.0, **sure)  # type: ignore[arg-type]
        for sure in ({"confidence": chance.random()} for _ in range(600))
    ]
    many = [case("d.plain") for _ in range(3000)]
    assert suggested(of("c.mixed") + of("d.plain", "auto"), [*cases, *many]) == []


SLOW = [case("a.calm", seconds=300.0) for _ in range(60)]


def test_what_people_take_their_time_over_is_not_opened_though_never_refused() -> None:
    many = [case("d.plain") for _ in range(1000)]
    assert suggested(of("a.calm") + of("d.plain", "auto"), [*SLOW, *many]) == []


def test_where_it_is_most_of_all_actions_it_is_told_without_a_change() -> None:
    (found,) = suggested(of("a.calm"), SLOW)
    assert (found["what"], found["change"]) == ("asks_often", None)
    assert found["says"].endswith("never refused. Its counts alone give no change that is safe.")


def test_of_several_kinds_those_that_people_decide_quickly_are_opened() -> None:
    wide = rule("wide", 'kind in ["a.calm", "d.plain"]')
    quickly = quick("d.plain", 60)
    (found,) = suggested(wide, shuffled(SLOW, quickly))
    assert (found["what"], found["evidence"]["never_refused"]) == ("asks_often", ["d.plain"])
    assert found["asks"] == {"now": 120, "then": 60}


def test_an_exception_that_asks_quickly_and_was_never_refused_asks_too_often() -> None:
    rules = of("a.calm", "exception", "exceptions = [{ when = 'confidence < 0.9' }]")
    asked = quick("a.calm", 60, confidence=0.8)
    many = [case("d.plain") for _ in range(1000)]
    (found,) = suggested(rules + of("d.plain", "auto"), [*asked, *many])
    assert (found["what"], found["asks"]) == ("asks_often", {"now": 60, "then": 0})
    assert changed(found)["exceptions"][1]["when"] == "confidence < 0.8"


def test_of_a_rule_that_asks_too_often_only_the_calm_kinds_are_opened() -> None:
    wide = rule("wide", 'kind in ["a.calm", "c.mixed"]')
    (found,) = suggested(wide, shuffled(quick("a.calm", 100), mixed()))
    assert (found["what"], found["evidence"]["never_refused"]) == ("asks_often", ["a.calm"])
    assert found["asks"] == {"now": 200, "then": 100}
    assert found["replay"]["alone_though_refused"]["count"] == 0
    guard, others = changed(found)["exceptions"]
    assert guard["when"].startswith("!reversible || effects.exists(")
    assert others["when"] == '!(kind in ["a.calm"])'


def test_a_rule_that_asks_much_and_is_refused_everywhere_gets_no_change() -> None:
    hasty = [one._replace(seconds=10.0) for one in mixed()]
    (found,) = suggested(of("c.mixed"), hasty)
    assert (found["what"], found["change"], found["replay"]) == ("asks_often", None, None)


def test_a_change_that_would_run_what_people_refused_under_another_rule_is_dropped() -> None:
    asks = of("a.calm")
    before = rule("as it was called once", 'kind == "a.calm"')
    refused = entries([case("a.calm", "reject")], policy(KINDS + before))
    approved = entries(quick("a.calm"), policy(KINDS + asks))
    assert brief(suggested(asks, [], approved)) == [("exception", "a.calm")]
    assert suggested(asks, [], [*refused, *approved]) == []


def test_a_change_that_would_spare_nobody_a_question_is_not_made() -> None:
    assert suggested(of("a.calm") + rule("also", 'kind == "a.calm"'), quick("a.calm")) == []


def test_a_rule_whose_meaning_changed_since_has_no_evidence() -> None:
    then = policy(KINDS + rule("calm", 'kind == "a.calm"'))
    history = entries(quick("a.calm"), then)
    assert suggested(rule("calm", 'kind == "b.unsure"'), [], history) == []


def sampled(count: int, flagged: int = 0, kind: str = "a.calm") -> list[Entry]:
    """Cases that ran under a sample of all, each with its review."""
    now = policy(KINDS + of(kind, "sample", "rate = 1.0"))
    history: list[Entry] = []
    for n, entry in enumerate(entries(quick(kind, count), now)):
        assert isinstance(entry, Past)
        drawn = msgspec.structs.replace(entry, sampled=True)
        result = "flagged" if n < flagged else "ok"
        history += [drawn, Review(0, entry.case, kind, result, entry.closed_at)]  # type: ignore[arg-type]
    return history


def test_a_sample_with_many_good_reviews_can_be_smaller() -> None:
    (found,) = suggested(of("a.calm", "sample", "rate = 0.4"), [], sampled(450))
    assert (found["what"], changed(found)["rate"]) == ("sample_rate", 0.1)
    assert found["evidence"]["reviewed"] == 450
    assert found["evidence"]["flagged_share"] == [0.0, 0.0085]


@pytest.mark.parametrize(
    ("rate", "count", "flagged", "kind"),
    [
        ("0.4", 99, 0, "a.calm"),
        ("0.4", 450, 1, "a.calm"),
        ("0.01", 450, 0, "a.calm"),
        ("0.4", 450, 0, "pay"),
    ],
)
def test_a_sample_that_is_needed_stays(rate: str, count: int, flagged: int, kind: str) -> None:
    history = sampled(count, flagged, kind)
    assert suggested(of(kind, "sample", f"rate = {rate}"), [], history) == []


def test_what_tells_nothing_of_a_change_hides_nothing_behind_it() -> None:
    rules = of("a.calm") + of("d.plain", "auto")
    cases = [case("d.plain", erased=True), *quick("a.calm")]
    review = Review(0, "261121-aaaaaa", "d.plain", "ok", "2026-09-21T00:00:00Z")
    history = [review, *entries(cases, policy(KINDS + rules))]
    (found,) = suggested(rules, [], history)
    assert found["asks"] == {"now": 60, "then": 0}
    assert found["replay"]["asks"] == {"before": 60, "after": 0, "change": -60}


def test_cases_from_before_do_not_count() -> None:
    now = policy(KINDS + of("a.calm"))
    history = entries([case("a.calm", "reject"), *quick("a.calm", 59), *quick("a.calm")], now)
    since = history[60].closed_at
    (found,) = suggest(lambda: history, now, Tools(policy, judge_by), since).found
    assert (found.asks_now, found.asks_then) == (60, 0)
    assert found.document()["evidence"]["approved"] == 60
    assert found.document()["replay"]["asks"]["before"] == 60


def test_no_history_suggests_nothing() -> None:
    assert suggested(of("a.calm"), []) == []


@pytest.mark.parametrize("seed", range(25))
def test_no_suggestion_opens_what_is_guarded_or_was_refused(seed: int) -> None:
    chance = random.Random(seed)
    kinds = ["a.calm", "b.unsure", "c.mixed", *GUARDED]
    groups = [chance.sample(kinds, chance.randint(1, 3)) for _ in range(4)]
    rules = "".join(rule(f"r{n}", f"kind in {json.dumps(g)}") for n, g in enumerate(groups))
    cases = [
        case(
            kind,
            chance.choices(["approve", "reject"], [99, 1 if kind == "c.mixed" else 0])[0],  # type: ignore[arg-type]
            chance.choice([5.0, 5.0, 70.0]),
            confidence=chance.random(),
            effects=["money"] if chance.random() < 0.0005 else [],
        )
        for kind in chance.choices(kinds, k=800)
    ]
    now = policy(KINDS + rules)
    history = entries(cases, now)
    for one in suggest(lambda: history, now, Tools(policy, judge_by)).found:
        assert one.change is not None
        then = judge_by(policy(one.change.text))
        for past in history:
            assert isinstance(past, Past)
            opened = past.asked and not then(past, {}).asks
            assert not (opened and (past.refused or past.kind in GUARDED))


def test_without_rules_nothing_is_suggested_and_what_cannot_be_read_is_counted() -> None:
    now = policy(KINDS)
    history = entries([case(), case()], now)
    gone = [msgspec.structs.replace(entry, action=None) for entry in history[:1]]
    found = suggest(lambda: [*gone, *history[1:]], now, Tools(policy, judge_by))
    assert (found.found, found.actions, found.unreadable) == ([], 2, 1)
