"""What `init` makes of answers: settings that load, and what it cannot take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hitl_mail.bootstrap.presets import PRESETS, find_exchanges, preset_of
from hitl_mail.bootstrap.setup import Server, Setup, check, read_server, write_site
from hitl_mail.errors import UsageError
from hitl_mail.settings import Site
from hitl_mail.site import load_site

SHIPPED = (Path(__file__).parents[2] / "config/hitl-mail.toml").read_text("utf-8")


def setup(**fields: Any) -> Setup:
    return Setup(**{"person": "ada", "mail": "ada@example.com", **fields})


def written(**fields: Any) -> Site:
    """The site that is written of these answers, loaded."""
    made = setup(**fields)
    check(made)
    text = write_site(SHIPPED, made).replace("@OS_USER@", "ada").replace("@TIMEZONE@", "UTC")
    assert "@PERSON@" not in text
    return load_site(text)


MAIL: dict[str, Any] = {
    "address": "approvals@example.com",
    "smtp": Server("smtp.example.com", None, "starttls"),
    "imap": Server("imap.example.com", 1993),
    "username": "approvals@example.com",
}


def test_without_mail_it_is_the_shipped_file_with_its_person() -> None:
    site = written()
    assert (site.mail.transport, site.mail.authentication.require) == ("maildir", "token")
    assert site.people["ada"].mail == "ada@example.com"
    assert site.groups == {"owner": ("ada",)}


def test_with_mail_both_servers_are_in_it_and_senders_are_authenticated() -> None:
    site = written(**MAIL, name="Acme “approvals”")
    assert (site.mail.transport, site.mail.authentication.require) == ("smtp", "dmarc")
    assert (site.mail.smtp.host, site.mail.smtp.tls) == ("smtp.example.com", "starttls")
    assert (site.mail.imap.host, site.mail.imap.port) == ("imap.example.com", 1993)
    assert site.mail.smtp.password_file == site.mail.imap.password_file == "state/mail-password"
    assert site.site.name == "Acme “approvals”"


def test_people_and_groups_are_in_it() -> None:
    site = written(people={"bob": "bob@example.com"}, groups={"finance": ("ada", "bob")})
    assert site.people["bob"].mail == "bob@example.com"
    assert site.groups == {"owner": ("ada",), "finance": ("ada", "bob")}


def test_comments_stay() -> None:
    text = write_site(SHIPPED, setup(**MAIL))
    for words in ("# group =", "# [executors.refund]", "authserv_id", "# [store]"):
        assert words in text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"person": "Ada Lovelace"}, "is no name"),
    ({"mail": "ada"}, "is no mail address"),
    ({"mail": "Ada <ada@example.com>"}, "is no mail address"),
    ({"people": {"bob": "bob at example.com"}}, "is no mail address"),
    ({"people": {"ada": "b@example.com"}}, "is you"),
    ({"smtp": MAIL["smtp"]}, "one in"),
    ({"groups": {"finance": ("bob",)}}, "bob is nobody known"),
    ({"groups": {"finance": ()}}, "no members"),
    ({"groups": {"ada": ("ada",)}}, "is a person"),
]


@pytest.mark.parametrize(("fields", "words"), WRONG)
def test_an_answer_that_cannot_be_is_told(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check(setup(**fields))


SERVERS = {
    "mail.example.com": Server("mail.example.com", None, "starttls"),
    "mail.example.com:465": Server("mail.example.com", 465, "implicit"),
    "mail.example.com:587": Server("mail.example.com", 587, "starttls"),
    "127.0.0.1:2525/none": Server("127.0.0.1", 2525, "none"),
    "[::1]:465": Server("[::1]", 465, "implicit"),
}


@pytest.mark.parametrize("text", SERVERS)
def test_a_server_in_words(text: str) -> None:
    assert read_server(text, "starttls") == SERVERS[text]


@pytest.mark.parametrize("text", ["", "a b", "host:0", "host:70000", "host:smtp", "host/tls"])
def test_what_is_no_server_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="is no server"):
        read_server(text, "starttls")


@pytest.mark.parametrize(
    ("domain", "exchanges", "preset"),
    [
        ("gmail.com", (), "gmail"),
        ("GMX.de", (), "gmx"),
        ("example.com", ("aspmx.l.google.com.",), "gmail"),
        ("example.com", ("example-com.mail.protection.outlook.com.",), "microsoft"),
        ("example.com", ("mail.example.com.", "in1-smtp.messagingengine.com."), "fastmail"),
        ("example.com", ("evilgoogle.com.",), None),
        ("example.com", (), None),
    ],
)
def test_a_provider_is_known_by_its_domains_or_by_where_mail_goes(
    domain: str, exchanges: tuple[str, ...], preset: str | None
) -> None:
    assert preset_of(domain, exchanges) == (PRESETS[preset] if preset else None)


def test_every_preset_makes_a_site_that_loads() -> None:
    for preset in PRESETS.values():
        smtp, imap = Server(preset.smtp, None, preset.smtp_tls), Server(preset.imap)
        site = written(**{**MAIL, "smtp": smtp, "imap": imap})
        assert (site.mail.smtp.host, site.mail.imap.host) == (preset.smtp, preset.imap)
        assert preset.usable or preset.note


def test_a_domain_that_no_server_knows_has_no_exchange() -> None:
    assert find_exchanges("nobody.invalid", 0.5) == ()
