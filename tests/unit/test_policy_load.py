"""rules.toml, read whole or not at all."""

from __future__ import annotations

import hashlib

import pytest

from hitl_mail.policy.load import load_policy
from tests.rulebook import KINDS, SITE, no_schema, policy, problems, rule

CONTRACT = """
[policy]
unmatched = "hard"
unknown_kind = "hard"
reviewers = ["owner"]
expires = "24h"

[kinds."payment.refund"]
title = "Refund {payload.amount} {payload.currency} to {payload.customer}"
effects = ["money"]
reversible = false
requires = ["why", "context"]
schema = "schemas/refund.json"
executor = "refund"

[[rules]]
name = "money"
when = '"money" in effects'
gate = "hard"
reason = "Moves funds"
reviewers = ["finance"]
approvals = 1
expires = "4h"
remind = ["50%", "80%"]
escalate = { after = "2h", to = ["owner"] }
route_to = ["owner"]
doors = ["mail", "link", "cli"]
[[rules]]
name = "triage"
when = 'kind == "ticket.route"'
gate = "exception"
exceptions = [
  { when = 'confidence < 0.8', reason = "Confidence {confidence} is below 0.8" },
  { when = 'cost > 3.0 * typical.cost', reason = "Costs {cost}, typically {typical.cost}" },
]
on_failure = "review"

[[rules]]
name = "labels"
when = 'kind == "crm.label"'
gate = "sample"
rate = 0.05
tighten = { flagged = 0.1, of = 20 }
"""

SCHEMAS = {"schemas/refund.json": b'{"type": "object"}'}


def said(text: str) -> list[str]:
    return [f"{p.where}: {p.what}. {p.mend}".strip() for p in problems(text)]


def test_the_policy_of_the_contract_is_read_whole() -> None:
    assert [ready.rule.name for ready in policy(CONTRACT, SCHEMAS).rules] == [
        "money",
        "triage",
        "labels",
    ]


