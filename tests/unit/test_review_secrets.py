"""Tokens, Message-IDs, permits and links: what they bind, and that nothing else verifies."""

from __future__ import annotations

import base64
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.review.links import BadLink, LinkClaim, Links, Purpose, link_url
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
        link_url("https://a.example/X/", "decide", "T"),
        link_url("https://a.example", "receipt", "T"),
        link_url("https://a.example", "queue", "T"),
    ] == ["https://a.example/X/d/T", "https://a.example/r/T", "https://a.example/q/T"]


def test_a_queue_link_is_a_persons_and_of_no_case() -> None:
    token = Links([NEW]).make("queue", "", "", "ada", 5)
    assert Links([NEW]).read("queue", token) == LinkClaim("queue", "", "", "ada", 5)
    with pytest.raises(BadLink):
        Links([NEW]).read("decide", token)


# The very forms: mails and links that are out there have to stay answerable.


def secret(size: int, *parts: str | int) -> str:
    sealed = hmac.new(NEW, json.dumps(parts, separators=(",", ":")).encode(), "sha256").digest()
    return base64.b32encode(sealed[:size]).decode().lower()


def test_each_secret_is_of_its_purpose_case_digest_and_person() -> None:
    ours = tokens()
    reply = secret(10, "reply", CASE, SEEN, "ada")
    mail = secret(10, "mail m7", CASE, SEEN, "ada")
    notice = secret(10, "notice", "n3", "", "cleo")
    assert ours.reply_address(CASE, 2, SEEN, "ada") == f"approvals+{CASE}-2-{reply}@example.com"
    assert ours.message_id(CASE, 2, "m7", SEEN, "ada") == f"<{CASE}.2.m7.{mail}@example.com>"
    assert ours.notice_id("n3", "cleo") == f"<notice.{notice}@example.com>"
    assert permit_token(NEW, CASE, 3, SEEN) == secret(20, "permit", CASE, 3, SEEN)


@pytest.mark.parametrize(
    ("purpose", "signature"),
    [
        ("decide", "bORaNcdpv3py5qi_Z_6fG9LL8WO-vr5k5213IOvcXbQ"),
        ("receipt", "342Wis7iQChPPLxwVzIO8vNwaKNZ4gT38KTydD1XOJo"),
        ("queue", "ecal7GzveGfdS8zG9jHLwD9LtmaTW2sR84n36L17PCY"),
    ],
)
def test_a_link_of_today_is_one_tomorrow(purpose: Purpose, signature: str) -> None:
    said = ".eJyLVjIyMzQ0MtLNNk6zzE1U0lEqzkg0MjWzMqQQAE1KTElUigUAFd8UvA.awK9IA"
    token = Links([b"l" * 32]).make(purpose, CASE, "sha256:" + "1" * 64, "ada", 1795341600.0)
    assert token == f"{said}.{signature}"


def test_an_address_of_ours_is_known_in_any_case_and_with_any_tag() -> None:
    ours = tokens(address="Approvals@Example.com")
    assert ours.address == "Approvals@Example.com"
    assert [
        ours.is_ours("approvals@example.com"),
        ours.is_ours("APPROVALS+x+y@EXAMPLE.COM"),
        ours.is_ours("approvals2@example.com"),
        ours.is_ours("approvals@example.org"),
        ours.is_ours("x+approvals@example.com"),
    ] == [True, True, False, False, False]
    address = ours.reply_address(CASE, 1, SEEN, "ada")
    assert address.startswith("Approvals+")
    assert address.endswith("@Example.com")
    assert ours.parse_address(address) == ours.parse_address(address.lower())
    assert ours.is_our_message(ours.notice_id("n1", "ada"))
    assert ours.is_our_message(ours.message_id(CASE, 1, "m1", SEEN, "ada"))
    assert not ours.is_our_message("<notice.aaaaaaaaaaaaaaaa@example.org>")


def test_without_a_key_nothing_is_signed() -> None:
    with pytest.raises(ValueError, match=r"^no key to sign reply addresses with"):
        Tokens("approvals@example.com", [])
    with pytest.raises(ValueError, match=r"^no key to sign links with"):
        Links([])


def test_an_address_without_room_says_how_long_it_may_be() -> None:
    address = "a" * 29 + "@example.com"
    with pytest.raises(ValueError, match="most 28 characters") as found:
        tokens(address=address)
    assert str(found.value) == (
        f"'{address}' leaves no room for a reply token: its part before the @ may have at most "
        "28 characters"
    )
    with pytest.raises(ValueError, match="is not a plain") as found:
        tokens(address="a+b@example.com")
    assert str(found.value) == "'a+b@example.com' is not a plain local@domain without a +"


def test_what_was_owed_at_a_moment_is_signed_by_the_key_of_that_moment() -> None:
    ours = tokens(NEW, OLD)
    ours.rekey((NEW, OLD), (100.0, 50.0))
    new, old = tokens(NEW), tokens(OLD)
    for at, signs in ((None, new), (101.0, new), (100.0, new), (99.9, old), (10.0, old)):
        made = [one.reply_address(CASE, 1, SEEN, "ada", at) for one in (ours, signs)]
        mails = [one.message_id(CASE, 1, "m1", SEEN, "ada", at) for one in (ours, signs)]
        notices = [one.notice_id("n1", "ada", at) for one in (ours, signs)]
        assert (made[0], mails[0], notices[0]) == (made[1], mails[1], notices[1])


def test_a_link_is_signed_by_the_newest_key_there_was() -> None:
    ours = Links([NEW, OLD])
    ours.rekey([NEW, OLD], [100.0, 50.0])
    for at, key in ((101.0, NEW), (100.0, NEW), (99.9, OLD), (10.0, OLD)):
        token = ours.make("decide", CASE, SEEN, "ada", at)
        assert token == Links([key]).make("decide", CASE, SEEN, "ada", at)
        assert ours.read("decide", token).at == int(at)


def test_where_no_times_are_known_the_newest_key_signs() -> None:
    made = Links([NEW, OLD]).make("decide", CASE, SEEN, "ada", 5)
    assert made == Links([NEW]).make("decide", CASE, SEEN, "ada", 5)


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("x" * 2001, "this link is not one of ours"),
        ("ä", "this link is not one of ours"),
        ("x" * 2000, "this link is cut off, changed, or no longer valid"),
        ("", "this link is cut off, changed, or no longer valid"),
    ],
    ids=["too long", "not ASCII", "just short enough", "empty"],
)
def test_a_bad_link_says_so(token: str, told: str) -> None:
    with pytest.raises(BadLink) as found:
        Links([NEW]).read("decide", token)
    assert str(found.value) == told
