"""What types the parts of a condition have, and which of them cannot go together.

CEL is dynamic: what is wrong for every action is found here at load, what depends on the action
is told when it is weighed. A value of the payload can be anything JSON holds, but never an `int`:
numbers of an action are doubles (design 1.3). Knows no syntax; `reader` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from hitl_mail.policy.variables import TYPICAL, VARIABLES


class Type(NamedTuple):
    """A type by CEL's name; of a list its items', of a map its values' or the fields it has.

    `json` is any value of a payload, `any` is what is not followed further.
    """

    name: str
    of: Type | None = None
    fields: Mapping[str, Type] | None = None

    @property
    def open(self) -> bool:
        return self.name in ("json", "any")


ANY, JSON = Type("any"), Type("json")
STRING, DOUBLE, INT, UINT = Type("string"), Type("double"), Type("int"), Type("uint")
BOOL, NULL = Type("bool"), Type("null")
TEXTS = Type("list", STRING)

_ITEM = Type(
    "map",
    None,
    MappingProxyType({"title": STRING, "text": STRING, "source": STRING, "trusted": BOOL}),
)
_SPECIAL = {
    "payload": Type("map", JSON),
    "labels": Type("map", STRING),
    "typical": Type("map", None, MappingProxyType(dict.fromkeys(TYPICAL, DOUBLE))),
    "effects": TEXTS,
    "attachments": TEXTS,
    "context": Type("list", _ITEM),
}

ROOTS: dict[str, Type] = {
    name: _SPECIAL.get(name, Type(variable.type)) for name, variable in VARIABLES.items()
}
"""The type of each variable."""
ROOTS["action"] = Type(
    "map", None, MappingProxyType({name: ROOTS[name] for name in VARIABLES if name != "action"})
)

_NUMBERS = frozenset({"double", "int", "uint"})
_SUMS = _NUMBERS | {"string", "list"}
_ORDERED = _NUMBERS | {"string", "bool"}
_WHOLE = "numbers of an action are doubles, write 2.0 instead of 2"


class Clash(Exception):
    """Two types that cannot go together; `str` says so in words."""


def arithmetic(operator: str, left: Type, right: Type) -> Type:
    """The type of a sum, a product and so on. Raises `Clash`."""
    names = {left.name, right.name}
    if operator == "%" and names & {"double", "json"}:
        raise Clash("% is only for whole numbers; numbers of an action are doubles, use int()")
    if "json" in names and names & {"int", "uint"}:
        raise Clash(f"cannot compute {_pair(operator, left, right)}: {_WHOLE}")
    for side in (left, right):
        if not side.open and side.name not in (_SUMS if operator == "+" else _NUMBERS):
            raise Clash(f"cannot compute {_pair(operator, left, right)}")
    if left.open or right.open:
        return ANY if left.open and right.open else (right if left.open else left)
    if left.name != right.name:
        why = f": {_WHOLE}" if names <= _NUMBERS else ""
        raise Clash(f"cannot compute {_pair(operator, left, right)}{why}")
    return left


def compare(operator: str, left: Type, right: Type) -> Type:
    """`<`, `==` and so on. Raises `Clash` where the answer is always an error or always no."""
    if operator not in ("==", "!="):
        for side in (left, right):
            if not side.open and side.name not in _ORDERED:
                raise Clash(f"cannot compare {_pair(operator, left, right)}")
    same = left.name == right.name or {left.name, right.name} <= _NUMBERS
    if not (left.open or right.open or same):
        raise Clash(f"cannot compare {_pair(operator, left, right)}")
    return BOOL


def contains(item: Type, where: Type) -> Type:
    """`item in where`. Raises `Clash`."""
    if where.open:
        return BOOL
    if where.name not in ("list", "map"):
        raise Clash(f"in looks into a list or a map, not into a {where.name}")
    inner = where.of if where.name == "list" else STRING
    if inner is not None:
        try:
            compare("==", item, inner)
        except Clash:
            raise Clash(f"a {item.name} is never in a {where.name} of {inner.name}s") from None
    return BOOL


def need(wanted: Type, found: Type, what: str) -> Type:
    """`wanted`, if `found` can be it. Raises `Clash`: WHAT needs a bool, not a string."""
    if not found.open and found.name != wanted.name:
        raise Clash(f"{what} needs a {wanted.name}, not a {found.name}")
    return wanted


def item(of: Type, index: Type) -> Type:
    """`of[index]`. Raises `Clash`."""
    if of.open:
        return of
    if of.name == "list":
        if index.name not in ("int", "uint", "any"):
            raise Clash(f"a place in a list is a whole number, not a {index.name}")
        return of.of or ANY
    if of.name != "map":
        raise Clash(f"a {of.name} has no items")
    return of.of or ANY


def elements(of: Type, macro: str) -> Type:
    """What a macro binds: items of a list, keys of a map. Raises `Clash`."""
    if of.open:
        return of
    if of.name not in ("list", "map"):
        raise Clash(f"{macro} goes through a list or a map, not through a {of.name}")
    return (of.of or ANY) if of.name == "list" else STRING


_TEXT = frozenset({"contains", "startsWith", "endsWith", "matches"})
_GIVES = {
    "size": INT,
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "string": STRING,
    **dict.fromkeys(_TEXT, BOOL),
}
_TAKES: dict[str, frozenset[str]] = {
    "size": frozenset({"string", "list", "map", "bytes"}),
    "timestamp": frozenset({"string"}),
    "duration": frozenset({"string"}),
    **dict.fromkeys(("int", "uint", "double"), _NUMBERS | {"string"}),
    **dict.fromkeys(_TEXT, frozenset({"string"})),
}


def call(name: str, receiver: Type | None, given: list[Type]) -> Type:
    """The type of `receiver.name(given)`, or of `name(given)`. Raises `Clash`."""
    if receiver is None and name in _TEXT:
        raise Clash(f'{name} is written after the text it looks at, summary.{name}("…")')
    if name == "contains" and receiver is not None and receiver.name == "list":
        raise Clash("contains() looks into a text; whether a list has something is asked with in")
    takes = _TAKES.get(name)
    for value in ([] if receiver is None else [receiver]) + given:
        if takes and not value.open and value.name not in takes:
            raise Clash(f"{name}() cannot take a {value.name}")
    return _GIVES.get(name, ANY)


def _pair(operator: str, left: Type, right: Type) -> str:
    names = ("a value" if side.open else side.name for side in (left, right))
    return f" {operator} ".join(names)
