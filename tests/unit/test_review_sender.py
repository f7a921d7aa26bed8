"""Who wrote a mail: what is believed, and what never decides."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.core.case import Case
from hitl_mail.review.authentication import Authentication, aligned
from hitl_mail.review.bounce import read_bounce
from hitl_mail.review.headers import one_address
from hitl_mail.review.reply import read_reply
from hitl_mail.review.sender import Belief, Identity, believe, evidence, identify
from tests.factories import case_after, receive
from tests.mails import ADDRESS, AT, TOKENS, composed, parsed, reply, site

OURS = "mx.example.com"


def asked() -> Case:
    return case_after(receive(expires_at=AT + 99), now=AT)


CASE = asked()
ASK = composed(CASE).message
PLAIN_ASK = composed(CASE, subaddressing=False)


def belief(message: bytes, require: str = "token") -> Belief:
    assert require in ("token", "dmarc")
    return believe(message, TOKENS, "dmarc" if require == "dmarc" else "token", OURS)


def identity(message: bytes, require: str = "token") -> Identity:
    revisions = {revision.number: revision.digest for revision in CASE.revisions}
    return identify(belief(message, require), CASE.id, revisions, site().people, TOKENS)


def results(value: str) -> bytes:
    """A reply above which our server, or somebody, put its results."""
    return f"Authentication-Results: {value}\r\n".encode() + reply("approve", ASK)


def test_a_reply_with_token_and_sender_is_that_reviewers() -> None:
    found = identity(reply("approve", ASK))
    assert (found.person, found.seen, found.problems) == ("ada", CASE.revision.digest, ())


def test_an_alias_is_the_same_person() -> None:
    found = identity(reply("approve", ASK, sender="<ADA@personal.example>"))
    assert (found.person, found.problems) == ("ada", ())


def test_a_reply_from_another_address_decides_nothing_but_names_whom_to_tell() -> None:
    found = identity(reply("approve", ASK, sender="eve@evil.test"))
    assert found.person == "ada"
    assert found.problems == ("it was not sent from an address of ada",)


def test_another_reviewer_cannot_use_adas_address() -> None:
    assert identity(reply("approve", ASK, sender="bob@example.com")).problems != ()


def test_of_several_tokens_the_senders_own_counts() -> None:
    to_bob = composed(CASE, "bob").message
    message = f"Cc: {parsed(to_bob)['Reply-To']}\r\n".encode() + reply(
        "approve", ASK, sender="bob@example.com"
    )
    assert (identity(message).person, identity(message).problems) == ("bob", ())


def test_a_reply_without_token_answers_nothing_of_ours() -> None:
    assert belief(reply("approve")).class_ == "unrelated"


def test_a_guessed_token_is_nobodys() -> None:
    address = f"approvals+{CASE.id}-1-{'a' * 16}@example.com"
    found = identity(f"To: {address}\r\n".encode() + reply("approve"))
    assert found.person is None
    assert found.problems == ("it bears no valid token of this case",)


@pytest.mark.parametrize("field", ["In-Reply-To", "References"])
def test_a_reply_is_also_matched_by_what_it_answers(field: str) -> None:
    message = f"{field}: {PLAIN_ASK.message_id}\r\n".encode() + reply("approve")
    found = identity(message)
    assert (found.person, found.problems) == ("ada", ())


@pytest.mark.parametrize("field", ["Cc", "Delivered-To", "X-Original-To", "Envelope-To"])
def test_the_token_may_stand_in_any_envelope_field(field: str) -> None:
    address = TOKENS.reply_address(CASE.id, 1, CASE.revision.digest, "ada").upper()
    assert identity(f"{field}: x, <{address}>\r\n".encode() + reply("approve")).person == "ada"


@pytest.mark.parametrize(
    "sender",
    [
        "ceo@example.com <eve@evil.test>",
        "ada@example.com, eve@evil.test",
        "ada@example.com (ada@example.com) <eve@evil.test>",
        "<ada@example.com> <eve@evil.test>",
        "Ada: ada@example.com;",
        "ada@example.com\\",
        "ada@exämple.com",
        "ada@example.com eve@evil.test",
        '"Ada <ada@example.com>',
        "@route:ada@example.com",
        '"ceo@example.com" <ada@example.com>',
        '"evil-ada@example.com" <ada@example.com>',
        "=?utf-8?q?ceo=40example=2Ecom?= <ada@example.com>",
        "=?utf-8?b?Y2VvQGV4YW1wbGUuY29t?= <ada@example.com>",
        "ceo＠example.com <ada@example.com>",
        "\u212ada@example.com",
        "аda@example.com",
        "ada@example.com\x00",
        '"a\x01" <ada@example.com>',
        "ada@example.com.",
        '"ada"@example.com',
        "ada@[192.0.2.1]",
        "",
    ],
)
def test_a_from_that_is_not_one_plain_address_is_nobodys(sender: str) -> None:
    found = belief(reply("approve", ASK, sender=sender))
    assert found.from_address is None
    assert found.problems[0] == "its From is not exactly one plain address"


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("ada@example.com", "ada@example.com"),
        ("<Ada@Example.com>", "ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ('"Lovelace, Ada" <ada@example.com>', "ada@example.com"),
        ('"ada@example.com" <ada@example.com>', "ada@example.com"),
        ("=?utf-8?q?Ada?= =?x-unknown?q?L?= <ada@example.com>", "ada@example.com"),
        ("Ádá <ada@example.com>", "ada@example.com"),
        ('"a \\" b" <ada@example.com>', "ada@example.com"),
    ],
)
def test_one_plain_address_is_read(sender: str, address: str) -> None:
    assert one_address(sender) == address


def test_two_from_fields_are_nobodys() -> None:
    message = b"From: ada@example.com\r\n" + reply("approve", ASK, sender="eve@evil.test")
    assert belief(message).problems == ("it has more than one From",)


def test_no_from_is_nobodys() -> None:
    assert belief(reply("approve", ASK, sender=None)).problems == ("it has no From",)


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "Precedence: bulk",
        "Precedence: auto_reply",
        "Precedence: list",
        "List-Id: <list.example.com>",
        "X-Autoreply: yes",
        "X-Autorespond: yes",
        "Subject: Automatische Antwort: approve",
        "Content-Type: multipart/report; report-type=disposition-notification",
    ],
)
def test_automatic_mail_never_decides(field: str) -> None:
    found = belief(f"{field}\r\n".encode() + reply("approve", ASK))
    assert found.class_ == "auto-reply"
    assert found.problems != ()


@pytest.mark.parametrize("field", ["Auto-Submitted: no", "X-Auto-Response-Suppress: None"])
def test_a_persons_mail_may_say_that_it_is_one(field: str) -> None:
    assert belief(f"{field}\r\n".encode() + reply("approve", ASK)).problems == ()


@pytest.mark.parametrize(
    "field",
    [
        "Return-Path: <>",
        "Return-Path: < >",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        "X-Failed-Recipients: ada@example.com",
    ],
)
def test_bounces_never_decide(field: str) -> None:
    found = belief(f"{field}\r\n".encode() + reply("approve", ASK))
    assert found.class_ == "bounce"
    assert found.problems != ()


@pytest.mark.parametrize("sender", ["MAILER-DAEMON@mx.example.com", "Mail <postmaster@x.example>"])
def test_mail_daemons_never_decide(sender: str) -> None:
    assert belief(reply("approve", ASK, sender=sender)).class_ == "bounce"


def test_our_own_mail_never_decides() -> None:
    assert belief(ASK).problems[0] == "it is a mail of our own"
    assert belief(reply("approve", ASK, sender=ADDRESS)).problems[0] == (
        "it comes from our own address"
    )


@pytest.mark.parametrize(
    ("value", "result", "method"),
    [
        (f"{OURS}; dmarc=pass header.from=example.com", "pass", "dmarc"),
        (f"{OURS.upper()}; dkim=pass header.d=example.com", "pass", "dkim"),
        (f"{OURS}; dkim=pass header.d=mail.example.com", "pass", "dkim"),
        (f"{OURS}; spf=pass smtp.mailfrom=bounce@mail.example.com", "pass", "spf"),
        (f"{OURS}; dmarc=none header.from=example.com; dkim=pass header.d=example.com", "pass",
         "dkim"),
        (f"{OURS}; dmarc=pass header.from=evil.test", "fail", ""),
        (f"{OURS}; dmarc=fail header.from=example.com; dkim=pass header.d=example.com", "fail", ""),
        (f"{OURS}; dkim=pass header.d=evil.test", "fail", ""),
        (f"{OURS}; spf=pass smtp.mailfrom=eve@evil.test", "fail", ""),
        (f"{OURS}; dkim=pass header.d=com", "fail", ""),
        (f"{OURS}; dkim=fail header.d=example.com", "fail", ""),
        (f"{OURS}; none", "fail", ""),
        ("mx.evil.test; dmarc=pass header.from=example.com", "none", ""),
        (f"{OURS}.evil.test; dmarc=pass header.from=example.com", "none", ""),
        (f"{OURS} dmarc=pass;;;((", "none", ""),
    ],
)  # fmt: skip
def test_only_our_servers_aligned_results_count(value: str, result: str, method: str) -> None:
    found = belief(results(value), "dmarc")
    assert (found.authentication.result, found.authentication.method) == (result, method)
    assert (found.problems == ()) == (result == "pass")


def test_only_the_topmost_results_count() -> None:
    inner = results(f"{OURS}; dmarc=pass header.from=example.com")
    message = b"Authentication-Results: mx.other.example; dmarc=fail\r\n" + inner
    assert belief(message, "dmarc").authentication.result == "none"


PASS = f"Authentication-Results: {OURS}; dmarc=pass header.from=example.com\r\n".encode()
REPLY_TO, MESSAGE_ID = str(parsed(ASK)["Reply-To"]), str(parsed(ASK)["Message-ID"])


def joined(field: str, value: str, to: str = "bob@elsewhere.test", subject: str = "it") -> bytes:
    """Ada's word in another matter, signed, to which somebody added a field that is not."""
    head = f"{field}: {value}\r\nTo: {to}\r\nSubject: {subject}\r\nFrom: ada@example.com\r\n"
    return PASS + head.encode() + b"Message-ID: <1@mail.example.com>\r\n\r\napprove\r\n"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("In-Reply-To", MESSAGE_ID),
        ("References", MESSAGE_ID),
        ("Cc", REPLY_TO),
        ("Delivered-To", REPLY_TO),
    ],
)
def test_a_signed_mail_to_somebody_else_answers_no_case_that_is_put_to_it(
    field: str, value: str
) -> None:
    found = identity(joined(field, value), "dmarc")
    why = "it was not written to us: our address is not in its To"
    assert (found.person, found.problems) == ("ada", (why,))


