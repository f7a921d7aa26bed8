"""Separation of duties: whoever wants it done is never who allows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.home import SITE, TestHome, link, refund, until
from tests.security.pages import post

# ada sits at this machine, and is a reviewer of refunds with bob.
AT_THE_KEYBOARD = SITE.replace('os_user = "{user}"', "").replace(
    'aliases = ["ada@personal.example"]',
    'aliases = ["ada@personal.example", "ada+work@office.example"]\nos_user = "{user}"',
)
OWN = (
    "ada@example.com",
    "ADA@Example.COM",
    "ada+agent@example.com",
    "Ada+a+b@EXAMPLE.com",
    "ada@personal.example",
    "ada+x@personal.example",
    "ada@office.example",
    "ada+play@office.example",
    "ada@example.com.",
)


@pytest.fixture(scope="module")
def asked(make_home: Callable[..., TestHome]) -> tuple[TestHome, dict[str, str]]:
    home = make_home(site=AT_THE_KEYBOARD)
    home.start()
    dropped = {address: home.drop(refund(requested_by=address)) for address in OWN}
    dropped["nobody"] = home.drop(refund(requested_by="stranger@example.net"))
    until(lambda: len(home.json("queue")) == len(dropped) or None, "all are cases")
    return home, dropped


@pytest.mark.parametrize("address", OWN)
def test_in_whatever_spelling_their_own_request_is_not_theirs_to_approve(
    asked: tuple[TestHome, dict[str, str]], address: str
) -> None:
    """The claimed requester never counts: by any of their addresses, in any case, with any tag."""
    home, dropped = asked
    rows = {row["id"]: row for row in home.json("queue")}
    row = rows[dropped[address]]
    refused = home.cli("approve", row["case"])
    assert (row["waiting_for"], refused.returncode) == (["bob"], 1), refused.stderr
    assert "asked for this" in refused.stderr


def test_a_mail_that_another_forwards_does_not_make_them_count(
    asked: tuple[TestHome, dict[str, str]],
) -> None:
    """Bob's mail, forwarded to Ada: her reply to it from her own address decides nothing."""
    home, dropped = asked
    case = home.case_of(dropped["ada+agent@example.com"])
    mail = home.await_mail("bob@example.com", case)
    home.reply(mail, "approve", "ada@example.com")
    home.reply(mail, "approve", "ada+agent@example.com")
    assert post(link(mail), "approve", to="ada").status_code == 303, "bob's link is bob's"
    result = home.await_result(dropped["ada+agent@example.com"])
    assert [(said["by"], said["via"]) for said in result["decisions"]] == [("bob", "link")]


def test_somebody_elses_request_is_theirs_to_approve(
    asked: tuple[TestHome, dict[str, str]],
) -> None:
    """Without this, the tests above could pass because nobody may approve anything."""
    home, dropped = asked
    assert home.cli("approve", dropped["nobody"]).returncode == 0


def test_an_agent_that_is_gone_from_the_settings_sets_its_owner_free_for_no_open_case(
    make_home: Callable[..., TestHome],
) -> None:
    """Renamed or taken out, it would leave nobody to know whose request it was."""
    home = make_home(site=AT_THE_KEYBOARD.replace('owner = "bob"', 'owner = "ada"'))
    home.drop(refund(), "asked.json", "spool/billing")
    home.once()
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site.replace("[agents.billing]", "[agents.invoices]"))
    home.cli("approve", "asked")
    refused = home.cli("run", "--once")
    assert (refused.returncode, home.ran()) == (2, []), refused.stderr
    assert "agents.billing: it is gone, and 1 case of it is open" in refused.stderr
    home.write_site(site)
    home.once()
    assert (home.ran(), [row["id"] for row in home.json("queue")]) == ([], ["asked"])
