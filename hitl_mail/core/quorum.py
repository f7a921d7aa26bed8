"""Who may answer for a rule, and whether enough of them have.

Each asking rule keeps its own quorum of its own people, and all must be met; one person's
approval counts in every quorum they belong to (design 1.3). A person counts once, whatever their
aliases and doors. The agent's owner and the person it acts for never count (design 3.4); where
that leaves a quorum short the admins are added, and it is never lowered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hitl_mail.core.case import Case
from hitl_mail.core.events import Decision
from hitl_mail.core.verdict import ADMINS, DOORS, Quorum

SETTLE = "settle"
"""The name that stands for a rule where people settle a case that is held or in doubt."""


def members(refs: Iterable[str], groups: Mapping[str, Collection[str]]) -> set[str]:
    """The people that names of people and groups stand for. `groups` holds `ADMINS` too."""
    people: set[str] = set()
    for ref in refs:
        people.update(groups.get(ref, (ref,)))
    return people


def seat(
    rule: str,
    approvals: int,
    refs: tuple[str, ...],
    groups: Mapping[str, Collection[str]],
    excluded: Collection[str],
) -> Quorum:
    """The quorum of one rule, the excluded left out and the admins added where it falls short."""
    eligible = members(refs, groups) - set(excluded)
    if len(eligible) < approvals and ADMINS not in refs:
        refs = (*refs, ADMINS)
        eligible = members(refs, groups) - set(excluded)
    return Quorum(rule, approvals, refs, tuple(sorted(eligible)))


def unmet(
    quorums: Iterable[Quorum], decisions: Iterable[Decision], revision: int
) -> dict[str, int]:
    """How many approvals each quorum still lacks at this revision, by rule; met ones are absent."""
    approvals = [d for d in decisions if d.verb == "approve" and d.revision == revision]
    lacking = {}
    for quorum in quorums:
        have = {d.by for d in approvals if quorum.rule in d.counts}
        if len(have) < quorum.approvals:
            lacking[quorum.rule] = quorum.approvals - len(have)
    return lacking


def deciders(case: Case) -> tuple[Quorum, ...]:
    """The quorums whose people the case waits for now.

    A case that is held or in doubt is settled by those who could have approved it, or else by
    the policy's standby, and in either case by an admin: somebody must be able to. Only through
    doors that each of the rules takes, or else not by link, which proves least.
    """
    if case.in_review:
        return case.verdict.reviews
    if case.status not in ("held", "in_doubt"):
        return case.quorums
    asked = case.quorums or (case.verdict.standby,)
    refs = dict.fromkeys((*(ref for quorum in asked for ref in quorum.refs), ADMINS))
    people = {person for quorum in asked for person in quorum.reviewers}
    doors = tuple(door for door in DOORS if all(door in quorum.doors for quorum in asked))
    return (Quorum(SETTLE, 1, tuple(refs), tuple(sorted(people)), doors or ("mail", "cli")),)


def askable(case: Case) -> tuple[str, ...]:
    """The people to write to, each once, sorted."""
    return tuple(sorted({person for quorum in deciders(case) for person in quorum.reviewers}))
