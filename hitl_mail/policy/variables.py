"""What a condition can speak of, and the values of one action under one set of facts.

What the admin registers is *known*; what the agent says of itself is *claimed* and can only make
a verdict stricter (design 1.2), so there are two sets of facts for one action.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from hitl_mail.core.action import Action, ContextItem
from hitl_mail.policy.model import Kind


class Variable(NamedTuple):
    """One name a condition may use, for documentation and for `rules explain`."""

    type: str
    meaning: str
    example: str
    optional: bool = False


VARIABLES: dict[str, Variable] = {
    "kind": Variable("string", "the action's kind", 'kind == "payment.refund"'),
    "agent": Variable("string", "the spool it came through", 'agent == "billing"'),
    "payload": Variable("map", "what the executor would get", "payload.amount > 100.0"),
    "summary": Variable("string", "one line by the agent", 'summary.contains("urgent")'),
    "effects": Variable("list", "the kind's effects, and those claimed", '"money" in effects'),
    "reversible": Variable(
        "bool", "whether there is a way back; only the kind can say so", "!reversible"
    ),
    "untrusted": Variable("bool", "whether any context item is untrusted", "untrusted"),
    "labels": Variable("map", "the agent's labels, all texts", 'labels.team == "emea"'),
    "typical": Variable(
        "map",
        "medians of the last 50 executed cases of this kind: cost, latency, seconds;"
        " each absent under 10 of them",
        "has(typical.cost) && cost > 3.0 * typical.cost",
    ),
    "context": Variable(
        "list", "what the agent read: title, text, source, trusted", "size(context) > 0"
    ),
    "attachments": Variable("list", "names of the attached files", "size(attachments) == 0"),
    "action": Variable(
        "map", "all of these by name, to ask whether one is given", "has(action.confidence)"
    ),
    "confidence": Variable("double", "0 to 1, by the agent", "confidence < 0.8", True),
    "cost": Variable("double", "spent on this so far", "cost > 2.0", True),
    "latency": Variable("double", "seconds spent on this so far", "latency > 60.0", True),
    "cost_of_wrong": Variable("double", "if it is wrong", "cost_of_wrong > cost_of_waiting", True),
    "cost_of_waiting": Variable("double", "if it waits", "cost_of_waiting < 5.0", True),
    "why": Variable("string", "why the agent wants it", 'why.contains("asked")', True),
    "requested_by": Variable(
        "string", "for whom it acts", 'requested_by.endsWith("@example.com")', True
    ),
    "run_id": Variable("string", "the agent run", 'run_id.startsWith("nightly-")', True),
    "supersedes": Variable("string", "the id it replaces", "has(action.supersedes)", True),
}

TYPICAL = ("cost", "latency", "seconds")
"""What past cases of a kind tell, as `typical.cost` and so on."""

_PLAIN = frozenset({"kind", "payload", "summary", "labels"}).union(
    name for name, variable in VARIABLES.items() if variable.optional
)
"""Those that stand in the action as they are."""

_OWN = frozenset({"agent", "reversible", "untrusted", "typical"})

OPTIONAL = tuple(name for name, variable in VARIABLES.items() if variable.optional)
_OPTIONAL = frozenset(OPTIONAL)


class Facts:
    """The values of one action's variables, under what is known or with the claims added.

    `find` makes a value only when it is asked for; KeyError where the action does not give it.
    """

    def __init__(
        self,
        action: Action,
        agent: str,
        kind: Kind | None,
        trusted: Collection[str],
        claimed: bool,
        typical: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.action = action
        self.agent = agent
        self.typical = dict(typical)
        self.effects, self.reversible = _nature(action, kind, claimed)
        self.trusted = tuple(_trusted(item, trusted, claimed) for item in action.context)
        self.untrusted = not all(self.trusted)

    @property
    def judged(self) -> tuple[Any, ...]:
        """What claims can change: where it is equal, one set of facts is enough."""
        return self.effects, self.reversible, self.trusted

    def find(self, name: str) -> Any:
        """The value of a variable, as received."""
        if name in _PLAIN:
            value = getattr(self.action, name)
            if value is None:
                raise KeyError(name)
            return value
        if name in _OWN:
            return getattr(self, name)
        match name:
            case "effects":
                return list(self.effects)
            case "context":
                return [
                    _item(item, trusted)
                    for item, trusted in zip(self.action.context, self.trusted, strict=True)
                ]
            case "attachments":
                return [attachment.name for attachment in self.action.attachments]
            case "action":
                return self._all()
        raise KeyError(name)

    def gives(self, name: str) -> bool:
        """Whether the action has a value for that name, for `has(action.NAME)`."""
        if name in _OPTIONAL:
            return getattr(self.action, name) is not None
        return name in VARIABLES

    def _all(self) -> dict[str, Any]:
        return {n: self.find(n) for n in VARIABLES if n != "action" and self.gives(n)}


CLAIMABLE = frozenset({"effects", "reversible", "untrusted", "context", "action"})
"""The variables that differ between the two sets of facts."""


def _nature(action: Action, kind: Kind | None, claimed: bool) -> tuple[tuple[str, ...], bool]:
    effects = kind.effects if kind else ()
    reversible = kind.reversible if kind else False
    if claimed:
        effects = tuple(dict.fromkeys((*effects, *action.effects)))
        reversible = reversible and action.reversible is not False
    return effects, reversible


def _trusted(item: ContextItem, trusted: Collection[str], claimed: bool) -> bool:
    """That the admin trusts the source is known; that this item is to be trusted is a claim,
    and an item that does not make it is, with the claims added, untrusted."""
    listed = item.source is not None and item.source in trusted
    return listed and (item.says_trusted or not claimed)


def _item(item: ContextItem, trusted: bool) -> dict[str, Any]:
    return {
        "title": item.title,
        "text": item.text,
        "source": item.source or "",
        "trusted": trusted,
    }
