"""Conditions in CEL: compiled once, weighed for one action, never raising, always bounded.

The library bounds nothing, holds the interpreter's lock and cannot be interrupted, so what could
take long is refused before it is run: nested macros and long sources at load, large values at
the door of each evaluation. What cannot be weighed is told in words and fails closed (design
1.3). Handing a dict to each evaluation costs thirty times what one shared `Context` does. This
is the only module that knows the library, whose import costs a quarter of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cel
import msgspec

from hitl_mail.core.text import one_line
from hitl_mail.core.typical import FEWEST
from hitl_mail.policy import reader
from hitl_mail.policy.bounds import LONGEST_SOURCE, Flaw, unbounded
from hitl_mail.policy.source import blank, bound_names, patterns, uses
from hitl_mail.policy.variables import CLAIMABLE, TYPICAL, VARIABLES, Facts
from hitl_mail.tables import nearest

LONGEST_LIST = 256
LONGEST_STRING = 64 * 1024
MOST_CHARACTERS = 1024 * 1024
MOST_VALUES = 4096
"""Caps on what one variable may hold; a map counts as a list of its entries. A macro may read a
variable once an item, and each reading copies it."""

FUNCTIONS = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches"}
    | {"int", "uint", "double", "string", "bytes", "timestamp", "duration", "type", "dyn"}
    | {"getFullYear", "getMonth", "getDayOfMonth", "getDate", "getDayOfWeek", "getDayOfYear"}
    | {"getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)

_PLAIN = frozenset({bool, float})
_MAPS = frozenset({"payload", "labels", "typical", "action"})

_SEARCH = cel.compile("text.matches(pattern)")

Outcome = bool | str
"""Whether a condition holds, or in words why that cannot be told."""

_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDEFINED = re.compile(r"Undefined variable or function: '([^']*)'")
_FUNCTION = re.compile(r"Function '(\w+)' error: ([^\n]*)")
_WORD = re.compile(r"(?<![\w.])(and|or|not|is)(?!\w)", re.IGNORECASE)
_SIGNS = {"and": "&&", "or": "||", "not": "!, before what it denies,", "is": "=="}
_OPERANDS = re.compile(r"Unsupported operation: ([^.]*)\.")


class Condition(msgspec.Struct, frozen=True):
    """One compiled source. `uses` are the dotted names it reads, `names` their roots."""

    source: str
    program: Any
    names: frozenset[str]
    uses: tuple[str, ...]
    claimable: bool


class Uncompilable(Exception):
    """Holds every `Flaw` of one source."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__("; ".join(flaw.what for flaw in flaws))
        self.flaws = flaws


def compile_condition(source: str) -> Condition:
    """A condition ready to be weighed. Raises `Uncompilable`."""
    if len(source) > LONGEST_SOURCE:
        what = f"the condition has {len(source)} characters; at most {LONGEST_SOURCE} are weighed"
        raise Uncompilable([Flaw(what, "Split it into several rules.")])
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise Uncompilable([_syntax(source, str(error))]) from None
    names = frozenset(program.variables()) - (bound_names(source) - VARIABLES.keys())
    flaws = [*reader.flaws(source, FUNCTIONS.__contains__), *_functions(program.functions())]
    flaws = flaws or list(_unknown(names))
    flaws.extend(list(unbounded(source)) or _no_patterns(source))
    if flaws:
        raise Uncompilable(flaws)
    read = tuple(name for name in uses(source) if name.split(".")[0] in names)
    return Condition(source, program, names, read, not names.isdisjoint(CLAIMABLE))


def found_in(pattern: str, text: str) -> bool:
    """Whether a regular expression is found in a text, in a time that grows with the text alone.

    Raises ValueError, in words, for what is none. https://docs.rs/regex/#syntax
    """
    try:
        return bool(_SEARCH.execute({"pattern": pattern, "text": text}))
    except RuntimeError as error:
        raise ValueError(_complaint_of_pattern(error)) from None


Plan = Mapping[str, tuple[str, ...] | None]
"""Which variables some conditions read, and of a map which of its keys; None for all of it."""


