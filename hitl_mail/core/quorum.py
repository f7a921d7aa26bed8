"""Who may answer for a rule, and whether enough of them have.

Each asking rule keeps its own quorum of its own people, and all must be met; one person's
approval counts in every quorum they belong to (design 1.3). A person counts once, whatever their
aliases and doors. The agent's owner and the person it acts for never count (design 3.4); where
that leaves a quorum short the admins are added, and it is never lowered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from hitl_mail.core.case import Case
from hitl_mail.core.events import Decision
from hitl_mail.core.verdict import ADMINS, DOORS, Door, Quorum

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
    away: Mapping[str, str] = MappingProxyType({}),
) -> Quorum:
    """The quorum of one rule, the excluded left out and the admins added where it falls short.

    In the place of people who are `away`, those they are mapped to are asked.
    """
    eligible = members(refs, groups) - set(excluded)
    if len(eligible) < approvals and ADMINS not in refs:
        refs = (*refs, ADMINS)
        eligible = members(refs, groups) - set(excluded)
    return Quorum(rule, approvals, refs, asked(eligible, excluded, away, approvals))


def asked(
    people: Collection[str],
    excluded: Collection[str],
    away: Mapping[str, str],
    approvals: int = 1,
) -> tuple[str, ...]:
    """Whom to ask where `people` would be: their stand-ins for those who are away, sorted.

    Nobody who is excluded stands in for anybody; where stand-ins leave too few, all are asked.
    """
    present = {p if away.get(p) in excluded else away.get(p, p) for p in people}
    return tuple(sorted(present if len(present) >= approvals else {*present, *people}))


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


def lacking(case: Case) -> list[Quorum]:
    """The quorums that the case waits for, as it stands."""
    if case.status != "pending":
        return list(deciders(case))
    if not case.decisions:
        return [quorum for quorum in case.quorums if quorum.approvals > 0]
    short = unmet(case.quorums, case.decisions, case.revision.number)
    return [quorum for quorum in case.quorums if quorum.rule in short]


def missing(case: Case, quorum: Quorum) -> list[str]:
    """Those of a quorum who were asked and have not approved this revision."""
    if not case.decisions:
        return list(quorum.reviewers)
    said = {d.by for d in approvals(case) if quorum.rule in d.counts}
    return [person for person in quorum.reviewers if person not in said]


def approvals(case: Case) -> list[Decision]:
    """What counts for the revision that would run."""
    number = case.revision.number
    return [d for d in case.decisions if d.verb == "approve" and d.revision == number]


def approved_by_rule(case: Case) -> dict[str, set[tuple[str, Door]]]:
    """By rule, those whose approval counts for the revision that would run, and their doors."""
    found: dict[str, set[tuple[str, Door]]] = {}
    for decision in approvals(case):
        for rule in decision.counts:
            found.setdefault(rule, set()).add((decision.by, decision.via))
    return found


def waiting_for(case: Case) -> tuple[str, ...]:
    """The people whose word is still missing, sorted."""
    if not is_asked(case):
        return ()
    quorums = lacking(case)
    if len(quorums) == 1 and not case.decisions:
        return quorums[0].reviewers
    return tuple(sorted({p for quorum in quorums for p in missing(case, quorum)}))


def unreached_now(case: Case) -> tuple[str, ...]:
    """Those of `waiting_for` whom no question reaches, as far as is known."""
    return tuple(person for person in waiting_for(case) if person in case.unreached)


def out_of_reach(case: Case) -> tuple[str, ...]:
    """Those whom no question reaches, of the quorums that cannot be met without them; sorted."""
    if not case.unreached or not waiting_for(case):
        return ()
    short = unmet(lacking(case), case.decisions, case.revision.number)
    lost: set[str] = set()
    for quorum in lacking(case):
        people = missing(case, quorum)
        gone = [person for person in people if person in case.unreached]
        if len(people) - len(gone) < short[quorum.rule]:
            lost.update(gone)
    return tuple(sorted(lost))


def too_few(case: Case, names: Mapping[str, frozenset[str]]) -> tuple[Quorum, ...]:
    """The quorums the case waits for that cannot be met by all who may decide. `names` are what
    those people, and nobody else, answer to."""
    if not is_asked(case):
        return ()
    quorums = lacking(case)
    short = unmet(quorums, case.decisions, case.revision.number)
    found = []
    for quorum in quorums:
        said = {d.by for d in approvals(case) if quorum.rule in d.counts}
        able = {p for p, refs in names.items() if not refs.isdisjoint(quorum.refs)} - said
        if len(able) < short.get(quorum.rule, 0):
            found.append(quorum)
    # One word, of whichever rule's people, ends a review.
    return () if case.in_review and len(found) < len(quorums) else tuple(found)


def is_asked(case: Case) -> bool:
    """Whether people are waited for, be there any or not."""
    return case.status in ("pending", "held", "in_doubt") or case.in_review


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


def routes(case: Case, person: str) -> tuple[str, ...]:
    """The names of people and groups to whom this person may hand the question, sorted. Names of
    nobody but this person are none of them."""
    mine = [quorum for quorum in case.quorums if person in quorum.reviewers]
    names = {name for quorum in mine for name in quorum.route_to}
    for quorum in mine:
        if quorum.reviewers != (person,):
            names.update((*quorum.refs, *quorum.reviewers))
    return tuple(sorted(names - {person, ADMINS}))
