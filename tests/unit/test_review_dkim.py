"""Our own DKIM check: which signatures vouch for the sender of a reply."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.review import dkim as check
from hitl_mail.review.authentication import Authentication
from hitl_mail.review.dkim import check_dkim, covers
from tests.mails import AT, reply
from tests.signing import DOMAIN, SIGNED, Dns, record, signed

NAME = f"s1._domainkey.{DOMAIN}"
REPLY = reply("approve")
SIGNED_REPLY = signed(REPLY)
LONGEST = record(n="x" * (4096 - len(record(n=""))))
PASS = Authentication("pass", "own dkim", "d=example.com s=s1")


def checked(message: bytes, sender: str = "ada@example.com", dns: Dns | None = None) -> str:
    """`pass`, or why not."""
    found = check_dkim(message, sender, dns or Dns(), AT)
    return "pass" if found == PASS else f"{found.result}: {found.detail}"


def test_a_signature_of_the_senders_domain_passes() -> None:
    dns = Dns()
    assert check_dkim(SIGNED_REPLY, "Ada@Example.com", dns, AT) == PASS
    assert dns.asked == [NAME]


@pytest.mark.parametrize(
    "message",
    [
        signed(REPLY, canonical="simple/simple"),
        signed(REPLY, canonical="relaxed/simple"),
        signed(REPLY, canonical="simple/relaxed"),
        signed(reply("approve  \t\nthanks \t a  lot \n\n\n")),
        signed(reply("approve\n\n  indented\n")),
        SIGNED_REPLY.replace(b"\r\n\r\napprove", b"\r\n\r\napprove \t"),
        signed(reply("approve  \nthanks \n\n"), canonical="simple/simple"),
        SIGNED_REPLY.replace(b"\r\n", b"\n"),
        b"\r\n" + SIGNED_REPLY,
        b"Delivered-To: approvals@example.com\n" + SIGNED_REPLY,
        b"From eve@evil.test Sun Nov 22 11:00:00 2026\n" + SIGNED_REPLY.replace(b"\r\n", b"\n"),
        SIGNED_REPLY + b"  \r\n\r\n",
        signed(REPLY, x="4102444800"),
        signed(REPLY, identity="ada@mail.example.com"),
        signed(REPLY, identity='"ada@evil.test"@example.com'),
        signed(reply("approve  \nthanks"), canonical="relaxed"),
        signed(REPLY, fields=(*SIGNED, "From", "Subject", "To")),
    ],
)
def test_what_mail_servers_do_to_a_signed_mail_on_its_way_leaves_it_signed(message: bytes) -> None:
    assert checked(message) == "pass"


@pytest.mark.parametrize(
    "message",
    [
        SIGNED_REPLY.replace(b"\r\n\r\napprove", b"\r\n\r\nreject"),
        SIGNED_REPLY + b"and more\r\n",
        SIGNED_REPLY.replace(b"Subject: Re: it", b"Subject: Re: that"),
        SIGNED_REPLY.replace(b"To: approvals@example.com", b"To: approvals+x@example.com"),
        SIGNED_REPLY.replace(b"Ada Lovelace", b"Ada"),
    ],
    ids=["text", "more text", "subject", "to", "from"],
)
def test_a_changed_mail_does_not_pass(message: bytes) -> None:
    assert checked(message).startswith("fail: example.com: ")


@pytest.mark.parametrize("name", ["From", "Subject", "To"])
def test_a_second_field_makes_it_unsigned_wherever_it_stands(name: str) -> None:
    more = f"{name}: ada@example.com\r\n".encode()
    below = SIGNED_REPLY.replace(b"MIME-Version", more + b"MIME-Version")
    assert below != SIGNED_REPLY
    for message in (more + SIGNED_REPLY, below):
        assert checked(message) == f"fail: it has more than one {name}"


def test_a_mail_without_a_subject_is_not_looked_at() -> None:
    message = REPLY.replace(b"Subject: Re: it\r\n", b"")
    assert checked(signed(message, fields=("From", "To"))) == "fail: it has no Subject"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (signed(REPLY, length=True), "it signs only the beginning of the text"),
        (signed(REPLY, length=True) + b"more", "it signs only the beginning of the text"),
        (signed(REPLY, fields=("From", "To")), "it does not sign Subject"),
        (signed(REPLY, fields=("From",)), "it does not sign Subject, To"),
        (signed(REPLY, algorithm="rsa-sha1"), "its algorithm is not rsa-sha256"),
        (signed(REPLY, x=f"{AT - 1:.0f}"), "it has expired"),
        (signed(REPLY, x="soon"), "it has expired"),
        (SIGNED_REPLY.replace(b"i=@example.com", b"i=@evil.test"), "its i= is of another domain"),
        (
            SIGNED_REPLY.replace(b"i=@example.com", b"i=a=b@evil.test"),
            "its i= is of another domain",
        ),
        (SIGNED_REPLY.replace(b"s=s1", b"s=s1/../x"), "its selector is no name"),
    ],
)
def test_a_signature_that_leaves_a_way_round_it_does_not_count(message: bytes, why: str) -> None:
    dns = Dns()
    assert checked(message, dns=dns) == f"fail: example.com: {why}"
    assert dns.asked == []


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"t": "y"}, "its key is only on trial"),
        ({"t": "s:y"}, "its key is only on trial"),
        ({"s": "tlsrpt"}, "its key is not for mail"),
        ({"h": "sha1"}, "its key is for another algorithm"),
        ({"k": "ed25519"}, "its key is none for RSA, or has been revoked"),
        ({"p": ""}, "its key is none for RSA, or has been revoked"),
        ({"p": "AAAA"}, "its key does not do: could not parse RSA public key"),
        ({"p": "A"}, "it cannot be read"),
        ({"v": "DKIM2"}, "its key does not do: bad version"),
        ({"n": "x" * (4097 - len(record(n="")))}, "its key is not in the DNS"),
    ],
)
def test_a_key_that_is_not_for_this_does_not_count(tags: dict[str, str], why: str) -> None:
    found = checked(SIGNED_REPLY, dns=Dns({NAME: record(**tags)}))
    assert found.startswith(f"fail: example.com: {why}")


@pytest.mark.parametrize(
    "key",
    [record(s="email"), record(s="tlsrpt:email"), record(h="sha1:sha256"), LONGEST,
        record().replace(b"k=rsa; ", b""), record().replace(b"v=DKIM1; ", b"")],
    ids=["for mail", "for mail too", "for sha256 too", "long", "of no sort", "of no version"],
)  # fmt: skip
def test_a_key_may_say_that_it_is_for_this_or_say_nothing(key: bytes) -> None:
    assert checked(SIGNED_REPLY, dns=Dns({NAME: key})) == "pass"


@pytest.mark.parametrize(
    ("tag", "other", "why"),
    [
        (b"d=example.com", b"dd=example.com", "none: no DKIM signature of example.com"),
        (b"d=example.com", b"d=example.com; d=example.com",
            "none: no DKIM signature of example.com"),
        (b"d=example.com", b"d=example.com; and more", "none: no DKIM signature of example.com"),
        (b"d=example.com", b"d=example.com; z=" + b"a" * 9000,
            "none: no DKIM signature of example.com"),
        (b"h=", b"hh=", "fail: example.com: it does not sign From, Subject, To"),
        (b"s=s1", b"ss=s1", "fail: example.com: its selector is no name"),
    ],
    ids=["no domain", "two domains", "no tag", "too long", "no fields", "no selector"],
)  # fmt: skip
def test_a_signature_that_lacks_what_it_needs_or_says_it_twice_is_none(
    tag: bytes, other: bytes, why: str
) -> None:
    message = SIGNED_REPLY.replace(b" " + tag, b" " + other, 1)
    dns = Dns()
    assert (message != SIGNED_REPLY, checked(message, dns=dns), dns.asked) == (True, why, [])


@pytest.mark.parametrize("tag", [b"i=@example.com", b"c=relaxed/relaxed"])
def test_what_a_signature_may_leave_out_is_not_missed(tag: bytes) -> None:
    message = SIGNED_REPLY.replace(b" " + tag + b";", b"", 1)
    dns = Dns()
    why = "fail: example.com: it does not match what arrived"
    assert (message != SIGNED_REPLY, checked(message, dns=dns), dns.asked) == (True, why, [NAME])


def test_behind_an_empty_tag_of_a_key_the_others_are_read() -> None:
    key = record(t="y").replace(b"v=DKIM1; ", b"v=DKIM1; ; ")
    why = "fail: example.com: its key is only on trial"
    assert checked(SIGNED_REPLY, dns=Dns({NAME: key})) == why


def test_why_each_signature_does_not_count_is_told() -> None:
    message = signed(signed(REPLY, x="1"), fields=("From", "To"))
    why = "example.com: it does not sign Subject; example.com: it has expired"
    assert checked(message) == f"fail: {why}"


def test_a_key_for_no_subdomain_does_not_count_for_one() -> None:
    dns = Dns({NAME: record(t="s")})
    assert checked(SIGNED_REPLY, dns=dns) == "pass"
    found = checked(signed(REPLY, identity="ada@mail.example.com"), dns=dns)
    assert found == "fail: example.com: its key is for no subdomain"


def test_a_short_key_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_LEAST_BITS", 2049)
    assert checked(SIGNED_REPLY) == (
        "fail: example.com: its key does not do: public key too small: 2048"
    )


def test_no_key_and_no_answer_are_not_the_same() -> None:
    assert checked(SIGNED_REPLY, dns=Dns({})) == "fail: example.com: its key is not in the DNS"
    assert checked(SIGNED_REPLY, dns=Dns({NAME: OSError("timed out")})) == (
        "none: the DNS gave no key of example.com; it may do so later"
    )


def test_a_silent_dns_is_waited_for_once() -> None:
    dns = Dns({NAME: OSError("timed out")})
    assert checked(signed(SIGNED_REPLY), dns=dns).startswith("none: ")
    assert dns.asked == [NAME]


def test_somebody_elses_signature_is_not_even_looked_up() -> None:
    dns = Dns()
    assert checked(signed(REPLY, "evil.test"), dns=dns) == (
        "none: no DKIM signature of example.com"
    )
    assert checked(REPLY, dns=dns) == "none: no DKIM signature"
    assert dns.asked == []


def test_one_good_signature_among_others_is_enough() -> None:
    list_and_own = signed(signed(REPLY), "lists.example.org")
    assert checked(list_and_own) == "pass"
    assert checked(signed(REPLY, x="1").partition(b"\r\nTo:")[0] + b"\r\n" + SIGNED_REPLY) == "pass"


def test_of_very_many_signatures_only_the_first_are_tried() -> None:
    bad = SIGNED_REPLY.partition(b"To:")[0].replace(b"b=", b"b=AQAB")
    dns = Dns()
    assert checked(bad * 50 + SIGNED_REPLY, dns=dns).startswith("fail: example.com: ")
    assert len(dns.asked) == 5


LONGEST = f"{'a' * 62}." * 3 + "b" * 64
"""As long as the name of a domain may be: 253 characters."""


@pytest.mark.parametrize(
    ("signer", "domain", "does"),
    [
        ("example.com", "example.com", True),
        ("example.com", "mail.example.com", True),
        ("mail.example.com", "example.com", False),
        ("ample.com", "example.com", False),
        ("com", "example.com", False),
        ("", "example.com", False),
        (".com", "example.com", False),
        ("example.com.", "example.com", False),
        ("localhost", "localhost", False),
        (LONGEST, f"a.{LONGEST}", True),
        (f"a{LONGEST}", f"a{LONGEST}", False),
    ],
)
def test_a_domain_speaks_for_itself_and_for_what_lies_in_it(
    signer: str, domain: str, does: bool
) -> None:
    assert covers(signer, domain) is does


def test_text_made_to_take_long_does_not() -> None:
    """With dkimpy's own pattern this would take hours."""
    assert checked(SIGNED_REPLY + b" " * 1_500_000 + b"x").startswith("fail: example.com: ")
    assert checked(SIGNED_REPLY + b" " * 1_500_000).startswith("pass")
    assert checked(SIGNED_REPLY + b"x" * 11_000_000) == (
        "fail: it is too long for its signature to be checked"
    )


