"""What an action lacks that its kind demands: required context, and a payload of the right shape.

A gap never refuses an action; it brings a person in (design 1.3).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hitl_mail.core.action import Action
from hitl_mail.policy.model import Kind
from hitl_mail.policy.schema import PayloadSchema
from hitl_mail.policy.templates import look_up
from hitl_mail.policy.variables import Facts

REQUIRES = "requires"
SCHEMA = "schema"


class Gap(NamedTuple):
    """One reason to ask; `rule` is the name it has in the trace."""

    rule: str
    reason: str
    values: dict[str, Any]


def gaps(action: Action, kind: Kind, schema: PayloadSchema | None, facts: Facts) -> list[Gap]:
    """What the action lacks."""
    found = []
    missing = [name for name in kind.requires if _empty(look_up(name, facts.find, None))]
    if missing:
        found.append(Gap(REQUIRES, f"Missing: {', '.join(missing)}", {"missing": missing}))
    complaints = schema.complaints(action.payload) if schema else []
    if complaints:
        reason = f"Payload: {'; '.join(complaints)}"
        found.append(Gap(SCHEMA, reason, {"complaints": complaints}))
    return found


def _empty(value: Any) -> bool:
    return value in (None, "", [], {}) or (isinstance(value, str) and not value.strip())
