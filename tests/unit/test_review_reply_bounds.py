"""No mail takes long to read, whatever somebody made of it."""

from __future__ import annotations

import time

import pytest

from hitl_mail.review.reply import read_reply
from hitl_mail.review.sender import believe
from tests.bad_mails import BAD
from tests.mails import TOKENS

SECONDS_A_MEGABYTE = 12.0
"""Of this process's own time. Ten times what the worst of them takes: what is quadratic takes a
hundred times as long, and no busy machine makes this fail."""


@pytest.mark.parametrize("name", BAD)
def test_the_worst_mails_take_a_time_that_grows_with_their_size(name: str) -> None:
    message = BAD[name]
    began = time.process_time()
    read_reply(message, TOKENS.is_ours)
    believe(message, TOKENS, "token")
    assert time.process_time() - began < SECONDS_A_MEGABYTE * max(len(message) / 1e6, 0.25)


@pytest.mark.parametrize("name", BAD)
def test_what_is_read_of_them_is_bounded(name: str) -> None:
    found = read_reply(BAD[name], TOKENS.is_ours)
    assert len(found.lines) <= 2000
    assert max((len(line) for line in found.lines), default=0) <= 4000
    assert len(found.note) <= 2000
