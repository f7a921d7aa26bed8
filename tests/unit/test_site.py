"""hitl-mail.toml: what must hold between its tables."""

from __future__ import annotations

import pytest

from hitl_mail.errors import ConfigError
from hitl_mail.settings import Person, Site
from hitl_mail.site import load_site

WHOLE = """
[site]
name = "Acme approvals"
timezone = "Europe/Berlin"
admins = ["cleo"]
group = "hitl"
daily = "08:00"

[mail]
transport = "smtp"
address = "approvals@example.com"
subaddressing = true
[mail.smtp]
host = "smtp.example.com"
port = 587
tls = "starttls"
username = "approvals"
password_file = "state/smtp"
[mail.imap]
host = "imap.example.com"
username = "approvals"
password_file = "state/imap"
[mail.authentication]
require = "dmarc"
authserv_id = "mx.example.com"

[web]
bind = "127.0.0.1:8025"
base_url = "https://approve.example.com/"

[people.ada]
mail = "ada@example.com"
aliases = ["ada@personal.example"]
os_user = "ada"
away = [{ from = 2026-12-20, to = 2027-01-02, delegate = "bob" }]
[people.bob]
mail = "bob@example.com"
[people.cleo]
mail = "cleo@example.com"

[groups]
finance = ["ada", "bob"]

[agents.billing]
spool = "spool/billing"
uid = 1002
owner = "cleo"
trusted_sources = ["crm"]

[executors.refund]
type = "command"
argv = ["/usr/local/bin/refund", "--json"]
timeout = "60s"
retries = 2
idempotent = false
"""

SMALL = """
[site]
admins = ["ada"]
[people.ada]
mail = "ada@example.com"
os_user = "ada"
[people.bob]
mail = "bob@example.com"
[groups]
both = ["ada", "bob"]
"""


def complaints(text: str) -> list[str]:
    try:
        load_site(text)
    except ConfigError as error:
        return [f"{p.where}: {p.what}. {p.mend}".strip() for p in error.problems]
    return []


def test_the_site_of_the_contract_is_read_whole() -> None:
    site = load_site(WHOLE)
    assert (site.people["ada"].away[0].delegate, site.executors["refund"].timeout) == ("bob", 60)


def test_a_base_url_ends_without_a_slash() -> None:
    assert load_site(WHOLE).web.base_url == "https://approve.example.com"


def test_the_rest_has_defaults() -> None:
    assert load_site(SMALL).limits == Site().limits


def test_an_empty_file_lacks_people_and_admins() -> None:
    assert complaints("") == [
        'people: there is nobody. Add [people.NAME] with mail = "…".',
        'site: admins are missing. Add admins = ["…"]: one person at least.',
    ]


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("[groups.x]\n", "groups.x"),
        (
            "[[people.ada.away]]\nfrom = 2026-01-02\nto = 2026-01-01\ndelegate = 'bob'",
            "people.ada.away[0].to",
        ),
        (
            "[[people.ada.away]]\nfrom = 2026-01-02\nto = 2026-01-03\ndelegate = 'bo'",
            "people.ada.away[0].delegate",
        ),
        (
            "[[people.ada.away]]\nfrom = 2026-01-02\nto = 2026-01-03\ndelegate = 'ada'",
            "people.ada.away[0].delegate",
        ),
        ("[people.eve]\nmail = 'ADA@example.com'", "people.eve.mail"),
        (
            "[people.eve]\nmail = 'eve@x.example'\naliases = ['bob@example.com']",
            "people.eve.aliases[0]",
        ),
        ("[people.eve]\nmail = 'eve@x.example'\nos_user = 'ada'", "people.eve.os_user"),
        ("[people.eve]\nmail = 'Eve <eve@x.example>'", "people.eve.mail"),
        ("[people.eve]\nmail = 'approvals@localhost'", "people.eve.mail"),
        ("[people.both]\nmail = 'both@x.example'", "groups.both"),
        ("[people.'e/ve']\nmail = 'eve@x.example'", 'people."e/ve"'),
        ("[people.'@admins']\nmail = 'eve@x.example'", 'people."@admins"'),
        ("[agents.x]\nspool = 'a'\nowner = 'both'", "agents.x.owner"),
        ("[agents.x]\nspool = '../a'", "agents.x.spool"),
        ("[agents.x]\nspool = '.'", "agents.x.spool"),
        ("[agents.x]\nspool = 'control'", "agents.x.spool"),
        ("[agents.x]\nspool = 'state/x'", "agents.x.spool"),
        ("[agents.x]\nspool = './spool'", "agents.x.spool"),
        ("[agents.a]\nuid = 1", "agents.a.spool"),
        ("[agents.x]\nspool = 'spool/new'", "agents.x.spool"),
        ("[agents.x]\nspool = 'a'\n[agents.y]\nspool = 'a/b'", "agents.y.spool"),
        ("[agents.x]\nspool = '/a'\n[agents.y]\nspool = '/a'", "agents.y.spool"),
        ("[agents.'X']\nspool = 'a'", "agents.X"),
        ("[executors.x]\ntype = 'command'", "executors.x"),
        ("[executors.x]\ntype = 'http'", "executors.x"),
        ("[executors.x]\ntype = 'mail'", "executors.x"),
        ("[executors.x]\ntype = 'command'\nargv = ['']", "executors.x.argv"),
        ("[executors.x]\ntype = 'http'\nurl = 'ftp://a'", "executors.x.url"),
        ("[executors.x]\ntype = 'http'\nurl = 'http://a'\nargv = ['b']", "executors.x.argv"),
        ("[executors.x]\ntype = 'mail'\nfrom = 'x'", "executors.x.from"),
        ("[executors.x]\ntype = 'agent'\nretries = 1", "executors.x.retries"),
        ("[executors.x]\ntype = 'command'\nargv = ['b']\nretries = -1", "executors.x.retries"),
        ("[executors.agent]\ntype = 'command'\nargv = ['b']", "executors.agent"),
        ("[web]\nbind = '8025'", "web.bind"),
        ("[web]\nbind = '127.0.0.1:80250'", "web.bind"),
        ("[web]\nbase_url = 'approve.example.com'", "web.base_url"),
        ("[web]\nbase_url = 'https://a.example/?x=1'", "web.base_url"),
        ("[mail]\naddress = 'approvals'", "mail.address"),
        ("[mail.smtp]\nusername = 'x'", "mail.smtp.username"),
        ("[limits]\nremember = 90", "limits.remember"),
        ("[limit]\nremember = '90d'", "limit"),
    ],
)
def test_each_mistake_is_one_problem_at_its_place(table: str, where: str) -> None:
    assert [text.split(": ")[0] for text in complaints(SMALL + table)] == [where]


