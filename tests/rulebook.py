"""A site and a policy to judge with, in the words of the glossary.

ada and bob are `finance`, cleo is the admin and `owner`, dora owns the agent `billing`, whose
trusted source is `crm`.
"""

from __future__ import annotations

from typing import Any

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.verdict import Verdict
from hitl_mail.errors import ConfigError, Problem
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.load import load_policy
from hitl_mail.settings import Agent, Executor, Person, Site, SiteTable

SITE = Site(
    site=SiteTable(admins=("cleo",)),
    people={name: Person(mail=f"{name}@example.com") for name in ("ada", "bob", "cleo", "dora")},
    groups={"finance": ("ada", "bob"), "owner": ("cleo",), "nobody": ()},
    agents={"billing": Agent(spool="spool/billing", owner="dora", trusted_sources=("crm",))},
    executors={"refund": Executor(type="command", argv=("/bin/refund",))},
)

KINDS = """
[policy]
reviewers = ["owner"]

[kinds."payment.refund"]
title = "Refund {payload.amount} {payload.currency}"
effects = ["money"]
executor = "refund"

[kinds."crm.label"]
effects = []
reversible = true
"""


def no_schema(path: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", path)


def policy(text: str, schemas: dict[str, bytes] | None = None) -> Policy:
    """The policy of a whole rules.toml."""
    read = schemas.__getitem__ if schemas else no_schema
    return load_policy(text, SITE, "rules.toml", read)


def problems(text: str, schemas: dict[str, bytes] | None = None) -> list[Problem]:
    """All that is wrong with a rules.toml."""
    try:
        policy(text, schemas)
    except ConfigError as error:
        return error.problems
    return []


def rule(name: str, when: str, gate: str = "hard", more: str = "") -> str:
    """One rule as TOML."""
    return f'\n[[rules]]\nname = "{name}"\nwhen = \'{when}\'\ngate = "{gate}"\n{more}\n'


def action(kind: str = "payment.refund", **fields: Any) -> Action:
    """An action as read from a spool."""
    document = {
        "kind": kind,
        "payload": {"amount": 40, "currency": "EUR"},
        "summary": "Refund order 8841",
        **fields,
    }
    message = read_message(document, "refund-8841")
    assert isinstance(message, Action)
    return message


def judged(rules: str, of: Action | None = None, agent: str = "billing", **more: Any) -> Verdict:
    """The verdict of `KINDS` and these rules."""
    return policy(KINDS + rules).judge(of or action(), agent, more.get("excluded", frozenset()))