@pytest.mark.parametrize(
    "message",
    [
        SIGNED_REPLY.replace(b"\r\n\r\napprove", b"\r\n\r\n\rapprove"),
        SIGNED_REPLY.replace(b"Subject: ", b"Subject: \r"),
        b"X: y\r\n\0: z\r\n" + SIGNED_REPLY,
        SIGNED_REPLY.replace(b"To: ", b"no field\r\nTo: "),
    ],
)
def test_a_mail_that_programs_could_read_differently_is_not_looked_at(message: bytes) -> None:
    assert message != SIGNED_REPLY
    assert checked(message).startswith("fail: it")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600), st.integers(0, len(SIGNED_REPLY)), st.integers(0, 40))
def test_no_bytes_make_it_raise(data: bytes, at: int, cut: int) -> None:
    for message in (data, SIGNED_REPLY[:at] + data + SIGNED_REPLY[at + cut :]):
        assert check_dkim(message, "ada@example.com", Dns(), AT).result in ("pass", "fail", "none")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_key_makes_it_raise(data: bytes) -> None:
    found = check_dkim(SIGNED_REPLY, "ada@example.com", Dns({NAME: data}), AT)
    assert found.result == "fail"
    with_p = Dns({NAME: b"v=DKIM1; p=" + data})
    assert check_dkim(SIGNED_REPLY, "ada@example.com", with_p, AT).result == "fail"


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(b"approve") - 1), st.integers(33, 126))
def test_no_other_word_passes_under_the_same_signature(at: int, char: int) -> None:
    start = SIGNED_REPLY.index(b"\r\n\r\napprove") + 4 + at
    other = SIGNED_REPLY[:start] + bytes([char]) + SIGNED_REPLY[start + 1 :]
    assert (checked(other) == "pass") == (other == SIGNED_REPLY)
