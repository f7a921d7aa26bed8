"""When nobody can be reached, the admins are told: once, and for as long as it is so."""

from __future__ import annotations

from hitl_mail.core import commands as cmd
from tests.offices import LARGE, RULES, Office, at

ESCALATED = RULES + 'escalate = { after = "1h", to = ["owner"] }\n'
TWO = RULES.replace('reviewers = ["ada"]', 'reviewers = ["ada", "bob"]')


async def office(rules: str = RULES) -> Office:
    made = Office(rules=rules, now=at("2026-12-01"))
    await made.receive()
    return made


async def returned(made: Office, person: str) -> None:
    """The newest mail to that person comes back."""
    mail = [mail for mail in made.case.mails if mail.to == person][-1]
    await made.handle(cmd.MailWas(mail.id, "failed", error="550 no such mailbox"))


def told(made: Office) -> list[tuple[str, str]]:
    return [(notice.to, notice.subject) for notice in made.engine.desk.pending.values()]


async def test_while_somebody_can_be_reached_nobody_is_told() -> None:
    made = await office(TWO)
    await returned(made, "ada")
    assert (made.reach.stranded, told(made)) == ({}, [])


async def test_when_the_last_is_out_of_reach_the_admins_are_told_why() -> None:
    made = await office(TWO)
    await returned(made, "ada")
    await made.handle(cmd.Absent("bob", "on holiday"))
    [fault] = made.reach.stranded.values()
    assert "nobody who may decide can be reached: ada (undelivered), bob (away)" in fault
    assert told(made) == [("cleo", "Nobody can be reached: Refund 49 EUR to Ada")]


async def test_they_are_told_once_of_one_revision() -> None:
    made = await office()
    await returned(made, "ada")
    await made.handle(cmd.Absent("ada", "on holiday", "<1@x>"))
    await made.handle(cmd.Absent("ada", "still on holiday", "<2@x>"))
    assert len(told(made)) == 1
    [fault] = made.reach.stranded.values()
    assert "ada (away)" in fault


async def test_after_a_restart_the_fault_is_there_and_nobody_is_told_again() -> None:
    made = await office()
    await returned(made, "ada")
    made.open(made.site)
    await made.reach.chores.settle()
    assert (len(made.reach.stranded), len(told(made))) == (1, 1)


async def test_to_whom_it_is_escalated_they_can_be_reached() -> None:
    made = await office(ESCALATED)
    await returned(made, "ada")
    assert (made.asked(), made.reach.stranded) == (["ada", "cleo"], {})
    await returned(made, "cleo")
    assert len(made.reach.stranded) == 1


async def test_whoever_decides_all_the_same_ends_it() -> None:
    made = await office()
    await returned(made, "ada")
    await made.say("ada", via="cli")
    assert (made.case.status, made.reach.stranded) == ("approved", {})


async def test_one_rule_whose_people_are_all_out_of_reach_is_enough() -> None:
    made = Office(rules=RULES + LARGE)
    await made.receive(amount=5000)
    await made.handle(cmd.Absent("ada", "on holiday"))
    [fault] = made.reach.stranded.values()
    assert "too few who may decide can be reached: ada (away)" in fault
    await made.say("ada")
    assert made.reach.stranded == {}


async def test_of_two_who_must_approve_one_out_of_reach_is_enough() -> None:
    made = await office(TWO + "approvals = 2\n")
    await made.handle(cmd.Absent("bob", "on holiday"))
    assert told(made) == [("cleo", "Too few can be reached: Refund 49 EUR to Ada")]
