"""What an action lacks that its kind demands: required context, and a payload of the right shape.

A gap never refuses an action; it brings a person in (design 1.3).
"""

from __future__ import annotations

import itertools
import json
from typing import Any, NamedTuple

from hitl_mail.core.action import Action
from hitl_mail.core.text import one_line
from hitl_mail.policy.model import Kind
from hitl_mail.policy.templates import look_up
from hitl_mail.policy.variables import Facts

REQUIRES = "requires"
SCHEMA = "schema"

_MOST = 3


class Gap(NamedTuple):
    """One reason to ask; `rule` is the name it has in the trace."""

    rule: str
    reason: str
    values: dict[str, Any]


class PayloadSchema:
    """A kind's JSON Schema, compiled. References outside the schema itself are never fetched.

    Raises ValueError, in words, for what is not a JSON Schema.
    """

    def __init__(self, data: bytes) -> None:
        from jsonschema import Draft202012Validator, SchemaError
        from jsonschema.validators import validator_for
        from referencing.jsonschema import EMPTY_REGISTRY

        try:
            schema = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not JSON: {one_line(str(error))}") from None
        if not isinstance(schema, dict | bool):
            raise ValueError("not a JSON Schema: it must be an object")
        known = validator_for(schema, default=Draft202012Validator)
        try:
            known.check_schema(schema)
        except SchemaError as error:
            where = ".".join(str(part) for part in error.path)
            raise ValueError(f"not a JSON Schema: {where}: {one_line(error.message)}") from None
        except RecursionError:
            raise ValueError("not a JSON Schema that can be applied: nested too deep") from None
        self.validator = known(schema, registry=EMPTY_REGISTRY)

    def complaints(self, payload: dict[str, Any]) -> list[str]:
        """What is wrong with a payload, `amount: 'x' is not of type 'number'`; at most three."""
        try:
            errors = list(itertools.islice(self.validator.iter_errors(payload), _MOST))
        except Exception as error:  # noqa: BLE001 - whatever a schema does, a person decides
            return [f"its schema cannot be applied: {one_line(str(error))}"]
        return sorted(_complaint(error) for error in errors)


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


def _complaint(error: Any) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    return one_line(f"{where}: {error.message}" if where else str(error.message))
