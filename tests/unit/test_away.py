"""People who are away: who is asked in their place, and what that person may then do."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.quorum import waiting_for
from hitl_mail.errors import NotAllowed
from tests.offices import LARGE, RULES, Office, at, away, site

FINANCE = RULES.replace('reviewers = ["ada"]', 'reviewers = ["finance"]')
TWO = RULES.replace('reviewers = ["ada"]', 'reviewers = ["ada", "bob"]\napprovals = 2')
ESCALATED = RULES + 'escalate = { after = "1h", to = ["owner"] }\n'


async def refusal(office: Office, person: str, verb: Any = "approve", via: Any = "mail") -> str:
    """The code with which this person's word is refused."""
    with pytest.raises(NotAllowed) as found:
        await office.say(person, verb, via)
    return found.value.code


# Who stands in for whom


CHAINS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a delegate": ({"ada": away("bob")}, {"ada": "bob"}),
    "a delegate's own": (
        {"ada": away("bob"), "bob": away("cleo")},
        {"ada": "cleo", "bob": "cleo"},
    ),
    "nobody, where two stand in for each other": (
        {"ada": away("bob"), "bob": away("ada")},
        {},
    ),
    "nobody, at the end of a chain into a loop": (
        {"ada": away("bob"), "bob": away("gus"), "gus": away("bob"), "eve": away("cleo")},
        {"eve": "cleo"},
    ),
    "nobody, where somebody stands in for themselves": ({"ada": away("ada")}, {}),
    "one of two absences": (
        {"ada": (away("bob", "2026-01-01", "2026-01-02"), away("eve"))},
        {"ada": "eve"},
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_who_stands_in(name: str) -> None:
    absences, expected = CHAINS[name]
    assert site(**absences).stand_ins(at("2026-12-24")) == expected


@pytest.mark.parametrize(
    ("day", "hour", "gone"),
    [
        ("2026-12-19", "23:59", False),
        ("2026-12-20", "00:00", True),
        ("2027-01-02", "23:59", True),
        ("2027-01-03", "00:00", False),
    ],
)
def test_days_begin_and_end_where_the_site_is(day: str, hour: str, gone: bool) -> None:
    assert (site(ada=away("bob")).stand_ins(at(day, hour)) == {"ada": "bob"}) is gone


def test_a_day_of_a_change_of_clocks_is_a_day() -> None:
    summer = site(ada=away("bob", "2026-03-29", "2026-03-29"))
    found = [bool(summer.stand_ins(at("2026-03-29", hour))) for hour in ("00:00", "23:59")]
    assert (found, summer.stand_ins(at("2026-03-30", "00:00"))) == ([True, True], {})


# Whom a case asks


async def test_a_stand_in_is_asked_and_may_decide() -> None:
    office = Office(site(ada=away("eve")), now=at("2026-12-24"))
    case = await office.receive()
    assert (office.asked(), [q.reviewers for q in case.verdict.quorums]) == (["eve"], [("eve",)])
    assert (await office.say("eve")).status == "approved"


async def test_a_mail_says_for_whom_it_comes_to_a_stand_in_and_to_nobody_else() -> None:
    rules = RULES.replace('reviewers = ["ada"]', 'reviewers = ["finance", "ada"]')
    office = Office(site(ada=away("eve"), bob=away("eve"), fay=away("eve")), rules)
    office.now = at("2026-12-24")
    case = await office.receive()
    assert office.world.stands_for(case, "eve") == ["ada", "bob"]
    assert [office.world.stands_for(case, name) for name in ("ada", "gus", "fay")] == [[]] * 3
    office.open(site(ada=away("gus")))
    assert office.world.stands_for(case, "gus") == []


async def test_who_is_away_may_decide_all_the_same() -> None:
    office = Office(site(ada=away("eve")), now=at("2026-12-24"))
    await office.receive()
    assert (await office.say("ada")).status == "approved"


@pytest.mark.parametrize("excluded", [{"agent": "billing"}, {"requested_by": "dora@example.com"}])
async def test_who_may_not_decide_stands_in_for_nobody(excluded: dict[str, str]) -> None:
    office = Office(site(ada=away("dora")), now=at("2026-12-24"))
    await office.receive(**{"agent": "other", **excluded})
    assert office.asked() == ["ada"]
    doors = [await refusal(office, "dora", via=via) for via in ("mail", "link", "cli")]
    assert doors == ["own_request"] * 3


async def test_nobody_stands_in_for_who_may_not_decide() -> None:
    rules = RULES.replace('reviewers = ["ada"]', 'reviewers = ["ada", "dora"]')
    office = Office(site(dora=away("eve")), rules, at("2026-12-24"))
    await office.receive()
    assert office.asked() == ["ada"]
    assert await refusal(office, "eve") == "not_reviewer"


async def test_an_alias_of_the_requester_is_the_requester() -> None:
    office = Office(site(ada=away("bob")), now=at("2026-12-24"))
    await office.receive(agent="other", requested_by="BOB@example.com")
    assert office.asked() == ["ada"]
    assert await refusal(office, "bob", "reject") == "own_request"


async def test_of_two_with_one_stand_in_all_are_asked_and_nobody_counts_twice() -> None:
    office = Office(site(ada=away("eve"), bob=away("eve")), TWO, at("2026-12-24"))
    case = await office.receive()
    assert case.quorums[0].reviewers == ("ada", "bob", "eve")
    assert (await office.say("eve")).status == "pending"
    assert await refusal(office, "eve") == "already"
    assert waiting_for(office.case) == ("ada", "bob")
    assert (await office.say("bob")).status == "approved"


async def test_who_stands_in_for_the_other_reviewer_counts_once() -> None:
    office = Office(site(ada=away("bob")), TWO, at("2026-12-24"))
    await office.receive()
    assert (await office.say("bob")).status == "pending"
    assert waiting_for(office.case) == ("ada",)


def test_names_are_ones_own_and_those_of_whom_one_stands_in_for() -> None:
    office = Office(site(ada=away("eve")), now=at("2026-12-24"))
    excluded: frozenset[str] = frozenset()
    names = office.world.who_is_there(excluded).names
    assert (names["eve"], names["fay"]) == ({"eve", "ada", "finance", "pair"}, {"fay"})
    office.now = at("2027-01-03")
    assert office.world.who_is_there(excluded).names["eve"] == {"eve", "pair"}


# The day on which somebody goes, and that on which they are back


async def test_on_the_day_somebody_goes_their_stand_in_is_asked() -> None:
    office = Office(site(ada=away("eve")), now=at("2026-12-19"))
    await office.receive()
    assert office.asked() == ["ada"]
    assert waiting_for(await office.on("2026-12-20", "00:00")) == ("eve",)
    await office.on("2026-12-20", "00:01")
    assert office.asked() == ["ada", "eve"]
    assert (await office.say("eve")).status == "approved"


async def test_of_two_who_go_and_have_one_stand_in_nobody_is_let_off() -> None:
    office = Office(site(ada=away("eve"), bob=away("eve")), TWO, at("2026-12-19"))
    await office.receive()
    await office.on("2026-12-20")
    assert waiting_for(office.case) == ("ada", "bob", "eve")
    await office.say("eve")
    assert waiting_for(office.case) == ("ada", "bob")


async def test_who_stands_in_under_two_rules_gets_one_mail() -> None:
    office = Office(site(ada=away("eve")), RULES + LARGE.replace("owner", "ada"), at("2026-12-19"))
    await office.receive(amount=5000)
    await office.on("2026-12-20")
    assert office.asked() == ["ada", "eve"]
    assert (await office.say("eve")).status == "approved"


async def test_nobody_is_asked_for_who_has_approved_already() -> None:
    office = Office(site(ada=away("eve")), TWO, at("2026-12-19"))
    await office.receive()
    await office.say("ada")
    await office.on("2026-12-20")
    assert office.asked() == ["ada", "bob"]


async def test_who_is_back_is_asked_and_their_stand_in_no_longer() -> None:
    office = Office(site(ada=away("eve")), now=at("2027-01-02"))
    await office.receive()
    assert waiting_for(await office.on("2027-01-02", "23:59")) == ("eve",)
    assert waiting_for(await office.on("2027-01-03", "00:00")) == ("ada",)
    assert await refusal(office, "eve") == "not_reviewer"
    assert (office.asked(), (await office.say("ada")).status) == (["eve", "ada"], "approved")


async def test_who_is_back_while_the_daemon_was_down_is_asked_at_its_start() -> None:
    office = Office(site(ada=away("eve")), now=at("2027-01-02"))
    await office.receive()
    office.now = at("2027-01-03")
    office.open(office.site)
    assert waiting_for(await office.on("2027-01-03")) == ("ada",)


async def test_who_left_a_group_while_the_daemon_was_down_gives_the_question_to_the_rest() -> None:
    office = Office(rules=FINANCE)
    await office.receive()
    office.open(
        type(office.site)(
            site=office.site.site,
            people=office.site.people,
            groups={**office.site.groups, "finance": ("fay",)},
            agents=office.site.agents,
            executors=office.site.executors,
        )
    )
    assert waiting_for(await office.on("2026-12-02")) == ("fay",)


async def test_a_look_at_the_clock_that_finds_nothing_new_records_nothing() -> None:
    office = Office(site(ada=away("eve")), FINANCE, at("2026-12-24"))
    await office.receive()
    before = office.case
    await office.on("2026-12-25")
    assert office.case == before


async def test_it_is_escalated_to_whoever_is_there_then() -> None:
    office = Office(site(cleo=away("fay")), ESCALATED, at("2026-12-19", "23:30"))
    await office.receive()
    await office.on("2026-12-20", "00:30")
    assert office.asked() == ["ada", "fay"]
    assert (await office.say("fay")).status == "approved"


async def test_it_is_escalated_to_who_is_back_by_then() -> None:
    office = Office(site(cleo=away("fay")), ESCALATED, at("2027-01-02", "23:30"))
    await office.receive()
    await office.on("2027-01-03", "00:30")
    assert office.asked() == ["ada", "cleo"]


async def test_an_absence_makes_no_policy_stricter() -> None:
    """The rules are read again while somebody is away: their stand-in is all that changes."""
    office = Office(site(ada=away("bob")), FINANCE, at("2026-12-19"))
    case = await office.receive()
    office.now = at("2026-12-24")
    from hitl_mail.core.action import Action, read_message

    action = read_message(case.action, case.action_id)
    assert isinstance(action, Action)
    again = office.world.judge(action, case.agent, case.id)
    assert again.quorums != case.verdict.quorums
    assert (await office.handle(cmd.Rejudge(again))).history == case.history