@pytest.mark.parametrize(
    "subject", ["Re: [hitl 261122-222222] Pay", "=?utf-8?q?Re=3A_[hitl_261122-222222]_Pay?="]
)
def test_a_signed_answer_of_another_case_is_none_of_this_one(subject: str) -> None:
    found = identity(joined("In-Reply-To", MESSAGE_ID, ADDRESS, subject), "dmarc")
    assert found.problems == ("its subject is that of another case, 261122-222222",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("To", REPLY_TO),
        ("Subject", f"Re: [hitl {CASE.id}] Refund"),
        ("Content-Type", 'multipart/mixed; boundary="hers"'),
        ("content-transfer-encoding", "base64"),
    ],
)
def test_a_field_that_was_put_above_the_signed_one_makes_it_no_answer(
    name: str, value: str
) -> None:
    """A signature covers the lowest of several fields of a name (RFC 6376, 5.4.2), and readers take
    the topmost."""
    found = identity(PASS + f"{name}: {value}\r\n".encode() + reply("approve", ASK), "dmarc")
    assert found.problems == (f"it has more than one {name.title()}",)


def test_a_signed_mail_to_somebody_else_is_not_readdressed_to_us() -> None:
    head = f"To: {REPLY_TO}\r\nSubject: Re: [hitl {CASE.id}] Refund\r\n".encode()
    found = identity(head + joined("Cc", "x@elsewhere.test"), "dmarc")
    assert found.problems == ("it has more than one To",)


