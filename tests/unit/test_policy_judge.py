"""What the rules say of one action."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hitl_mail.core.verdict import ADMINS, Escalation, Quorum, Standing, Trace
from tests.rulebook import KINDS, action, judged, policy, rule

MONEY = rule(
    "money",
    '"money" in effects',
    "hard",
    'reason = "Moves funds"\nreviewers = ["finance"]\nexpires = "4h"',
)
LABELS = rule("labels", 'kind == "crm.label"', "auto")
NEVER = rule("never", "payload.amount > 1000.0", "deny", 'reason = "{payload.amount} is too much"')


def label(**fields: Any) -> Any:
    return action("crm.label", **fields)


def test_a_hard_rule_asks_its_reviewers() -> None:
    verdict = judged(MONEY)
    assert verdict.document() == {
        "gate": "hard",
        "asks": True,
        "sampled": None,
        "rules": ["money"],
        "reasons": ["Moves funds"],
        "quorums": [{"rule": "money", "reviewers": ["ada", "bob"], "approvals": 1}],
        "expires": 14400,
        "policy": policy(KINDS + MONEY).digest,
        "conflict": False,
        "trace": [{"rule": "money", "matched": True, "values": {"effects": ["money"]}}],
    }


def test_an_auto_rule_lets_it_run() -> None:
    verdict = judged(LABELS, label())
    assert (verdict.gate, verdict.asks, verdict.rules, verdict.quorums) == (
        "auto",
        False,
        ("labels",),
        (),
    )


def test_deny_beats_hard_and_asks_nobody() -> None:
    verdict = judged(MONEY + NEVER, action(payload={"amount": 5000}))
    assert (verdict.gate, verdict.rules, verdict.reasons, verdict.quorums) == (
        "deny",
        ("never",),
        ("5000 is too much",),
        (),
    )


def test_what_no_rule_matches_is_asked() -> None:
    verdict = judged(MONEY, label())
    assert (verdict.gate, verdict.rules, verdict.reasons) == (
        "hard",
        ("unmatched",),
        ("No rule speaks for it",),
    )


def test_what_no_rule_matches_can_be_denied() -> None:
    text = KINDS.replace("[policy]", '[policy]\nunmatched = "deny"') + MONEY
    assert policy(text).judge(label(), "billing", frozenset()).gate == "deny"


def test_unmatched_stands_in_the_trace() -> None:
    assert judged(MONEY, label()).trace[-1] == Trace("unmatched", True)


def test_an_unregistered_kind_is_asked_even_where_a_rule_lets_it_run() -> None:
    verdict = judged(rule("all", "true", "auto"), action("crm.lable"))
    assert (verdict.gate, verdict.rules, verdict.conflict) == ("hard", ("unknown_kind",), True)


def test_an_unregistered_kind_can_be_denied() -> None:
    text = KINDS.replace("[policy]", '[policy]\nunknown_kind = "deny"') + MONEY
    assert policy(text).judge(action("x"), "billing", frozenset()).rules == ("unknown_kind",)


def test_an_unregistered_kind_competes_with_the_rules() -> None:
    verdict = judged(rule("all", "true", "hard"), action("x"))
    assert (verdict.rules, len(verdict.quorums)) == (("all", "unknown_kind"), 2)


@pytest.mark.parametrize("gate", ["auto", "hard", "deny"])
def test_a_condition_that_errs_counts_as_hard(gate: str) -> None:
    verdict = judged(LABELS + rule("sure", "confidence > 0.9", gate), label())
    assert (verdict.gate, verdict.rules, verdict.reasons) == (
        "hard",
        ("sure",),
        ("Rule sure cannot be told: confidence is not given",),
    )


def test_an_error_stands_in_the_trace() -> None:
    verdict = judged(rule("sure", "confidence > payload.amount", "auto"))
    assert verdict.document()["trace"] == [
        {
            "rule": "sure",
            "matched": True,
            "values": {"payload.amount": 40},
            "error": "confidence is not given",
        }
    ]


def test_rules_that_disagree_are_a_conflict() -> None:
    assert judged(LABELS + rule("all", "true"), label()).conflict is True


def test_rules_that_agree_are_none() -> None:
    assert judged(MONEY + rule("all", "true")).conflict is False


def test_a_rule_that_only_a_claim_wakes_is_no_conflict_with_one_it_silences() -> None:
    rules = rule("mild", "!reversible") + rule("back", "reversible", "auto")
    verdict = judged(rules, label(reversible=False))
    assert (verdict.rules, verdict.conflict) == (("mild",), False)


def test_every_asking_rule_keeps_its_own_quorum_and_the_shortest_expiry_counts() -> None:
    two = rule("two", "true", "hard", 'approvals = 2\nreviewers = ["finance"]\nexpires = "1h"')
    verdict = judged(MONEY + two + rule("all", "true"))
    assert [(q.rule, q.approvals, q.reviewers) for q in verdict.quorums] == [
        ("all", 1, ("cleo",)),
        ("money", 1, ("ada", "bob")),
        ("two", 2, ("ada", "bob")),
    ]
    assert verdict.expires == 3600


def test_the_expiry_of_a_rule_that_does_not_ask_does_not_count() -> None:
    verdict = judged(MONEY + rule("quick", "true", "auto", 'expires = "1m"'))
    assert verdict.expires == 14400


@pytest.mark.parametrize(("own", "expires"), [("1h", 3600), ("2d", 14400)])
def test_an_action_can_only_shorten_its_expiry(own: str, expires: int) -> None:
    assert judged(MONEY, action(expires=own)).expires == expires


def test_who_owns_the_agent_is_left_out_and_the_admins_fill_the_gap() -> None:
    two = rule("two", "true", "hard", 'approvals = 2\nreviewers = ["finance"]')
    quorum = judged(two, excluded=frozenset({"ada"})).quorums[0]
    assert (quorum.reviewers, quorum.refs) == (("bob", "cleo"), ("finance", ADMINS))


def test_reviewers_are_the_policys_where_a_rule_names_none() -> None:
    text = KINDS.replace('reviewers = ["owner"]', 'reviewers = ["finance"]')
    verdict = policy(text + rule("all", "true")).judge(action(), "default", frozenset())
    assert [quorum.reviewers for quorum in verdict.quorums] == [("ada", "bob")]


def test_reviewers_are_the_admins_where_nobody_names_any() -> None:
    verdict = policy(rule("all", "true")).judge(action(), "billing", frozenset())
    assert [quorum.refs for quorum in verdict.quorums] == [(ADMINS,), (ADMINS,)]


def test_a_quorum_keeps_the_doors_of_its_rule() -> None:
    verdict = judged(rule("all", "true", "hard", 'doors = ["cli"]'))
    assert verdict.quorums[0].doors == ("cli",)


def test_standby_is_there_when_nobody_is_asked() -> None:
    assert judged(LABELS, label()).standby.reviewers == ("cleo",)


def test_standby_are_the_people_of_the_rules_that_let_it_run() -> None:
    """So what fails or is in doubt goes to whom its rule names, and not past them."""
    more = LABELS + rule("too", "true", "auto", 'reviewers = ["finance"]\ndoors = ["mail", "cli"]')
    found = judged(more, label()).standby
    assert found == Quorum("standby", 1, ("finance",), ("ada", "bob"), ("mail", "cli"))


def test_standby_of_rules_without_a_common_door_decide_by_one_that_proves_who_they_are() -> None:
    doors = (rule(name, "true", "auto", f'doors = ["{name}"]') for name in ("link", "cli"))
    assert judged("".join(doors), label()).standby.doors == ("mail", "cli")


@pytest.mark.parametrize(("case", "sampled"), [(None, None), ("261122-k3f9ma", False)])
def test_whether_it_is_sampled_is_open_without_a_case(
    case: str | None, sampled: bool | None
) -> None:
    assert policy(KINDS + LABELS).judge(label(), "billing", frozenset(), case).sampled is sampled


# Known against claimed


def test_a_claimed_effect_makes_it_stricter() -> None:
    verdict = judged(LABELS + MONEY, label(effects=["money"]))
    assert (verdict.gate, verdict.rules) == ("hard", ("money",))


def test_a_claim_that_wakes_a_rule_beside_one_that_lets_it_run_is_a_conflict() -> None:
    assert judged(LABELS + MONEY, label()).conflict is False
    assert judged(LABELS + MONEY, label(effects=["money"])).conflict is True


def test_a_reason_shows_the_values_that_made_its_rule_match() -> None:
    rules = LABELS + rule("money", '"money" in effects', more='reason = "Effects: {effects}"')
    assert judged(rules, label(effects=["money"])).reasons == ('Effects: ["money"]',)


@pytest.mark.parametrize(
    ("when", "claims"),
    [
        ('"money" in action.effects', {"effects": ["money"]}),
        ("!action.reversible", {"reversible": False}),
        ('"money" in action["effects"]', {"effects": ["money"]}),
    ],
)
def test_a_claim_counts_by_whatever_name_it_is_read(when: str, claims: dict[str, Any]) -> None:
    verdict = judged(LABELS + rule("claimed", when), label(**claims))
    assert (verdict.gate, verdict.rules) == ("hard", ("claimed",))


def test_a_claim_of_reversibility_changes_nothing() -> None:
    rules = LABELS + rule("final", "!reversible")
    assert judged(rules, action(reversible=True)).rules == ("final",)


def test_a_claim_of_no_way_back_is_believed() -> None:
    rules = LABELS + rule("final", "!reversible")
    assert judged(rules, label(reversible=False)).rules == ("final",)


def test_a_claim_does_not_silence_a_rule_by_negation() -> None:
    rules = rule("boring", '!("money" in effects)') + rule("all", "true", "auto")
    assert judged(rules, label(effects=["money"])).rules == ("boring",)


def test_each_item_is_trusted_for_itself_where_another_is_not() -> None:
    rules = rule("read", "context.exists(item, item.trusted)", "auto")
    items = [{"title": "t", "text": "x", "source": source} for source in ("crm", "web")]
    said = [{**items[0], "trust": "trusted"}, items[1]]
    assert judged(rules, action("crm.label", context=said)).gate == "auto"
    assert judged(rules, action("crm.label", context=items)).rules == ("unmatched",)


def test_a_claim_that_leaves_no_rule_is_unmatched() -> None:
    rules = rule("boring", '!("money" in effects)', "auto")
    verdict = judged(rules, label(effects=["money"]))
    assert (verdict.gate, verdict.rules) == ("hard", ("unmatched",))


def test_the_values_are_those_that_made_the_rule_match() -> None:
    trace = judged(LABELS + MONEY, label(effects=["money"])).trace[1]
    assert trace.values == {"effects": ["money"]}


def test_a_rule_that_does_not_match_has_its_line_in_the_order_of_the_file() -> None:
    assert judged(NEVER + LABELS + MONEY).trace == (
        Trace("never", False, {"payload.amount": 40}),
        Trace("labels", False, {"kind": "payment.refund"}),
        Trace("money", True, {"effects": ["money"]}),
    )


def test_a_value_stands_in_the_trace_by_the_name_it_is_read_by() -> None:
    when = "action.confidence < 0.8 || has(action.cost) || has(payload.cc)"
    trace = judged(rule("sure", when), action(confidence=0.6)).trace
    assert trace == (Trace("sure", True, {"action.confidence": 0.6}),)


# What is missing


STRICT = """
[kinds."note.add"]
requires = ["why", "context", "payload.text"]
schema = "note.json"
"""
SCHEMA = b'{"properties": {"n": {"type": "number"}, "text": {"type": "string"}}}'
FULL = {
    "why": "asked",
    "context": [{"title": "t", "text": "x"}],
    "payload": {"text": "x", "n": 1},
}


def noted(rules: str, **fields: Any) -> Any:
    found = policy(KINDS + STRICT + rules, {"note.json": SCHEMA})
    return found.judge(action("note.add", **{**FULL, **fields}), "billing", frozenset())


NOTES = rule("notes", 'kind == "note.add"', "auto")


def test_an_action_that_lacks_nothing_runs() -> None:
    assert noted(NOTES).gate == "auto"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"why": " "}, "Missing: why"),
        ({"context": []}, "Missing: context"),
        ({"payload": {"n": 1}, "why": None}, "Missing: why, payload.text"),
        ({"payload": {"n": "x", "text": "x"}}, "Payload: n: 'x' is not of type 'number'"),
        (
            {"payload": {"n": "x", "text": 1}},
            "Payload: n: 'x' is not of type 'number'; text: 1 is not of type 'string'",
        ),
    ],
)
def test_what_an_action_lacks_brings_a_person_in(fields: dict[str, Any], reason: str) -> None:
    verdict = noted(NOTES, **fields)
    assert (verdict.gate, verdict.rules, verdict.reasons, len(verdict.quorums)) == (
        "hard",
        ("notes",),
        (reason,),
        1,
    )


def test_what_is_missing_is_added_to_the_reasons_of_a_hard_rule() -> None:
    verdict = noted(NOTES + rule("all", "true", "hard", 'reason = "Always"'), why=None)
    assert (verdict.rules, verdict.reasons) == (("all",), ("Always", "Missing: why"))


def test_what_is_missing_does_not_soften_a_denial() -> None:
    verdict = noted(rule("never", "true", "deny", 'reason = "Never"'), why=None)
    assert (verdict.gate, verdict.reasons) == ("deny", ("Never",))


def test_what_is_missing_stands_in_the_trace() -> None:
    verdict = noted(NOTES, why=None, payload={"text": 1})
    assert verdict.trace[1:] == (
        Trace("requires", True, {"missing": ["why"]}),
        Trace("schema", True, {"complaints": ["text: 1 is not of type 'string'"]}),
    )


def test_a_schema_that_cannot_be_applied_brings_a_person_in() -> None:
    schema = b'{"$ref": "https://schemas.invalid/x.json"}'
    text = KINDS + '[kinds.x]\nschema = "s"\n' + rule("all", "true", "auto")
    verdict = policy(text, {"s": schema}).judge(action("x"), "billing", frozenset())
    assert verdict.reasons == (
        "Payload: its schema cannot be applied: Unresolvable: https://schemas.invalid/x.json",
    )


# Titles and executors


def test_a_title_is_filled_from_the_payload() -> None:
    assert policy(KINDS).title(action()) == "Refund 40 EUR"


def test_a_kind_without_a_title_shows_the_start_of_its_payload_and_never_the_summary() -> None:
    of = label(payload={"a": 1, "b": "x", "c": [True], "d": 4}, summary="Harmless")
    assert policy(KINDS).title(of) == "crm.label: a=1, b=x, c=[true]"


def test_an_empty_payload_leaves_the_kind_as_title() -> None:
    assert policy(KINDS).title(action("x", payload={})) == "x"


@pytest.mark.parametrize(
    ("kind", "executor"), [("payment.refund", "refund"), ("crm.label", "agent"), ("x", "agent")]
)
def test_a_kind_without_an_executor_is_run_by_the_agent(kind: str, executor: str) -> None:
    assert policy(KINDS).executor_of(kind) == executor


def test_values_in_the_trace_are_short_and_visible() -> None:
    payload = {"a": "x" * 300, "b": "a\u202e", "c": ["y" * 300], "d": [1], "e": ["ß" * 150]}
    when = " && ".join(f"has(payload.{name})" for name in payload)
    assert judged(rule("all", when), action(payload=payload)).trace[0].values == {
        "payload.a": "x" * 199 + "…",
        "payload.b": "a⟨U+202E⟩",
        "payload.c": '["' + "y" * 197 + "…",
        "payload.d": [1],
        "payload.e": ["ß" * 150],
    }


# What a quorum brings with it


LATER = rule(
    "later",
    "true",
    "hard",
    """reviewers = ["finance"]