def plan(conditions: Iterable[Condition]) -> Plan:
    """What has to be handed over for these conditions. The library copies a map at each reading,
    so of maps only the keys that somebody reads go in."""
    wanted: dict[str, tuple[str, ...] | None] = {}
    for condition in conditions:
        for name in condition.names:
            own = [use.split(".") for use in condition.uses if use.split(".")[0] == name]
            before = wanted.get(name, ())
            if name not in _MAPS or before is None or not own or min(map(len, own)) == 1:
                wanted[name] = None
            else:
                wanted[name] = tuple(dict.fromkeys((*before, *(parts[1] for parts in own))))
    return wanted


class Weighing:
    """One action under one set of facts, for all the conditions of a plan.

    `like` is a weighing of the same action by the same plan under the other facts: what claims
    cannot change is taken from it.
    """

    def __init__(self, facts: Facts, plan: Plan, like: Weighing | None = None) -> None:
        self.variables: dict[str, Any] = dict(like.variables) if like else {}
        self.too_large: dict[str, str] = dict(like.too_large) if like else {}
        for name, keys in plan.items():
            if like is not None and name not in CLAIMABLE:
                continue
            if not facts.gives(name):
                continue
            value = facts.find(name) if keys is None else _part(facts, name, keys)
            kind = type(value)
            if kind in _PLAIN or (kind is str and len(value) <= LONGEST_STRING):
                self.variables[name] = value
                continue
            try:
                self.variables[name] = _Cap().weighable(value)
            except _TooLarge as error:
                self.variables.pop(name, None)
                self.too_large[name] = f"{name} is too large to be weighed: {error}"
        self.context = cel.Context(self.variables)

    def weigh(self, condition: Condition) -> Outcome:
        """Whether the condition holds. Never raises."""
        return self.weigh_all((condition,))[0]

    def weigh_all(self, conditions: Sequence[Condition]) -> list[Outcome]:
        """Whether each holds, in order. Never raises.

        What is too large is not handed over. The library takes it for an error wherever it is
        looked at, `has` too, so only conditions that can do without it are told.
        """
        outcomes = _weighed(conditions, self.context)
        if self.too_large:
            for place, condition in enumerate(conditions):
                large = sorted(condition.names & self.too_large.keys())
                if large and isinstance(outcomes[place], str):
                    outcomes[place] = self.too_large[large[0]]
        return outcomes


def _weighed(conditions: Iterable[Condition], context: Any) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for condition in conditions:
        try:
            found = condition.program.execute(context)
        except Exception as error:  # noqa: BLE001 - whatever the library says, it fails closed
            found = _words(error, condition)
        else:
            if found is not True and found is not False:
                found = "the condition gives no true or false"
        outcomes.append(found)
    return outcomes


def _part(facts: Facts, name: str, keys: tuple[str, ...]) -> Any:
    if name == "action":
        return {key: facts.find(key) for key in keys if facts.gives(key)}
    value = facts.find(name)
    return {key: value[key] for key in keys if key in value}


class _TooLarge(Exception):
    pass


