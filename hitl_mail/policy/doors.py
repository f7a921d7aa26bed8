"""Whether those whom a rule asks can decide by one of its doors.

Who has which door is told by the caller: knows neither addresses nor settings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hitl_mail.core.verdict import Door
from hitl_mail.policy.model import Rule

_MEND: dict[Door, str] = {
    "link": "set base_url under [web]",
    "cli": "name their os_user under [people.NAME]",
    "mail": "give them a mail address",
}


def shut_out(
    rule: Rule, people: Collection[str], doors: Mapping[Door, Collection[str]]
) -> tuple[str, str] | None:
    """What is wrong, and the mend, where fewer of `people` than the rule takes have a door of its;
    `doors` are the people who have each."""
    without = set(people).difference(*(doors[door] for door in rule.doors))
    if not people or len(people) - len(without) >= rule.approvals:
        return None
    many = "" if rule.approvals == 1 else f", and it takes {rule.approvals}"
    what = f"by {' or '.join(rule.doors)}, {', '.join(sorted(without))} cannot decide{many}"
    ways = [_MEND[door] for door in rule.doors]
    return what, f"Open another door, or {' or '.join(ways)}."