def test_the_digest_is_that_of_the_text() -> None:
    text = KINDS + "# é\n"
    assert policy(text).digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_an_empty_file_is_a_policy_that_asks_about_everything() -> None:
    assert policy("").table.unmatched == "hard"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[polcy]", "polcy: no such key. Did you mean policy?"),
        (
            "[policy]\nunmatched = 'auto'",
            'policy.unmatched: must be one of "hard", "deny", not "auto".',
        ),
        ("[policy]\nexpires = 24", 'policy.expires: must be a duration such as "4h", not 24.'),
        (
            "[policy]\nreviewers = ['finanse']",
            'policy.reviewers[0]: no person and no group "finanse". Did you mean finance?',
        ),
        (
            "[policy]\nreviewers = []",
            "policy.reviewers: names nobody. Leave it out, or name a person or a group.",
        ),
        (
            "[kinds.x]\nexecutor = 'refnd'",
            'kinds.x.executor: no executor "refnd". Did you mean refund?',
        ),
        (
            "[kinds.x]\nrequires = ['whi']",
            'kinds.x.requires[0]: an action has no "whi". Did you mean why?',
        ),
        (
            "[kinds.x]\neffects = ['Money!']",
            'kinds.x.effects[0]: "Money!" is no effect. An effect is a word such as money'
            " or external.",
        ),
        (
            "[kinds.x]\ntitle = '{amount}'",
            "kinds.x.title: {amount} cannot be shown here. Did you mean {payload.amount}?"
            " Known are: confidence, cost, "
            "cost_of_waiting, cost_of_wrong, kind, latency, payload, requested_by, "
            "run_id, supersedes",
        ),
        (
            "[kinds.x]\ntitle = '{summary}'",
            "kinds.x.title: {summary} cannot be shown here. Known are: confidence, cost, "
            "cost_of_waiting, cost_of_wrong, kind, latency, payload, requested_by, "
            "run_id, supersedes",
        ),
        (
            "[kinds.x]\ntitle = '{payload.a'",
            "kinds.x.title: '{payload.a' is no placeholder; write {payload.amount}, or {{ and }}.",
        ),
        (
            "[kinds.x]\nschema = 'x.json'",
            'kinds.x.schema: "x.json" cannot be read: No such file or directory. The path'
            " starts at the home directory.",
        ),
        ("rules = 3", "rules: must be a list of tables. Write [[rules]], twice bracketed."),
    ],
)
def test_each_mistake_around_the_rules_is_named(text: str, complaint: str) -> None:
    assert said(text) == [complaint]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (
            "rate = 0.1",
            'rules[0].rate: rate means nothing to the gate "hard". Leave it out, or make '
            'the gate "sample".',
        ),
        (
            "tighten = { flagged = 0.1, of = 20 }",
            'rules[0].tighten: tighten means nothing to the gate "hard". Leave it out, or'
            ' make the gate "sample".',
        ),
        (
            "exceptions = []",
            'rules[0].exceptions: exceptions means nothing to the gate "hard". Leave it '
            'out, or make the gate "exception".',
        ),
        (
            "on_expiry = 'run'",
            'rules[0].on_expiry: "run" would take silence for consent. Write "reject", '
            "which is what it is if left out.",
        ),
        (
            "on_failure = 'retry'",
            'rules[0].on_failure: must be one of "fail", "review", not "retry".',
        ),
        (
            "expires = '2h'\nremind = ['3h']",
            "rules[0].remind[0]: after 3h the case has expired: it does at 2h. Name an "
            "earlier moment, or a later expires.",
        ),
        (
            "remind = ['1d']",
            "rules[0].remind[0]: after 1d the case has expired: it does at 1d. Name an "
            "earlier moment, or a later expires.",
        ),
        (
            "remind = ['2d']",
            "rules[0].remind[0]: after 2d the case has expired: it does at 1d. Name an "
            "earlier moment, or a later expires.",
        ),
        (
            "expires = '2h'\nescalate = { after = '2h', to = ['owner'] }",
            "rules[0].escalate.after: after 2h the case has expired: it does at 2h. Name "
            "an earlier moment, or a later expires.",
        ),
        ("reviewrs = ['ada']", "rules[0].reviewrs: no such key. Did you mean reviewers?"),
        ("approvals = 'x'", 'rules[0].approvals: must be a whole number, not "x".'),
        ("approvals = 0", "rules[0].approvals: must be at least 1, not 0."),
        (
            "approvals = 3\nreviewers = ['finance']",
            "rules[0].approvals: needs 3 approvals, but has only 2 to ask. Add people to "
            "the group, or lower approvals.",
        ),
        (
            "reviewers = ['nobody']",
            "rules[0].reviewers: needs 1 approval, but has nobody to ask. Add people to "
            "the group, or lower approvals.",
        ),
        (
            "reviewers = ['adda']",
            'rules[0].reviewers[0]: no person and no group "adda". Did you mean ada?',
        ),
        (
            "expires = 'soon'",
            "rules[0].expires: 'soon' is not a duration; write it like 90s, 15m, 4h, 1d12h or 2w.",
        ),
        (
            "remind = ['150%']",
            'rules[0].remind[0]: "150%" is no moment to remind. Write "50%" of the time '
            'until expiry, or a duration such as "1h".',
        ),
        (
            "escalate = { after = '2h', to = ['nobdy'] }",
            'rules[0].escalate.to[0]: no person and no group "nobdy". Did you mean nobody?',
        ),
        ("escalate = { to = ['ada'] }", 'rules[0].escalate: after is missing. Add after = "4h"'),
        (
            "route_to = ['x']",
            'rules[0].route_to[0]: no person and no group "x". Known are: ada, bob, cleo,'
            " dora, finance, nobody, owner",
        ),
        (
            "doors = ['phone']",
            'rules[0].doors[0]: must be one of "mail", "link", "cli", not "phone".',
        ),
        ("doors = []", "rules[0].doors: no door is left. Leave it out, or name one."),
        (
            "reason = '{payload.amount} {nope}'",
            "rules[0].reason: {nope} cannot be shown here. Did you mean {payload.nope}? "
            "Known are: action, agent, "
            "attachments, confidence, context, cost, cost_of_waiting, cost_of_wrong, "
            "effects, kind, labels, latency, payload, requested_by, reversible, run_id, "
            "summary, supersedes, typical, untrusted, why",
        ),
    ],
)
def test_each_mistake_in_a_rule_is_named(more: str, complaint: str) -> None:
    found = said(KINDS + rule("r", "true", more=more))
    assert found == [complaint]


