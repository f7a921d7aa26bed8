"""What a condition can be told to be wrong in before any action comes."""

from __future__ import annotations

import pytest

from hitl_mail.policy.conditions import Uncompilable, compile_condition
from hitl_mail.policy.variables import VARIABLES

DOUBLES = "numbers of an action are doubles, write 2.0 instead of 2"


def flaws(source: str) -> list[str]:
    try:
        compile_condition(source)
    except Uncompilable as error:
        return [f"{flaw.what}. {flaw.mend}".rstrip(" ") for flaw in error.flaws]
    return []


@pytest.mark.parametrize(
    ("source", "flaw"),
    [
        ("payloadd.amount > 1.0", "no such name: payloadd at column 1. Did you mean payload?"),
        ("true && knd == 'a'", "no such name: knd at column 9. Did you mean kind?"),
        (
            "cost > 3.0 * typical.cots",
            "no such name: typical.cots at column 22. Did you mean cost?",
        ),
        (
            "has(action.confidnce)",
            "no such name: action.confidnce at column 12. Did you mean confidence?",
        ),
        ("!has(typical.coss)", "no such name: typical.coss at column 14. Did you mean cost?"),
        (
            "context.exists(c, c.trustd)",
            "no such name: c.trustd at column 21. Did you mean trusted?",
        ),
        (
            "kind == 'a'\n|| knd == 'b'",
            "no such name: knd at line 2 of the condition, column 4. Did you mean kind?",
        ),
        ("summary + 1 == 'x'", "cannot compute string + int, at column 9."),
        ("confidence + 1 > 2.0", f"cannot compute double + int: {DOUBLES}, at column 12."),
        ("payload.n + 1 > 2.0", f"cannot compute a value + int: {DOUBLES}, at column 11."),
        ("size(effects) * 2.0 > 1.0", f"cannot compute int * double: {DOUBLES}, at column 15."),
        ("effects - effects == []", "cannot compute list - list, at column 9."),
        ("-summary == 'a'", "cannot compute string - string, at column 1."),
        (
            "payload.n % 2.0 == 1.0",
            "% is only for whole numbers; numbers of an action are doubles, use int(), at"
            " column 11.",
        ),
        ("size(3) > 1", "size() cannot take a int, at column 1."),
        ("confidence.size() > 1", "size() cannot take a double, at column 12."),
        ("effects == 3", "cannot compare list == int, at column 9."),
        ("effects > 3", "cannot compare list > int, at column 9."),
        ("kind < 3.0", "cannot compare string < double, at column 6."),
        ("confidence == null", "cannot compare double == null, at column 12."),
        ("reversible == 'yes'", "cannot compare bool == string, at column 12."),
        ("1 in effects", "a int is never in a list of strings, at column 3."),
        ("'a' in summary", "in looks into a list or a map, not into a string, at column 5."),
        ("!kind", "! needs a bool, not a string, at column 1."),
        ("untrusted && kind", "&& needs a bool, not a string, at column 11."),
        ("cost || untrusted", "|| needs a bool, not a double, at column 6."),
        ("cost ? true : false", "? needs a bool, not a double, at column 1."),
        ("effects[1.0] == 'a'", "a place in a list is a whole number, not a double, at column 8."),
        ("kind[0] == 'a'", "a string has no items, at column 5."),
        ("kind.x == 'a'", "a string has no .x, at column 6."),
        ("kind.exists(x, true)", "exists goes through a list or a map, not through a string"),
        ("effects.exists(x, x > 1)", "cannot compare string > int, at column 21."),
        ("effects.exists(x, x)", "exists needs a bool, not a string, at column 19."),
        ("labels.team.contains(3)", "contains() cannot take a int, at column 13."),
        (
            "effects.contains('a')",
            "contains() looks into a text; whether a list has something is asked with in, at",
        ),
        (
            "contains(summary, 'a')",
            'contains is written after the text it looks at, summary.contains("…"), at column 1.',
        ),
        ("duration(cost) > duration('1h')", "duration() cannot take a double, at column 1."),
        ("summary", "a condition needs a bool, not a string, at column 1."),
        (
            "untrusted && (kind == 'a' || kind < 3.0)",
            "cannot compare string < double, at column 35.",
        ),
        ("(kind) < 3.0", "cannot compare string < double, at column 8."),
        ("kind in [1, 2]", "a string is never in a list of ints, at column 6."),
        ("kind in ['a', knd]", "no such name: knd at column 15. Did you mean kind?"),
        ("summary.matches('(')", "'(' not a valid regex."),
    ],
)
def test_what_no_action_could_satisfy_is_refused_with_its_place(source: str, flaw: str) -> None:
    assert [found[: len(flaw)] for found in flaws(source)] == [flaw]


def test_every_flaw_of_a_condition_is_told() -> None:
    assert len(flaws("knd == 'a' && summary + 1 == 'b' && size(3) > 1")) == 3


@pytest.mark.parametrize(
    "source",
    [
        "payload.amount > 1 && payload.amount == 2 && payload.amount + 1.0 > 2.0",
        "payload.a.b[0].c['d'] == 'x' || payload.flag",
        "size(effects) + 1 > 2 && effects.size() > 0 && size(payload.x) > 1.5",
        "int(payload.amount) % 2 == 0 && string(payload.amount) + 'x' != ''",
        "has(action.confidence) && action.confidence < 0.5 && has(payload.x.y)",
        "kind in ['a.b', 'c.d'] && 'team' in labels && payload.x in [1, 2.0]",
        "effects.filter(x, x != 'a') == [] && payload.l.all(x, x.n > 1)",
        "(cost > 1.0 ? why : summary).startsWith('a')",
        "payload.exists(k, k == 'x') && context.exists(c, !c.trusted && c.text.contains('$'))",
        "timestamp(payload.at).getHours() >= 18 && duration('1h') > duration('1m')",
        "timestamp(payload.at) + duration('1h') > timestamp('2026-01-01T00:00:00Z')",
        "type(cost) == type(1.0) && cost != 0 && -cost < 1",
        "{'a': 1}.a == 1 || dyn(payload.x) == null || null == payload.x",
        r"""summary == 'it\'s' || summary == r'\' || summary == '''a'b''' || b'x' == b'y'""",
        "labels.a + labels.b == 'xy' && untrusted != reversible && effects + ['x'] == effects",
        "kind == 'a' // && nonsense(",
    ],
)
def test_what_some_action_could_satisfy_is_taken(source: str) -> None:
    assert flaws(source) == []


@pytest.mark.parametrize("name", VARIABLES)
def test_the_example_of_each_variable_is_taken(name: str) -> None:
    assert flaws(VARIABLES[name].example) == []
