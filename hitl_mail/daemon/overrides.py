"""A team's own templates that are broken: the log, `status` and one mail to the admins say so.

The mail or page is made from the shipped template meanwhile, by whoever found out; this only tells.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field

import msgspec

from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.notices import tell_admins
from hitl_mail.daemon.world import World

log = logging.getLogger(__name__)


@dataclass
class Overrides:
    """What is broken now, for `status`, and what of it the admins have not been told."""

    engine: Engine
    world: World
    now: dict[str, str] = field(default_factory=dict)
    _untold: list[tuple[str, str]] = field(default_factory=list)

    def broken(self, name: str, what: str) -> None:
        """Take note; an empty `what` says that it is well again. A mail is written in the middle
        of other work, so the admins are told later."""
        self.now.pop(name, None)
        if not what:
            log.warning("templates/%s is used again", name)
            return
        self.now[name] = what
        log.error("templates/%s is not used: %s", name, what)
        self._untold.append((name, what))

    async def tell(self) -> None:
        """Owe the admins a mail about each that they have not been told of, restarts included."""
        untold, self._untold = self._untold, []
        for name, what in untold:
            mark = "template " + hashlib.sha256(f"{name}\0{what}".encode()).hexdigest()
            if mark in self.engine.desk.seen:
                continue
            told = tell_admins(
                self.engine,
                self.world,
                f"Your template {name} is not used",
                (
                    f"templates/{name} of this site is broken, and the one that ships with "
                    "hitl-mail stands in for it:",
                    what,
                    "Mend the file, or remove it. It is tried again with the next mail or page.",
                ),
            )
            marked = [msgspec.structs.replace(notice, message_id=mark) for notice in told]
            if marked:
                await self.engine.note(*marked)