@pytest.mark.parametrize(
    ("when", "complaint"),
    [
        ("kind ==", "not a condition in CEL: the condition ends too early at column 8."),
        ("kind = 3", "not a condition in CEL: = compares nothing, write == at column 6."),
        ("", "not a condition in CEL: the condition ends too early at column 1."),
        ('knd == "a"', "no such name: knd at column 1. Did you mean kind?"),
        ('.kind == "a"', "no such name: .kind. Did you mean kind?"),
        ('summary.startWith("a")', "no such function: startWith. Did you mean startsWith?"),
        (
            "payload.l.all(x, x.m.exists(y, y > 1.0))",
            "the macro exists stands inside another macro, which nothing bounds. Use one",
        ),
        (
            "payload.l.all(x, x.m\n . existsOne (y, true))",
            "the macro existsOne stands inside another macro, which nothing bounds. Use one",
        ),
        (
            "size(payload.l.map(x, x.name)) > 1",
            "map copies the list it builds at every item, which nothing bounds. Say the same with",
        ),
        (
            "payload.l.all(x, size(x + x + x + x + x + x) > 1)",
            "more than 4 + inside macros. Compare the parts one by one.",
        ),
        (
            "payload.l.all(x, " + " && ".join(["x == 'abc'"] * 40) + ")",
            "its macros hold more than 400 characters. Split the condition into several rules.",
        ),
        (
            "payload.l.all(x, x == why || x == kind) && payload.l.all(x, x == why || x in effects)",
            "more than 3 variables are read inside macros, once for each item. Split the",
        ),
        (
            "summary.matches(payload.pattern)",
            "the pattern of matches is no text in quotes. Write",
        ),
        (
            'summary.matches("a{9}(b{3,9}){20}")',
            "its patterns are slow to compile. Use + or * instead of {n}.",
        ),
        (
            "(payload.l + payload.l).exists(x, x == 'a')",
            "a macro goes through lists that are put together with +, which nothing bounds. Ask",
        ),
        (
            "[(payload.l + payload.m)][0].filter(x, true).exists(x, x == 'a')",
            "a macro goes through lists that are put together with +, which nothing bounds. Ask",
        ),
        (
            f"[{'1, ' * 256}1].exists(x, x == 1)",
            "a macro goes through a list of more than 256 items. Shorten it.",
        ),
        (
            "size(payload.l" + " + payload.l" * 33 + ") > 0",
            "more than 32 +. Split the condition into several rules.",
        ),
        (
            'summary.matches("(a){0}(a|a){50}{50}")',
            "its patterns are slow to compile. Use + or * instead of {n}.",
        ),
        (
            r'payload.l.all(x, x.matches(r"\w{10}-\w{10}"))',
            "patterns inside a macro are compiled for every item, and these are slow to compile",
        ),
        ("(" * 200 + "true" + ")" * 200, "not a condition in CEL: nested too deep."),
        (
            "true || " * 300 + "true",
            "the condition has 2404 characters; at most 2000 are weighed. Split it into",
        ),
    ],
)
def test_a_condition_that_cannot_be_weighed_is_refused(when: str, complaint: str) -> None:
    text = KINDS + f"\n[[rules]]\nname = \"r\"\nwhen = '''{when}'''\ngate = \"hard\""
    wanted = f"rules[0].when: {complaint}"
    assert [found[: len(wanted)] for found in said(text)] == [wanted]


