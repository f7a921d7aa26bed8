"""Letters of every sort at the door where a reply becomes a decision.

Nothing raises, noise decides nothing, what decides bears the secret and is from its person, and a
letter that comes twice counts once.
"""

from __future__ import annotations

import asyncio
import base64
import quopri
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.core.case import Case
from hitl_mail.core.desk import Desk
from hitl_mail.daemon.letters import Letters
from hitl_mail.ports import Letter
from hitl_mail.review.anchors import read_anchors
from hitl_mail.review.bounce import read_bounce
from hitl_mail.review.reply import read_reply
from hitl_mail.settings import Authentication, Mail
from tests.bad_mails import BAD
from tests.factories import CASE, POLICY
from tests.fuzz.homes import no_fault
from tests.fuzz.mutate import THORNS, Draw, mutated
from tests.fuzz.profile import corpus, fuzzed, timely, within
from tests.mails import STYLES, TOKENS, composed, reply
from tests.mails import site as facts
from tests.offices import Office, site
from tests.web.office import Nothing

Require = str


class Desk_:
    """An office with a letter box. ada is asked about one refund; `require` is what makes a sender
    believed."""

    def __init__(self, require: str = "token") -> None:
        known = site()
        settings = Authentication(require=require)  # type: ignore[arg-type]
        mail = Mail(address=TOKENS.address, authentication=settings)
        self.office = Office(msgspec.structs.replace(known, mail=mail))
        self.office.engine.cases[CASE] = asked()
        self.letters = Letters(
            self.office.engine,
            Nothing(),  # type: ignore[arg-type]
            self.office.world,
            TOKENS,
            facts(),
            self.office.deciding,
            lambda _: None,
        )

    def deliver(self, message: bytes) -> Case:
        """The case after the letter came, twice."""

        async def come() -> Case:
            await self.letters.handle(Letter(message=message, place="mail/in/new/1"))
            once = self.office.engine.cases.get(CASE, asked()), self.office.engine.desk
            await self.letters.handle(Letter(message=message, place="mail/in/new/1"))
            twice = self.office.engine.cases.get(CASE, asked()), self.office.engine.desk
            assert decided(once[0]) == decided(twice[0])
            assert len(once[1].pending) == len(twice[1].pending)
            return twice[0]

        with no_fault():
            return asyncio.run(come())
