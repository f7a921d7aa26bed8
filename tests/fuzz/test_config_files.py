"""hitl-mail.toml, rules.toml, schemas and a team's templates: sound, or every problem with its
place. What is sound can be worked with; what is not is never half used.
"""

from __future__ import annotations

import json
import tempfile
import zoneinfo
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.canonical import canonical, parse_json
from hitl_mail.core.verdict import Standing
from hitl_mail.errors import ConfigError, Refused
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.lints import lint, lint_site
from hitl_mail.policy.load import load_policy
from hitl_mail.policy.schema import PayloadSchema
from hitl_mail.policy.tests import load_tests, run_test
from hitl_mail.resources import shipped
from hitl_mail.review.compose import Composer
from hitl_mail.review.parts import mail_templates
from hitl_mail.review.tokens import Tokens
from hitl_mail.settings import Site
from hitl_mail.site import load_site, names_written
from hitl_mail.tables import Source
from tests.fuzz import homes
from tests.fuzz.mutate import documents, json_bytes, mutated, toml_text
from tests.fuzz.office import Room
from tests.fuzz.profile import corpus, fuzzed, timely, within
from tests.fuzz.test_action_files import SAMPLES
from tests.mails import LINKS, TOKENS, mail_to, text_of
from tests.mails import site as facts
from tests.rulebook import SITE, action
from tests.unit.test_shipped_config import filled
from tests.web.packets import SCHEMA

NOW = 1_795_341_600.0
WHOLE_SITE = """
[site]
name = "Acme"
timezone = "Europe/Berlin"
admins = ["cleo"]
daily = "08:00"
[mail]
transport = "smtp"
address = "approvals@example.com"
[mail.smtp]
host = "smtp.example.com"
port = 587
tls = "starttls"
username = "a"
password_file = "state/p"
[mail.imap]
host = "imap.example.com"
username = "a"
password_file = "state/p"
poll = "60s"
[mail.authentication]
require = "dmarc"
authserv_id = "mx.example.com"
[web]
bind = "127.0.0.1:8025"
base_url = "https://approve.example.com"
[people.ada]
mail = "ada@example.com"
aliases = ["ada@personal.example"]
os_user = "ada"
away = [{ from = 2026-12-20, to = 2027-01-02, delegate = "bob" }]
[people.bob]
mail = "bob@example.com"
[people.cleo]
mail = "cleo@example.com"
[groups]
finance = ["ada", "bob"]
owner = ["cleo"]
[agents.billing]
spool = "spool/billing"
uid = 1002
owner = "cleo"
trusted_sources = ["crm"]
[executors.refund]
type = "command"
argv = ["/usr/local/bin/refund", "--json"]
timeout = "60s"
retries = 2
idempotent = false
output_bytes = 1000
[executors.post]
type = "http"
url = "https://api.example.com/refunds"
headers = { a = "b" }
[executors.desk]
type = "mail"
from = "desk@example.com"
[limits]
action_bytes = 1000
remember = "90d"
executions = 8
waiting = 100
[store]
keep = "400d"
"""
WHOLE_RULES = """
[policy]
unmatched = "hard"
unknown_kind = "deny"
reviewers = ["owner"]
expires = "24h"
[kinds."payment.refund"]
title = "Refund {payload.amount} {payload.currency} to {payload.customer}"
effects = ["money"]
reversible = false
requires = ["why", "context", "payload.amount"]
schema = "refund.json"
executor = "refund"
[kinds."crm.label"]
reversible = true
[[rules]]
name = "money"
when = '"money" in effects'
gate = "hard"
reason = "Moves {payload.amount}"
reviewers = ["finance"]
approvals = 2
expires = "4h"
remind = ["50%", "3h"]
escalate = { after = "2h", to = ["owner"] }
route_to = ["owner"]
doors = ["mail", "link", "cli"]
[[rules]]
name = "triage"
when = 'kind == "ticket.route" || payload.items.exists(i, i > 3.0)'
gate = "exception"
exceptions = [
  { when = 'confidence < 0.8', reason = "Confidence {confidence} is below 0.8" },
  { when = 'has(action.cost) && cost > 3.0 * typical.cost', reason = "Costs {cost}" },
]
on_failure = "review"
[[rules]]
name = "labels"
when = 'kind.startsWith("crm.") && summary.matches("^[a-z]+$")'
gate = "sample"
rate = 0.05
tighten = { flagged = 0.1, of = 20 }
[[tests]]
name = "refunds are asked"
action = { kind = "payment.refund", payload = { amount = 1 }, summary = "x" }
expect = { gate = "hard" }
"""
SITES = [WHOLE_SITE, homes.SITE, filled("hitl-mail.toml"), filled("demo.toml")]
RULES = [WHOLE_RULES, homes.RULES, filled("rules.toml"), filled("demo-rules.toml")]
SITE_WORDS = (
    *("ada", "owner", "admins", "mail", "address", "spool", "type", "argv", "timeout", "from"),
    *("a+b@example.com", "state", "../x", "/", "http://[::1", "agent", "Mars/Base", "delegate"),
)
RULE_WORDS = (
    *(
        "when",
        "gate",
        "reviewers",
        "exceptions",
        "hard",
        "auto",
        "sample",
        "rate",
        "payload",
        "kind",
    ),
    *("effects", "typical.cost", "unmatched", "refund.json", "{payload.a.b}", "{}", "deny", "100%"),
    *(
        "payload.x.all(a, a.b.all(c, true))",
        "1/0 == 1",
        "payload['a'] > 1",
        '\\"a\\".matches(kind)',
    ),
)


