"""What a reviewer sees is what runs: what a mail could not show takes no yes by mail."""

from __future__ import annotations

from tests.acceptance.home import TestHome, body, link, refund
from tests.security.pages import post


def test_what_a_mail_could_not_show_whole_is_approved_only_from_the_page(home: TestHome) -> None:
    """A payload may hide its last line behind a thousand others."""
    payload = {"amount": 49, "currency": "EUR", "customer": "Ada", "rows": list(range(400))}
    action = home.drop(refund(payload=payload))
    case = home.case_of(action)
    packet = home.await_mail("ada@example.com", case)
    home.reply(packet, "approve", "ada@example.com")
    told = body(home.await_mail("ada@example.com", case, count=2))
    shown = home.json("show", action)
    assert (shown["status"], shown["decisions"]) == ("pending", [])
    assert "too long to approve by mail" in told
    assert post(link(packet), "approve").status_code == 303
    result = home.await_result(action)
    assert [(said["by"], said["via"]) for said in result["decisions"]] == [("ada", "link")]


def test_what_a_mail_could_not_show_whole_may_be_rejected_by_mail(home: TestHome) -> None:
    """Nobody has to see all of it to say no."""
    payload = {"amount": 49, "currency": "EUR", "customer": "Ada", "rows": list(range(400))}
    action = home.drop(refund(payload=payload))
    home.reply(
        home.await_mail("ada@example.com", home.case_of(action)), "reject", "ada@example.com"
    )
    assert home.await_result(action)["status"] == "rejected"