@pytest.mark.parametrize("title", ["Refund", "Refund as [hitl 261122-222222] says"])
def test_a_signed_answer_may_name_its_own_case_or_none(title: str) -> None:
    for subject in (f"Re: [hitl {CASE.id}] {title}", "Refund"):
        found = identity(joined("In-Reply-To", MESSAGE_ID, ADDRESS, subject), "dmarc")
        assert (found.person, found.problems) == ("ada", ())


def test_without_results_a_reply_decides_only_where_the_token_is_enough() -> None:
    assert identity(reply("approve", ASK), "dmarc").problems == (
        "the sender is not authenticated: no Authentication-Results",
    )
    assert identity(reply("approve", ASK), "token").problems == ()


def test_without_a_configured_name_no_results_are_believed() -> None:
    found = believe(results(f"{OURS}; dmarc=pass"), TOKENS, "dmarc")
    assert found.problems == ("the sender is not authenticated: no authserv_id is configured",)


def test_domains_align_with_themselves_and_their_own() -> None:
    assert [
        aligned("example.com", "EXAMPLE.com."),
        aligned("a.example.com", "example.com"),
        aligned("badexample.com", "example.com"),
        aligned("example.com", ""),
        aligned("localhost", "localhost"),
    ] == [True, True, False, False, True]


