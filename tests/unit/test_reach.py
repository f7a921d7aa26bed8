"""When nobody can be reached, the admins are told: once, and for as long as it is so."""

from __future__ import annotations

import msgspec

from hitl_mail.core import commands as cmd
from hitl_mail.daemon.reload import Reload
from hitl_mail.policy.load import load_policy
from hitl_mail.settings import Site
from tests.factories import begin
from tests.offices import LARGE, RULES, SCHEMA, Office, at, away, site

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


def small(admins: tuple[str, ...] = ("dora",)) -> Site:
    """A site where dora, who owns the agent, is the only owner and admin, unless told otherwise."""
    return msgspec.structs.replace(
        site(),
        site=msgspec.structs.replace(site().site, admins=admins),
        groups={**site().groups, "owner": ("dora",)},
    )


OWNERS = RULES.replace('reviewers = ["ada"]', 'reviewers = ["owner"]')
PAIRED = OWNERS.replace('["owner"]', '["owner", "ada"]') + "approvals = 2\n"


async def owned(rules: str = OWNERS) -> Office:
    made = Office(site=small(), rules=rules)
    await made.receive()
    return made


async def test_a_case_that_nobody_may_decide_is_a_fault_and_told_with_its_mend() -> None:
    made = await owned()
    [fault] = made.reach.stranded.values()
    assert "nobody may decide it: dora asked for it, or owns the agent that did" in fault
    assert "name somebody else among the admins in hitl-mail.toml" in fault
    assert told(made) == [("dora", "Nobody may decide: Refund 49 EUR to Ada")]


async def test_whoever_asked_may_not_decide_either() -> None:
    made = Office(site=small(), rules=OWNERS)
    await made.receive(agent="default", requested_by="dora+agent@example.com")
    assert "dora asked for it" in made.reach.stranded[made.case.id]


async def test_who_may_decide_after_a_restart_is_asked_and_the_fault_is_gone() -> None:
    made = await owned()
    made.open(small(("dora", "bob")))
    await made.on("2026-12-01", "12:01")
    assert (made.asked(), made.reach.stranded) == (["bob"], {})
    assert (await made.say("bob")).status == "approved"


async def test_that_nobody_may_decide_is_told_once() -> None:
    made = await owned()
    made.open(made.site)
    await made.reach.chores.settle()
    assert (len(made.reach.stranded), len(told(made))) == (1, 1)


async def test_the_reviewers_of_changed_rules_are_asked() -> None:
    made = await owned()
    rules = load_policy(OWNERS.replace('["owner"]', '["bob"]'), made.site, "r", lambda _: SCHEMA)
    made.world.policy = rules
    await Reload(made.engine, made.world, lambda: 0, lambda: rules).judge_again()
    assert (made.asked(), made.reach.stranded) == (["bob"], {})


async def test_of_two_approvals_that_one_person_alone_may_give_the_admins_are_told() -> None:
    made = await owned(PAIRED)
    [fault] = made.reach.stranded.values()
    assert "too few may decide it: dora asked" in fault
    assert "(money takes 2)" in fault
    await made.say("ada")
    assert len(made.reach.stranded) == 1
    made.open(small(("dora", "bob")))
    await made.on("2026-12-01", "12:01")
    assert (made.asked(), made.reach.stranded) == (["ada", "bob"], {})


async def test_a_case_whose_people_are_all_gone_is_told() -> None:
    made = await office()
    gone = msgspec.structs.replace(
        made.site, people={k: v for k, v in made.site.people.items() if k != "ada"}
    )
    made.rules = RULES.replace('"ada"', '"bob"')
    made.open(gone)
    await made.reach.chores.settle()
    [fault] = made.reach.stranded.values()
    assert "than answer to ada in hitl-mail.toml" in fault


async def test_who_stands_in_for_a_reviewer_may_decide() -> None:
    gone = site(ada=away("bob", "2026-12-01")).people
    made = Office(site=msgspec.structs.replace(small(), people=gone), rules=PAIRED)
    await made.receive()
    assert made.reach.stranded == {}


async def test_a_case_in_doubt_that_nobody_may_settle_is_told_and_so_is_who_may_later() -> None:
    made = await owned(OWNERS.replace("hard", "auto"))
    await made.handle(begin(made.world.executor_ref("payment.refund")))
    await made.handle(cmd.Finish(1, "doubt", {"ok": False}))
    assert made.case.status == "in_doubt"
    assert "nobody may decide it" in made.reach.stranded[made.case.id]
    made.open(small(("dora", "bob")))
    await made.reach.chores.settle()
    assert "an admin may decide now" in made.reach.stranded[made.case.id]
    assert told(made)[-1] == ("bob", "Nobody was asked: Refund 49 EUR to Ada")
    await made.say("bob", "abandon")
    assert made.reach.stranded == {}
