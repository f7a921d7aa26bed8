"""What holds of every policy and every action."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.core.action import Action
from hitl_mail.core.verdict import Standing, Verdict
from hitl_mail.errors import ConfigError
from hitl_mail.policy.judge import Policy
from hitl_mail.site import load_site
from tests.rulebook import KINDS, action, policy, problems, rule

NEEDY = (
    KINDS
    + """
[kinds."note.add"]
reversible = true
requires = ["why"]
"""
)
ATOMS = (
    '"money" in effects',
    '"external" in effects',
    "size(effects) == 0",
    "reversible",
    "untrusted",
    "action.untrusted",
    "context.exists(item, item.trusted)",
    "confidence < 0.5",
    "payload.amount > 10.0",
    'kind == "crm.label"',
)
_atoms = st.sampled_from(ATOMS)
_conditions = st.recursive(
    _atoms | _atoms.map(lambda atom: f"!({atom})"),
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=3,
)
GATES = {
    "auto": [""],
    "sample": ["rate = 0.5", "rate = 0.05\nreviewers = ['finance']"],
    "exception": [
        "exceptions = [{ when = 'confidence < 0.5' }]",
        """exceptions = [{ when = '"money" in effects', reason = "money" }]""",
        "exceptions = [{ when = '!untrusted || !reversible' }]",
        "exceptions = [{ when = 'cost > 3.0 * typical.cost' }]",
    ],
    "hard": [""],
    "deny": [""],
}
_bodies = st.sampled_from([(gate, body) for gate, bodies in GATES.items() for body in bodies])
_who = st.sampled_from(
    ["", 'reviewers = ["finance"]', "approvals = 1", 'expires = "1h"', "on_failure = 'review'"]
)


def _rule(number: int, when: str, body: tuple[str, str], who: str) -> str:
    gate, more = body
    clash = "reviewers" in more and "reviewers" in who
    return rule(f"r{number}", when, gate, more if clash else f"{more}\n{who}")


_rules = st.lists(st.tuples(_conditions, _bodies, _who), max_size=4).map(
    lambda rules: [_rule(number, *parts) for number, parts in enumerate(rules)]
)
_standing = st.builds(
    Standing,
    draw=st.none() | st.floats(0, 1, exclude_max=True),
    typical=st.sampled_from([{}, {"cost": 1.0}]),
    tightened=st.sampled_from([{}, {"r0": "drift"}, {"r1": "drift", "r2": "drift"}]),
)
_items = st.fixed_dictionaries(
    {"title": st.just("t"), "text": st.just("x")},
    optional={"source": st.sampled_from(["crm", "web"])},
)
_facts = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["crm.label", "payment.refund", "note.add", "nobody.knows"]),
        "payload": st.sampled_from([{}, {"amount": 5}, {"amount": 50}]),
        "context": st.lists(_items, max_size=2),
    },
    optional={
        "confidence": st.sampled_from([0.1, 0.9]),
        "cost": st.sampled_from([1, 10]),
        "why": st.just("asked"),
    },
)
_claims = st.fixed_dictionaries(
    {},
    optional={
        "effects": st.lists(st.sampled_from(["money", "external"]), unique=True),
        "reversible": st.booleans(),
    },
)
_words = st.lists(st.sampled_from([None, "trusted", "untrusted"]), min_size=2, max_size=2)


def of(facts: dict[str, Any], claims: dict[str, Any], words: list[str | None]) -> Action:
    """The action with these claims, one word of trust for each item of its context."""
    said = [
        {**item, "trust": word} if word else item
        for item, word in zip(facts["context"], words, strict=False)
    ]
    return action(**{**facts, "context": said, **claims})


def judge(rules: Policy, asked: Action, standing: Standing) -> Verdict:
    return rules.judge(asked, "billing", frozenset({"dora"}), None, standing)


def circle(verdict: Verdict) -> set[tuple[str, int, tuple[str, ...]]]:
    return {(quorum.rule, quorum.approvals, quorum.reviewers) for quorum in verdict.quorums}


@settings(max_examples=80, deadline=None)
@given(_rules, st.randoms(use_true_random=False), _facts, _claims, _words, _standing)
def test_the_order_of_rules_never_matters(
    rules: list[str],
    random: Any,
    facts: dict[str, Any],
    claims: dict[str, Any],
    words: list[str | None],
    standing: Standing,
) -> None:
    asked = of(facts, claims, words)
    shuffled = random.sample(rules, len(rules))
    verdicts = [
        judge(policy(NEEDY + "".join(order)), asked, standing) for order in (rules, shuffled)
    ]
    first, second = (verdict.document() for verdict in verdicts)
    for document in (first, second):
        document["trace"] = sorted(document["trace"], key=lambda trace: str(trace["rule"]))
        del document["policy"]
    assert first == second


@settings(max_examples=80, deadline=None)
@given(_rules, _facts, _claims, _words, _standing)
def test_no_claim_makes_a_verdict_milder_or_its_circle_wider(
    rules: list[str],
    facts: dict[str, Any],
    claims: dict[str, Any],
    words: list[str | None],
    standing: Standing,
) -> None:
    # Without claims: the words of trust that leave the sources to speak for themselves.
    silent = of(facts, {}, ["trusted", "trusted"])
    found = policy(NEEDY + "".join(rules))
    known = judge(found, silent, standing)
    claimed = judge(found, of(facts, claims, words), standing)
    assert claimed.strictness >= known.strictness
    if claimed.asks and known.asks:
        assert circle(claimed) >= circle(known)
        assert claimed.expires <= known.expires
    if claimed.gate == known.gate == "sample":
        assert bool(claimed.sampled) >= bool(known.sampled)
        assert {review.refs for review in claimed.reviews} >= {r.refs for r in known.reviews}


# What is known of each kind, as the rules are given it.
KNOWN: dict[str, tuple[list[str], bool]] = {
    "crm.label": ([], True),
    "payment.refund": (["money"], False),
    "note.add": ([], True),
}


def _kinds(effects: list[str], *, final: bool) -> str:
    """The kinds, all of them known to have these effects too, and (`final`) no way back."""
    tables = ["[policy]\nreviewers = ['owner']"]
    for name, (own, reversible) in KNOWN.items():
        both = json.dumps(list(dict.fromkeys([*own, *effects])))
        back = "true" if reversible and not final else "false"
        more = 'requires = ["why"]' if name == "note.add" else ""
        tables.append(f'[kinds."{name}"]\neffects = {both}\nreversible = {back}\n{more}')
    return "\n".join(tables) + "\n"


@settings(max_examples=80, deadline=None)
@given(_rules, _facts, _claims, _standing)
def test_what_is_claimed_against_an_action_weighs_as_much_as_if_it_were_known(
    rules: list[str], facts: dict[str, Any], claims: dict[str, Any], standing: Standing
) -> None:
    # No word of trust lies between the two: each is asked under one more set of facts by it.
    words: list[str | None] = ["trusted", "trusted"]
    if facts["kind"] not in KNOWN:
        claims = {}
    final = claims.get("reversible") is False
    without = policy(_kinds([], final=False) + "".join(rules))
    knowing = policy(_kinds(claims.get("effects", []), final=final) + "".join(rules))
    claimed = judge(without, of(facts, claims, words), standing)
    known = judge(knowing, of(facts, {}, words), standing)
    assert claimed.strictness >= known.strictness
    if claimed.asks and known.asks:
        assert circle(claimed) >= circle(known)
        assert claimed.expires <= known.expires


@settings(max_examples=80, deadline=None)
@given(_rules, _facts, _claims, _words, _standing)
def test_what_no_rule_lets_run_never_runs(
    rules: list[str],
    facts: dict[str, Any],
    claims: dict[str, Any],
    words: list[str | None],
    standing: Standing,
) -> None:
    found = policy(NEEDY + "".join(rules))
    verdict = judge(found, of(facts, claims, words), standing)
    alone = [trace for trace in verdict.trace if trace.matched and trace.error is None]
    assert verdict.asks or verdict.gate == "deny" or (alone and verdict.conflict is False)


def _one_of(names: str) -> st.SearchStrategy[str]:
    return st.sampled_from(names.split())


_junk = st.sampled_from(
    [
        "1",
        "-1",
        "1.5",
        "true",
        '"x"',
        '""',
        "[]",
        "[[]]",
        "[1]",
        '["x"]',
        "{}",
        "{ a = 1 }",
        "2026-01-01",
    ]
)
_rule_keys = _one_of(
    "name when gate reason reviewers approvals expires doors remind escalate route_to exceptions "
    "rate tighten on_failure on_expiry nonsense"
)
_kind_keys = _one_of("title effects reversible requires schema executor x")
_policy_keys = _one_of("unmatched unknown_kind reviewers expires x")


def _table(header: str, keys: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.dictionaries(keys, _junk, max_size=6).map(
        lambda pairs: "\n".join([header, *(f"{key} = {value}" for key, value in pairs.items()), ""])
    )


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(
        _table("[policy]", _policy_keys),
        _table("[kinds.x]", _kind_keys),
        _table("[[rules]]", _rule_keys),
        _table("[[rules]]", _rule_keys),
    )
)
def test_whatever_stands_in_the_rules_is_a_policy_or_a_list_of_problems(tables: Any) -> None:
    assert all(problem.line for problem in problems("".join(tables)))


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(
        _table("[site]", _one_of("name timezone admins group daily x")),
        _table("[mail]", _one_of("transport address smtp imap authentication")),
        _table("[web]", st.sampled_from(["bind", "base_url"])),
        _table("[people.a]", _one_of("mail aliases os_user away")),
        _table("[agents.a]", _one_of("spool uid owner trusted_sources")),
        _table(
            "[executors.a]",
            _one_of("type argv url from env headers timeout retries idempotent"),
        ),
        st.sampled_from(["", "[limits]\nwaiting = 0", "[[groups]]", "[groups]\na = 1"]),
    )
)
def test_whatever_stands_in_the_site_is_a_site_or_a_list_of_problems(tables: Any) -> None:
    try:
        load_site("".join(tables))
    except ConfigError as error:
        assert all(problem.line for problem in error.problems)
