"""The only admin is whom an agent acts for: nobody may decide, and everybody who looks is told."""

from __future__ import annotations

from collections.abc import Callable

from tests.acceptance.home import TestHome, body, label

ASKS = """
[policy]
reviewers = ["owner"]
"""


def own(made: TestHome, name: str = "own") -> str:
    """A case of cleo's own asking, as it stands after a look; its id."""
    made.drop(label(requested_by="cleo@example.com"), f"{name}.json")
    made.once()
    return made.case_of(name)


def test_every_place_that_tells_of_the_case_tells_why_it_waits(
    make_home: Callable[..., TestHome],
) -> None:
    made = make_home(rules=ASKS)
    case = own(made)
    status = made.cli("status")
    assert status.returncode == 1
    assert f"{case}: nobody may decide it: cleo asked for it" in status.stdout
    assert "waits for     nobody 1" in status.stdout
    assert "under 1h 1" in status.stdout
    assert f"they are asked then. See: hitl-mail show {case}." in status.stdout
    assert "nobody may decide" in made.cli("queue").stdout
    assert "name somebody else among the admins in hitl-mail.toml" in made.cli("show", case).stdout
    told = body(made.await_mail("cleo@example.com", "Nobody may decide"))
    assert "The mend: name somebody else among the admins" in " ".join(told.split())


def test_a_refusal_says_what_to_do_next(make_home: Callable[..., TestHome]) -> None:
    made = make_home(rules=ASKS)
    case = own(made)
    made.start()
    refused = made.cli("approve", case)
    assert refused.returncode == 1
    assert "an admin has to name somebody else: hitl-mail status" in refused.stderr


def test_who_is_an_admin_after_the_next_start_is_asked_and_decides(
    make_home: Callable[..., TestHome],
) -> None:
    made = make_home(rules=ASKS)
    case = own(made)
    site = made.root.joinpath("hitl-mail.toml").read_text()
    made.write_site(site.replace('admins = ["cleo"]', 'admins = ["cleo", "ada"]'))
    made.once()
    assert made.json("show", case)["waiting_for"] == ["ada"]
    assert "may decide" not in made.cli("status").stdout
    made.reply(made.await_mail("ada@example.com", case), "approve", "ada@example.com")
    made.once()
    assert made.await_result("own")["status"] == "approved"
    assert "more people may decide now: ada is asked" in made.cli("show", case).stdout
