"""Where the rules could ask less, from what people said of past cases; each change proven.

Two passes over the history: the first counts what people said (`evidence`), the drafts follow
from the counts alone (`drafts`), and the second judges every case again under each draft. Nothing
is proposed that would open an action with one of the `GUARDED` effects or without a way back: a
rule that asked about one is left alone, every opened rule carries a trigger for them, and a draft
under which one would run is dropped. See docs/policy-history.md for the numbers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_mail.core.verdict import Verdict
from hitl_mail.errors import ConfigError
from hitl_mail.policy.drafts import Draft, drafts
from hitl_mail.policy.evidence import Asked, Sampled
from hitl_mail.policy.history import Entry, Past, Review, walk
from hitl_mail.policy.replay import Judge, Replay, alone, guarded
from hitl_mail.policy.rewrite import Change, change

if TYPE_CHECKING:
    from hitl_mail.policy.judge import Policy

ReadHistory = Callable[[], Iterable[Entry]]
"""Begins the history anew, in closing order."""


class Tools(NamedTuple):
    """What the caller provides: how a changed text is loaded (raises `ConfigError`), and how a
    policy judges a past case."""

    load: Callable[[str], Policy]
    judge_by: Callable[[Policy], Judge]


class Suggestion(NamedTuple):
    """One draft, its change of text, and what it would have done; both None where no change is
    safe enough to be written down."""

    draft: Draft
    change: Change | None
    replay: Replay | None
    asks_now: int
    asks_then: int

    def document(self) -> dict[str, Any]:
        """The suggestion as JSON. `asks` is the effect of this change alone, while the replay
        compares with what was done, under whatever rules there were."""
        return {
            "what": self.draft.what,
            "rule": self.draft.rule,
            "says": self.draft.says,
            "evidence": self.draft.evidence,
            "change": {"old": self.change.old, "new": self.change.new} if self.change else None,
            "asks": {"now": self.asks_now, "then": self.asks_then},
            "replay": self.replay.report() if self.replay else None,
        }


class Suggestions(NamedTuple):
    """All suggestions, and on how many cases they rest."""

    found: list[Suggestion]
    actions: int
    unreadable: int


def suggest(read: ReadHistory, policy: Policy, tools: Tools, since: str = "") -> Suggestions:
    """What `policy` could ask less, by the cases closed at `since` or later."""
    rules = {rule["name"]: rule for rule in tomllib.loads(policy.text).get("rules", ())}
    judge = tools.judge_by(policy)
    counted = _Count(policy, rules)
    for entry, typical in walk(read(), since):
        readable = isinstance(entry, Past) and entry.action is not None
        counted.add(entry, judge(entry, typical) if isinstance(entry, Past) and readable else None)
    trials = []
    for draft in drafts(rules, counted.asked, counted.sampled, counted.actions):
        trial = _trial(draft, policy, tools)
        if trial is not None:
            trials.append(trial)
    if any(trial.judge for trial in trials):
        _try(trials, read, policy, judge, since)
    found = [trial.suggestion(counted.asks) for trial in trials if trial.holds(counted.asks)]
    return Suggestions(found, counted.actions, counted.unreadable)


class _Count:
    """The first pass."""

    def __init__(self, policy: Policy, rules: Mapping[str, Mapping[str, Any]]) -> None:
        self.policy = policy
        self.actions = 0
        self.asks = 0
        self.unreadable = 0
        self.asked = {n: Asked() for n, r in rules.items() if r["gate"] in ("hard", "exception")}
        self.sampled = {name: Sampled() for name, r in rules.items() if r["gate"] == "sample"}
        self._waiting: dict[str, list[str]] = {}
        """The sample rules of cases whose review has not come yet."""

    def add(self, entry: Entry, verdict: Verdict | None) -> None:
        """One entry, with what the rules of today say where they can."""
        if isinstance(entry, Review):
            for name in self._waiting.pop(entry.case, ()):
                self.sampled[name].add_review(entry)
            return
        self.actions += 1
        if verdict is None:
            self.unreadable += 1
            for name in self.asked.keys() & set(entry.asking):
                self.asked[name].add_unreadable(entry)
            return
        self.asks += verdict.asks
        is_guarded = _guarded(entry, self.policy)
        still = _matched(verdict)
        for name in entry.asking:
            if name in self.asked and name in still:
                self.asked[name].add(entry, is_guarded=is_guarded)
        drew = [name for name in entry.rules if name in self.sampled and entry.gate == "sample"]
        for name in drew:
            self.sampled[name].add(entry, is_guarded=is_guarded)
        if drew and entry.sampled:
            self._waiting[entry.case] = drew


class _Trial:
    """One draft in the second pass; without a judge it has no change to try."""

    def __init__(self, draft: Draft, change: Change | None, judge: Judge | None) -> None:
        self.draft = draft
        self.change = change
        self.judge = judge
        self.replay = Replay()
        self.opened_wrongly = 0

    def add(self, past: Past, typical: Mapping[str, float], now: Verdict, policy: Policy) -> None:
        # A draft changes what a rule demands, never when it matches.
        same = self.judge is None or self.draft.rule not in _matched(now)
        then = now if same or self.judge is None else self.judge(past, typical)
        self.replay.add(past, then)
        if now.asks and alone(then) and (past.refused or _guarded(past, policy)):
            self.opened_wrongly += 1

    def holds(self, asks_now: int) -> bool:
        """Whether it does what it is for, and opens nothing that must not be."""
        if self.judge is None:
            return True
        fewer = self.draft.what == "sample_rate" or self.replay.asks_after < asks_now
        return fewer and not self.opened_wrongly

    def suggestion(self, asks_now: int) -> Suggestion:
        if self.judge is None:
            return Suggestion(self.draft, None, None, asks_now, asks_now)
        then = self.replay.asks_after
        return Suggestion(self.draft, self.change, self.replay, asks_now, then)


def _trial(draft: Draft, policy: Policy, tools: Tools) -> _Trial | None:
    """The draft ready to be tried; None where its change cannot be written or loaded."""
    if draft.changes is None:
        return _Trial(draft, None, None)
    changed = change(policy.text, draft.rule, draft.changes)
    if changed is None:
        return None
    try:
        return _Trial(draft, changed, tools.judge_by(tools.load(changed.text)))
    except ConfigError:
        return None


def _try(trials: list[_Trial], read: ReadHistory, policy: Policy, judge: Judge, since: str) -> None:
    """The second pass: every case under every draft."""
    for entry, typical in walk(read(), since):
        if not isinstance(entry, Past):
            continue
        if entry.action is None:
            for trial in trials:
                trial.replay.skip(entry)
            continue
        now = judge(entry, typical)
        for trial in trials:
            trial.add(entry, typical, now, policy)


def _guarded(past: Past, policy: Policy) -> bool:
    kind, _ = policy.kinds.get(past.kind, (None, None))
    return past.action is None or guarded(past.action, kind)


def _matched(verdict: Verdict) -> frozenset[str]:
    return frozenset(trace.rule for trace in verdict.trace if trace.matched)
