"""Tokens, Message-IDs, permits and links: what they bind, and that nothing else verifies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.review.links import BadLink, LinkClaim, Links, link_url
from hitl_mail.review.tokens import Claim, Tokens, permit_matches, permit_token

CASE, SEEN = "261122-k3f9ma", "sha256:" + "ab" * 32
NEW, OLD = b"n" * 32, b"o" * 32
PEOPLE = ("ada", "bob", "cleo")


def tokens(*keys: bytes, address: str = "approvals@example.com") -> Tokens:
    return Tokens(address, keys or (NEW,))


def claim_of(address: str) -> Claim:
    claim = tokens().parse_address(address)
    assert claim is not None
    return claim


def test_a_reply_address_fits_a_local_part() -> None:
    address = tokens().reply_address(CASE, 1, SEEN, "ada")
    local = address.partition("@")[0]
    assert local.startswith("approvals+261122-k3f9ma-1-")
    assert len(local) <= 64


def test_a_local_part_without_room_for_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 28 characters"):
        tokens(address="a" * 29 + "@example.com")


@pytest.mark.parametrize("address", ["a+b@example.com", "a@b@c", "ä@example.com", "a", "a@b\r\nc"])
def test_an_address_that_is_not_plain_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="plain local@domain"):
        tokens(address=address)


def test_a_reply_address_says_what_it_is_for_in_any_case() -> None:
    address = tokens().reply_address(CASE, 12, SEEN, "ada")
    found = tokens().parse_address(address.upper())
    assert found == claim_of(address)
    assert (claim_of(address).case, claim_of(address).revision) == (CASE, 12)


def test_the_token_names_its_person() -> None:
    claim = claim_of(tokens().reply_address(CASE, 1, SEEN, "bob"))
    assert tokens().find_person(claim, SEEN, PEOPLE) == "bob"


def test_a_token_of_another_revision_names_nobody() -> None:
    claim = claim_of(tokens().reply_address(CASE, 1, SEEN, "bob"))
    assert tokens().find_person(claim, "sha256:" + "cd" * 32, PEOPLE) is None


def test_a_token_of_another_case_names_nobody() -> None:
    claim = claim_of(tokens().reply_address("261122-aaaaaa", 1, SEEN, "bob"))
    moved = Claim(CASE, claim.revision, claim.token)
    assert tokens().find_person(moved, SEEN, PEOPLE) is None


def test_old_keys_verify_and_the_newest_signs() -> None:
    old = claim_of(tokens(OLD).reply_address(CASE, 1, SEEN, "ada"))
    assert tokens(NEW, OLD).find_person(old, SEEN, PEOPLE) == "ada"
    assert tokens(NEW, OLD).reply_address(CASE, 1, SEEN, "ada") == tokens(NEW).reply_address(
        CASE, 1, SEEN, "ada"
    )


def test_a_retired_key_verifies_nothing() -> None:
    old = claim_of(tokens(OLD).reply_address(CASE, 1, SEEN, "ada"))
    assert tokens(NEW).find_person(old, SEEN, PEOPLE) is None


@pytest.mark.parametrize(
    "address",
    [
        "approvals@example.com",
        "approvals+x@example.com",
        "approvals+261122-k3f9ma-0-aaaaaaaaaaaaaaaa@example.com",
        "approvals+261122-k3f9ma-1-aaaaaaaaaaaaaaa@example.com",
        "approvals+261122-k3f9ma-1-aaaaaaaaaaaaaaaa@evil.test",
        "other+261122-k3f9ma-1-aaaaaaaaaaaaaaaa@example.com",
        "",
    ],
)
def test_other_addresses_claim_nothing(address: str) -> None:
    assert tokens().parse_address(address) is None


def test_a_message_id_says_which_mail_it_was() -> None:
    made = tokens().message_id(CASE, 2, "m3", SEEN, "ada")
    claim = tokens().parse_message_id(made)
    assert claim is not None
    assert (claim.case, claim.revision, claim.mail) == (CASE, 2, "m3")
    assert tokens().find_person(claim, SEEN, PEOPLE) == "ada"


def test_the_token_of_an_address_is_not_that_of_a_message_id() -> None:
    address = claim_of(tokens().reply_address(CASE, 1, SEEN, "ada"))
    moved = Claim(CASE, 1, address.token, "m1")
    assert tokens().find_person(moved, SEEN, PEOPLE) is None


def test_our_address_is_known_in_all_its_forms() -> None:
    found = [
        tokens().is_ours(address)
        for address in (
            "Approvals@Example.com",
            "approvals+x@example.com",
            "approvalsx@example.com",
            "approvals@evil.test",
        )
    ]
    assert found == [True, True, False, False]


@given(st.text())
def test_no_text_makes_the_parsers_raise(text: str) -> None:
    t = tokens()
    assert t.parse_address(text) is None
    assert t.parse_message_id(text) is None
    assert not t.is_our_message(text)


def test_a_permit_is_bound_to_case_attempt_and_payload() -> None:
    token = permit_token(NEW, CASE, 1, SEEN)
    assert len(token) == 32
    assert [
        permit_matches(token, [NEW], CASE, 1, SEEN),
        permit_matches(token, [OLD, NEW], CASE, 1, SEEN),
        permit_matches(token, [OLD], CASE, 1, SEEN),
        permit_matches(token, [NEW], CASE, 2, SEEN),
        permit_matches(token, [NEW], CASE, 1, SEEN + "x"),
        permit_matches("\ud800ä", [NEW], CASE, 1, SEEN),
    ] == [True, True, False, False, False, False]


def test_a_link_says_what_it_is_for() -> None:
    token = Links([NEW]).make("decide", CASE, SEEN, "ada", 1000.7)
    assert Links([NEW]).read("decide", token) == LinkClaim("decide", CASE, SEEN, "ada", 1000)


def test_the_same_link_is_made_at_the_same_time() -> None:
    assert Links([NEW]).make("decide", CASE, SEEN, "ada", 5) == Links([NEW]).make(
        "decide", CASE, SEEN, "ada", 5
    )


def test_a_receipt_link_decides_nothing() -> None:
    token = Links([NEW]).make("receipt", CASE, SEEN, "ada", 5)
    with pytest.raises(BadLink):
        Links([NEW]).read("decide", token)


def test_links_of_older_keys_verify_until_the_key_is_retired() -> None:
    token = Links([OLD]).make("decide", CASE, SEEN, "ada", 5)
    assert Links([NEW, OLD]).read("decide", token).person == "ada"
    with pytest.raises(BadLink):
        Links([NEW]).read("decide", token)


@given(st.text(max_size=300))
def test_any_other_text_is_a_bad_link(text: str) -> None:
    with pytest.raises(BadLink):
        Links([NEW]).read("decide", text)


def test_a_link_cut_anywhere_is_a_bad_link() -> None:
    token = Links([NEW]).make("decide", CASE, SEEN, "ada", 5)
    for length in range(len(token)):
        with pytest.raises(BadLink):
            Links([NEW]).read("decide", token[:length])


def test_links_lead_to_the_pages() -> None:
    assert [
        link_url("https://a.example/", "decide", "T"),
        link_url("https://a.example", "receipt", "T"),
        link_url("https://a.example", "queue", "T"),
    ] == ["https://a.example/d/T", "https://a.example/r/T", "https://a.example/q/T"]


def test_a_queue_link_is_a_persons_and_of_no_case() -> None:
    token = Links([NEW]).make("queue", "", "", "ada", 5)
    assert Links([NEW]).read("queue", token) == LinkClaim("queue", "", "", "ada", 5)
    with pytest.raises(BadLink):
        Links([NEW]).read("decide", token)
