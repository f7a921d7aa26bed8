"""A kind's JSON Schema, applied to whatever an agent sends: always to an end, and soon.

The schema is the admin's, the payload the agent's. The `jsonschema` library compares each item with
each for `uniqueItems` (19 s for 3,000 objects) and hands `pattern` to Python's backtracking
regular expressions, so both are done here in other ways, and what is too much is not held against
the schema at all: a complaint like any other, and a person is asked.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from hitl_mail.core.canonical import canonical
from hitl_mail.core.text import one_line
from hitl_mail.policy.bounds import weight

MOST_VALUES = 20_000
LONGEST_KEY = 256
MOST_EFFORT = 20_000
"""What all patterns together may cost on one payload, about half a second."""

_MOST_TOLD = 3
_LARGE = re.compile(r"\\[wWDSpP]")
_REPEATED = re.compile(r"\([^()]*[*+{|][^()]*\)[*+{]")


class PayloadSchema:
    """A kind's JSON Schema, compiled. References outside the schema itself are never fetched.

    Raises ValueError, in words, for what is not a JSON Schema or could take long.
    """

    def __init__(self, data: bytes) -> None:
        from jsonschema import Draft202012Validator, SchemaError
        from jsonschema.validators import extend, validator_for
        from referencing.jsonschema import EMPTY_REGISTRY

        try:
            schema = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not JSON: {one_line(str(error))}") from None
        if not isinstance(schema, dict | bool):
            raise ValueError("not a JSON Schema: it must be an object")
        try:
            known = validator_for(schema, default=Draft202012Validator)
        except (TypeError, AttributeError, ValueError):
            raise ValueError("not a JSON Schema: $schema: it must name a dialect") from None
        try:
            known.check_schema(schema)
            _check_patterns(schema)
        except SchemaError as error:
            where = ".".join(str(part) for part in error.path)
            raise ValueError(f"not a JSON Schema: {where}: {one_line(error.message)}") from None
        except RecursionError:
            raise ValueError("not a JSON Schema that can be applied: nested too deep") from None
        own = {"uniqueItems": _unique_items, "pattern": self._pattern}
        self.validator = extend(known, own)(schema, registry=EMPTY_REGISTRY)
        self._effort = 0

    def complaints(self, payload: dict[str, Any]) -> list[str]:
        """What is wrong with a payload, `amount: 'x' is not of type 'number'`; at most three."""
        self._effort = 0
        try:
            _check_size(payload)
            errors = list(itertools.islice(self.validator.iter_errors(payload), _MOST_TOLD))
        except _TooMuch as error:
            return [str(error)]
        except Exception as error:  # noqa: BLE001 - whatever a schema does, a person decides
            return [f"its schema cannot be applied: {one_line(str(error))}"]
        return sorted(_complaint(error) for error in errors)

    def _pattern(self, validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
        from jsonschema import ValidationError

        from hitl_mail.policy.conditions import found_in

        if not validator.is_type(value, "string"):
            return
        self._effort += _effort(pattern)
        if self._effort > MOST_EFFORT:
            raise _TooMuch("more texts than can be held against the patterns of its schema")
        if not found_in(pattern, value):
            yield ValidationError(f"{value!r} does not match {pattern!r}")


class _TooMuch(Exception):
    pass


def _unique_items(validator: Any, wanted: bool, items: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if wanted and validator.is_type(items, "array"):
        # 1 and 1.0 are the same there, 1 and true are not: as in JSON Schema.
        different = {canonical(item) for item in items}
        if len(different) < len(items):
            yield ValidationError("an item stands in the list twice")


def _check_patterns(schema: Any) -> None:
    """Raises ValueError for a pattern that could take long, or is none."""
    from hitl_mail.policy.conditions import found_in

    for pattern, of_keys in _patterns(schema):
        if _effort(pattern) > MOST_EFFORT / 10 or (of_keys and _REPEATED.search(pattern)):
            raise ValueError(f"not usable: the pattern {pattern!r} is slow; use maxLength and +")
        try:
            found_in(pattern, "")
        except ValueError as error:
            mend = "look-around and references back are not held against anything"
            raise ValueError(f"not usable: the pattern {pattern!r}: {error}; {mend}") from None


def _patterns(schema: Any) -> Iterator[tuple[str, bool]]:
    """Every pattern that stands in a schema, and whether it is one of keys."""
    if isinstance(schema, list):
        for part in schema:
            yield from _patterns(part)
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"], False
        keyed = schema.get("patternProperties")
        if isinstance(keyed, dict):
            yield from ((pattern, True) for pattern in keyed)
        for part in schema.values():
            yield from _patterns(part)


def _effort(pattern: str) -> int:
    """About how long one use takes, in 25 µs: the library compiles a pattern at each."""
    return weight(pattern) * (30 if _LARGE.search(pattern) else 1)


def _check_size(value: Any) -> None:
    """Raises `_TooMuch` for a payload that is not held against any schema."""
    count, rest = 0, [value]
    while rest:
        at = rest.pop()
        inner: list[Any] = []
        if isinstance(at, dict):
            if any(len(key) > LONGEST_KEY for key in at):
                raise _TooMuch(f"a key of over {LONGEST_KEY} characters is held against no schema")
            inner = list(at.values())
        elif isinstance(at, list):
            inner = at
        count += len(inner)
        if count > MOST_VALUES:
            raise _TooMuch(f"more than {MOST_VALUES} values are held against no schema")
        rest.extend(inner)


def _complaint(error: Any) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    return one_line(f"{where}: {error.message}" if where else str(error.message))