def test_the_evidence_of_a_decision_holds_no_secret() -> None:
    assert evidence(belief(results(f"{OURS}; dmarc=pass header.from=example.com"))) == {
        "message_id": "<reply-1@mail.example.com>",
        "from": "ada@example.com",
        "authentication": {"result": "pass", "method": "dmarc", "detail": "dmarc=pass"},
    }


def test_a_mail_without_a_message_id_of_its_own_counts_once_by_its_bytes() -> None:
    message = b"Message-ID: <x@y>\r\n" + reply("approve", ASK)
    two = message.replace(b"Message-ID: <x@y>", b"Message-ID: none")
    assert belief(two).message_id.startswith("sha256:")
    assert belief(two).reply_to is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=1500))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert identity(data).person is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_no_field_makes_it_raise(sender: str, value: str) -> None:
    message = f"From: {sender}\r\nAuthentication-Results: {OURS}; {value}\r\n\r\n".encode(
        "utf-8", "replace"
    )
    assert belief(message, "dmarc").class_ in ("unrelated", "bounce", "auto-reply")


GENUINE = reply("approve", ASK, sender="Ada <ada@example.com>")
_HEAD = GENUINE.index(b"\r\n\r\n")
_hostile = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"From: eve@evil.test\r\n", b"\nFrom: eve@evil.test\n", b"\rFrom: eve@evil.test\r",
            b"Sender: ada@example.com\r\n", b"From: ", b" <eve@evil.test>", b", eve@evil.test",
            b"(", b'"', b"<", b"\0", b"\r\n", b"\n\n", b":", b"=?utf-8?q?ada=40example.com?=",
            b"Auto-Submitted: auto-replied\r\n", b"Content-Type: multipart/report\r\n",
        ]
    ),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(_hostile, st.integers(0, _HEAD), st.integers(0, 60))
def test_a_mutated_mail_is_hers_or_nobodys(data: bytes, at: int, cut: int) -> None:
    """Whatever is put in or cut out of the header: where it still decides, it says to be from Ada
    and from nobody else, and bears her token."""
    message = GENUINE[:at] + data + GENUINE[at + cut :]
    found = identity(message)
    read_bounce(message, TOKENS)
    if not found.problems:
        assert found.person == "ada"
        theirs = email.message_from_bytes(message.lstrip(), policy=email.policy.compat32)
        [sender] = theirs.get_all("From", [])
        assert "eve" not in str(sender)
        assert "ada@example.com" in str(sender).lower()


@settings(max_examples=150, deadline=None)
@given(_hostile, st.integers(0, len(GENUINE)), st.integers(0, 60))
def test_a_mutated_mail_of_a_stranger_is_nobodys(data: bytes, at: int, cut: int) -> None:
    eves = GENUINE.replace(b"Ada <ada@example.com>", b"Eve <eve@evil.test>")
    assert identity(eves[:at] + data.replace(b"eve", b"bob") + eves[at + cut :]).problems != ()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(1, 400), st.integers(0, 60))
def test_nothing_below_our_servers_field_authenticates(data: bytes, at: int, cut: int) -> None:
    ours = f"Authentication-Results: {OURS}; dmarc=fail header.from=example.com\r\n".encode()
    forged = results(f"{OURS}; dmarc=pass header.from=example.com")
    message = ours + forged[:at] + data + forged[at + cut :]
    assert believe(message, TOKENS, "dmarc", OURS).problems != ()


def test_a_genuine_reply_reads_and_believes_from_the_same_bytes() -> None:
    message = reply("Approve.", ASK, "outlook")
    assert (read_reply(message, TOKENS.is_ours).verb, identity(message).person) == (
        "approve",
        "ada",
    )