@pytest.mark.parametrize(
    "table",
    [
        "[agents.x]\nspool = 'spool/x'",
        "[agents.x]\nspool = '/srv/spools/x'",
        "[agents.default]\nspool = 'in'\n[agents.x]\nspool = 'in/x'",
        "[web]\nbind = '[::1]:8025'",
        "[web]\nbind = 'localhost:0'",
        "[executors.agent]\ntype = 'agent'\ntimeout = '2h'",
        "[executors.x]\ntype = 'http'\nurl = 'https://a.example/x?y=1'",
        "[people.'ada.b-c_d2']\nmail = 'x@x.example'",
    ],
)
def test_what_is_allowed_is_no_problem(table: str) -> None:
    assert complaints(SMALL + table) == []


def test_unknown_people_are_named_with_the_nearest() -> None:
    text = SMALL.replace('admins = ["ada"]', 'admins = ["adda"]\ntimezone = "Europe/Berlim"')
    assert complaints(text.replace('"bob"]', '"bobb"]')) == [
        'site.admins[0]: no person "adda". Did you mean ada?',
        'site.timezone: no time zone "Europe/Berlim". Did you mean Europe/Berlin?',
        'groups.both[1]: no person "bobb". Did you mean bob?',
    ]


def test_admins_that_name_nobody_are_a_problem() -> None:
    text = SMALL.replace('admins = ["ada"]', 'admins = []\ndaily = "8:00"')
    assert complaints(text) == [
        "site.admins: names nobody. Name one person at least.",
        'site.daily: "8:00" is no time. Write 08:00.',
    ]


def test_a_name_that_hides_something_is_a_problem() -> None:
    text = SMALL.replace('admins = ["ada"]', 'admins = ["ada"]\nname = "Acme\\u202E\\nevil"')
    assert complaints(text) == [
        "site.name: Acme⟨U+202E⟩⟨U+000A⟩evil is not one line of what can be seen. "
        "Leave out what is marked.",
    ]


def test_smtp_asks_for_all_it_needs_at_once() -> None:
    found = complaints(SMALL + "[mail]\ntransport = 'smtp'")
    assert [text.split(". ")[0] for text in found] == [
        'mail.transport: "smtp" needs [mail] address',
        "mail.transport: [mail.smtp] host is missing",
        "mail.transport: [mail.imap] host is missing",
        "mail.transport: [mail.imap] username is missing",
        "mail.transport: [mail.imap] password_file is missing",
    ]


def test_a_person_with_a_bad_address_is_still_known_to_the_groups() -> None:
    text = SMALL.replace('mail = "bob@example.com"', "mail = 3")
    assert complaints(text) == ["people.bob.mail: must be a text in quotes, not 3."]


def test_problems_come_in_the_order_of_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        load_site("[web]\nbind = 'x'\n[site]\ndaily = 'x'\n", "s.toml")
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "address",
    [
        "ada@xn--bro-hoa.example",
        "Ada+agent@BÜRO.example.",
        "ada@bu\u0308ro.example",
        "ada@büro。example",
        "\uff41da@büro.example",
    ],
)
def test_who_asked_is_found_by_every_spelling_of_their_address(address: str) -> None:
    people = {"ada": Person(mail="ada@xn--bro-hoa.example"), "bob": Person(mail="ada@buro.example")}
    assert Site(people=people).excluded("default", address) == {"ada"}


def test_a_domain_that_only_looks_encoded_is_its_own() -> None:
    people = {"ada": Person(mail="ada@xn--zzzz999999999.example")}
    assert Site(people=people).excluded("default", "ada@xn--ZZZZ999999999.example") == {"ada"}
    assert Site(people=people).excluded("default", "ada@zzzz999999999.example") == frozenset()
