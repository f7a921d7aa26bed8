"""Microseconds an action for 5, 50 and 500 rules, and what else could have been used.

A verdict is held against the bare evaluations of its conditions in one shared context, with the
making of that context and without; `a rule` is both together for one rule, `with a dict` the same
where each evaluation is handed the values anew. And against rule-engine and plain Python predicates
that ask the same, as ratios too. rule-engine is looked at where it is installed (`pip install -r
lock/bench.txt`). Times are the process's own, so that others on the machine count less.
"""

from __future__ import annotations

import gc
import time
import timeit
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from hitl_mail.core.action import Action, read_message
from hitl_mail.policy.conditions import LONGEST_LIST, Weighing, compile_condition, plan
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.load import load_policy
from hitl_mail.policy.variables import Facts
from hitl_mail.settings import Person, Site, SiteTable

COUNTS = (5, 50, 500)
TARGET = 3.0
"""A verdict of 50 rules costs at most so many times the 50 evaluations."""

ROUNDS = 15
"""Rounds of each measurement; the quickest counts, for it was disturbed least."""

AGENT = "billing"


class Criterion(NamedTuple):
    """One criterion in three languages: CEL, rule-engine's and Python's."""

    cel: str
    engine: str
    python: Callable[[dict[str, Any]], bool]


CRITERIA = (
    Criterion('kind == "crm.label"', 'kind == "crm.label"', lambda a: a["kind"] == "crm.label"),
    Criterion('"money" in effects', '"money" in effects', lambda a: "money" in a["effects"]),
    Criterion(
        "payload.amount > 900.0", "payload.amount > 900", lambda a: a["payload"]["amount"] > 900
    ),
    Criterion(
        'payload.currency != "EUR" && payload.amount > 10.0',
        'payload.currency != "EUR" and payload.amount > 10',
        lambda a: a["payload"]["currency"] != "EUR" and a["payload"]["amount"] > 10,
    ),
    Criterion("confidence < 0.8", "confidence < 0.8", lambda a: a["confidence"] < 0.8),
    Criterion(
        "cost_of_wrong > cost_of_waiting",
        "cost_of_wrong > cost_of_waiting",
        lambda a: a["cost_of_wrong"] > a["cost_of_waiting"],
    ),
    Criterion("cost > 3.0", "cost > 3", lambda a: a["cost"] > 3),
    Criterion("latency > 60.0", "latency > 60", lambda a: a["latency"] > 60),
    Criterion("untrusted", "untrusted", lambda a: a["untrusted"]),
    Criterion("!reversible", "not reversible", lambda a: not a["reversible"]),
    Criterion('agent == "crm"', 'agent == "crm"', lambda a: a["agent"] == "crm"),
    Criterion(
        'labels.team == "emea"', 'labels.team == "emea"', lambda a: a["labels"]["team"] == "emea"
    ),
    Criterion(
        'summary.contains("urgent")', '"urgent" in summary', lambda a: "urgent" in a["summary"]
    ),
    Criterion(
        'run_id.startsWith("nightly-")',
        'run_id.starts_with("nightly-")',
        lambda a: a["run_id"].startswith("nightly-"),
    ),
    Criterion(
        'requested_by.endsWith("@example.org")',
        'requested_by.ends_with("@example.org")',
        lambda a: a["requested_by"].endswith("@example.org"),
    ),
)

DOCUMENT: dict[str, Any] = {
    "kind": "payment.refund",
    "payload": {"amount": 40, "currency": "EUR", "customer": "Ada", "lines": [{"sku": "a"}] * 3},
    "summary": "Refund order 8841",
    "why": "The parcel never came",
    "run_id": "run-7",
    "confidence": 0.93,
    "cost": 0.4,
    "latency": 12.5,
    "cost_of_wrong": 40,
    "cost_of_waiting": 60,
    "requested_by": "ada@example.com",
    "labels": {"team": "apac"},
}

SITE = Site(site=SiteTable(admins=("cleo",)), people={"cleo": Person(mail="cleo@example.com")})


def rules_text(count: int) -> str:
    """A policy of so many rules, in the manner of real ones: a few match, most do not."""
    kinds = '[kinds."payment.refund"]\neffects = ["money"]\nreversible = true\n'
    gates = ("auto", "hard", "hard", "deny")
    rules = (
        f"[[rules]]\nname = \"r{n}\"\nwhen = '''{CRITERIA[n % len(CRITERIA)].cel}'''\n"
        f'gate = "{gates[n % len(gates)]}"\n'
        for n in range(count)
    )
    return kinds + "".join(rules)


def measure() -> dict[str, Any]:
    """All figures: microseconds and ratios by number of rules, and the worst condition."""
    action = _action(DOCUMENT)
    return {"rules": [_of(count, action) for count in COUNTS], "worst": _worst(), "target": TARGET}


