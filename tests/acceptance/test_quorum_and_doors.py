"""Who counts, through whichever door, and what may be said by which."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest

from tests.acceptance.deciding_home import DecidingHome, decided, text
from tests.acceptance.home import link, until
from tests.servers.process import free_port


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecidingHome]:
    made = DecidingHome(tmp_path_factory.mktemp("deciding") / "home", free_port())
    made.start()
    yield made
    made.stop()


def post(url: str, verb: str, note: str = "") -> httpx.Response:
    """Say it on the page behind a link."""
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        page = client.get(url)
        if 'name="seen" value="' not in page.text:
            return page
        seen = page.text.split('name="seen" value="')[1].split('"')[0]
        return client.post(url, data={"verb": verb, "note": note, "seen": seen})


def test_one_person_counts_once_whatever_the_doors(home: DecidingHome) -> None:
    one = home.ask("pay.two")
    url = link(home.mail("ada", one))
    home.say("ada", one, "approve", sender="Ada <ada@personal.example>")
    assert "1 more for the rule two" in text(home.mail("ada", one, 2))
    home.say("ada", one, "approve")
    assert "approved this already" in text(home.mail("ada", one, 3))
    assert "has approved; others still have to" in home.refused("approve", home.actions[one])
    assert 'name="seen"' not in post(url, "approve").text
    assert home.row(one)["waiting_for"] == ["bob", "gus"]
    home.say("gus", one, "approve")
    assert decided(home.ended(one)) == [("ada", "approve", "mail"), ("gus", "approve", "mail")]


def test_the_page_and_the_command_line_are_one_person_too(home: DecidingHome) -> None:
    one = home.ask("pay.two")
    assert post(link(home.mail("ada", one)), "approve").status_code == 200
    assert "has approved" in home.refused("approve", home.actions[one])
    home.say("ada", one, "approve")
    assert "approved this already" in text(home.mail("ada", one, 2))
    # Who approved may think better of it, and one reject ends it.
    home.json("reject", home.actions[one], "no", "longer")
    result = home.ended(one)
    assert (result["status"], decided(result)) == (
        "rejected",
        [("ada", "approve", "link"), ("ada", "reject", "cli")],
    )


def test_an_edit_starts_the_count_anew(home: DecidingHome) -> None:
    one = home.ask("pay.two")
    home.say("bob", one, "approve")
    home.mail("bob", one, 2)
    home.json("edit", home.actions[one], "amount=40")
    home.json("approve", home.actions[one])
    assert home.row(one)["waiting_for"] == ["bob", "gus"]
    home.say("bob", one, "approve", 3)
    assert home.ended(one)["payload"]["amount"] == 40


def test_one_reject_ends_it_and_a_late_reply_is_told_so_once(home: DecidingHome) -> None:
    one = home.ask("pay.two")
    home.say("gus", one, "reject because twice")
    assert home.ended(one)["decisions"][0]["note"] == "twice"
    until(lambda: home.cli("show", home.actions[one]).stdout.find("receipt") > 0, "the receipt")
    other = home.mail("bob", one)
    for _ in range(3):
        home.reply(other, "approve", "bob@example.com")
    home.read_all()
    closed = home.await_mail("bob@example.com", "Closed already")
    assert "changed nothing" in text(closed)
    assert len(home.mails("bob@example.com", "Closed already")) == 1
    # Who asks for help is always answered.
    home.reply(other, "help", "bob@example.com")
    home.await_mail("bob@example.com", "Closed already", 2)
    assert home.ran() == [run for run in home.ran() if run["payload"]["customer"] != one]


@pytest.mark.parametrize("how", ["owner", "requester", "alias of the requester"])
def test_nobody_decides_their_own_request(home: DecidingHome, how: str) -> None:
    more = {
        "owner": {"spool": "spool/mine"},
        "requester": {"requested_by": "Ada@Example.com"},
        "alias of the requester": {"requested_by": "ada@personal.example"},
    }[how]
    one = home.ask("pay.two", **more)
    packet = home.mail("bob", one)
    action = home.actions[one]
    every = (["approve"], ["reject"], ["edit", "amount=40"], ["route", "bob"])
    for verb, *rest in every if how == "owner" else every[:1]:
        assert "asked for this, or owns the agent" in home.refused(verb, action, *rest)
    # Their address on a mail that was written to bob is nobody's word.
    home.reply(packet, "approve", "ada@example.com")
    home.read_all()
    row = home.row(one)
    assert (row["waiting_for"], home.count("ada", one)) == (["bob", "gus"], 0)
    home.say("bob", one, "route ada")
    assert "Nothing was decided" in text(home.mail("bob", one, 2))
    home.json("cancel", action) if how != "owner" else home.drop(
        {"cancel": action}, spool="spool/mine"
    )
    assert home.ended(one, more.get("spool", "spool"))["status"] == "canceled"


DOORS = {"mail": "pay.mail", "link": "pay.link", "cli": "pay.cli"}
SAID = {
    "approve": ("approve", []),
    "reject": ("reject", []),
    "edit": ("edit\namount = 40", ["amount=40"]),
    "route": ("route cleo", ["cleo"]),
}


@pytest.mark.parametrize("door", DOORS)
def test_each_door_is_open_where_the_rule_says_so_for_each_verb(
    home: DecidingHome, door: str
) -> None:
    one = home.ask(DOORS[door])
    action, packet = home.actions[one], home.mail("ada", one)
    before = home.show(one)["decisions"]
    if door != "cli":
        for verb, (_, rest) in SAID.items():
            assert f"takes decisions by {door} only" in home.refused(verb, action, *rest)
    if door != "mail":
        # Each is told to decide elsewhere.
        for line, _ in SAID.values():
            home.reply(packet, line, "ada@example.com")
        assert "takes no decision by mail" in text(home.mail("ada", one, 2))
        home.mail("ada", one, 1 + len(SAID))
    if door != "link":
        assert "/d/" not in text(packet), "a link to decide where none decides"
    assert home.show(one)["decisions"] == before
    if door == "mail":
        home.reply(packet, "approve", "ada@example.com")
    elif door == "link":
        post(link(packet), "approve")
    else:
        home.json("approve", action)
    assert decided(home.ended(one)) == [("ada", "approve", door)]


@pytest.mark.parametrize(
    ("door", "verb", "status"),
    [("mail", "ok", "ok"), ("link", "flag", "flagged"), ("cli", "ok", "ok")],
)
def test_a_sample_is_looked_at_through_each_door(
    home: DecidingHome, door: str, verb: str, status: str
) -> None:
    one = home.ask("crm.label")
    assert home.ended(one)["status"] == "executed"
    packet = home.mail("ada", one)
    assert "approve" not in [line.split()[0] for line in text(packet).splitlines() if line]
    home.reply(packet, "approve", "ada@example.com")
    assert "Nothing was decided" in text(home.mail("ada", one, 2))
    if door == "mail":
        home.reply(packet, verb, "ada@example.com")
    elif door == "link":
        assert post(link(packet), verb, "wrong contact").status_code == 200
    else:
        home.json(verb, home.actions[one])
    said = until(lambda: reviewed(home, one), f"the review\n{home.log()}")
    assert (said["status"], [(d["by"], d["via"]) for d in said["decisions"]]) == (
        status,
        [("ada", door)],
    )


def reviewed(home: DecidingHome, customer: str) -> dict[str, object] | None:
    """The receipt of the review, once there is one."""
    from hitl_mail import open_receipts

    with open_receipts(home.root) as db:
        found = [
            dict(receipt)
            for receipt in db.table("receipts").all()
            if receipt["id"] == home.actions[customer] and "reviews" in receipt
        ]
    return found[0] if found else None


@pytest.mark.parametrize(("verb", "status"), [("done", "executed"), ("abandon", "failed")])
def test_what_failed_is_settled_by_reply(home: DecidingHome, verb: str, status: str) -> None:
    one = home.ask("file.sync")
    packet = home.mail("cleo", one)
    home.reply(packet, "retry", "cleo@example.com")
    again = home.mail("cleo", one, 2)
    assert "failed" in text(again)
    home.reply(again, f"{verb.capitalize()}.", "cleo@example.com")
    result = home.ended(one)
    assert (result["status"], result["outcome"]["settled_as"], result["outcome"]["attempts"]) == (
        status,
        verb,
        2,
    )
    assert decided(result) == [("cleo", "retry", "mail"), ("cleo", verb, "mail")]


def test_an_answer_to_an_earlier_failure_says_nothing_of_a_later_one(home: DecidingHome) -> None:
    """Two mails for one retry, written twice or by two programs, are not two more attempts."""
    one = home.ask("file.sync")
    first = home.mail("cleo", one)
    home.reply(first, "retry", "cleo@example.com")
    second = home.mail("cleo", one, 2)
    home.reply(first, "retry", "cleo@example.com")
    assert "it changed since that mail was written" in text(home.mail("cleo", one, 3))
    home.reply(second, "abandon", "cleo@example.com")
    result = home.ended(one)
    assert (result["status"], result["outcome"]["attempts"]) == ("failed", 2)


@pytest.mark.parametrize("forged", [False, True])
def test_an_answer_that_does_not_prove_which_failure_it_is_about_says_nothing_of_a_later_one(
    home: DecidingHome, forged: bool
) -> None:
    """What was signed for the first can be sent again, with other fields that no signature has to
    cover: another Message-ID, and whatever it answers."""
    one = home.ask("file.sync")
    first = home.mail("cleo", one)
    home.reply(first, "retry", "cleo@example.com")
    second = home.mail("cleo", one, 2)
    again = EmailMessage()
    again["From"], again["To"] = "cleo@example.com", str(first["Reply-To"])
    again["Subject"], again["Message-ID"] = f"Re: {first['Subject']}", "<again@client.example>"
    if forged:
        case, revision, mail, token = str(second["Message-ID"])[1:].partition("@")[0].split(".")
        made_up = token.translate(str.maketrans("abcdefgh", "bcdefgha"))
        again["In-Reply-To"] = f"<{case}.{revision}.{mail}.{made_up}@example.com>"
    again.set_content("retry\n")
    home.deliver(bytes(again))
    assert "it changed since that mail was written" in text(home.mail("cleo", one, 3))
    home.reply(second, "abandon", "cleo@example.com")
    result = home.ended(one)
    assert (result["status"], result["outcome"]["attempts"]) == ("failed", 2)


BAD = ["approve\nreject", "approve, but make it 20", "route"]
NO_COMMAND = ["looks fine", "", "fine by me"]


def test_each_bad_command_is_answered_of_other_replies_one_and_of_automatic_ones_none(
    home: DecidingHome,
) -> None:
    one = home.ask()
    packet = home.mail("ada", one)
    for line in (*BAD, *NO_COMMAND):
        home.reply(packet, line, "ada@example.com")
    for count in range(len(BAD) + 1):
        answer = text(home.mail("ada", one, 2 + count))
        assert "Nothing was decided" in answer
        assert "approve" in answer
    bob = home.mail("bob", one)
    for automatic in ("auto-replied", "auto-generated"):
        home.reply(bob, "approve", "bob@example.com", Auto_Submitted=automatic)
    home.reply(bob, "approve", "bob@example.com", X_Autoreply="yes")
    home.read_all()
    # Another's hour is their own, and help is no slip.
    home.reply(home.mail("gus", one), "hm", "gus@example.com")
    assert "not understood" in text(home.mail("gus", one, 2))
    home.reply(packet, "help", "ada@example.com")
    assert "what you can answer" in text(home.mail("ada", one, len(BAD) + 3))
    assert (home.count("ada", one), home.count("bob", one)) == (len(BAD) + 3, 1)
    assert home.row(one)["status"] == "pending"
