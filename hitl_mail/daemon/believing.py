"""What to believe of a letter, with our own DKIM check where no server of ours has made one.

The check asks the DNS, so it runs in a thread, and only for a mail that could decide: a stranger's
mail makes us ask nobody. Must not know what the mail says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hitl_mail.review.dkim import FindTxt, check_dkim
from hitl_mail.review.sender import Belief, believe, needs_own_check
from hitl_mail.review.tokens import Tokens
from hitl_mail.settings import Authentication


async def find_belief(
    message: bytes,
    tokens: Tokens,
    settings: Authentication,
    people: Mapping[str, tuple[str, ...]],
    find_txt: FindTxt,
    now: float,
) -> Belief:
    """`believe`, and once more with our own check where that is what it needs. `people` maps each
    person to their addresses."""
    require, authserv_id = settings.require, settings.authserv_id
    belief = believe(message, tokens, require, authserv_id)
    if belief.from_address is None or not needs_own_check(belief, require, authserv_id, people):
        return belief
    found = await asyncio.to_thread(check_dkim, message, belief.from_address, find_txt, now)
    return believe(message, tokens, require, authserv_id, found)