class _Cap:
    """Turns a JSON value into what conditions see, numbers as doubles, while it stays small."""

    def __init__(self) -> None:
        self.values = 0
        self.characters = 0

    def weighable(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN or value is None:
            return value
        self.values += 1
        if self.values > MOST_VALUES:
            raise _TooLarge(f"more than {MOST_VALUES} values")
        if kind is str:
            return self._text(value)
        if kind is int:
            return float(value)
        if isinstance(value, dict):
            self._count(value)
            return {self._text(key): self.weighable(item) for key, item in value.items()}
        if isinstance(value, list):
            self._count(value)
            return [self.weighable(item) for item in value]
        return value

    def _count(self, value: list[Any] | dict[str, Any]) -> None:
        if len(value) > LONGEST_LIST:
            raise _TooLarge(f"{len(value)} entries where at most {LONGEST_LIST} are weighed")

    def _text(self, text: str) -> str:
        self.characters += len(text)
        if len(text) > LONGEST_STRING:
            raise _TooLarge(f"a text of {len(text)} characters, over {LONGEST_STRING}")
        if self.characters > MOST_CHARACTERS:
            raise _TooLarge(f"more than {MOST_CHARACTERS} characters")
        return text


def _unknown(names: frozenset[str]) -> Iterable[Flaw]:
    for name in sorted(names - VARIABLES.keys()):
        yield Flaw(f"no such name: {name}", nearest(name, VARIABLES))


def _functions(functions: Iterable[str]) -> Iterable[Flaw]:
    for name in functions:
        if name[0].isalpha() and name not in FUNCTIONS:
            mend = _in_words(name, "") or nearest(name, FUNCTIONS)
            yield Flaw(f"no such function: {name}", mend)


def _no_patterns(source: str) -> Iterable[Flaw]:
    """The patterns of `matches` that are no regular expressions."""
    for pattern in patterns(source):
        try:
            cel.evaluate(f'"".matches({pattern.text})')
        except Exception as error:  # noqa: BLE001 - whatever the library says of it
            yield Flaw(_complaint_of_pattern(error))


def _complaint_of_pattern(error: Exception) -> str:
    found = _FUNCTION.match(str(error))
    said = found[2] if found else str(error)
    return one_line(said.split("\n", maxsplit=1)[0].rstrip(":"))


def _syntax(source: str, message: str) -> Flaw:
    """The library's first complaint: its column, and what it says without the grammar."""
    place = _PLACE.search(message)
    if place is None or "Recursion limit" in message:
        return Flaw("not a condition in CEL: nested too deep")
    said = place[3].removeprefix("Syntax error: ").split(" expecting ")[0]
    if "<EOF>" in said:
        said = "the condition ends too early"
    if said.endswith("'= '"):
        said = "= compares nothing, write =="
    if said.startswith("token recognition error at: '\""):
        said = "a text that begins here does not end"
    where = f"column {place[2]}"
    if "\n" in source:
        where = f"line {place[1]} of the condition, {where}"
    return Flaw(f"not a condition in CEL: {one_line(said)} at {where}", _in_words(source, said))


def _in_words(source: str, said: str) -> str:
    """The mend for what other languages write otherwise."""
    if any(quote in said for quote in "“”„‘’"):
        return "Write straight quotes."
    if "<>" in blank(source):
        return "Write != for <>."
    word = _WORD.search(blank(source))
    return f"Write {_SIGNS[word[0].lower()]} for {word[0]}." if word else ""


def _words(error: Exception, condition: Condition) -> str:
    """The library's exception as an admin can use it."""
    text = str(error)
    if isinstance(error, KeyError):
        return _not_given(str(error.args[0]), condition)
    undefined = _UNDEFINED.match(text)
    if undefined and undefined[1] in FUNCTIONS:
        return f"{undefined[1]}() cannot take the value it is given"
    if undefined:
        return f"{undefined[1]} is not given"
    if isinstance(error, IndexError):
        return "a list has fewer items than the condition asks for"
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    operands = _OPERANDS.match(text)
    if operands:
        kinds = operands[1].replace("float", "double")
        return f"cannot compute {kinds}: numbers of an action are doubles, write 2.0 instead of 2"
    if isinstance(error, TypeError):
        return "a value is of another type than the condition expects"
    function = _FUNCTION.match(text)
    if function:
        return one_line(f"{function[1]}(): {function[2]}")
    return one_line(text.split("\n", maxsplit=1)[0])


def _not_given(key: str, condition: Condition) -> str:
    if key in TYPICAL and any(name.endswith(f"typical.{key}") for name in condition.uses):
        few = f"fewer than {FEWEST} executed cases of this kind"
        return f"typical.{key} is not known yet: {few}"
    for name in condition.uses:
        if f".{key}." in f"{name}." or name == key:
            return f"{name[: f'{name}.'.index(f'.{key}.') + len(key) + 1]} is not given"
    return f'there is no "{one_line(key)}"'
