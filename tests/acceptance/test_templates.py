"""A team's own templates in a home: used where sound, told of where broken."""

from __future__ import annotations

from tests.acceptance.home import TestHome, body, refund, until


def test_a_broken_template_is_told_in_the_mail_in_the_status_and_is_used_once_mended(
    home: TestHome,
) -> None:
    own = home.root / "templates"
    own.mkdir(exist_ok=True)
    (own / "ask.txt").write_text("{{ sentinel }}\n{{ no_such_thing }}\n")
    home.drop(refund())
    assert "RISK" in body(home.await_mail("ada@example.com"))

    notice = home.await_mail("@", subject="Your template ask.txt is not used")
    assert "ask.txt line 2: 'no_such_thing' is undefined" in " ".join(body(notice).split())
    fault = (
        "templates/ask.txt is not used, the shipped one is: "
        "ask.txt line 2: 'no_such_thing' is undefined"
    )
    until(lambda: fault in home.cli("status").stdout, "the fault in the status")

    mended = '{% include "shipped/ask.txt" %}\nYour team of approvals\n'
    (own / "ask.txt").write_text(mended)
    home.drop(refund())
    second = home.await_mail("ada@example.com", subject="Refund", count=2)
    assert body(second).splitlines()[-1] == "Your team of approvals"
    until(lambda: fault not in home.cli("status").stdout, "a status without the fault")


def test_a_mail_tells_what_else_waits_for_its_reader(home: TestHome) -> None:
    home.drop(refund())
    home.await_mail("ada@example.com")
    home.drop(refund())
    assert "1 more waits for you:" in body(home.await_mail("ada@example.com", count=2))