def read_schema(name: str) -> bytes:
    if name == "refund.json":
        return json.dumps(SCHEMA).encode()
    raise FileNotFoundError(2, "No such file or directory", name)


def told(error: ConfigError, text: str) -> None:
    """Every problem says what and where."""
    assert error.problems
    for problem in error.problems:
        assert problem.what.strip()
        assert problem.line is None or 1 <= problem.line <= text.count("\n") + 1
        assert len(str(problem).encode("utf-8", "strict")) < 20_000


def site_of(text: str) -> Site | None:
    try:
        return load_site(text)
    except ConfigError as error:
        told(error, text)
        return None


def work_with(site: Site) -> None:
    """All that the daemon does with a site before anybody asks it anything."""
    Tokens(site.mail.address, [b"k" * 32])
    zoneinfo.ZoneInfo(site.site.timezone)
    site.stand_ins(NOW)
    for name in (*site.executors, "agent"):
        assert site.executor_ref(name).digest.startswith("sha256:")
    for person in site.people:
        assert person in site.names_of(person)
    for agent in site.agents:
        site.excluded(agent, "ada@example.com")


def check_site(text: str) -> None:
    with within(2):
        site = site_of(text)
    assert site_of(text) == site
    try:
        names = names_written(text)
    except ConfigError as error:
        told(error, text)
    else:
        # The rules are checked against these where the site is not sound.
        policy_of(homes.RULES, names)
    if site is not None:
        with within(2):
            work_with(site)
            lint_site(site.executors, site.groups, Source("hitl-mail.toml", text))


@fuzzed(80)
@given(toml_text(SITES, SITE_WORDS))
@example(WHOLE_SITE.replace("approvals@", "approvals+us@"))
@example(WHOLE_SITE.replace("retries = 2", "retries = 9007199254740993"))
@example(WHOLE_SITE.replace("retries = 2", "retries = " + "9" * 5000))
@example(WHOLE_SITE.replace("Europe/Berlin", "Mars/Base"))
@example(WHOLE_SITE.replace("https://approve.example.com", "http://[::1"))
@example(WHOLE_SITE.replace("https://api.example.com", "https://api.example.com:x"))
@timely
def test_a_site_with_odd_lines_is_sound_or_told(text: str) -> None:
    check_site(text)


