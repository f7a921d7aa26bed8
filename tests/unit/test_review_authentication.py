"""What our server's Authentication-Results say, as the servers people use write them, and what a
sender may have smuggled into them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hitl_mail.review.authentication import Authentication, aligned, authenticate

OURS = "mx.example.com"


def judged(value: str, sender: str = "ada@example.com", ours: str = OURS) -> Authentication:
    return authenticate([("authentication-results", value)], ours, sender)


SERVERS = {
    "gmail": (
        "mx.google.com; dkim=pass header.i=@example.com header.s=s1 header.b=AbC/dE+f; "
        "spf=pass (google.com: domain of ada@example.com designates 192.0.2.41 as permitted "
        "sender) smtp.mailfrom=ada@example.com; dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) "
        "header.from=example.com",
        "dmarc",
    ),
    "gmail with arc": (
        "mx.google.com; arc=pass (i=1 spf=pass spfdomain=example.com dkim=pass); "
        "dmarc=pass (p=REJECT) header.from=example.com",
        "dmarc",
    ),
    "fastmail": (
        "mx1.messagingengine.com; x-csa=none; x-me-sender=none; x-ptr=pass "
        "smtp.helo=mail.example.com policy.ptr=mail.example.com; bimi=pass header.d=example.com "
        "policy.authority-uri=https://example.com/vmc.pem; arc=none (no signatures found); "
        "dkim=pass (2048-bit rsa key sha256) header.d=example.com header.i=@example.com x-bits=2048"
        "; dmarc=pass policy.published-domain-policy=none (p=none,d=none) header.from=example.com; "
        "iprev=pass smtp.remote-ip=192.0.2.1 (mail.example.com); spf=pass "
        "smtp.mailfrom=ada@example.com smtp.helo=mail.example.com",
        "dmarc",
    ),
    "yahoo": (
        "atlas-production.v2-mail.omega.yahoo.com; dkim=pass header.i=@example.com header.s=s2048;"
        " spf=pass smtp.mailfrom=example.com; dmarc=pass(p=REJECT,sp=REJECT) "
        "header.from=example.com;",
        "dmarc",
    ),
    "opendkim": (
        "mx.example.com; dkim=pass (2048-bit key; unprotected) header.d=example.com "
        'header.i=@example.com header.a=rsa-sha256 header.s=s header.b="AbC/dEf+"; '
        "dkim-atps=neutral",
        "dkim",
    ),
    "opendmarc": ("OpenDMARC; dmarc=pass (p=none dis=none) header.from=example.com", "dmarc"),
    "rspamd": (
        "mx.example.com; dkim=pass header.d=example.com header.s=s header.b=AbC+dEf/; dmarc=pass "
        '(policy=none) header.from=example.com; spf=pass (mx.example.com: domain of "ada@example.'
        'com" designates 192.0.2.1 as permitted sender) smtp.mailfrom=ada@example.com',
        "dmarc",
    ),
    "exim": (
        "mx.example.com; iprev=pass (mail.example.com) smtp.remote-ip=192.0.2.1; spf=pass "
        "smtp.mailfrom=example.com; dkim=pass header.d=example.com header.s=s "
        "header.a=rsa-sha256; dmarc=pass header.from=example.com; arc=none",
        "dmarc",
    ),
    "proton": (
        "mail.protonmail.ch; dkim=pass (Good 2048 bit rsa-sha256 signature) header.d=example.com "
        "header.a=rsa-sha256",
        "dkim",
    ),
    "zoho": (
        "mx.zohomail.com; dkim=pass header.i=example.com; spf=pass (zohomail.com: domain of "
        "example.com designates 192.0.2.1 as permitted sender) smtp.mailfrom=ada@example.com; "
        "dmarc=pass(p=none dis=none) header.from=example.com",
        "dmarc",
    ),
    "mail.ru": (
        "mxs.mail.ru; spf=pass (mx.mail.ru: domain of example.com designates 192.0.2.1 as "
        "permitted sender) smtp.mailfrom=ada@example.com smtp.helo=mail.example.com; "
        "dkim=pass header.d=example.com; dmarc=pass header.from=ada@example.com",
        "dmarc",
    ),
    "policyd-spf": (
        "mx.example.com; spf=pass (mailfrom) smtp.mailfrom=example.com (client-ip=192.0.2.1; "
        "helo=mail.example.com; envelope-from=ada@example.com; receiver=x)",
        "spf",
    ),
    "comments": (
        "mx.example.com (it is (really) us \\) ) 1 (one); (x) dmarc (d) / 1 = (e) pass (f)\theader."
        "from=example.com (g)",
        "dmarc",
    ),
    "version": ("mx.example.com 1; dmarc=pass header.from=example.com", "dmarc"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_what_servers_write_is_read(server: str) -> None:
    value, method = SERVERS[server]
    ours = value.partition(";")[0].split()[0]
    found = judged(value, ours=ours.swapcase())
    assert (found.result, found.method) == ("pass", method)
    assert judged(value, "eve@evil.test", ours).result == "fail"
    assert judged(value, ours="other.example").result == "none"


@pytest.mark.parametrize(
    "value",
    [
        # Exchange Online names no server, so that nobody can tell who wrote it.
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=pass "
        "header.d=example.com;dmarc=pass action=none header.from=example.com;compauth=pass",
        "mta1.example  from=example.com; dkim=pass (ok)",
        f"{OURS} 2; dmarc=pass header.from=example.com",
        f"{OURS} dmarc=pass",
        f"{OURS}; dmarc",
        f"{OURS}; dmarc=pass; and so on",
        f'"{OURS}"; dmarc=pass',
        f"{OURS}; dmarc=pass " + "x" * 5000,
        "",
        ";",
        "none",
    ],
)
def test_what_is_not_plain_says_nothing(value: str) -> None:
    assert judged(value).result == "none"


@pytest.mark.parametrize(
    "value",
    [
        "dkim=pass header.d=example.com(.evil.test",
        "dkim=pass header.d=example.com(.evil.test; dkim=pass header.d=x)y.evil.test",
        "dkim=pass header.d=example.com (.evil.test",
        "dkim=pass header.i=@example.com(a@evil.test)",
        "dkim=pass header.d=example.com\\0.evil.test",
        "dkim=pass header.d=example.com'.evil.test",
        "dkim=pass header.d=evil.test header.d=example.com",
        'dkim=pass header.d="example.com" "evil.test"',
        "spf=pass smtp.mailfrom=any@example.com(@evil.test)",
        "spf=pass smtp.mailfrom=<@example.com,@evil.test:any@evil.test>",
        'spf=pass smtp.mailfrom="x; dmarc=pass header.from=example.com; y"@evil.test',
        "spf=pass smtp.mailfrom=eve@evil.test (x; dmarc=pass header.from=example.com)",
        "spf=pass smtp.mailfrom=example.com@evil.test",
        "spf=pass smtp.helo=example.com",
        "spf=pass (domain of ada@example.com designates) smtp.mailfrom=eve@evil.test",
        "dmarc=pass header.from=evil.test",
        "dmarc=pass header.from=example.com; dmarc=fail header.from=example.com",
        "dmarc=fail header.from=example.com; dkim=pass header.d=example.com",
        "dmarc=permerror; dkim=pass header.d=example.com",
        "dmarc=bestguesspass header.from=example.com",
        "x-dmarc=pass header.from=example.com",
        "dkim=pass",
        "dkim=pass header.d=",
        "dkim=pass header.d=com",
        "dkim=pass header.d=Xexample.com",
        "arc=pass (dmarc=pass) header.from=example.com",
    ],
)
def test_what_a_sender_smuggles_in_vouches_for_nobody(value: str) -> None:
    assert judged(f"{OURS}; {value}").result != "pass"


def test_nested_comments_end_only_once() -> None:
    assert judged(f"{OURS}; " + "(" * 3000 + ")" * 900).result == "none"
    assert judged(f"{OURS}; " + "(" * 1500 + ")" * 1500 + "none").result == "fail"


_pieces = st.sampled_from(
    ["dmarc=pass", "dkim=pass", "spf=pass", "header.d=", "evil.test", "example.com.evil.test", "(",
     ")", ";", '"', "\\", " ", "@", "header.from=", "smtp.mailfrom=", "=", "fail", "none", "<", ">"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(_pieces, max_size=20).map("".join))
@example("dkim=pass header.d=example.com.evil.test")
def test_no_mix_of_pieces_vouches_for_a_domain_that_is_not_named(value: str) -> None:
    found = judged(f"{OURS}; dmarc=none; {value}")
    assert found.result != "pass" or found.method == "dmarc"
    assert judged(f"{OURS}; dmarc=fail; {value}").result != "pass"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_no_value_makes_it_raise(value: str) -> None:
    assert judged(value).result == "none"
    assert judged(f"{OURS}; {value}").result in ("none", "fail")


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("", "no Authentication-Results"),
        (f"{OURS}; dmarc", "Authentication-Results cannot be read"),
        ("mx.evil.test; dmarc=pass", "the topmost one is of mx.evil.test"),
        (f"{'x' * 200}; dmarc=pass", f"the topmost one is of {'x' * 100}"),
        (f"{OURS}; none", "nothing passed"),
        (f"{OURS}; dkim=fail; spf=softfail", "dkim=fail, spf=softfail"),
        (f"{OURS}; spf=fail; dkim=pass header.d=example.com", "spf=fail, dkim=pass"),
        (f"{OURS}; dkim=fail; spf=pass smtp.mailfrom=example.com", "dkim=fail, spf=pass"),
    ],
)
def test_what_the_server_said_or_what_is_lacking_is_told(value: str, detail: str) -> None:
    assert judged(value).detail == detail


def test_a_server_that_does_not_repeat_whose_from_it_checked_is_believed() -> None:
    assert judged(f"{OURS}; dmarc=pass").result == "pass"
    assert judged(f"{OURS}; dmarc=pass header.from=evil.test").result == "fail"


def test_a_field_of_the_longest_kind_is_read() -> None:
    start = f"{OURS}; dmarc=pass ("
    whole = start + "x" * (4000 - len(start) - len(") header.from=example.com"))
    assert judged(f"{whole}) header.from=example.com").result == "pass"
    assert judged(f"{whole}x) header.from=example.com").result == "none"


@pytest.mark.parametrize(
    ("domain", "other", "expected"),
    [
        ("example.com.", "example.com", True),
        (".example.com", "example.com", True),
        ("example.com", "mail.example.com.", True),
        ("EXAMPLE.com", "Mail.Example.COM", True),
        ("example.com", "example.org", False),
        ("com", "example.com", False),
        ("example.com", "com", False),
        ("", "", True),
    ],
)
def test_domains_align_with_or_without_their_last_dot(
    domain: str, other: str, expected: bool
) -> None:
    assert aligned(domain, other) is expected


@pytest.mark.parametrize(
    "value",
    [
        'dkim=pass header.b="a;b(c)d" header.d=example.com',
        "dkim=pass (a \\) b) header.d=example.com",
        "dkim=pass (a (b) c) header.d=example.com",
        'dkim=pass header.d="example.com"',
        'spf=fail; dkim=pass header.b="x y" header.d=example.com',
        "dkim=pass header.i=<@example.com>",
        "dkim=pass(comment) header.d=example.com",
        "dkim=pass header.d=example.com;",
        "DKIM=PASS HEADER.D=Example.COM",
    ],
)
def test_quotes_and_comments_end_where_they_end(value: str) -> None:
    assert judged(f"{OURS}; {value}").method == "dkim"


@pytest.mark.parametrize(
    "value",
    [
        "dkim=pass header.d=example.com )",
        "dkim=pass header.d=example.com \\",
        'dkim=pass header.d=example.com "',
        'dkim=pass header.d="example.com',
        "dkim=pass (header.d=example.com",
        "dkim=pass header.d=example.com(x)",
    ],
)
def test_what_does_not_end_says_nothing(value: str) -> None:
    assert judged(f"{OURS}; {value}").detail == "Authentication-Results cannot be read"