@pytest.mark.parametrize(
    ("gate", "more", "complaint"),
    [
        ("sample", "", "rules[0]: rate is missing. Add rate = 0.05 to look at one in twenty"),
        ("sample", "rate = 5", "rules[0].rate: must be a number from 0 to 1, not 5.0."),
        ("sample", "rate = nan", "rules[0].rate: must be a number from 0 to 1, not nan."),
        (
            "sample",
            "rate = 1\ntighten = { flagged = 2, of = 0 }",
            "rules[0].tighten.flagged: must be a number from 0 to 1, not 2.0.",
        ),
        (
            "exception",
            "exceptions = [{ when = 'cots > 1.0' }]",
            "rules[0].exceptions[0].when: no such name: cots at column 1. Did you mean cost?",
        ),
        (
            "exception",
            "exceptions = [{ reason = 'x' }]",
            'rules[0].exceptions[0]: when is missing. Add when = "…"',
        ),
        (
            "exception",
            "exceptions = [{ when = 'true', reason = '{nope}' }]",
            "rules[0].exceptions[0].reason: {nope} cannot be shown here.",
        ),
        ("exception", "exceptions = 3", "rules[0].exceptions: must be a list, like ["),
    ],
)
def test_each_mistake_in_a_gate_is_named(gate: str, more: str, complaint: str) -> None:
    found = said(KINDS + rule("r", "true", gate, more))
    assert found[0][: len(complaint)] == complaint


def test_a_macro_name_in_a_string_or_comment_is_no_macro() -> None:
    when = r'payload.l.all(x, x != ".all(" && x != r"\") // .map('
    assert problems(KINDS + f"\n[[rules]]\nname = 'r'\nwhen = '''{when}\n'''\ngate = 'hard'") == []


@pytest.mark.parametrize(
    "when",
    [
        'summary.matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}$") && summary.matches(r"(a,b)")',
        'summary.matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")',
        'payload.l.exists(x, x.matches("@example[.]com$"))',
        r'payload.l.exists(x, x.matches(r"^\d{4}-\d{2}-\d{2}$"))',
    ],
)
def test_a_plain_pattern_is_allowed(when: str) -> None:
    text = f"\n[[rules]]\nname = 'r'\nwhen = '''{when}'''\ngate = 'hard'"
    assert problems(KINDS + text) == []


@pytest.mark.parametrize(
    "when",
    [
        "payload.a + payload.b > 1.0 && payload.l.exists(x, x.p + x.q > 1.0)",
        "payload.l.filter(x, (x.p + x.q) > 1.0).exists(y, y.p > 2.0)",
        '["a+b", "c"].exists(x, summary.contains(x))',
        '1.0 + payload.a > 2.0 || payload["a+b"].all(x, x > 1.0)',
    ],
)
def test_sums_beside_a_macro_are_allowed(when: str) -> None:
    text = f"\n[[rules]]\nname = 'r'\nwhen = '''{when}'''\ngate = 'hard'"
    assert problems(KINDS + text) == []


def test_macros_one_after_the_other_are_allowed() -> None:
    assert problems(KINDS + rule("r", "payload.l.filter(x, x > 1.0).exists(y, y > 2.0)")) == []


@pytest.mark.parametrize(
    "name",
    ["unmatched", "unknown_kind", "settle", "retry", "standby", "policy", "requires", "schema"],
)
def test_a_name_with_a_meaning_of_its_own_is_refused(name: str) -> None:
    assert said(KINDS + rule(name, "true")) == [
        f'rules[0].name: "{name}" has a meaning of its own. Choose another name.'
    ]


@pytest.mark.parametrize("name", ["", " x", "a\u202eb", "x" * 65])
def test_a_name_that_cannot_be_read_is_refused(name: str) -> None:
    assert [problem.where for problem in problems(KINDS + rule(name, "true"))] == ["rules[0].name"]


def test_a_name_may_be_words() -> None:
    assert problems(KINDS + rule("Große Beträge, 2", "true")) == []


