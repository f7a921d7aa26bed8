"""The one way from what a person said, through whichever door, to the command `Decide`.

Doors say who (a believed sender, a link's bearer, an OS user), what, and at which revision; here
it is looked up what that person is in this site now, what an edit makes of the payload and what
the rules say of that, and whom a question may be handed to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.canonical import canonical, parse_json
from hitl_mail.core.case import Case, heard
from hitl_mail.core.commands import Change, Decide, Target
from hitl_mail.core.events import Verb, Via
from hitl_mail.core.quorum import routes
from hitl_mail.core.said import NO_ROUTE, seats
from hitl_mail.daemon.world import World
from hitl_mail.errors import NotAllowed, Refused
from hitl_mail.review.closing import is_condition
from hitl_mail.review.edits import BadEdit, Edit, apply_edit

RUNS: tuple[Verb, ...] = ("approve", "retry")
"""After these an action may run."""

CONDITION = (
    "the note reads like a condition, and what is approved runs exactly as it was shown. Leave the"
    " note away, or word it without one; to change something, edit it first"
)


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said of a case. `seen` is the digest of the revision they saw; `to` is whom
    they hand the question to; `edit` what they want changed."""

    person: str
    verb: Verb
    via: Via
    seen: str
    note: str = ""
    to: str = ""
    edit: Edit | None = None
    evidence: dict[str, Any] = {}
    message_id: str | None = None


@dataclass
class Deciding:
    """Makes commands of what people say."""

    world: World

    def plain(self, case: Case, said: Spoken) -> Decide:
        """The command without what an edit changes or whom a route names."""
        return Decide(
            said.person,
            self.world.names_of(case, said.person),
            said.person in self.world.excluded(case),
            said.verb,
            said.via,
            said.seen,
            said.note,
            said.evidence,
            said.message_id,
        )

    def command(self, case: Case, said: Spoken) -> Decide:
        """The command. Raises `NotAllowed` for an edit or a target that cannot be, and for an
        approval with a condition; what was read in a mail has none (`review.reply`)."""
        command = self.plain(case, said)
        conditional = said.via != "mail" and said.verb in RUNS and is_condition(said.note)
        again = said.message_id and heard(said.person, said.message_id) in case.seen
        if again or not (conditional or said.verb in ("edit", "route")):
            return command
        # Whoever may not say it is told that, and nothing of what they named.
        seats(case, command, self.world.now())
        if conditional:
            raise NotAllowed("ambiguous", CONDITION)
        if said.verb == "route":
            target = self._target(case, said.person, said.to)
            return msgspec.structs.replace(command, target=target)
        return msgspec.structs.replace(command, change=self._change(case, said.edit))

    def _target(self, case: Case, person: str, to: str) -> Target:
        site = self.world.site
        name = _known(to, (*site.people, *site.groups))
        if name is None:
            others = ", ".join(routes(case, person)) or f"nobody{NO_ROUTE}"
            what = f"no person and no group is called {to}" if to else "it has to say to whom"
            raise NotAllowed("no_target", f"{what}; you can hand it to: {others}")
        people = site.groups.get(name, (name,))
        excluded = self.world.excluded(case)
        able = {one: site.names_of(one) for one in people if one not in excluded}
        return Target(name, able, self.world.away(case))

    def _change(self, case: Case, edit: Edit | None) -> Change:
        if edit is None:
            raise NotAllowed("bad_edit", "it has to say what to change")
        try:
            payload = apply_edit(case.payload, edit)
            # Whatever a door made of it, it is held to what an agent's file is held to.
            document = parse_json(canonical({**case.action, "payload": payload}))
            action = read_message(document, case.action_id)
        except (BadEdit, Refused) as error:
            raise NotAllowed("bad_edit", str(error)) from None
        if not isinstance(action, Action):
            raise NotAllowed("bad_edit", "the edit leaves no action")
        complaints = self.world.policy.complaints(case.kind, payload)
        if complaints:
            raise NotAllowed("bad_edit", "; ".join(complaints))
        return Change(
            action.payload,
            self.world.policy.title(action),
            self.world.judge(action, case.agent, case.id),
            self.world.executor_ref(case.kind),
        )


def _known(name: str, names: tuple[str, ...]) -> str | None:
    """The name as the site spells it; upper or lower case does not matter."""
    found = [known for known in names if known.casefold() == name.strip().casefold()]
    return found[0] if found else None