@fuzzed(80)
@given(mutated([text.encode() for text in SITES] + corpus("config")))
@timely
def test_a_site_of_any_text_is_sound_or_told(data: bytes) -> None:
    check_site(data.decode("utf-8", "replace"))


# Rules


def policy_of(text: str, names: Any = SITE) -> Policy | None:
    try:
        return load_policy(text, names, "rules.toml", read_schema)
    except ConfigError as error:
        told(error, text)
        return None


ACTIONS = [
    action(),
    action(
        why="x", context=[{"title": "a", "text": "b"}], confidence=0.5, cost=1, effects=["money"]
    ),
    action("crm.label", payload={"items": [1, 2, 5], "amount": "x", "a": {"b": None}}),
    action("nobody.knows", payload={}),
]
STANDING = Standing(draw=0.5, typical={"cost": 1.0}, tightened={"labels": "drift"})


def judge_all(policy: Policy) -> list[bytes]:
    found = []
    for asked in ACTIONS:
        verdict = policy.judge(asked, "billing", frozenset({"dora"}), "261122-k3f9ma", STANDING)
        document = verdict.document()
        found.append(canonical(document))
        assert policy.title(asked).strip()
        policy.complaints(asked.kind, asked.payload)
        policy.executor_of(asked.kind)
        if document["asks"]:
            assert document["quorums"]
        for quorum in document["quorums"]:
            # Whoever is asked is somebody, and enough of them.
            assert quorum["approvals"] >= 1
            assert "dora" not in quorum["reviewers"]
            assert set(quorum["reviewers"]) <= set(SITE.people)
        if any("error" in row for row in document["trace"]):
            assert document["asks"] or document["gate"] == "deny"
    return found


def check_rules(text: str) -> None:
    with within(3):
        policy = policy_of(text)
        if policy is None:
            return
        found = judge_all(policy)
        lint(policy, "rules.toml", {"billing": "dora"})
        for test in policy.tests:
            run_test(policy, test, "billing", lambda _agent, _by: frozenset())
    again = policy_of(text)
    assert again is not None
    assert (again.digest, judge_all(again)) == (policy.digest, found)


@fuzzed(100)
@given(toml_text(RULES, RULE_WORDS))
@timely
def test_rules_with_odd_lines_are_sound_or_told(text: str) -> None:
    check_rules(text)


@fuzzed(80)
@given(mutated([text.encode() for text in RULES] + corpus("config")))
@timely
def test_rules_of_any_text_are_sound_or_told(data: bytes) -> None:
    check_rules(data.decode("utf-8", "replace"))


_TOKENS = (
    *("payload", ".", "amount", "kind", "effects", "confidence", "typical", "1", "1.0", '"a"', "'"),
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "==",
        "in",
        "&&",
        "||",
        "!",
        "?",
        ":",
        "-",
        "+",
        "*",
        "/",
        "%",
        ",",
    ),
    *(
        ".all(x, ",
        ".exists(i, ",
        ".map(y, ",
        "has(",
        "size(",
        ".matches(",
        "x",
        "true",
        "null",
        "//",
    ),
    *('"""', "r'", 'b"', "\\", "0xff", "1u", "9" * 30, "duration(", "timestamp(", "dyn(", "type("),
)


@fuzzed(300)
@given(st.lists(st.sampled_from(_TOKENS), max_size=14).map(" ".join) | st.text(max_size=40))
@example("[[" * 60 + "1" + "]]" * 60 + " == []")
@example("(" * 2000 + "true" + ")" * 2000)
@example("!" * 5000 + "true")
@example("- " * 5000 + "1 == 1")
@example("true " + "&& true " * 3000)
@timely
def test_a_condition_of_anything_is_compiled_or_told_and_ends(when: str) -> None:
    text = f'[[rules]]\nname = "r"\nwhen = {json.dumps(when)}\ngate = "hard"\n'
    check_rules(text.encode("utf-8", "replace").decode())


# Payloads


