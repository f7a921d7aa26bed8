"""Made-up actions that go through the branches of a policy's conditions, to see what it does.

Values come from what the conditions compare with: just below, at and just above each number, each
text. Not every combination is tried; what a trial shows is true, what none shows may still be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from hitl_mail.core.action import Action, ContextItem
from hitl_mail.core.verdict import Standing, Verdict
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.source import unwrapped
from hitl_mail.policy.variables import OPTIONAL, TYPICAL, VARIABLES

RISKY = ("money", "destructive", "publish", "permission")
"""Effects that a person should stand before, whatever the amount."""

MOST = 32
MOST_CLAIMED = 4
_LITERAL = r"""(-?[0-9][0-9.eE]*|"[^"\\]*"|'[^'\\]*'|true\b|false\b)"""
_PATH = r"([A-Za-z_]\w*(?:\.\w+)*)"
_COMPARED = re.compile(rf"{_PATH}\s*(?:[=!<>]=|[<>])\s*{_LITERAL}")
_REVERSED = re.compile(rf"{_LITERAL}\s*(?:[=!<>]=|[<>])\s*{_PATH}(?!\s*\()")
_ONE_OF = re.compile(rf"{_PATH}\s+in\s+\[([^\]]*)\]")
_ABSENT = None


class Trial(NamedTuple):
    """One made-up action of a kind, the effect it claims, and what the rules said."""

    kind: str
    claim: str | None
    verdict: Verdict

    @property
    def alone(self) -> bool:
        """Whether it could run without a person before it, now or with other evidence."""
        return self.verdict.gate not in ("hard", "deny")


def trials(policy: Policy) -> list[Trial]:
    """Actions of every registered kind, without claims and then with each risky effect claimed.
    Nothing that a kind requires is missing in them."""
    bare = policy.without_gaps()
    values = _values(policy)
    return [trial for kind in policy.kinds for trial in _of_kind(bare, kind, values)]


def _of_kind(policy: Policy, kind: str, values: dict[str, list[Any]]) -> Iterator[Trial]:
    for number in range(MOST):
        action, agent, standing = _made(kind, values, number)
        yield Trial(kind, None, policy.judge(action, agent, (), None, standing))
        if number % (MOST // MOST_CLAIMED) == 0:
            for effect in RISKY:
                claiming = msgspec.structs.replace(action, effects=(effect,))
                yield Trial(kind, effect, policy.judge(claiming, agent, (), None, standing))


def _made(kind: str, values: dict[str, list[Any]], number: int) -> tuple[Action, str, Standing]:
    """The trial of that number: every other one takes each value's candidates in turn, so that
    all are met, the rest mix them."""
    chosen = {}
    for name, candidates in values.items():
        mixed = crc32(f"{name} {number}".encode())
        chosen[name] = candidates[(mixed if number % 2 else number // 2) % len(candidates)]
    payload: dict[str, Any] = {}
    labels: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for name, value in chosen.items():
        root, *path = name.split(".")
        if root == "payload" and path and value is not _ABSENT:
            _put(payload, path, value)
        elif root == "labels" and path and isinstance(value, str):
            labels[path[0]] = value
        elif root in OPTIONAL and not path:
            fields[root] = value
    context = (ContextItem("t", "x", "somewhere"),) if chosen["untrusted"] else ()
    summary = chosen.get("summary", "x")
    action = Action(kind, payload, summary, context=context, labels=labels, **fields)
    typical = dict.fromkeys(TYPICAL, 1.0) if number % 4 < 2 else {}
    return action, chosen.get("agent", "default"), Standing(typical=typical)


def _put(payload: dict[str, Any], path: list[str], value: Any) -> None:
    at: Any = payload
    for part in path[:-1]:
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            return
    at.setdefault(path[-1], value)


def _values(policy: Policy) -> dict[str, list[Any]]:
    """For each value that some condition reads, what to try."""
    found: dict[str, list[Any]] = {
        "untrusted": [False, True],
        "confidence": [1.0, 0.0],
        "why": ["asked"],
    }
    for name in ("cost", "latency", "cost_of_wrong", "cost_of_waiting"):
        found[name] = [1.0, 0.0, 1e9]
    for ready in policy.rules:
        for condition in (ready.when, *ready.triggers):
            for name, literal in _compared(unwrapped(condition.source)):
                path = name.removeprefix("action.")
                if path.split(".")[0] in VARIABLES:
                    found.setdefault(path, []).extend(_around(literal, path))
            for name in condition.uses:
                if name.startswith(("payload.", "labels.")):
                    found.setdefault(name, ["x", 1.0, True])
                elif name in OPTIONAL:
                    found.setdefault(name, ["x", _ABSENT])
    return {name: list(dict.fromkeys(candidates)) for name, candidates in found.items()}


def _compared(source: str) -> Iterable[tuple[str, str]]:
    yield from _COMPARED.findall(source)
    yield from ((name, literal) for literal, name in _REVERSED.findall(source))
    for name, listed in _ONE_OF.findall(source):
        yield from ((name, literal) for literal in re.findall(_LITERAL, listed))


def _around(literal: str, name: str) -> list[Any]:
    if literal in ("true", "false"):
        return [True, False]
    if literal[0] in "\"'":
        return [literal[1:-1], literal[1:-1] + "x"]
    try:
        number = float(literal)
    except ValueError:
        return []
    if name.endswith("confidence"):
        return [max(0.0, number - 0.01), number, min(1.0, number + 0.01)]
    return [number - 1, number, number + 1]
