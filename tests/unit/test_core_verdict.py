"""The stricter of two verdicts: what an open case keeps when the policy changes (design 1.3)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.core import commands as cmd
from hitl_mail.core.quorum import waiting_for
from hitl_mail.core.verdict import (
    ADMINS,
    DOORS,
    Escalation,
    Quorum,
    Trace,
    Verdict,
    combined,
    stricter,
)
from tests.factories import (
    EXPIRES,
    NAMES,
    after,
    by,
    case_after,
    code,
    decide_,
    quorum,
    receive,
    sampled,
    verdict,
)

AUTO, DENY = verdict("auto"), verdict("deny")


def both(old: Verdict, new: Verdict) -> Verdict:
    """The stricter verdict, where there is one."""
    found = stricter(old, new)
    assert found is not None
    return found


def quorum_of(old: Quorum, new: Quorum) -> Quorum:
    """What becomes of one rule's quorum."""
    [found] = both(verdict(quorums=(old,)), verdict(quorums=(new,))).quorums
    return found


MILDER = {
    "the same": (verdict(), verdict()),
    "no rule asks any more": (verdict(), AUTO),
    "it would only be sampled": (verdict(), sampled()),
    "a sample is no longer drawn": (sampled(), AUTO),
    "a sample is drawn now": (AUTO, sampled()),
    "fewer approvals": (verdict(quorums=(quorum(approvals=2),)), verdict()),
    "a wider circle": (verdict(), verdict(quorums=(quorum("money", "finance", "cleo"),))),
    "one rule fewer": (verdict(quorums=(quorum(), quorum("large", "cleo"))), verdict()),
    "more doors": (verdict(quorums=(quorum(doors=("cli",)),)), verdict()),
    "other reminders": (verdict(), verdict(quorums=(quorum(remind=(30,)),), expires=50)),
    "denied as before": (DENY, DENY),
    "denied no more": (DENY, AUTO),
}


@pytest.mark.parametrize("name", MILDER)
def test_a_milder_verdict_changes_nothing(name: str) -> None:
    old, new = MILDER[name]
    assert stricter(old, new) is None


def test_a_denial_is_stricter_than_anything() -> None:
    assert stricter(verdict(), DENY) == DENY


def test_what_ran_alone_is_asked_about_when_a_rule_asks_now() -> None:
    found = both(sampled(), verdict())
    assert (found.gate, found.asks, found.quorums) == ("hard", True, (quorum(),))


def test_what_people_are_asked_about_is_not_sampled() -> None:
    found = both(sampled(), verdict())
    assert (found.sampled, found.reviews) == (None, ())


def test_a_new_rule_is_added_and_the_old_one_stays() -> None:
    found = both(verdict(), verdict(quorums=(quorum("large", "cleo"),)))
    assert [q.rule for q in found.quorums] == ["large", "money"]


def test_the_stricter_gate_of_the_two_is_named() -> None:
    asked_in_doubt = verdict("exception", quorums=(quorum("large", "cleo"),))
    assert both(verdict(), asked_in_doubt).gate == "hard"


def test_the_larger_number_of_approvals_counts() -> None:
    assert quorum_of(quorum(), quorum(approvals=2)).approvals == 2


def test_the_smaller_circle_counts() -> None:
    assert quorum_of(quorum(), quorum("money", "ada")).reviewers == ("ada",)


def test_of_another_circle_and_the_old_one_both_have_to_agree() -> None:
    old = verdict(quorums=(quorum("money", "finance"),))
    new = verdict(quorums=(quorum("money", "cleo", doors=("cli",)),))
    found = both(old, new).quorums
    assert [(q.rule, q.reviewers, q.doors) for q in found] == [
        ("money", ("ada", "bob"), DOORS),
        ("money (new)", ("cleo",), ("cli",)),
    ]


def test_the_same_change_twice_adds_nothing_more() -> None:
    new = verdict(quorums=(quorum("money", "cleo"),))
    once = both(verdict(quorums=(quorum("money", "finance"),)), new)
    assert stricter(once, new) is None


def test_a_stand_in_makes_no_other_circle() -> None:
    old = quorum("money", "finance")
    away = msgspec.structs.replace(old, reviewers=("bob", "dan"))
    assert stricter(verdict(quorums=(old,)), verdict(quorums=(away,))) is None