@fuzzed(60)
@given(documents(SAMPLES[:2], ["items", "amount", "x"]))
@timely
def test_any_payload_is_judged_and_never_let_through(document: dict[str, Any]) -> None:
    try:
        asked = read_message(parse_json(canonical(document)), "a")
    except (Refused, ValueError):
        return
    if not isinstance(asked, Action):
        return
    policy = policy_of(WHOLE_RULES)
    assert policy is not None
    with within(2):
        verdict = policy.judge(asked, "billing", frozenset({"dora"}), "261122-k3f9ma", STANDING)
        policy.title(asked)
        policy.complaints(asked.kind, asked.payload)
    assert canonical(verdict.document())
    if asked.kind != "crm.label":
        assert verdict.asks or verdict.gate == "deny"


SCHEMAS: list[dict[str, Any]] = [
    SCHEMA,
    {
        "type": "object",
        "$defs": {"a": {"$ref": "#/$defs/a"}, "b": {"type": ["string", "null"]}},
        "properties": {
            "amount": {"multipleOf": 0.01, "exclusiveMinimum": 0},
            "customer": {"pattern": "^[A-Z][a-z]+$", "maxLength": 80},
            "x": {"$ref": "#/$defs/b"},
            "items": {"type": "array", "uniqueItems": True, "items": {"anyOf": [{}, False]}},
        },
        "patternProperties": {"^x-": {"const": 1}},
        "additionalProperties": False,
    },
]
_SCHEMA_WORDS = [
    "$ref",
    "pattern",
    "enum",
    "allOf",
    "not",
    "if",
    "$id",
    "$schema",
    "format",
    "oneOf",
]


@fuzzed(80)
@given(
    json_bytes(SCHEMAS, _SCHEMA_WORDS) | mutated([json.dumps(one).encode() for one in SCHEMAS]),
    documents(
        [{"amount": 1, "customer": "Ada", "items": [1, 1.0, True], "x-a": 1}], ["x", "items"]
    ),
)
@example(b'{"$ref": "#"}', {"a": 1})
@example(b'{"multipleOf": 1e-300}', {"a": 1})
@example(b'{"properties": {"a": {"multipleOf": 1e-300}}}', {"a": 1e300})
@timely
def test_a_schema_of_anything_applies_or_is_told(data: bytes, payload: dict[str, Any]) -> None:
    try:
        with within(3):
            schema = PayloadSchema(data)
    except ValueError as error:
        assert str(error).strip()
        return
    with within(3):
        found = schema.complaints(payload)
    assert len(found) <= 3
    assert schema.complaints(payload) == found


@fuzzed(60)
@given(toml_text(RULES[:1], RULE_WORDS))
@timely
def test_a_file_of_policy_tests_is_read_or_told(text: str) -> None:
    begin = text.find("[[tests]]")
    try:
        load_tests(text[max(0, begin) :], "tests/a.toml")
    except ConfigError as error:
        told(error, text)


# Templates

_TEMPLATES = {
    name: (shipped("templates") / name).read_bytes()
    for name in ("ask.txt", "ask.html", "answer.txt", "mail.html", "mail.css")
}
_JINJA = [
    b"{{ p.title }}",
    b"{% for r in rows %}",
    b"{% endfor %}",
    b"{{ 1/0 }}",
    b"{% include 'x' %}",
]


@fuzzed(20)
@given(st.sampled_from(sorted(_TEMPLATES)), mutated([*_TEMPLATES.values(), *_JINJA]))
@timely
def test_a_broken_template_stands_in_nobodys_way(name: str, changed: bytes) -> None:
    case = Room().case()
    broken: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as own:
        (Path(own) / name).write_bytes(changed)
        templates = mail_templates([Path(own), shipped("templates")], broken.__setitem__)
        composer = Composer(facts(), TOKENS, LINKS, templates)
        with within(5):
            message = composer.compose(case, mail_to(case)).message
    for sort in ("plain", "html"):
        text = text_of(message, sort)
        assert "49" in text
        assert "Ada" in text
    assert all(what.strip() for what in broken.values())
