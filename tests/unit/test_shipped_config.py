"""What `init` and `demo` write: it loads, and gates what it says it gates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.policy.judge import Policy
from hitl_mail.policy.lints import lint, lint_site
from hitl_mail.policy.load import load_policy
from hitl_mail.policy.tests import run_test
from hitl_mail.settings import Site
from hitl_mail.site import load_site
from hitl_mail.tables import Source
from tests.rulebook import action, no_schema

CONFIG = Path(__file__).parents[2] / "config"
WORDS = {
    "@PERSON@": "ada",
    "@MAIL@": "ada@localhost",
    "@OS_USER@": "ada",
    "@TIMEZONE@": "Europe/Berlin",
    "@PYTHON@": sys.executable,
}


def filled(name: str) -> str:
    text = (CONFIG / name).read_text("utf-8")
    for word, value in WORDS.items():
        text = text.replace(word, value)
    return text


def load(site: str, rules: str) -> tuple[Site, Policy]:
    found = load_site(filled(site))
    return found, load_policy(filled(rules), found, rules, no_schema)


@pytest.mark.parametrize("name", ["hitl-mail.toml", "rules.toml", "demo.toml", "demo-rules.toml"])
def test_no_placeholder_is_left(name: str) -> None:
    assert "@" not in filled(name).replace("@localhost", "").replace("@example.com", "")


def test_a_new_home_reaches_nobody_but_its_person() -> None:
    site, _ = load("hitl-mail.toml", "rules.toml")
    assert (
        site.mail.transport,
        site.mail.authentication.require,
        site.site.admins,
        site.groups,
    ) == (
        "maildir",
        "token",
        ("ada",),
        {"owner": ("ada",)},
    )


@pytest.mark.parametrize(
    ("fields", "gate", "rules"),
    [
        ({"kind": "note.add"}, "auto", ("notes",)),
        ({"kind": "note.add", "effects": ["money"]}, "hard", ("money",)),
        ({"kind": "note.add", "effects": ["publish"]}, "hard", ("customers",)),
        ({"kind": "note.add", "effects": ["permission"]}, "hard", ("system",)),
        ({"kind": "note.add", "reversible": False}, "hard", ("irreversible",)),
        ({"kind": "payment.refund"}, "hard", ("irreversible", "money")),
        ({"kind": "something.else"}, "hard", ("irreversible", "unknown_kind")),
    ],
)
def test_the_starter_policy_gates_what_carries_risk(
    fields: dict[str, Any], gate: str, rules: tuple[str, ...]
) -> None:
    _, policy = load("hitl-mail.toml", "rules.toml")
    verdict = policy.judge(action(**{"payload": {"text": "x"}, **fields}), "default", frozenset())
    assert (verdict.gate, verdict.rules) == (gate, rules)


FIVE: dict[str, tuple[dict[str, Any], str, str]] = {
    "crm.label": ({"contact": "ada@x", "label": "vip"}, "auto", "labelled ada@x as vip"),
    "payment.refund": (
        {"amount": 49, "currency": "EUR", "customer": "Ada"},
        "hard",
        "refunded 49 EUR to Ada",
    ),
    "mail.send": ({"to": "ada@x", "subject": "Hi", "text": "x"}, "hard", ""),
    "records.delete": (
        {"table": "invoices", "older_than": "2019-01-01", "rows": 9},
        "hard",
        "deleted 9 invoices older than 2019-01-01",
    ),
    "permission.grant": ({"user": "agent", "role": "admin"}, "deny", ""),
}


@pytest.mark.parametrize("kind", FIVE)
def test_the_demo_has_one_action_of_each_fate(kind: str) -> None:
    payload, gate, _ = FIVE[kind]
    _, policy = load("demo.toml", "demo-rules.toml")
    asked = action(kind, payload=payload, why="asked")
    assert policy.judge(asked, "default", frozenset()).gate == gate
    assert "(no " not in policy.title(asked)


@pytest.mark.parametrize("kind", [kind for kind, deed in FIVE.items() if deed[2]])
def test_a_demo_command_says_what_it_would_have_done(kind: str) -> None:
    payload, _, deed = FIVE[kind]
    site, policy = load("demo.toml", "demo-rules.toml")
    argv = site.executor(policy.executor_of(kind)).argv
    ran = subprocess.run(
        argv, input=json.dumps(payload), capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == {"would_have": deed}


@pytest.mark.parametrize(
    ("site", "rules"), [("hitl-mail.toml", "rules.toml"), ("demo.toml", "demo-rules.toml")]
)
def test_nothing_is_raised_about_the_shipped_policies(site: str, rules: str) -> None:
    found, policy = load(site, rules)
    source = Source(site, filled(site))
    assert lint(policy, rules, {}) + lint_site(found.executors, found.groups, source) == []


def test_the_starter_policy_does_what_its_own_tests_expect() -> None:
    site, policy = load("hitl-mail.toml", "rules.toml")
    results = [run_test(policy, test, "default", site.excluded) for test in policy.tests]
    assert [(result.test.name, result.differences) for result in results] == [
        (test.name, ()) for test in policy.tests
    ]


def test_the_starter_policy_has_a_test_of_each_reason_to_ask() -> None:
    _, policy = load("hitl-mail.toml", "rules.toml")
    assert {test.name[0] for test in policy.tests} >= set("1234567")
