"""What a token is good for: one person, one case, one revision, one purpose, one site."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.core.case import Case
from hitl_mail.review.sender import Identity, believe, identify
from hitl_mail.review.tokens import Claim, Tokens, permit_matches, permit_token
from tests.factories import case_after, receive
from tests.mails import ADDRESS, AT, TOKENS, composed, reply, site


def asked() -> Case:
    return case_after(receive(expires_at=AT + 99), now=AT)


CASE = asked()
SEEN = CASE.revision.digest
OTHER = "261122-aaaaaa"
ELSEWHERE = Tokens(ADDRESS, [b"another home's key"])


def sent_to(address: str, **fields: str) -> bytes:
    """A reply of Ada's to this address."""
    return f"To: {address}\r\n".encode() + reply("approve", **fields)


def identity(message: bytes, tokens: Tokens = TOKENS) -> Identity:
    revisions = {revision.number: revision.digest for revision in CASE.revisions}
    belief = believe(message, tokens, "token")
    return identify(belief, CASE.id, revisions, site().people, tokens)


def test_her_own_token_is_good() -> None:
    assert identity(sent_to(TOKENS.reply_address(CASE.id, 1, SEEN, "ada"))).problems == ()


@pytest.mark.parametrize(
    "address",
    [
        TOKENS.reply_address(CASE.id, 1, SEEN, "bob"),
        TOKENS.reply_address(CASE.id, 1, SEEN, "nobody"),
        TOKENS.reply_address(CASE.id, 2, SEEN, "ada"),
        TOKENS.reply_address(CASE.id, 1, "sha256:other", "ada"),
        TOKENS.reply_address(OTHER, 1, SEEN, "ada"),
        ELSEWHERE.reply_address(CASE.id, 1, SEEN, "ada"),
        TOKENS.reply_address(CASE.id, 1, SEEN, "ada").replace("@example.com", "@example.org"),
        TOKENS.reply_address(CASE.id, 1, SEEN, "ada").replace("approvals+", "others+"),
        TOKENS.reply_address(CASE.id, 1, SEEN, "ada").replace("approvals+", "approvals+x+"),
        TOKENS.reply_address(OTHER, 1, SEEN, "ada").replace(OTHER, CASE.id),
    ],
    ids=[
        "of bob", "of nobody", "of no revision", "of another revision", "of another case",
        "of another home", "of another domain", "of another mailbox", "with another tag",
        "of another case, moved here",
    ],
)  # fmt: skip
def test_any_other_token_decides_nothing(address: str) -> None:
    assert identity(sent_to(address)).problems != ()


def test_a_token_for_one_purpose_is_none_for_another() -> None:
    claim = TOKENS.parse_address(TOKENS.reply_address(CASE.id, 1, SEEN, "ada"))
    mail = TOKENS.parse_message_id(TOKENS.message_id(CASE.id, 1, "m1", SEEN, "ada"))
    assert claim is not None
    assert mail is not None
    as_mail = f"<{CASE.id}.1.m1.{claim.token}@example.com>"
    as_address = f"approvals+{CASE.id}-1-{mail.token}@example.com"
    other_mail = f"<{CASE.id}.1.m2.{mail.token}@example.com>"
    notice = TOKENS.notice_id(CASE.id, "ada")
    for answered in (as_mail, other_mail, notice):
        assert identity(reply("approve", In_Reply_To=answered)).person is None
    assert identity(sent_to(as_address)).person is None


@pytest.mark.parametrize("field", ["To", "Cc", "Delivered-To", "X-Original-To", "X-Delivered-To"])
@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, str.title])
def test_a_token_survives_servers_that_change_its_case(field: str, change: type[str.upper]) -> None:
    address = change(TOKENS.reply_address(CASE.id, 1, SEEN, "ada"))
    message = f"{field}: {address}\r\n".encode() + reply("approve")
    assert identity(message).problems == ()


def test_a_token_of_the_longest_mailbox_fits_a_local_part() -> None:
    tokens = Tokens(f"{'a' * 28}@example.com", [b"key"])
    local = tokens.reply_address(CASE.id, 9999, SEEN, "ada").partition("@")[0]
    assert len(local) == 64
    with pytest.raises(ValueError, match="at most 28 characters"):
        Tokens(f"{'a' * 29}@example.com", [b"key"])


def test_without_subaddressing_the_mail_that_is_answered_says_it() -> None:
    ask = composed(CASE, subaddressing=False)
    assert b"approvals+" not in ask.message
    assert identity(reply("approve", ask.message)).person is None
    assert identity(reply("approve", ask.message, In_Reply_To=ask.message_id)).problems == ()
    folded = f"<a@b.example>\r\n {ask.message_id.upper()}"
    assert identity(reply("approve", ask.message, References=folded)).problems == ()


def test_no_other_digits_are_taken_for_a_revision() -> None:
    address = TOKENS.reply_address(CASE.id, 1, SEEN, "ada")
    for one in ("١", "１", "01", "0", "-1", "+1", ""):
        assert TOKENS.parse_address(address.replace("-1-", f"-{one}-")) is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 15), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_with_one_letter_changed_is_nobodys(at: int, letter: str) -> None:
    claim = TOKENS.parse_address(TOKENS.reply_address(CASE.id, 1, SEEN, "ada"))
    assert claim is not None
    token = claim.token[:at] + letter + claim.token[at + 1 :]
    found = TOKENS.find_person(Claim(CASE.id, 1, token), SEEN, ["ada", "bob"])
    assert found == ("ada" if token == claim.token else None)


def test_an_address_with_two_at_signs_is_none_of_ours_unless_its_last_is() -> None:
    assert TOKENS.is_ours("approvals+x@y@example.com")
    assert not TOKENS.is_ours("approvals@example.com@evil.test")


def test_a_permit_of_any_key_there_is_is_one() -> None:
    for key in (b"new", b"old"):
        token = permit_token(key, CASE.id, 1, "sha256:p")
        assert permit_matches(token, [b"new", b"old"], CASE.id, 1, "sha256:p")
        assert not permit_matches(token, [b"else"], CASE.id, 1, "sha256:p")
