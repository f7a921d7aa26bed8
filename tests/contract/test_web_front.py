"""The real pages: what a link shows and takes, of cases that change under it."""

from __future__ import annotations

import pytest

from hitl_mail.core.case import Case
from hitl_mail.errors import StorageFailed
from hitl_mail.pages import Posted
from tests.contract.test_web_edit import Forms
from tests.web.office import DAY, Office, without
from tests.web.serve import served


async def edited(office: Office, **changes: str) -> tuple[Case, str, str]:
    """A case that ada edited by link: the case, her old link, her new one."""
    case = await office.asks()
    old = office.link(case)
    fields = {"p:amount": "40", **changes}
    outcome = await office.posts(old, "edit", fields=fields)
    assert outcome.next is not None, outcome
    return office.case(case), old, outcome.next


# Approve


async def test_an_approval_whose_note_is_a_condition_decides_nothing_and_says_why() -> None:
    office = Office()
    case = await office.asks()
    outcome = await office.posts(office.link(case), note="but only 40 euro please")
    assert (outcome.decided, outcome.code) == (False, "ambiguous")
    assert "edit it first" in outcome.detail
    assert office.case(case).status == "pending"


# Edit


async def test_the_page_offers_every_verb_that_would_be_taken() -> None:
    office = Office()
    found = office.look(office.link(await office.asks()))
    assert (found.verbs, found.form is not None) == (("approve", "reject", "edit", "route"), True)


async def test_an_edited_field_makes_a_new_revision_and_leaves_the_rest() -> None:
    case, _, _ = await edited(Office())
    assert case.payload == {"amount": 40, "currency": "EUR", "customer": "Ada"}


async def test_an_edit_is_no_approval() -> None:
    case, _, _ = await edited(Office())
    assert (case.status, [d.verb for d in case.decisions]) == ("pending", ["edit"])


async def test_who_edited_sees_the_change_side_by_side_and_may_approve_it() -> None:
    office = Office()
    _, _, new = await edited(office)
    found = office.look(new)
    rows = [(r.key, r.before, r.after) for r in found.compared.rows] if found.compared else []
    assert (found.state, rows) == ("open", [("amount", "49", "40")])


async def test_who_edited_approves_by_the_new_link() -> None:
    office = Office()
    case, _, new = await edited(office)
    await office.posts(new)
    assert office.case(case).status == "approved"


async def test_the_evidence_of_what_a_link_said_is_a_link() -> None:
    case, _, _ = await edited(Office())
    assert [(d.via, d.evidence) for d in case.decisions] == [("link", {"address": "192.0.2.1"})]


async def test_the_old_link_of_another_reviewer_says_that_it_changed_and_by_whom() -> None:
    office = Office()
    case = await office.asks()
    bobs = office.link(case, "bob")
    await office.posts(office.link(case), "edit", fields={"p:amount": "40"})
    found = office.look(bobs)
    assert (found.state, found.facts and found.facts.revised, found.newer) == (
        "changed",
        ("ada edited it", office.at),
        None,
    )


async def test_the_old_link_of_another_reviewer_decides_nothing() -> None:
    office = Office()
    case = await office.asks()
    bobs = office.link(case, "bob")
    seen = office.look(bobs).seen
    await office.posts(office.link(case), "edit", fields={"p:amount": "40"})
    outcome = await office.posts(bobs, seen=seen)
    assert (outcome.code, office.case(case).status) == ("changed", "pending")


async def test_the_editors_own_old_link_leads_on_to_what_they_made() -> None:
    office = Office()
    _, old, new = await edited(office)
    found = office.look(old)
    assert (found.state, found.newer) == ("changed", new)


async def test_a_link_of_a_revision_that_another_made_since_leads_nowhere() -> None:
    office = Office()
    case, old, _ = await edited(office)
    await office.posts(office.link(case, "bob"), "edit", fields={"p:amount": "39"})
    assert office.look(old).newer is None


async def test_posting_an_edit_twice_makes_one_revision() -> None:
    office = Office()
    case = await office.asks()
    token = office.link(case)
    seen = office.look(token).seen
    first = await office.posts(token, "edit", seen, fields={"p:amount": "40"})
    second = await office.posts(token, "edit", seen, fields={"p:amount": "40"})
    assert (first.decided, second.code, len(office.case(case).revisions)) == (True, "changed", 2)