def told(found: dict[str, Any]) -> str:
    """The figures as a table for people."""
    columns = {
        "rules": "rules",
        "evaluations": "raw µs",
        "context": "context µs",
        "each": "a rule µs",
        "each_with_a_dict": "with a dict µs",
        "verdict": "verdict µs",
        "to_evaluations": "verdict/raw",
        "to_evaluations_and_context": "verdict/(raw+context)",
        "rule_engine": "rule-engine µs",
        "to_rule_engine": "verdict/it",
        "python": "python µs",
        "to_python": "verdict/python",
    }
    lines = ["  ".join(f"{title:>14}" for title in columns.values())]
    for row in found["rules"]:
        cells = ("-" if row[name] is None else _cell(row[name]) for name in columns)
        lines.append("  ".join(f"{cell:>14}" for cell in cells))
    worst = found["worst"]
    lines.append("")
    if found["rules"][0]["rule_engine"] is None:
        lines.append("rule-engine is not installed: pip install -r lock/bench.txt")
    lines.append(f"worst condition that loads: {worst['milliseconds']:.1f} ms  {worst['source']}")
    lines.append(f"target: at most {found['target']:g} times the evaluations at 50 rules")
    return "\n".join(lines)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _of(count: int, action: Action) -> dict[str, Any]:
    policy = load_policy(rules_text(count), SITE, "rules.toml", lambda _: b"")
    conditions = [ready.when for ready in policy.rules]
    facts = _facts(policy, action)
    wanted = plan(conditions)
    context = Weighing(facts, wanted).context
    programs = [condition.program for condition in conditions]
    variables = Weighing(facts, wanted).variables
    evaluations = _quickest(lambda: [program.execute(context) for program in programs])
    dicts = _quickest(lambda: [program.execute(variables) for program in programs])
    making = _quickest(lambda: Weighing(facts, wanted))
    verdict = _quickest(lambda: policy.judge(action, AGENT, frozenset()))
    engine, python = _rule_engine(count), _python(count)
    return {
        "rules": count,
        "evaluations": evaluations,
        "context": making,
        "each": (evaluations + making) / count,
        "each_with_a_dict": dicts / count,
        "verdict": verdict,
        "to_evaluations": verdict / evaluations,
        "to_evaluations_and_context": verdict / (evaluations + making),
        "rule_engine": engine,
        "to_rule_engine": verdict / engine if engine else None,
        "python": python,
        "to_python": verdict / python,
    }


def _action(document: dict[str, Any]) -> Action:
    message = read_message(document, "benchmark")
    assert isinstance(message, Action)
    return message


def _facts(policy: Policy, action: Action) -> Facts:
    kind, _ = policy.kinds[action.kind]
    return Facts(action, AGENT, kind, (), claimed=True)


def plain() -> dict[str, Any]:
    """The same action as the others take it: a dict of numbers, texts and lists."""
    more = {"effects": ["money"], "reversible": True, "untrusted": False, "agent": AGENT}
    return {**DOCUMENT, **more}


def _rule_engine(count: int) -> float | None:
    try:
        engine = import_module("rule_engine")
    except ImportError:
        return None
    rules = [engine.Rule(CRITERIA[n % len(CRITERIA)].engine) for n in range(count)]
    asked = plain()
    return _quickest(lambda: [rule.matches(asked) for rule in rules])


def _python(count: int) -> float:
    predicates = [CRITERIA[n % len(CRITERIA)].python for n in range(count)]
    asked = plain()
    return _quickest(lambda: [predicate(asked) for predicate in predicates])


_MANY = ", ".join(["1"] * LONGEST_LIST)
_LINE = "x.a.contains('b') || "
WORST: dict[str, Any] = {
    "payload.l.all(x, x + x + x + x + x != 'a')": ["a" * 4000] * LONGEST_LIST,
    f"payload.l.all(x, {_LINE * 15}true)": [{"a": "a" * 4000}] * LONGEST_LIST,
    "payload.l.all(x, size(payload.l) + size(payload.l) + size(payload.l) > 0)": (
        ["a" * 4000] * LONGEST_LIST
    ),
    'payload.l.all(x, !x.matches("^[0-9]{4}-[0-9]{2}$"))': ["a" * 4000] * LONGEST_LIST,
    'payload.l.exists(x, x.matches("(a|b){9}(c|d)"))': ["ab" * 2000] * LONGEST_LIST,
    "payload.l.exists(x, [x] in payload.l || [x] in payload.l || [x] in payload.l)": (
        ["a" * 4000] * LONGEST_LIST
    ),
    "payload.l.exists(x, x + 'b' in payload.l || x + 'c' in payload.l || x + 'd' in payload.l)": (
        ["a" * 4000] * LONGEST_LIST
    ),
    f"[{_MANY}].exists(x, [[x]] in payload.l || [[x]] in payload.l || [[x]] in payload.l)": (
        [["a" * 250] * 15] * (LONGEST_LIST - 1)
    ),
    "payload.l.exists(x, [x] in payload.l || [x] in payload.l || [[x]] in payload.l)": (
        [["a" * 250] * 15] * (LONGEST_LIST - 1)
    ),
    "size(" + " + ".join(["payload.l"] * 33) + ") > 0": ["a" * 4000] * LONGEST_LIST,
    "[" + ", ".join(["payload.l"] * 140) + "].all(x, " + " && ".join(["x == x"] * 39) + ")": (
        ["a" * 4000] * LONGEST_LIST
    ),
}
"""Conditions made to be slow within the bounds, and the list each is given."""


def _worst() -> dict[str, Any]:
    """The slowest of conditions that are made to be slow, as far as loading lets them through."""
    slowest, longest = "", 0.0
    for source, items in WORST.items():
        condition = compile_condition(source)
        document = {"kind": "x", "payload": {"l": items}, "summary": "x"}
        facts = Facts(_action(document), AGENT, None, (), claimed=True)
        weighing = Weighing(facts, plan([condition]))
        begun = time.process_time()
        weighing.weigh(condition)
        taken = (time.process_time() - begun) * 1000
        if taken > longest:
            slowest, longest = source, taken
    return {"source": slowest, "milliseconds": longest}


def _quickest(deed: Callable[[], Any]) -> float:
    """Microseconds of one call, the collector off."""
    timer = timeit.Timer(deed, timer=time.process_time)
    number = max(1, int(0.02 / max(timer.timeit(3) / 3, 1e-7)))
    gc.collect()
    return min(timer.repeat(ROUNDS, number)) / number * 1e6
