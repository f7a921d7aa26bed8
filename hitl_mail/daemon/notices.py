"""Mails to the admins about the site itself."""

from __future__ import annotations

from hitl_mail.core.desk import Notice, Noticed
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.world import World


def tell_admins(
    engine: Engine, world: World, subject: str, paragraphs: tuple[str, ...], mark: str | None = None
) -> list[Noticed]:
    """The events by which every admin is told; recorded with whatever they are told about. The
    desk remembers a `mark`, so that they are told once."""
    now, made = engine.clock.now(), engine.desk.made
    return [
        Noticed(now, Notice(f"n{made + 1 + index}", admin, subject, paragraphs, now), mark)
        for index, admin in enumerate(world.site.site.admins)
    ]