RETURNED = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  dan@example.test
    host mx2.example.test [192.0.2.9]: 550 5.1.1 No such user here
"""
QUOTED = f"hello\n\n-----Original Message-----\nFrom: x@y.test\nSent: today\n\n{RETURNED}"
TO_US = f"To: {TOKENS.reply_address(CASE.id, 1, CASE.revision.digest, 'ada')}\n"


@pytest.mark.parametrize(
    ("head", "typed", "quoted"),
    [
        (TO_US, ("bounce", True), ("reply", False)),
        ("Subject: Re: hello\n", ("bounce", False), ("unrelated", False)),
        ("In-Reply-To: <a@b>\n", ("bounce", False), ("unrelated", False)),
        ("Subject: hello\n", ("bounce", False), ("bounce", False)),
        (f"{TO_US}Auto-Submitted: auto-generated\n", ("bounce", False), ("bounce", False)),
        ("Auto-Submitted: auto-generated\n", ("bounce", False), ("bounce", False)),
    ],
    ids=[
        "our token",
        "a reply",
        "an answer",
        "neither",
        "a machine's with our token",
        "a machine's",
    ],
)
def test_of_what_a_person_may_have_written_only_the_new_text_makes_it_a_bounce(
    head: str, typed: tuple[str, bool], quoted: tuple[str, bool]
) -> None:
    found = [
        belief(f"From: ada@example.com\n{head}\n{text}".encode()) for text in (RETURNED, QUOTED)
    ]
    assert [(one.class_, one.weak) for one in found] == [typed, quoted]


def test_a_text_of_a_bounce_is_told_as_one() -> None:
    found = belief(f"From: ada@example.com\n{TO_US}\n{RETURNED}".encode())
    assert found.problems == ("it says that a mail could not be delivered",)


def test_what_cannot_be_encoded_is_no_reason_to_fail() -> None:
    head = f"From: ada@example.com\n{TO_US}Subject: \udcff\n"
    assert belief(head.encode("utf-8", "surrogateescape") + b"\napprove").class_ == "reply"


def test_what_answers_no_mail_of_ours_says_so() -> None:
    assert belief(reply("approve")).problems == ("it answers no mail of ours",)


def test_lines_that_end_in_different_ways_matter_where_a_server_checked_the_sender() -> None:
    message = reply("approve", ASK).replace(b"\r\n", b"\n", 5)
    message = b"X-First: 1\r\n" + message
    told = "the lines of its header end in different ways"
    assert (told in belief(message, "dmarc").problems, told in belief(message).problems) == (
        True,
        False,
    )


def test_a_mail_of_nobody_s_is_authenticated_by_nobody() -> None:
    assert belief(reply("approve", ASK, sender=None)).authentication == Authentication("none")


def test_without_any_results_it_says_what_is_lacking() -> None:
    found = believe(reply("approve", ASK), TOKENS, "dmarc")
    assert found.authentication == Authentication("none", detail="no Authentication-Results")
    assert found.problems == ("the sender is not authenticated: no Authentication-Results",)


def test_an_identity_names_the_revision_that_was_answered() -> None:
    assert identity(reply("approve", ASK)).revision == 1


def test_an_answer_refers_to_the_mails_own_message_id_where_it_has_just_one() -> None:
    head = f"From: ada@example.com\n{TO_US}Message-ID: <a@x.test>"
    once = belief(f"{head}\n\napprove".encode())
    assert (once.reply_to, once.message_id) == ("<a@x.test>", "<a@x.test>")
    twice = belief(f"{head} <b@x.test>\n\napprove".encode())
    assert (twice.reply_to, twice.message_id[:7]) == (None, "sha256:")


def test_a_bounce_that_its_header_tells_is_told_by_its_header() -> None:
    head = "From: ada@example.com\nX-Failed-Recipients: ada@example.com\n"
    by_header = belief(f"{head}\nHello".encode())
    by_text_too = belief(f"{head}\n{RETURNED}".encode())
    assert (by_header.class_, by_header.problems) == ("bounce", by_text_too.problems)
    assert "it says that a mail could not be delivered" not in by_header.problems


def test_who_is_away_does_not_bounce_whatever_they_write() -> None:
    head = f"From: ada@example.com\n{TO_US}Subject: Out of office\n"
    assert belief(f"{head}\n{RETURNED}".encode()).class_ == "auto-reply"