def test_a_third_circle_is_called_after_its_rule_and_numbered() -> None:
    found = both(
        verdict(quorums=(quorum("money", "finance"),)), verdict(quorums=(quorum("money", "cleo"),))
    )
    found = both(found, verdict(quorums=(quorum("money", "eve"),)))
    found = both(found, verdict(quorums=(quorum("money", "dan"),)))
    assert found.rules == ("money",)
    assert [q.rule for q in found.quorums] == [
        *("money", "money (new 2)", "money (new 3)", "money (new)")
    ]


def test_the_same_people_under_other_names_are_one_circle_whoever_has_approved() -> None:
    said = {"money": [("cleo", "mail")]}
    old, new = quorum("money", "finance"), quorum("money", "ada", "bob")
    found = stricter(verdict(quorums=(old,)), verdict(quorums=(new,)), said)
    assert found is not None
    assert found.quorums == (new,)


def test_a_circle_that_nobody_could_meet_gives_way_to_just_those_who_have_approved() -> None:
    nobody = Quorum("money", 2, ("owner",), ("cleo",))
    new = quorum("money", "cleo", "eve", approvals=2)
    for approved, names in (
        (("cleo", "eve"), ["money"]),
        (("cleo", "dan"), ["money", "money (new)"]),
    ):
        said = {"money": [(person, "mail") for person in approved]}
        found = stricter(verdict(quorums=(nobody,)), verdict(quorums=(new,)), said)
        assert found is not None
        assert [q.rule for q in found.quorums] == names


def test_only_doors_that_both_take_stay() -> None:
    assert quorum_of(quorum(doors=("mail", "cli")), quorum(doors=("cli", "link"))).doors == ("cli",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (quorum("money", "ada"), quorum("money", "finance", approvals=2)),
        (quorum("money", "finance", approvals=2), quorum("money", "bob")),
    ],
)
def test_where_the_smaller_circle_is_too_small_for_the_number_both_have_to_agree(
    old: Quorum, new: Quorum
) -> None:
    found = both(verdict(quorums=(old,)), verdict(quorums=(new,))).quorums
    assert found == (old, msgspec.structs.replace(new, rule="money (new)"))


def test_a_circle_that_nobody_could_meet_gives_way() -> None:
    nobody = Quorum("money", 2, ("owner",), ("cleo",))
    new = quorum("money", "finance", approvals=2)
    assert quorum_of(nobody, new) == new
    wide = receive(verdict_=verdict(quorums=(nobody,)))
    said = case_after(wide, decide_(case_after(wide), "cleo", names=frozenset({"owner"})))
    case = after(said, cmd.Rejudge(verdict(quorums=(new,))))
    assert [quorum.rule for quorum in case.quorums] == ["money", "money (new)"]


PEOPLE = ("ada", "bob", "cleo", "eve")
CIRCLES = st.sets(st.sampled_from(PEOPLE), min_size=1)
RULES = st.dictionaries(st.sampled_from(("large", "money")), CIRCLES, min_size=1)


@example(["ada", ({"money": {"cleo"}}, False), ({"money": {"bob"}}, False), "cleo"])
@given(st.lists(st.one_of(st.sampled_from(PEOPLE), st.tuples(RULES, st.booleans())), max_size=8))
def test_what_is_approved_fulfils_every_policy_there_was(said: list[Any]) -> None:
    """Whoever says something, and whatever the rules are changed to, in any order."""

    def quorums(rules: dict[str, set[str]], two: bool) -> list[Quorum]:
        return [
            Quorum(rule, 1 + (two and len(circle) > 1), tuple(circle), tuple(sorted(circle)))
            for rule, circle in rules.items()
        ]

    case, asked = case_after(), list(case_after().quorums)
    for one in said:
        if isinstance(one, tuple):
            asked += quorums(*one)
            case = after(case, cmd.Rejudge(verdict(quorums=quorums(*one))))
        elif one in waiting_for(case):
            case = after(case, decide_(case, one, names=NAMES[one] - {ADMINS}))
    by = {decision.by for decision in case.decisions}
    if case.status == "approved":
        able = [sum(not NAMES[p].isdisjoint(q.refs) for p in by) for q in asked]
        assert all(n >= q.approvals for n, q in zip(able, asked, strict=True))
    else:
        assert waiting_for(case)


