"""Links, reply addresses, Message-IDs, permits: one changed bit, and it is nobody's.

Letters of an address may change their case on the way, as RFC 5321 lets servers do; nothing else.
"""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.review.links import BadLink, Links, Purpose
from hitl_mail.review.tokens import Tokens, permit_matches, permit_token
from tests.factories import CASE
from tests.fuzz.mutate import flipped, mutated
from tests.fuzz.profile import fuzzed, timely, within

KEYS = [b"n" * 32, b"o" * 32]
LINKS, TOKENS = Links(KEYS), Tokens("approvals@example.com", KEYS)
SEEN = "sha256:" + "1" * 64
PEOPLE = ("ada", "bob", "cleo")
LINK = LINKS.make("decide", CASE, SEEN, "ada", 1_795_341_600)
OLD_LINK = Links(KEYS[1:]).make("decide", CASE, SEEN, "ada", 1_795_341_600)
ADDRESS = TOKENS.reply_address(CASE, 1, SEEN, "ada")
MESSAGE_ID = TOKENS.message_id(CASE, 1, "m1", SEEN, "ada")
PERMIT = permit_token(KEYS[0], CASE, 1, SEEN)
_purposes = st.sampled_from(get_args(Purpose))
_texts = st.text(max_size=300) | mutated([t.encode() for t in (LINK, ADDRESS, MESSAGE_ID)]).map(
    lambda data: data.decode("latin-1")
)


def opens(token: str, purpose: Purpose = "decide") -> bool:
    try:
        LINKS.read(purpose, token)
    except BadLink:
        return False
    return True


def holder(address: str) -> str | None:
    claim = TOKENS.parse_address(address) or TOKENS.parse_message_id(address)
    return TOKENS.find_person(claim, SEEN, PEOPLE) if claim and claim.revision == 1 else None


def test_what_was_made_is_theirs() -> None:
    assert (opens(LINK), opens(OLD_LINK)) == (True, True)
    assert (holder(ADDRESS), holder(MESSAGE_ID)) == ("ada", "ada")
    assert permit_matches(PERMIT, KEYS, CASE, 1, SEEN)


@pytest.mark.parametrize("link", [LINK, OLD_LINK], ids=["new key", "old key"])
def test_a_link_with_one_changed_bit_opens_nothing(link: str) -> None:
    changed = [flipped(link.encode(), bit) for bit in range(8 * len(link))]
    assert [token for token in changed if opens(token.decode("latin-1"))] == []


@pytest.mark.parametrize("address", [ADDRESS, MESSAGE_ID], ids=["address", "message id"])
def test_a_secret_with_one_changed_bit_is_nobodys(address: str) -> None:
    changed = (flipped(address.encode(), bit) for bit in range(8 * len(address)))
    texts = [data.decode("latin-1") for data in changed]
    assert [t for t in texts if t.lower() != address.lower() and holder(t)] == []


def test_a_permit_with_one_changed_bit_permits_nothing() -> None:
    changed = [flipped(PERMIT.encode(), bit).decode("latin-1") for bit in range(8 * len(PERMIT))]
    assert [token for token in changed if permit_matches(token, KEYS, CASE, 1, SEEN)] == []


@fuzzed(300)
@given(_texts, _purposes)
@example(LINK, "receipt")
@example(LINK + "=", "decide")
@example(LINK + "\n", "decide")
@example("." * 2000, "decide")
@timely
def test_any_other_text_opens_nothing(text: str, purpose: Purpose) -> None:
    with within(0.5):
        assert opens(text, purpose) == ((text, purpose) in [(LINK, "decide"), (OLD_LINK, "decide")])


@fuzzed(300)
@given(_texts)
@timely
def test_any_other_text_is_nobodys_address(text: str) -> None:
    with within(0.5):
        found = holder(text)
        permitted = permit_matches(text, KEYS, CASE, 1, SEEN)
    known = {ADDRESS.lower(), MESSAGE_ID.lower()}
    assert (found, permitted) == ("ada" if text.lower() in known else None, False)


@fuzzed(200)
@given(
    _purposes,
    *[st.text(max_size=30).filter(lambda t: t.isprintable()) for _ in range(3)],
    st.integers(0, 2**31),
)
@timely
def test_a_link_says_what_it_was_made_for(
    purpose: Purpose, case: str, seen: str, person: str, at: int
) -> None:
    token = LINKS.make(purpose, case, seen, person, at)
    found = LINKS.read(purpose, token)
    assert (found.case, found.seen, found.person, found.at) == (case, seen, person, at)
    assert not any(opens(token, other) for other in get_args(Purpose) if other != purpose)
