"""What the sums of `policy.economics` warn of: the rule, and the mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_ASKED = 0.2
"""The share of all actions over which people are asked too often."""

OFTEN = 50
"""So many asks without one refusal are a rule that could ask less."""

_UNREAD, _UNREAD_SHARE = 3, 0.1
_FEWEST = 20
"""Actions below which a share says nothing yet."""


def warnings(found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Each with `code`, `rule` or `reviewer` (else empty), `text` and `mend`; `found` is what
    `Economics.document` gives."""
    yield from _too_many(found)
    for rule in found["rules"]:
        yield from _of_rule(rule)
    for person in found["reviewers"]:
        yield from _of_person(person)


def _too_many(found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    every = found["all"]
    if every["actions"] < _FEWEST or every["asked"] <= MOST_ASKED * every["actions"]:
        return
    worst = found["rules"][0]
    yield {
        "code": "asks_too_much",
        "rule": worst["rule"],
        "text": (
            f"{every['asked']} of {every['actions']} actions"
            f" ({_percent(every['asked'], every['actions'])}) were asked about, the most of them,"
            f" {worst['asked']}, by the rule {worst['rule']}: what is asked too often is no longer"
            " read"
        ),
        "mend": (
            "Look at hitl-mail rules suggest: it shows which of them were never refused, and how"
            " to narrow the rule's condition"
        ),
    }


def _of_rule(rule: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    name, asked = rule["rule"], rule["asked"]
    if asked >= OFTEN and not rule["rejected"] and not rule["edited"] and rule["approved"]:
        yield {
            "code": "never_refused",
            "rule": name,
            "text": f"The rule {name} asked {asked} times and was never refused",
            "mend": (
                f'Where its effects allow it, give {name} gate = "sample" with rate = 0.05; or'
                " let hitl-mail rules suggest find the safe part of it"
            ),
        }
    unread = rule["unread"]
    if unread >= _UNREAD and unread > _UNREAD_SHARE * asked:
        yield {
            "code": "expires_unread",
            "rule": name,
            "text": f"{unread} of {asked} questions of the rule {name} expired without an answer",
            "mend": (
                f"Give {name} remind and escalate, more reviewers, or more time (expires); if"
                " nobody misses them, deny them or let them run"
            ),
        }


def _of_person(person: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    if person["fast_runs"]:
        name = person["reviewer"]
        yield {
            "code": "too_fast",
            "rule": "",
            "reviewer": name,
            "text": (
                f"{name} approved up to {person['longest_fast_run']} in a row, each in less time"
                " than it takes to read"
            ),
            "mend": f"Ask {name} about less; or ask for approvals = 2 where it matters",
        }


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"