@pytest.mark.parametrize(("old", "new"), [("review", "fail"), ("fail", "review")])
def test_a_person_looks_at_failures_if_either_wants_it(old: str, new: str) -> None:
    found = both(verdict("auto", on_failure=old), verdict(on_failure=new))
    assert found.on_failure == "review"


def test_the_sooner_expiry_counts() -> None:
    assert both(verdict(), verdict(quorums=(quorum("large", "bob"),), expires=50)).expires == 50


@pytest.mark.parametrize(
    ("expires", "remind"), [(50, (25,)), (int(EXPIRES), (40,)), (99_999_999, (40,))]
)
def test_reminders_follow_the_sooner_expiry(expires: int, remind: tuple[int, ...]) -> None:
    old, new = quorum(remind=(40,)), quorum(remind=(25,))
    edited = combined(verdict(quorums=(old,)), verdict(quorums=(new,), expires=expires))
    assert edited.quorums[0].remind == remind


def test_reasons_of_both_are_shown_once() -> None:
    new = verdict(quorums=(quorum("large", "bob"),), reasons=("Moves funds", "Large"))
    assert both(verdict(), new).reasons == ("Moves funds", "Large")


def test_each_reason_stays_with_its_rule() -> None:
    old = verdict(quorums=[quorum("money")], reasons=("Moves funds",))
    new = verdict(quorums=[quorum("big"), quorum("money")], reasons=("Large", "Moves funds"))
    found = both(old, new)
    assert (found.rules, found.reasons) == (("big", "money"), ("Large", "Moves funds"))


def test_reasons_kept_without_their_rules_stay_without() -> None:
    old = msgspec.structs.replace(verdict(reasons=("Kept long ago",)), spoken=())
    found = both(old, verdict(quorums=[quorum("big")], reasons=("Large",)))
    assert found.spoken == (("big", "Large"), ("", "Kept long ago"))
    assert found.reasons == ("Large", "Kept long ago")


def test_a_reason_that_changed_is_shown_beside_the_old_one() -> None:
    new = verdict(
        quorums=[quorum("big"), quorum("money")], reasons=("Large", "Moves funds of clients")
    )
    found = both(verdict(reasons=("Moves funds",)), new)
    assert found.reasons == ("Large", "Moves funds", "Moves funds of clients")


def test_an_approval_keeps_counting_for_its_rule() -> None:
    both_rules = verdict(quorums=(quorum(), quorum("large", "cleo")))
    case = case_after(by("ada"), cmd.Rejudge(both_rules), by("cleo"))
    assert case.status == "approved"


def test_what_was_approved_waits_again_where_the_policy_wants_more() -> None:
    case = case_after(by("ada"), cmd.Rejudge(verdict(quorums=(quorum(approvals=2),))))
    assert case.status == "pending"


def test_what_was_approved_stays_so_where_the_approvals_are_enough() -> None:
    case = case_after(by("ada"), cmd.Rejudge(verdict(quorums=(quorum("money", "ada"),))))
    assert case.status == "approved"


def test_what_was_approved_by_somebody_whom_the_rule_no_longer_names_is_asked_again() -> None:
    rejudge = cmd.Rejudge(verdict(quorums=(quorum("money", "bob"),)))
    case = case_after(by("ada"), rejudge)
    assert (case.status, waiting_for(case)) == ("pending", ("bob",))
    assert after(case, by("bob")(case)).status == "approved"
    # Asked once more by the same rules, nothing changes.
    assert after(case, rejudge) == case


def test_of_two_approvals_that_of_somebody_who_is_no_longer_named_is_not_enough() -> None:
    wide = verdict(quorums=(quorum("money", "finance", "cleo", approvals=2),))
    few = cmd.Rejudge(verdict(quorums=(quorum("money", "finance", approvals=2),)))
    case = case_after(receive(verdict_=wide), by("cleo"), few, by("ada"))
    assert (case.status, waiting_for(case)) == ("pending", ("bob",))


