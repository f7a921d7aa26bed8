"""Cases that nobody, or too few, may decide as the settings are: why, and the mend.

An agent's owner and whom it acts for never decide; in a small site that may leave nobody, and such
a case must not wait unseen. Knows the settings, and of the rules only what a case keeps of them;
`status`, `queue` and `show` ask here as the daemon does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from hitl_mail.core.case import Case
from hitl_mail.core.quorum import is_asked, lacking, members, too_few
from hitl_mail.core.verdict import ADMINS, Quorum
from hitl_mail.settings import Site


@dataclass(frozen=True)
class Stuck:
    """`who` is nobody or too few, `why` one clause, `mend` another."""

    who: str
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.who} may decide it: {self.why}; {self.mend}"


class Undecided:
    """Looks at cases with the settings of one moment."""

    def __init__(self, site: Site, now: Callable[[], float]) -> None:
        self._site = site
        self._now = now
        # With a hundred thousand cases to look at, the usual has to cost next to nothing.
        self._excluded = functools.lru_cache(4096)(site.excluded)
        self._able = functools.lru_cache(4096)(self._count)

    def look(self, case: Case) -> Stuck | None:
        """What keeps a case from ever being decided; None for all others."""
        if not is_asked(case):
            return None
        excluded = self._excluded(case.agent, case.requested_by)
        quorums = lacking(case)
        enough = [self._able(quorum.refs, excluded) >= quorum.approvals for quorum in quorums]
        if all(enough):
            return None
        names = self._site.answering(excluded, self._site.stand_ins(self._now()))
        short = too_few(case, names)
        return self._stuck(case, short, excluded) if short else None

    def _count(self, refs: tuple[str, ...], excluded: frozenset[str]) -> int:
        people = members(refs, self._site.members()) & self._site.people.keys()
        return len(people - excluded)

    def _stuck(self, case: Case, short: tuple[Quorum, ...], excluded: frozenset[str]) -> Stuck:
        able = [self._able(quorum.refs, excluded) for quorum in short]
        who = "nobody" if not all(able) else "too few"
        rules = " and ".join(dict.fromkeys(quorum.rule for quorum in short))
        named = {p for q in short for p in members(q.refs, self._site.members())}
        own = ", ".join(sorted(named & excluded))
        if own:
            why = f"{own} asked for it, or owns the agent that did, and never approves it"
        else:
            refs = ", ".join(dict.fromkeys(r for q in short for r in q.refs if r != ADMINS))
            why = f"it takes more people than answer to {refs or 'the admins'} in hitl-mail.toml"
        many = max(quorum.approvals for quorum in short)
        if many > 1:
            why = f"{why} ({rules} takes {many})"
        return Stuck(who, why, _mend(case, all(ADMINS in quorum.refs for quorum in short)))


def _mend(case: Case, admins_may: bool) -> str:
    if not admins_may:
        return "name such people in hitl-mail.toml, and start the daemon again"
    rules = ", or among the reviewers in rules.toml" if case.status == "pending" else ""
    mend = f"name somebody else among the admins in hitl-mail.toml{rules}"
    return f"{mend}, and start the daemon again: they are asked then"