REFUSED: dict[str, tuple[dict[str, str], str, list[tuple[str, str]]]] = {
    "comma": (
        {"p:amount": "40,50"},
        "bad_edit",
        [("amount", "40,50 has a comma: write 12.50 with a dot, and thousands as 1200")],
    ),
    "schema": ({"p:amount": "-1"}, "bad_edit", [("amount", "-1 is less than the minimum of 0")]),
    "unchanged": (
        {"p:amount": "49"},
        "bad_edit",
        [("", "nothing in it differs from what would run already")],
    ),
    "forbidden": ({"p:amount": "450"}, "forbidden", []),
    "choice": ({"p:currency": '"GBP"'}, "bad_edit", [("currency", '"GBP" is none of the choices')]),
    "foreign field": (
        {"p:admin": "true"},
        "bad_edit",
        [("", "the form is another one by now: look at it again")],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_an_edit_that_cannot_be_is_told_beside_its_field(name: str) -> None:
    fields, code, problems = REFUSED[name]
    office = Office()
    case = await office.asks()
    outcome = await office.posts(office.link(case), "edit", fields=fields)
    found = [(problem.key, problem.text) for problem in outcome.problems]
    assert (outcome.code, found, len(office.case(case).revisions)) == (code, problems, 1)


async def test_a_payload_can_be_edited_as_json() -> None:
    office = Office()
    case = await office.asks()
    await office.posts(office.link(case), "edit", document='{"amount": 1, "currency": "USD"}')
    assert office.case(case).payload == {"amount": 1, "currency": "USD"}


async def test_a_kind_without_schema_has_a_form_of_its_values() -> None:
    office = Office()
    case = await office.asks("free.form", {"a": {"b": 1}, "c": "x"})
    await office.posts(office.link(case), "edit", fields={"p:a.b": "2", "p:c": "y"})
    assert office.case(case).payload == {"a": {"b": 2}, "c": "y"}


async def test_who_may_not_decide_learns_nothing_of_what_an_edit_would_meet() -> None:
    office = Office()
    case = await office.asks()
    seen = f"{case.revision.digest}.0"
    outcome = await office.posts(office.link(case, "dora"), "edit", seen, fields={"p:amount": "-1"})
    assert (outcome.code, outcome.problems) == ("own_request", ())


async def test_a_browser_edits_and_approves_the_real_pages() -> None:
    office = Office()
    case = await office.asks()
    async with served(office.front) as client:
        page = await client.get(f"/d/{office.link(case)}")
        form = Forms(page.text).form("p:amount")
        changed = {**form, "verb": "edit", "p:amount": "40"}
        page = await client.post(page.url, data=changed, follow_redirects=True)
        seen = Forms(page.text).forms[0]["seen"]
        data = {"verb": "approve", "seen": seen}
        page = await client.post(page.url.copy_with(fragment=None), data=data)
    assert (page.status_code, office.case(case).status, office.case(case).payload["amount"]) == (
        303,
        "approved",
        40,
    )


# Route


async def test_a_question_handed_on_is_told_to_who_handed_it_and_to_whom_it_went() -> None:
    office = Office()
    case = await office.asks()
    adas = office.link(case)
    await office.posts(adas, "route", to="owner", note="You know them")
    cleos = office.look(office.link(case, "cleo"))
    handed = office.look(adas).handed
    assert (handed and handed.to, cleos.packet and cleos.packet.notes) == (
        "owner",
        (("ada", "You know them"),),
    )


async def test_a_question_goes_to_nobody_whom_the_rule_does_not_name() -> None:
    office = Office()
    case = await office.asks()
    outcome = await office.posts(office.link(case), "route", to="dora")
    assert (outcome.code, office.case(case).decisions) == ("no_target", ())


async def test_a_question_that_can_go_nowhere_is_not_offered_to_be_handed_on() -> None:
    office = Office()
    case = await office.asks("other.kind")
    assert "route" not in office.look(office.link(case, "cleo")).verbs


# Who may


async def test_a_rule_without_links_offers_nothing_by_link_and_says_how_else() -> None:
    office = Office()
    case = await office.asks("by.mail")
    found = office.look(office.link(case))
    assert (found.state, found.verbs, found.doors) == ("elsewhere", (), ("mail", "cli"))


async def test_a_rule_without_links_takes_nothing_by_link() -> None:
    office = Office()
    case = await office.asks("by.mail")
    outcome = await office.posts(office.link(case), seen=f"{case.revision.digest}.0")
    assert (outcome.code, office.case(case).status) == ("door", "pending")


async def test_the_owner_of_the_agent_is_told_that_it_is_their_own_request() -> None:
    office = Office()
    found = office.look(office.link(await office.asks(), "dora"))
    assert (found.state, found.facts) == ("own_request", None)


async def test_who_left_the_site_decides_nothing_although_the_verdict_names_them() -> None:
    office = Office()
    case = await office.asks("by.mail")
    case = await office.asks("payment.refund", case="261122-a2b3c4")
    await office.says(case, "ada", "route", to="bob")
    token = office.link(case, "bob")
    seen = office.look(token).seen
    office.world.site = without("bob")
    outcome = await office.posts(token, seen=seen)
    assert (office.look(token).state, outcome.code, office.case(case).status) == (
        "not_reviewer",
        "not_reviewer",
        "pending",
    )


BAD_LINKS = {
    "another purpose": lambda office, case: office.links.make(
        "receipt", case.id, case.revision.digest, "ada", 0.0
    ),
    "a queue's": lambda office, case: office.links.make("queue", "", "", "ada", 0.0),
    "another home": lambda office, case: type(office.links)([b"x" * 32]).make(
        "decide", case.id, case.revision.digest, "ada", 0.0
    ),
    "cut off": lambda office, case: office.link(case)[:-1],
}


@pytest.mark.parametrize("name", BAD_LINKS)
async def test_a_link_that_is_not_ours_for_this_shows_and_decides_nothing(name: str) -> None:
    office = Office()
    case = await office.asks()
    token = BAD_LINKS[name](office, case)
    outcome = await office.posts(token, seen=f"{case.revision.digest}.0")
    assert (office.look(token).state, outcome.code, office.case(case).status) == (
        "bad_link",
        "bad_link",
        "pending",
    )


async def test_no_decision_link_opens_a_queue() -> None:
    office = Office()
    assert office.front.queue(office.link(await office.asks())) is None


async def test_anothers_link_decides_as_that_person_and_no_other() -> None:
    office = Office()
    case = await office.asks()
    await office.posts(office.link(case, "bob"))
    assert [d.by for d in office.case(case).decisions] == ["bob"]


# Doubt


async def doubtful(office: Office) -> Case:
    """A case of which nobody can tell whether it ran."""
    case = await office.asks()
    await office.says(case, "ada", "approve")
    return await office.fails(case)


async def test_a_page_of_an_earlier_doubt_decides_nothing_of_a_later_one() -> None:
    office = Office()
    case = await doubtful(office)
    token = office.link(case)
    shown = office.look(token).seen
    await office.says(case, "bob", "retry")
    await office.fails(case, attempt=2)
    outcome = await office.posts(token, "done", shown)
    assert (outcome.code, office.case(case).status) == ("changed", "in_doubt")


async def test_posting_a_retry_twice_starts_one_attempt() -> None:
    office = Office()
    case = await doubtful(office)
    token = office.link(case)
    shown = office.look(token).seen
    await office.posts(token, "retry", shown)
    await office.fails(case, attempt=2)
    await office.posts(token, "retry", shown)
    assert office.case(case).status == "in_doubt"


async def test_the_link_of_an_earlier_doubt_shows_the_later_one_and_may_settle_it() -> None:
    office = Office()
    case = await doubtful(office)
    token = office.link(case)
    await office.posts(token, "retry")
    await office.fails(case, attempt=2)
    found = office.look(token)
    await office.posts(token, "abandon")
    attempts = found.packet.trouble.attempts if found.packet and found.packet.trouble else 0
    assert (attempts, office.case(case).status) == (2, "failed")


# The queue


async def test_a_queue_holds_what_waits_for_its_person_soonest_first() -> None:
    office = Office()
    await office.asks(case="261122-later2")
    await office.asks(case="261122-soon22", expires="1h")
    await office.asks("other.kind", case="261122-cleos2")
    view = office.queue()
    assert [(row.case, row.expires_in) for row in view.rows] == [
        ("261122-soon22", "1h"),
        ("261122-later2", "4h"),
    ]


async def test_each_row_leads_to_that_persons_page_of_the_newest_revision() -> None:
    office = Office()
    await edited(office)
    (row,) = office.queue("bob").rows
    found = office.look(row.token or "")
    assert (found.reader, found.state, found.packet and found.packet.revision) == (
        "bob",
        "open",
        2,
    )


async def test_what_is_not_decided_by_link_is_listed_without_one() -> None:
    office = Office()
    await office.asks("by.mail")
    (row,) = office.queue().rows
    assert (row.token, row.doors) == (None, ("mail", "cli"))


async def test_what_one_has_decided_or_handed_on_is_not_in_the_queue() -> None:
    office = Office()
    first, second = await office.asks(), await office.asks(case="261122-a2b3c4")
    await office.says(first, "ada", "approve")
    await office.says(second, "ada", "route", to="bob")
    assert (office.queue("ada").rows, [row.case for row in office.queue("bob").rows]) == (
        (),
        ["261122-a2b3c4"],
    )


async def test_what_has_expired_is_not_in_the_queue_although_no_timer_came_by() -> None:
    office = Office()
    await office.asks()
    office.at += DAY
    assert office.queue().rows == ()


async def test_a_case_in_doubt_is_in_the_queue_without_a_deadline() -> None:
    office = Office()
    await doubtful(office)
    (row,) = office.queue("bob").rows
    assert (row.verbs, row.expires_in) == (("retry", "done", "abandon"), "")


async def test_a_queue_is_bounded_and_says_how_many_more_there_are() -> None:
    office = Office()
    for number in range(103):
        await office.asks(case=f"261122-aaa{number:03}")
    view = office.queue()
    assert (len(view.rows), view.more) == (100, 3)


async def test_the_queue_of_somebody_who_left_says_so_and_shows_nothing() -> None:
    office = Office()
    await office.asks()
    office.world.site = without("ada")
    view = office.queue()
    assert (view.state, view.rows) == ("nobody", ())


async def test_a_queue_link_lapses() -> None:
    office = Office()
    made = office.at
    office.at += 31 * DAY
    await office.asks()
    view = office.queue(at=made)
    assert (view.state, view.rows) == ("lapsed", ())


async def test_no_chain_of_links_outlives_the_first() -> None:
    office = Office()
    first, _ = await office.asks(), await office.asks(case="261122-a2b3c4")
    made = office.at
    token = office.link(first, at=made)
    queue = office.look(token).queue or ""
    view = office.front.queue(queue)
    assert view is not None
    times = {office.links.read("decide", row.token or "").at for row in view.rows}
    assert (times, office.links.read("queue", queue).at) == ({int(made)}, int(made))


async def test_a_decision_page_counts_the_other_cases_and_leads_to_them() -> None:
    office = Office()
    case = await office.asks()
    await office.asks(case="261122-a2b3c4")
    found = office.look(office.link(case))
    assert (found.waiting, office.front.queue(found.queue or "") is not None) == (1, True)


async def test_a_page_with_nothing_else_waiting_leads_to_no_queue() -> None:
    office = Office()
    found = office.look(office.link(await office.asks()))
    assert (found.waiting, found.queue) == (0, None)


async def test_looking_changes_nothing() -> None:
    office = Office()
    case, old, new = await edited(office)
    before = office.case(case)
    for token in (old, new, "nonsense"):
        office.look(token)
        office.front.queue(token)
        office.front.receipt(token)
    office.queue()
    assert office.case(case) is before


async def test_what_is_posted_must_be_what_was_shown() -> None:
    office = Office()
    case = await office.asks()
    posted = Posted(verb="approve", seen=case.revision.digest)
    outcome = await office.front.decide(office.link(case), posted, {})
    assert (outcome.code, office.case(case).status) == ("changed", "pending")


async def test_after_the_disk_failed_no_page_shows_what_may_not_have_been_kept() -> None:
    office = Office()
    case = await office.asks()
    link, seen = office.link(case), office.look(office.link(case)).seen
    office.engine.fail(StorageFailed("no disk"))
    async with served(office.front) as client:
        answers = [
            await client.get(f"/d/{link}"),
            await client.post(f"/d/{link}", data={"verb": "approve", "seen": seen}),
        ]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("may not have been recorded" in answer.text for answer in answers)
