"""From what a person said to the command: what an edit makes, and whom a name stands for."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.action import Action, read_message
from hitl_mail.core.quorum import waiting_for
from hitl_mail.errors import NotAllowed
from hitl_mail.review.edits import Edit
from tests.offices import LARGE, RULES, Office, at, away, site

ROUTED = RULES + 'route_to = ["owner", "pair"]\n'


def amount(value: str) -> Edit:
    return Edit((("amount", value),))


async def office(rules: str = RULES, **absences: Any) -> Office:
    """An office with one case of 40 EUR, which asks ada."""
    made = Office(site(**absences), rules, at("2026-12-24"))
    await made.receive()
    return made


async def refusal(office: Office, person: str, verb: Any, **more: Any) -> NotAllowed:
    with pytest.raises(NotAllowed) as found:
        await office.say(person, verb, **more)
    return found.value


# Notes


@pytest.mark.parametrize(
    "note",
    ["but only 40 euro please", "no wait, I mean reject", "if Bo agrees", "amount=40", "really?"],
)
@pytest.mark.parametrize("via", ["link", "cli"])
async def test_an_approval_with_a_condition_approves_nothing_at_any_door(
    via: Any, note: str
) -> None:
    made = await office()
    error = await refusal(made, "ada", "approve", via=via, note=note)
    assert (error.code, "reads like a condition" in error.detail) == ("ambiguous", True)
    [case] = made.engine.cases.values()
    assert (case.status, case.decisions) == ("pending", ())


@pytest.mark.parametrize("note", ["", "as agreed", "the bank confirmed it", "thanks!"])
async def test_a_note_that_changes_nothing_is_kept(note: str) -> None:
    case = await (await office()).say("ada", "approve", "cli", note=note)
    assert (case.status, case.decisions[0].note) == ("approved", note)


async def test_a_reason_to_reject_may_be_any() -> None:
    case = await (await office()).say("ada", "reject", "cli", note="but only 40 would do")
    assert case.status == "rejected"


# Edits


async def test_an_edit_is_of_the_payload_that_is_there_now() -> None:
    made = await office()
    await made.say("ada", "edit", edit=amount("30"))
    case = await made.say("ada", "edit", edit=Edit((("currency", '"USD"'),)))
    assert case.payload == {"amount": 30, "currency": "USD"}
    assert case.title == "Refund 30 USD"


@pytest.mark.parametrize("via", ["mail", "link", "cli"])
async def test_every_door_edits_alike(via: Any) -> None:
    case = await (await office()).say("ada", "edit", via, edit=amount("30"))
    assert (case.status, case.payload["amount"], case.decisions[0].via) == ("pending", 30, via)


async def test_a_whole_new_payload_is_an_edit() -> None:
    case = await (await office()).say("ada", "edit", edit=Edit(document={"amount": 7}))
    assert case.payload == {"amount": 7}


BAD: dict[str, tuple[Edit | None, str]] = {
    "no edit": (None, "what to change"),
    "an edit of nothing": (Edit(), "changes nothing"),
    "a typo": (Edit((("amuont", "3"),)), "amount"),
    "no value": (amount("forty"), "amount"),
    "against the schema": (amount("0"), "minimum"),
    "against the schema, whole": (Edit(document={"amount": "many"}), "number"),
    "a number that JSON cannot hold": (amount("9007199254740993"), "held"),
    "not a number": (amount("nan"), "held"),
    "the same": (amount("40"), "as it is"),
}


@pytest.mark.parametrize("name", BAD)
async def test_an_edit_that_cannot_be_says_what_is_wrong(name: str) -> None:
    edit, words = BAD[name]
    made = await office()
    error = await refusal(made, "ada", "edit", edit=edit)
    assert (error.code, words in error.detail) == ("bad_edit", True), error.detail
    assert len(made.case.revisions) == 1


async def test_an_edit_is_held_to_what_an_agents_file_is_held_to() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"x": deep}
    error = await refusal(await office(), "ada", "edit", edit=Edit(document=deep))
    assert error.code == "bad_edit"


async def test_what_the_rules_forbid_cannot_be_edited_into_being() -> None:
    error = await refusal(await office(RULES + LARGE), "ada", "edit", edit=amount("9500"))
    assert (error.code, "Never so much" in error.detail) == ("forbidden", True)


async def test_an_edit_that_reaches_a_stricter_rule_needs_its_people() -> None:
    made = await office(RULES + LARGE)
    await made.say("ada", "edit", edit=amount("5000"))
    assert waiting_for(made.case) == ("ada", "cleo")
    assert (await made.say("ada")).status == "pending"
    assert (await made.say("cleo")).status == "approved"


@pytest.mark.parametrize(("person", "expected"), [("dora", "own_request"), ("fay", "not_reviewer")])
async def test_who_may_not_decide_hears_nothing_of_their_edit(person: str, expected: str) -> None:
    made = await office()
    assert (await refusal(made, person, "edit", edit=amount("forty"))).code == expected
    assert (await refusal(made, person, "route", to="nobody here")).code == expected


async def test_an_edit_of_what_changed_since_is_told_that_and_nothing_else() -> None:
    made = await office()
    seen = made.case.revision.digest
    await made.say("ada", "edit", edit=amount("30"))
    assert (await refusal(made, "ada", "edit", edit=amount("forty"), seen=seen)).code == "changed"
    assert (await refusal(made, "ada", "route", to="zoe", seen=seen)).code == "changed"


async def test_an_edit_after_the_expiry_is_told_that() -> None:
    made = await office()
    made.now = made.case.expires_at
    assert (await refusal(made, "ada", "edit", edit=amount("forty"))).code == "expired"


async def test_an_edit_that_is_read_twice_is_made_once() -> None:
    made = await office()
    said = {"edit": amount("30"), "seen": made.case.revision.digest, "message_id": "<1@x>"}
    await made.say("ada", "edit", **said)
    assert len((await made.say("ada", "edit", **said)).revisions) == 2


async def test_a_changed_policy_judges_what_was_edited() -> None:
    """The rules get stricter about large amounts; only the edit made this one large."""
    made = await office()
    await made.say("ada", "edit", edit=amount("5000"))
    made.rules += LARGE
    made.open(made.site)
    from hitl_mail.daemon.reload import Reload

    await Reload(made.engine, made.world, lambda: 1, lambda: made.world.policy).judge_again()
    assert waiting_for(made.case) == ("ada", "cleo")


# Routes


@pytest.mark.parametrize("to", ["owner", "OWNER", " owner ", "cleo", "Cleo"])
async def test_a_name_is_read_as_the_site_spells_it(to: str) -> None:
    case = await (await office(ROUTED)).say("ada", "route", to=to)
    assert (waiting_for(case), case.decisions[0].to) == (("cleo",), to.strip().lower())


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("zoe", "called zoe; you can hand it to: owner, pair"),
        ("", "to whom; you can hand it to: owner, pair"),
        ("fay", "it may go to"),
        ("dora", "nobody in dora may decide"),
        ("ada", "with you already"),
        ("@admins", "no person and no group is called @admins"),
    ],
)
async def test_a_route_to_somebody_else_says_who_it_may_go_to(to: str, words: str) -> None:
    made = await office(ROUTED)
    error = await refusal(made, "ada", "route", to=to)
    assert (error.code, words in error.detail) == ("no_target", True), error.detail
    assert waiting_for(made.case) == ("ada",)


async def test_a_route_asks_the_stand_in_of_who_is_away() -> None:
    made = await office(ROUTED, cleo=away("fay"))
    assert waiting_for(await made.say("ada", "route", to="cleo")) == ("fay",)
    assert (await made.say("fay")).status == "approved"


async def test_a_route_to_who_may_not_be_asked_is_none_though_their_stand_in_may() -> None:
    rules = RULES.replace('reviewers = ["ada"]', 'reviewers = ["ada", "bob"]')
    made = await office(rules, fay=away("bob"))
    assert (await refusal(made, "ada", "route", to="fay")).code == "no_target"


async def test_a_route_to_a_group_lets_its_people_in_as_the_rule_names_it() -> None:
    made = await office(ROUTED)
    assert waiting_for(await made.say("ada", "route", to="pair")) == ("bob", "eve")
    assert (await made.say("eve")).status == "approved"


async def test_a_route_to_oneself_through_a_stand_in_is_none() -> None:
    made = await office(ROUTED, cleo=away("ada"))
    assert (await refusal(made, "ada", "route", to="cleo")).detail == "it is with you already"


async def test_a_handing_outlives_changed_rules_and_a_restart() -> None:
    made = await office(ROUTED)
    await made.say("ada", "route", to="owner")
    made.rules += LARGE
    made.open(made.site)
    case = await made.on("2026-12-25")
    action = read_message(case.action, case.action_id)
    assert isinstance(action, Action)
    await made.handle(cmd.Rejudge(made.world.judge(action, case.agent, case.id)))
    assert waiting_for(made.case) == ("cleo",)