approvals = 2
doors = ["mail", "cli"]
expires = "4h"
remind = ["50%", "3h"]
escalate = { after = "2h", to = ["owner"] }
route_to = ["owner"]""",
)


def test_a_quorum_is_reminded_escalated_and_handed_on_as_its_rule_says() -> None:
    [quorum] = judged(LATER).quorums
    assert quorum == Quorum(
        rule="later",
        approvals=2,
        refs=("finance",),
        reviewers=("ada", "bob"),
        doors=("mail", "cli"),
        remind=(7200, 10800),
        escalate=Escalation(7200, ("owner",), ("cleo",)),
        route_to=("owner",),
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('remind = ["1h"]', ((3600,), None, ())),
        (
            'escalate = { after = "2h", to = ["owner"] }',
            ((), Escalation(7200, ("owner",), ("cleo",)), ()),
        ),
        ('route_to = ["owner"]', ((), None, ("owner",))),
    ],
    ids=["reminders", "an escalation", "others to hand it to"],
)
def test_each_of_them_alone_comes_with_the_quorum(more: str, expected: Any) -> None:
    [quorum] = judged(rule("r", "true", "hard", f'reviewers = ["finance"]\n{more}')).quorums
    assert (quorum.remind, quorum.escalate, quorum.route_to) == expected


@pytest.mark.parametrize(("expires", "remind"), [("1h", (1800,)), ("3h", (5400,))])
def test_reminders_are_shares_of_the_time_there_is(expires: str, remind: tuple[int, ...]) -> None:
    [quorum] = judged(LATER, action(expires=expires)).quorums
    assert quorum.remind == remind


@pytest.mark.parametrize(("expires", "remind"), [("1m", ()), ("100s", (1,))])
def test_nobody_is_reminded_in_the_moment_they_are_asked(
    expires: str, remind: tuple[int, ...]
) -> None:
    soon = rule("soon", "true", more='reviewers = ["finance"]\nremind = ["1%"]')
    [quorum] = judged(soon, action(expires=expires)).quorums
    assert quorum.remind == remind


def test_who_is_escalated_to_is_looked_up_without_those_who_may_not_decide() -> None:
    [quorum] = judged(LATER, excluded=frozenset({"cleo"})).quorums
    assert quorum.escalate == Escalation(7200, ("owner", ADMINS), ())


def test_in_the_place_of_who_is_away_a_stand_in_is_asked() -> None:
    found = policy(KINDS + LATER)
    standing = Standing(away={"ada": "dora"})
    [quorum] = found.judge(action(), "billing", frozenset(), standing=standing).quorums
    assert quorum.reviewers == ("bob", "dora")


def test_what_stands_for_a_rule_has_a_quorum_of_its_name() -> None:
    assert [q.rule for q in judged(MONEY, label()).quorums] == ["unmatched"]
    assert judged(LABELS, label()).standby == Quorum("standby", 1, ("owner",), ("cleo",))


def test_rules_that_ask_the_same_people_keep_their_own_names_and_doors() -> None:
    doors = rule("doors", "true", "hard", 'reviewers = ["finance"]\ndoors = ["cli"]')
    assert [(q.rule, q.doors) for q in judged(MONEY + doors).quorums] == [
        ("doors", ("cli",)),
        ("money", ("mail", "link", "cli")),
    ]


# What claims are weighed with


@pytest.mark.parametrize(
    "when",
    [
        'agent == "billing" && "external" in effects',
        'typical.cost == 2.0 && "external" in effects',
        'untrusted && "external" in effects',
    ],
)
def test_beside_a_claim_all_that_is_known_is_known(when: str) -> None:
    item = {"title": "T", "text": "t", "source": "elsewhere"}
    of = label(effects=["external"], context=[item])
    found = policy(KINDS + LABELS + rule("r", when))
    verdict = found.judge(of, "billing", frozenset(), standing=Standing(typical={"cost": 2.0}))
    assert (verdict.gate, verdict.rules) == ("hard", ("r",))


def test_a_claim_counts_for_nothing_that_does_not_read_it() -> None:
    first = judged(LABELS, label(effects=["external"]))
    assert (first.gate, first.conflict) == ("auto", False)


# What else a policy tells


SAMPLES = rule("s", "true", "sample", "rate = 1\ntighten = { flagged = 0.1, of = 20 }")


def test_a_policy_tells_when_a_rule_is_tightened() -> None:
    found = policy(KINDS + MONEY + SAMPLES)
    assert [found.tighten_of(name) for name in ("s", "money", "nobody")] == [(0.1, 20), None, None]


def test_a_policy_tells_what_a_schema_has_against_a_payload() -> None:
    found = policy(KINDS + STRICT, {"note.json": SCHEMA})
    assert found.complaints("note.add", {"n": "x"}) == ["n: 'x' is not of type 'number'"]
    assert found.complaints("note.add", {"n": 1}) == []
    assert found.complaints("payment.refund", {"n": "x"}) == []
    assert found.complaints("unknown", {"n": "x"}) == []


def test_a_policy_tells_the_schema_of_a_kind() -> None:
    found = policy(KINDS + STRICT, {"note.json": SCHEMA})
    schemas = [found.schema_of(kind) for kind in ("note.add", "payment.refund", "unknown")]
    assert schemas == [json.loads(SCHEMA), None, None]


def test_the_same_rules_can_be_tried_where_nothing_is_required() -> None:
    found = policy(KINDS + STRICT + NOTES, {"note.json": SCHEMA})
    bare = found.without_gaps()
    lacking = action("note.add", payload={"n": "x"})
    assert found.judge(lacking, "billing", frozenset()).gate == "hard"
    assert bare.judge(lacking, "billing", frozenset()).gate == "auto"
    assert (bare.digest, bare.text, bare.rules, bare.tests) == (
        found.digest,
        found.text,
        found.rules,
        (),
    )


@pytest.mark.parametrize(("case_id", "sampled"), [("261122-k3f9ma", None), (None, None)])
def test_whether_a_sample_is_taken_stays_open_without_its_draw(
    case_id: str | None, sampled: bool | None
) -> None:
    found = policy(KINDS + SAMPLES)
    assert found.judge(label(), "billing", frozenset(), case_id).sampled is sampled


def test_what_is_not_drawn_has_no_time_to_be_reviewed_in() -> None:
    assert (judged(MONEY).review_expires, judged(LABELS, label()).review_expires) == (0, 0)


# Reasons and errors of both answers


def test_a_reason_is_filled_from_what_is_known_where_the_rule_matches_anyway() -> None:
    shown = rule("shown", "true", "hard", 'reason = "Touches {effects}"')
    verdict = judged(shown, label(effects=["external"]))
    assert verdict.reasons == ("Touches []",)


def test_what_cannot_be_told_outweighs_what_a_claim_would_trigger() -> None:
    doubtful = rule(
        "doubtful",
        '"external" in effects || payload.missing > 1.0',
        "exception",
        "exceptions = [{ when = 'true', reason = 'It goes out' }]",
    )
    verdict = judged(doubtful, label(effects=["external"]))
    assert (verdict.gate, verdict.reasons) == (
        "hard",
        ("Rule doubtful cannot be told: payload.missing is not given",),
    )


def test_what_only_the_claims_leave_open_stands_in_the_trace_and_the_reasons() -> None:
    both = rule(
        "both",
        "true",
        "exception",
        "exceptions = [{ when = 'true', reason = 'Always' },"
        " { when = '\"external\" in effects && payload.a > 1.0' },"
        " { when = '\"external\" in effects && payload.b > 1.0' }]",
    )
    verdict = judged(both, label(effects=["external"]))
    assert verdict.reasons == (
        "Always",
        "Rule both cannot be told: payload.a is not given",
        "Rule both cannot be told: payload.b is not given",
    )
    assert verdict.trace[0].error == "payload.a is not given; payload.b is not given"


def test_the_reason_of_what_only_a_claim_wakes_shows_all_there_is_to_know() -> None:
    more = 'reason = "By {agent}, usually {typical.cost}: {effects}"'
    found = policy(KINDS + LABELS + rule("r", '"external" in effects', "hard", more))
    standing = Standing(typical={"cost": 2.0})
    verdict = found.judge(label(effects=["external"]), "billing", frozenset(), standing=standing)
    assert verdict.reasons == ('By billing, usually 2: ["external"]',)