def test_what_was_approved_by_a_door_that_the_rule_takes_no_longer_is_asked_again() -> None:
    """As after a link has got into other hands."""
    rejudge = cmd.Rejudge(verdict(quorums=(quorum(doors=("mail", "cli")),)))
    case = case_after(by("ada", via="link"), rejudge)
    assert (case.status, waiting_for(case)) == ("pending", ("ada", "bob"))
    assert code(case, by("ada", via="link")(case)) == "already"
    assert after(case, by("ada", via="cli")(case)).status == "approved"
    assert after(case, rejudge) == case
    assert case_after(by("ada"), rejudge).status == "approved"
    by_mail = cmd.Rejudge(verdict(quorums=(quorum(doors=("mail",)),)))
    assert case_after(by("ada", via="mail"), by_mail).status == "approved"


def test_without_a_door_in_common_each_takes_its_own() -> None:
    old, new = quorum(doors=("mail",)), quorum(doors=("cli",))
    found = both(verdict(quorums=(old,)), verdict(quorums=(new,))).quorums
    assert found == (old, msgspec.structs.replace(new, rule="money (new)"))


def test_a_sooner_expiry_counts_from_the_arrival() -> None:
    case = case_after(10, cmd.Rejudge(verdict(quorums=(quorum(approvals=2),), expires=60)))
    assert case.expires_at == 60.0


def test_a_later_expiry_does_not_give_more_time() -> None:
    case = case_after(cmd.Rejudge(verdict(quorums=(quorum(approvals=2),), expires=600)))
    assert case.expires_at == EXPIRES


def test_only_who_was_not_asked_yet_is_asked() -> None:
    case = case_after(cmd.Rejudge(verdict(quorums=(quorum(), quorum("large", "bob", "cleo")))))
    assert [mail.to for mail in case.mails] == ["ada", "bob", "cleo"]


def test_history_says_which_policy_and_gate() -> None:
    case = after(case_after(receive(verdict_=AUTO)), cmd.Rejudge(verdict()))
    detail = {moment.event: moment.detail for moment in case.history}
    assert detail["rejudged"] == {"policy": verdict().policy, "gate": "hard"}


def test_the_document_of_a_verdict_has_the_keys_of_the_contract() -> None:
    trace = (
        Trace("labels", False, {"kind": "crm.label"}),
        Trace("money", True, {}, "no such key: amount"),
    )
    found = verdict(trace=trace, conflict=True, sampled=False).document()
    assert found == {
        "gate": "hard",
        "asks": True,
        "sampled": False,
        "rules": ["money"],
        "reasons": ["Moves funds"],
        "quorums": [{"rule": "money", "reviewers": ["ada", "bob"], "approvals": 1}],
        "expires": 100,
        "policy": verdict().policy,
        "conflict": True,
        "trace": [
            {"rule": "labels", "matched": False, "values": {"kind": "crm.label"}},
            {"rule": "money", "matched": True, "values": {}, "error": "no such key: amount"},
        ],
    }


def test_both_verdicts_at_once_ask_for_all_that_either_asks_for() -> None:
    old = verdict(quorums=(quorum(approvals=2),), rules=("money",), expires=60)
    new = sampled("labels", reasons=("Labels",), policy="sha256:new", expires=70)
    assert combined(old, new) == msgspec.structs.replace(
        new,
        gate="hard",
        asks=True,
        rules=("labels", "money"),
        reasons=("Labels", "Moves funds"),
        spoken=(("labels", "Labels"), ("money", "Moves funds")),
        quorums=old.quorums,
        expires=60,
        sampled=None,
        reviews=(),
    )


def test_a_failure_is_one_where_neither_wants_a_person_to_look_at_it() -> None:
    assert both(AUTO, verdict()).on_failure == "fail"


def test_of_two_reasons_of_one_rule_the_older_comes_first() -> None:
    new = verdict(quorums=(quorum(approvals=2),), reasons=("A larger sum",))
    assert both(verdict(), new).reasons == ("Moves funds", "A larger sum")


def test_where_new_names_mean_the_same_people_the_new_names_count() -> None:
    found = quorum_of(quorum("money", "finance"), quorum("money", "ada", "bob"))
    assert (found.refs, found.reviewers) == (("ada", "bob"), ("ada", "bob"))


def test_a_smaller_circle_is_reminded_and_escalated_as_before() -> None:
    later = {
        "remind": (20,),
        "escalate": Escalation(30, ("cleo",), ("cleo",)),
        "route_to": ("cleo",),
    }
    found = quorum_of(quorum(**later), quorum("money", "ada"))
    assert found == quorum("money", "ada", **later)
