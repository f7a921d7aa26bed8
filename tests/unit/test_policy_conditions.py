"""Conditions, weighed."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core.action import Action
from hitl_mail.policy.bounds import unbounded, weight
from hitl_mail.policy.conditions import (
    FUNCTIONS,
    LONGEST_LIST,
    LONGEST_SOURCE,
    LONGEST_STRING,
    MOST_CHARACTERS,
    Outcome,
    Uncompilable,
    Weighing,
    compile_condition,
    plan,
)
from hitl_mail.policy.model import Kind
from hitl_mail.policy.source import blank, macros
from hitl_mail.policy.variables import VARIABLES, Facts
from tests.rulebook import action

FULL: dict[str, Any] = {
    "confidence": 0.6,
    "cost": 3,
    "latency": 2,
    "cost_of_wrong": 9,
    "cost_of_waiting": 4,
    "why": "asked",
    "requested_by": "ada@example.com",
    "run_id": "nightly-1",
    "supersedes": "refund-1",
    "labels": {"team": "emea"},
}


UNKNOWN = "is not known yet: fewer than 10 executed cases of this kind"


def weigh(source: str, of: Action | None = None, claimed: bool = True) -> Outcome:
    condition = compile_condition(source)
    kind = Kind(effects=("money",))
    facts = Facts(of or action(), "billing", kind, ("crm",), claimed)
    return Weighing(facts, plan([condition])).weigh(condition)


@pytest.mark.parametrize("name", VARIABLES)
def test_the_example_of_each_variable_can_be_weighed(name: str) -> None:
    assert type(weigh(VARIABLES[name].example, action(**FULL))) is bool


@pytest.mark.parametrize(
    "source",
    [
        'kind == "payment.refund" && agent == "billing"',
        '"money" in effects && !reversible && !untrusted',
        "payload.amount == 40 && payload.amount > 39.5 && 2.0 * payload.amount == 80.0",
        "has(action.payload) && !has(action.confidence) && !has(payload.nope)",
        "size(context) == 0 && size(attachments) == 0 && size(typical) == 0",
        'payload["currency"] == "EUR" && size(payload) == 2',
        "action.payload.amount == 40 && action.kind == kind && size(action) > 9",
    ],
)
def test_what_is_always_there_can_be_asked(source: str) -> None:
    assert weigh(source) is True


def test_an_optional_field_can_be_asked_for_once_it_is_known_to_be_there() -> None:
    assert weigh("has(action.confidence) && confidence < 0.8", action(confidence=0.5)) is True


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("confidence < 0.8", "confidence is not given"),
        ("action.cost > 1.0", "action.cost is not given"),
        ("payload.customer == 'x'", "payload.customer is not given"),
        ("payload.a.b.c > 1.0", "payload.a is not given"),
        ("cost > 3.0 * typical.cost", "cost is not given"),
        ("payload.amount > 3.0 * typical.cost", f"typical.cost {UNKNOWN}"),
        ("labels.team == 'x'", "labels.team is not given"),
        ("payload['nope'] == 1.0", "payload.nope is not given"),
        ("payload[kind] == 1.0", 'there is no "payment.refund"'),
        ("payload.currency > 1.0", "a value is of another type than the condition expects"),
        ("payload.amount", "the condition gives no true or false"),
        ("1 / 0 > 0", "division by zero"),
        ("effects[3] == 'x'", "a list has fewer items than the condition asks for"),
        (
            "timestamp(payload.amount) > timestamp('2026-01-01T00:00:00Z')",
            "timestamp() cannot take the value it is given",
        ),
    ],
)
def test_what_cannot_be_told_is_said_in_words(source: str, error: str) -> None:
    assert weigh(source) == error


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_each_function_that_loading_lets_through_is_there(name: str) -> None:
    sample: dict[str, str] = {
        "size": "size([1])",
        "timestamp": "timestamp('2026-01-01T00:00:00Z')",
        "duration": "duration('1h')",
        "bytes": "bytes('a')",
    }
    if name in ("contains", "startsWith", "endsWith", "matches"):
        call = f"summary.{name}('a')"
    elif name.startswith("get"):
        call = f"timestamp('2026-01-01T00:00:00Z').{name}()"
    else:
        call = sample.get(name, f"{name}(1)")
    assert weigh(f"{call} == {call}") is True


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"x": list(range(LONGEST_LIST + 1))}, "257 entries where at most 256 are weighed"),
        (
            {"x": {str(n): n for n in range(LONGEST_LIST + 1)}},
            "257 entries where at most 256 are weighed",
        ),
        ({"x": "a" * (LONGEST_STRING + 1)}, "a text of 65537 characters, over 65536"),
        ({"x": ["a" * LONGEST_STRING] * 17}, f"more than {MOST_CHARACTERS} characters"),
        ({"x": [["a"] * 200] * 30}, "more than 4096 values"),
    ],
)
def test_what_is_too_large_is_not_weighed(payload: dict[str, Any], why: str) -> None:
    error = f"payload is too large to be weighed: {why}"
    assert weigh("size(payload.x) > 0", action(payload=payload)) == error


LARGE = action(payload={"x": [1] * (LONGEST_LIST + 1)})


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ('kind == "crm.label" && size(payload.x) > 0', False),
        ('size(payload.x) > 0 || kind == "payment.refund"', True),
        ('!(kind == "crm.label" && payload.x[0] > 0.0)', True),
    ],
)
def test_what_is_too_large_does_not_matter_where_the_rest_of_a_condition_decides(
    source: str, outcome: Outcome
) -> None:
    assert weigh(source, LARGE) is outcome


@pytest.mark.parametrize(
    "source",
    ["has(payload.x)", "!has(payload.x)", "!('y' in payload)", "payload == {}", "has(payload.y)"],
)
def test_what_is_too_large_never_counts_as_missing(source: str) -> None:
    also = compile_condition("size(payload.x) > 0 && 'y' in payload")
    condition = compile_condition(source)
    facts = Facts(LARGE, "billing", None, (), claimed=True)
    told = Weighing(facts, plan([condition, also])).weigh(condition)
    assert str(told).startswith("payload is too large to be weighed")


def test_claims_that_are_too_many_do_not_hide_behind_what_is_known() -> None:
    conditions = [compile_condition(s) for s in ('"money" in effects', '!("money" in effects)')]
    asked = action(effects=[f"e{n}" for n in range(LONGEST_LIST)])
    wanted, kind = plan(conditions), Kind(effects=("external",))
    known = Weighing(Facts(asked, "billing", kind, (), claimed=False), wanted)
    claimed = Weighing(Facts(asked, "billing", kind, (), claimed=True), wanted, like=known)
    told = claimed.weigh_all(conditions)
    assert known.weigh_all(conditions) == [False, True]
    assert [str(one).startswith("effects is too large") for one in told] == [True, True]


def test_what_is_too_large_does_not_stop_a_condition_that_does_not_read_it() -> None:
    assert weigh("payload.y == 1", action(payload={"x": "a" * 99_999, "y": 1})) is True


def test_what_else_a_condition_lacks_is_told_by_its_own_name() -> None:
    conditions = [compile_condition(s) for s in ("confidence > 0.5", "size(payload.x) > 0")]
    facts = Facts(LARGE, "billing", None, (), claimed=True)
    assert Weighing(facts, plan(conditions)).weigh_all(conditions) == [
        "confidence is not given",
        "payload is too large to be weighed: 257 entries where at most 256 are weighed",
    ]


def test_beside_a_claim_what_is_known_to_be_too_large_stays_so() -> None:
    conditions = [compile_condition('size(payload.x) > 0 || "money" in effects')]
    wanted = plan(conditions)
    known = Weighing(Facts(LARGE, "billing", None, (), claimed=False), wanted)
    claimed = Weighing(Facts(LARGE, "billing", None, (), claimed=True), wanted, like=known)
    assert claimed.weigh_all(conditions) == known.weigh_all(conditions)


@pytest.mark.parametrize(
    ("fits", "more"),
    [
        ([["a"] * 88] * 46, [["a"] * 88] * 45 + [["a"] * 89]),
        (["a" * LONGEST_STRING] * 15 + ["a" * (LONGEST_STRING - 1)], ["a" * LONGEST_STRING] * 16),
    ],
    ids=["values", "characters"],
)
def test_as_much_as_may_be_is_weighed_and_no_more(fits: list[Any], more: list[Any]) -> None:
    told = [weigh("size(payload.x) > 0", action(payload={"x": x})) for x in (fits, more)]
    assert [type(one) for one in told] == [bool, str]


def test_the_largest_list_is_still_weighed() -> None:
    assert weigh("size(payload.x) == 256", action(payload={"x": [1] * LONGEST_LIST})) is True


@pytest.mark.parametrize("order", [1, -1])
def test_a_condition_that_looks_at_all_of_the_payload_gets_all_beside_one_that_does_not(
    order: int,
) -> None:
    conditions = [compile_condition(s) for s in ("size(payload) == 2", "payload.a > 0.0")][::order]
    facts = Facts(action(payload={"a": 1, "b": 2}), "billing", None, (), claimed=True)
    assert Weighing(facts, plan(conditions)).weigh_all(conditions) == [True, True]


CONTEXT = [
    {"title": "a", "text": "x", "source": "crm", "trust": "trusted"},
    {"title": "b", "text": "x", "source": "web", "trust": "trusted"},
    {"title": "c", "text": "x", "source": "crm"},
]


@pytest.mark.parametrize(
    ("items", "known", "claimed"),
    [([0], False, False), ([1], True, True), ([2], False, True), ([0, 1], True, True)],
)
def test_an_item_is_trusted_only_if_it_says_so_and_the_admin_trusts_its_source(
    items: list[int], known: bool, claimed: bool
) -> None:
    of = action(context=[CONTEXT[item] for item in items])
    assert [weigh("untrusted", of, claimed=side) for side in (False, True)] == [known, claimed]


def test_each_item_of_context_says_whether_it_is_trusted() -> None:
    of = action(context=CONTEXT[:2])
    source = "context[0].trusted && !context[1].trusted && context[1].source == 'web'"
    assert weigh(source, of) is True


def test_an_item_of_context_has_a_title_a_text_and_perhaps_a_source() -> None:
    of = action(context=[{"title": "a", "text": "x"}])
    source = "context[0].title == 'a' && context[0].text == 'x' && context[0].source == ''"
    assert weigh(source, of) is True


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            'kind + payload.amount == "x"',
            "cannot compute string + double: numbers of an action are doubles, "
            "write 2.0 instead of 2",
        ),
        ("size(payload.amount) > 1", "size() cannot take the value it is given"),
        (
            "int(kind) > 1",
            "int(): string parse error: invalid digit found in string. Check function arguments "
            "and their types.",
        ),
        ('payload["a.b"] == 1.0', 'there is no "a.b"'),
        ("payload.currency.a == 1.0", "a value is of another type than the condition expects"),
        ("payload.x.payload.x == 1.0", "payload.x is not given"),
        (
            "9223372036854775807 * 2 > 1",
            "Arithmetic overflow in 'mul' on 9223372036854775807 and 2.",
        ),
    ],
)
def test_what_the_library_says_is_said_in_our_words(source: str, words: str) -> None:
    assert weigh(source) == words


def test_a_condition_of_the_longest_kind_is_compiled() -> None:
    source = "true" + " " * (LONGEST_SOURCE - 4)
    assert weigh(source) is True
    with pytest.raises(Uncompilable) as found:
        compile_condition(source + " ")
    assert str(found.value) == "the condition has 2001 characters; at most 2000 are weighed"


def test_all_flaws_of_a_condition_are_told_at_once() -> None:
    with pytest.raises(Uncompilable) as found:
        compile_condition("knd == agnt")
    assert str(found.value) == ("no such name: knd at column 1; no such name: agnt at column 8")


def test_where_a_condition_of_several_lines_ends_is_told() -> None:
    with pytest.raises(Uncompilable) as found:
        compile_condition("true &&\n  kind = 'x'")
    assert str(found.value) == (
        "not a condition in CEL: = compares nothing, write == at line 2 of the condition, column 8"
    )


def test_what_cannot_be_read_is_told_without_the_grammar() -> None:
    with pytest.raises(Uncompilable) as found:
        compile_condition('&& kind == "a"')
    assert str(found.value) == "not a condition in CEL: extraneous input '&&' at column 1"


def test_a_search_that_is_written_before_its_text_is_told_once() -> None:
    with pytest.raises(Uncompilable) as found:
        compile_condition('matches(kind, "^a")')
    assert str(found.value) == (
        'matches is written after the text it looks at, summary.matches("…"), at column 1'
    )


@pytest.mark.parametrize(
    ("source", "mend"),
    [
        ('kind == "a" and true', "Write && for and."),
        ('kind == "a" OR true', "Write || for OR."),
        ("not has(payload.cc)", "Write !, before what it denies, for not."),
        ("not(has(payload.cc))", "Write !, before what it denies, for not."),
        ('kind not in ["a"]', "Write !, before what it denies, for not."),
        ('kind is "a"', "Write == for is."),
        ('kind <> "a"', "Write != for <>."),
        ("kind == “a”", "Write straight quotes."),
        ('kind = "this and that"', ""),
        ("payload.and = 1", ""),
    ],
)
def test_what_other_languages_write_is_told_in_this_one(source: str, mend: str) -> None:
    with pytest.raises(Uncompilable) as found:
        compile_condition(source)
    assert found.value.flaws[0].mend == mend


def test_a_text_that_does_not_end_is_told_where_it_begins() -> None:
    with pytest.raises(Uncompilable, match="a text that begins here does not end at column 9"):
        compile_condition('kind == "a')


def filled(characters: int) -> str:
    """A condition whose macro holds so many characters."""
    short = len(macros("payload.l.all(x, x == '')")[0].body)
    return f"payload.l.all(x, x == '{'a' * (characters - short)}')"


def counted(times: int) -> str:
    return f"summary.matches('a{{{times}}}')"


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (filled(400), filled(401)),
        (
            "payload.l.all(x, x + x + x + x + x == 'a')",
            "payload.l.all(x, x + x + x + x + x + x == 'a')",
        ),
        ("why" + " + why" * 32 + " == 'a'", "why" + " + why" * 33 + " == 'a'"),
        (f"[{'1, ' * 255}1].exists(x, x == 1)", f"[{'1, ' * 256}1].exists(x, x == 1)"),
        (
            "payload.l.all(x, x == why || x == kind || x == agent)",
            "payload.l.all(x, x == why || x == kind || x == agent || x == summary)",
        ),
        (counted(300), counted(301)),
        (f"{counted(150)} || {counted(150)}", f"{counted(150)} || {counted(151)}"),
        ("payload.l.all(x, x.matches('a{30}'))", "payload.l.all(x, x.matches('a{31}'))"),
    ],
    ids=["length", "+ inside", "+", "items", "reads", "pattern", "patterns", "pattern inside"],
)
def test_at_the_bound_it_is_weighed_and_beyond_it_is_not(within: str, beyond: str) -> None:
    assert (list(unbounded(within)), len(list(unbounded(beyond)))) == ([], 1)


@pytest.mark.parametrize(
    ("pattern", "pieces"),
    [
        ("a", 1),
        ("a{3}", 3),
        ("a{3}b{4}", 7),
        ("a{3,9}", 9),
        ("a{3,}", 3),
        ("(a){3}(b){4}", 12),
        ("(a){0}b{5}", 5),
        ("(a){2}b{5}", 10),
        (r"\w\d{3}", 6),
        ("(a|a){50}{50}", 2500),
    ],
)
def test_what_a_pattern_weighs(pattern: str, pieces: int) -> None:
    assert weight(pattern) == pieces


def test_a_macro_behind_another_goes_through_no_sum_of_lists_either() -> None:
    first = "payload.l.exists(x, x == 'a text of some forty characters or so')"
    source = f"{first} || (payload.l + payload.l).all(y, y == '')"
    told = "a macro goes through lists that are put together with +, which nothing bounds"
    assert [flaw.what for flaw in unbounded(source)] == [told]


def test_a_key_with_a_capital_is_read_by_its_own_name() -> None:
    assert weigh("payload.netAmount > 1.0", action(payload={"netAmount": 2})) is True
    assert compile_condition("payload.Total.Net > 1.0").uses == ("payload.Total.Net",)


def test_what_a_macro_goes_through_is_read_back_to_its_beginning() -> None:
    source = "kind == 'a' || (payload.l + payload.m).filter(x, x > 1).all(y, y > 2)"
    assert [(macro.name, macro.body, macro.over) for macro in macros(source)] == [
        ("filter", "x, x > 1", " (payload.l + payload.m)"),
        ("all", "y, y > 2", " (payload.l + payload.m).filter(        )"),
    ]


@pytest.mark.parametrize(
    ("source", "left"),
    [
        (r"'a\'b' + c", r"       + c"),
        (r"'a\\' + c", r"      + c"),
        (r"r'a\' + c", r"      + c"),
        ("'''a'b''' + c", "          + c"),
        ("a // 'b\n+ c", "a      \n+ c"),
        ("'''a\nb''' + c", "    \n     + c"),
    ],
)
def test_the_inside_of_a_text_ends_where_the_text_does(source: str, left: str) -> None:
    assert blank(source) == left


def test_slow_patterns_inside_a_macro_have_a_mend() -> None:
    assert list(unbounded("payload.l.all(x, x.matches('a{31}'))")) == [
        (
            "patterns inside a macro are compiled for every item, and these are slow to compile",
            "Use [a-z0-9]+ instead of counts and \\w, or endsWith and the like.",
        )
    ]
