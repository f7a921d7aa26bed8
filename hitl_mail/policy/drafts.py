"""Which rules the evidence speaks about, and how each should read: numbers in, drafts out.

At most one draft a rule, the best founded first. Judges nothing and reads no history.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from hitl_mail.core.duration import show_duration
from hitl_mail.policy.evidence import Asked, Sampled
from hitl_mail.policy.replay import GUARDED

ENOUGH = 50
"""Cases that people approved as they were, before a rule is opened for their like."""

FAST = 60.0
"""Median seconds to a decision under which people do not seem to weigh much."""

ENOUGH_BELOW, ENOUGH_REFUSED = 20, 5
"""Cases, and refused ones among them, that must lie under a threshold."""

CHANCE = 0.001
"""How likely a run without a refusal may be where confidence says nothing about refusals."""

LARGE_SHARE = 0.2
"""The share of all actions over which a rule asks too often."""

ENOUGH_REVIEWED, MOST_FLAGGED, LOWEST_RATE = 100, 0.05, 0.01
"""Reviews before a sample is lowered, what the flagged share may be at most (the end of its 95 %
interval), and where lowering ends."""

GUARD = {
    "when": f"!reversible || effects.exists(e, e in {json.dumps(sorted(GUARDED))})",
    "reason": "No way back, or an effect that is always asked about",
}
"""The trigger that every opened rule carries, whatever its cases were so far."""

_BELOW = re.compile(r"\s*confidence\s*<\s*([0-9]*\.?[0-9]+)\s*")

What = Literal["exception", "threshold", "asks_often", "sample_rate"]
_Rule = Mapping[str, Any]


class Draft(NamedTuple):
    """One thing to change: `changes` are keys of the rule and their new values, or None where
    the counts give no change that is safe."""

    what: What
    rule: str
    says: str
    evidence: dict[str, Any]
    changes: dict[str, Any] | None


def drafts(
    rules: Mapping[str, _Rule],
    asked: Mapping[str, Asked],
    sampled: Mapping[str, Sampled],
    actions: int,
) -> Iterator[Draft]:
    """What the evidence says, in the order of the rules. `actions` is how many cases there were."""
    for name, rule in rules.items():
        if name in sampled:
            found = _sample_rate(name, rule, sampled[name])
        elif name in asked and not asked[name].guarded:
            found = _asks_less(name, rule, asked[name], actions)
        else:
            continue
        if found is not None:
            yield found


def _asks_less(name: str, rule: _Rule, seen: Asked, actions: int) -> Draft | None:
    if seen.unreadable_refused == 0:
        found = _exception(name, rule, seen, actions) or _threshold(name, rule, seen, actions)
        if found is not None:
            return found
    return _asks_often(name, rule, seen, actions)


def _exception(name: str, rule: _Rule, seen: Asked, actions: int) -> Draft | None:
    """A hard rule whose every case was approved as it was, without much weighing."""
    ready = rule["gate"] == "hard" and seen.approved >= ENOUGH and seen.approved == seen.count
    if not ready or seen.seconds is None or seen.seconds >= FAST:
        return None
    says = (
        f"Rule {name} asked {seen.count} times; all were approved unedited, half of them within"
        f" {_seconds(seen.seconds)}. It is ready to ask for exceptions only."
    )
    evidence = seen.facts(actions)
    return Draft("exception", name, says, evidence, _opened(rule, _floor(seen)))


def _threshold(name: str, rule: _Rule, seen: Asked, actions: int) -> Draft | None:
    """A confidence at and above which nobody disagreed, too many times to be chance."""
    if len(seen.disagreed) < max(ENOUGH_REFUSED, seen.refused):
        return None
    threshold = (math.floor(_percent(max(seen.disagreed))) + 1) / 100
    above = [value for value in seen.agreed if value >= threshold]
    below = len(seen.agreed) + len(seen.disagreed) - len(above)
    share = len(seen.disagreed) / (len(seen.agreed) + len(seen.disagreed))
    if len(above) < ENOUGH or below < ENOUGH_BELOW or (1 - share) ** len(above) > CHANCE:
        return None
    if rule["gate"] == "hard":
        changes = _opened(rule, threshold)
    else:
        lowered = _lowered(rule["exceptions"], threshold)
        if lowered is None:
            return None
        changes = {"exceptions": lowered}
    says = (
        f"People began to disagree with rule {name} below confidence {threshold:g}: of"
        f" {len(above)} cases at or above it none was refused or edited, of {below} below it"
        f" {seen.refused} were."
    )
    evidence = {
        **seen.facts(actions),
        "threshold": threshold,
        "above": len(above),
        "below": below,
        "highest_refused": max(seen.disagreed),
    }
    return Draft("threshold", name, says, evidence, changes)


def _asks_often(name: str, rule: _Rule, seen: Asked, actions: int) -> Draft | None:
    """A rule that asks about a large part of all actions, or was never refused and not weighed."""
    large = seen.count > LARGE_SHARE * actions
    refused = seen.refused + seen.unreadable_refused
    if seen.count < ENOUGH or (refused and not large):
        return None
    calm = _calm(seen)
    changes = _for_calm(rule, seen, calm) if calm else None
    if changes is None and not large:
        return None
    says = f"Rule {name} asks about {seen.count / actions:.0%} of all actions, {seen.count} times"
    says += f"; {refused} were refused or edited." if refused else ", and was never refused."
    if changes is None:
        says += " Its counts alone give no change that is safe."
    evidence = {**seen.facts(actions), "never_refused": calm}
    return Draft("asks_often", name, says, evidence, changes)


def _calm(seen: Asked) -> list[str]:
    """The kinds that were approved often enough, quickly, and never otherwise."""
    if seen.unreadable_refused:
        return []
    enough = [kind for kind, count in seen.approved_of.items() if count >= ENOUGH]
    quick = (kind for kind in enough if seen.seconds_of(kind) < FAST)
    return sorted(kind for kind in quick if kind not in seen.disturbed)


def _for_calm(rule: _Rule, seen: Asked, calm: list[str]) -> dict[str, Any] | None:
    """The rule as one that asks about all but these kinds."""
    all_calm = not seen.disturbed and seen.approved_of.keys() == set(calm)
    if rule["gate"] == "exception":
        floor = _floor(seen)
        lowered = _lowered(rule["exceptions"], floor) if all_calm and floor else None
        return {"exceptions": lowered} if lowered else None
    if all_calm:
        return _opened(rule, _floor(seen))
    kinds = ", ".join(f'"{kind}"' for kind in calm)
    other = {"when": f"!(kind in [{kinds}])", "reason": "Not of a kind that was never refused"}
    return _opened(rule, None, other)


def _sample_rate(name: str, rule: _Rule, seen: Sampled) -> Draft | None:
    """A sample whose reviews were all well, and more than are needed to know it."""
    facts, rate = seen.facts(), rule["rate"]
    if seen.guarded or seen.results["flagged"] or seen.reviewed < ENOUGH_REVIEWED:
        return None
    if facts["flagged_share"][1] > MOST_FLAGGED:
        return None
    parts = max(2, 2 ** int(math.log2(seen.reviewed / ENOUGH_REVIEWED)))
    lower = max(LOWEST_RATE, round(rate / parts, 4))
    if lower >= rate:
        return None
    says = (
        f"All {seen.reviewed} reviews of rule {name} were ok, so that at most"
        f" {facts['flagged_share'][1]:.1%} of its cases would be flagged; a rate of {lower:g}"
        f" instead of {rate:g} is enough."
    )
    return Draft("sample_rate", name, says, {**facts, "rate": rate}, {"rate": lower})


def _opened(rule: _Rule, threshold: float | None, *more: dict[str, str]) -> dict[str, Any]:
    """A hard rule's keys as an exception gate."""
    triggers = [GUARD, *more]
    if threshold:
        reason = f"Confidence {{confidence}} is below {threshold:g}"
        triggers.append({"when": f"confidence < {threshold!r}", "reason": reason})
    on_failure = rule.get("on_failure", "review")
    return {"gate": "exception", "exceptions": triggers, "on_failure": on_failure}


def _floor(seen: Asked) -> float | None:
    """The lowest confidence of which there is experience, where every case gave one."""
    if seen.unsure or not seen.agreed:
        return None
    return math.ceil(_percent(min(seen.agreed))) / 100


def _percent(confidence: float) -> float:
    # 0.29 * 100 is a little less than 29.
    return round(confidence * 100, 6)


def _lowered(triggers: list[dict[str, Any]], threshold: float) -> list[dict[str, Any]] | None:
    """The triggers with a lower threshold and the guard; None where no plain one is higher."""
    lowered, found = [], False
    for trigger in triggers:
        match = _BELOW.fullmatch(trigger["when"])
        if match is None or float(match[1]) <= threshold:
            lowered.append(trigger)
            continue
        found = True
        changed = {**trigger, "when": f"confidence < {threshold!r}"}
        if "reason" in trigger:
            changed["reason"] = trigger["reason"].replace(match[1], f"{threshold:g}")
        lowered.append(changed)
    return [*(t for t in [GUARD] if t not in lowered), *lowered] if found else None


def _seconds(seconds: float) -> str:
    return show_duration(max(1.0, seconds))