def test_default_reviewers_that_are_nobody_are_a_problem() -> None:
    assert said("[policy]\nreviewers = ['nobody']") == [
        "policy.reviewers: nobody is in these groups. Add people to one of them."
    ]


def test_a_second_rule_of_one_name_is_refused_and_names_the_first() -> None:
    assert said(KINDS + rule("r", "true") + rule("r", "false")) == [
        'rules[1].name: a second rule "r". The first is on line 15.'
    ]


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (
            b"{",
            '"s" is not JSON: Expecting property name enclosed in double quotes: line 1',
        ),
        (b'{"not":' * 400 + b"{}" + b"}" * 400, '"s" is not a JSON Schema that can be applied'),
        (b"[" * 100_000, '"s" is not JSON: maximum recursion depth exceeded'),
        (b"[]", '"s" is not a JSON Schema: it must be an object.'),
        (
            b'{"type": "strng"}',
            "\"s\" is not a JSON Schema: type: 'strng' is not valid under any of the given",
        ),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: bytes, complaint: str) -> None:
    found = problems("[kinds.x]\nschema = 's'", {"s": schema})
    wanted = f"rules.toml:2: kinds.x.schema: {complaint}"
    assert [str(p)[: len(wanted)] for p in found] == [wanted]


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """
[policy]
expires = "x"
[kinds.a]
executor = "x"
[[rules]]
name = "r"
gate = "soft"
when = "x >"
[[rules]]
gate = "auto"
"""
    assert [(p.line, p.where) for p in problems(text)] == [
        (3, "policy.expires"),
        (5, "kinds.a.executor"),
        (8, "rules[0].gate"),
        (9, "rules[0].when"),
        (10, "rules[1]"),
        (10, "rules[1]"),
    ]


def test_a_rule_whose_name_and_condition_are_wrong_is_still_read_to_its_end() -> None:
    text = """
[[rules]]
name = 3
when = 4
gate = "hard"
reviewers = ["nobody-knows"]
rate = 0.5
on_expiry = "approve"
"""
    assert [(p.line, p.where) for p in problems(text)] == [
        (3, "rules[0].name"),
        (4, "rules[0].when"),
        (6, "rules[0].reviewers[0]"),
        (7, "rules[0].rate"),
        (8, "rules[0].on_expiry"),
    ]


STRANGER = rule("r", 'kind == "crm.lable"')


def test_a_kind_that_nobody_registered_is_told_among_other_problems() -> None:
    told = said(KINDS + STRANGER + "[policie]\n")
    assert 'rules[0].when: no kind "crm.lable" is registered. Did you mean crm.label?' in told
    told = said(STRANGER + "[policie]\n")
    why = 'rules[0].when: no kind "crm.lable" is registered. Register it under [kinds].'
    assert why in told


def test_a_kind_that_nobody_registered_is_no_problem_of_its_own() -> None:
    # It can be meant: a kind that is not registered may still be denied by name.
    assert problems(KINDS + STRANGER) == []


def test_a_field_of_the_payload_that_is_called_kind_names_no_kind() -> None:
    told = said(KINDS + rule("r", 'payload.kind == "crm.lable"') + "[policie]\n")
    assert [one for one in told if "registered" in one] == []


def test_the_file_is_named_as_the_caller_names_it() -> None:
    with pytest.raises(Exception, match=r"^new\.toml:1: not TOML"):
        load_policy("=", SITE, "new.toml", no_schema)


def test_a_name_that_cannot_be_seen_is_none_and_what_would_do_is_said() -> None:
    assert said(KINDS + rule("a\u200b", "true")) == [
        'rules[0].name: "a⟨U+200B⟩" is no name. Use 1 to 64 letters that can be seen.'
    ]


def test_what_is_no_table_hides_nothing_wrong_behind_it() -> None:
    more = "exceptions = [3, { when = 'cots > 1.0' }]"
    found = said(KINDS + rule("r", "true", "exception", more))
    assert any(text.startswith("rules[0].exceptions[1].when: no such name: cots") for text in found)
