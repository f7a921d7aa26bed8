"""What a good reviewer of policy would raise about rules that are sound."""

from __future__ import annotations

import dataclasses

import pytest

from hitl_mail.core.verdict import Door
from hitl_mail.policy.lints import lint, lint_site
from hitl_mail.settings import Executor
from hitl_mail.tables import Source
from tests.rulebook import KINDS, policy, rule

MONEY = rule("money", '"money" in effects')
RISKS = rule("risks", 'effects.exists(e, e in ["destructive", "publish", "permission"])')
LABELS = rule("labels", 'kind == "crm.label"', "auto")
SOUND = KINDS + MONEY + RISKS + LABELS


def raised(
    rules: str, owners: dict[str, str] | None = None, mailing: tuple[str, ...] = ()
) -> list[str]:
    found = lint(policy(rules), "rules.toml", owners or {}, mailing)
    assert all(problem.line and problem.mend for problem in found)
    return [f"{problem.where}: {problem.what}" for problem in found]


def test_nothing_is_raised_about_a_sound_policy() -> None:
    assert raised(SOUND) == []


REFUNDS = KINDS + RISKS + LABELS


@pytest.mark.parametrize(
    ("gate", "more"),
    [
        ("auto", ""),
        ("sample", "rate = 0.1"),
        ("exception", "exceptions = [{ when = 'confidence < 0.8' }]"),
    ],
)
def test_money_that_can_move_alone_is_raised(gate: str, more: str) -> None:
    found = raised(REFUNDS + rule("refunds", 'kind == "payment.refund"', gate, more))
    known = f'kinds."payment.refund": has the effect money, and can run alone: refunds ({gate})'
    claimed = "rules: an action that says itself it has the effect money can run alone: crm.label"
    assert sorted(found) == [known, claimed]


@pytest.mark.parametrize(
    "rules",
    [
        rule("small", 'kind == "payment.refund" && payload.amount < 50.0', "auto")
        + rule("large", '"money" in effects && payload.amount >= 50.0'),
        rule(
            "small",
            '"money" in effects',
            "exception",
            "exceptions = [{ when = 'payload.amount > 50.0' }]",
        ),
        rule("small", 'kind == "payment.refund" && payload["amount"] < 50.0', "auto")
        + rule("large", '"money" in effects && payload["amount"] >= 50.0'),
        rule("small", 'kind == "payment.refund" && double(payload.amount) < 50.0', "auto")
        + rule("large", '"money" in effects && double(payload.amount) >= 50.0'),
        rule("small", '"money" in effects && 50.0 < payload.amount')
        + rule("rest", 'kind == "payment.refund"', "auto"),
    ],
)
def test_a_threshold_that_exempts_small_amounts_is_raised(rules: str) -> None:
    found = raised(REFUNDS + rules)
    what = "a threshold exempts small amounts of money from a person"
    assert any(text.startswith("rules[2]") and text.endswith(what) for text in found)


@pytest.mark.parametrize(
    "rules",
    [
        rule("large", '"money" in effects && payload.amount >= 50.0', "deny"),
        rule("large", '"money" in effects && payload.amount >= 50.0', "hard", "approvals = 1"),
        rule("big", 'kind == "crm.label" && payload.amount > 9.0'),
    ],
)
def test_a_threshold_that_only_makes_it_stricter_is_not(rules: str) -> None:
    assert raised(SOUND + rules) == []


def test_a_kind_that_no_rule_speaks_for_is_raised() -> None:
    assert raised(KINDS + MONEY + RISKS) == [
        'kinds."crm.label": no rule speaks for it: each is "hard" as unmatched'
    ]


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ('kind == "crm.lable" && untrusted', 'no kind "crm.lable" is registered'),
        ('kind in ["crm.label", "x.y"]', 'no kind "x.y" is registered'),
        (
            'kind == "crm.label" && kind == "payment.refund"',
            "asks for two values of kind at once",
        ),
        ("confidence > 0.9 && confidence < 0.1", "no confidence can be all that it asks for"),
        ("action.confidence > 1.0", "no confidence can be all that it asks for"),
        ("0.0 > confidence", "no confidence can be all that it asks for"),
        (
            "double(payload.n) > 9.0 && payload.n < 5.0",
            "no payload.n can be all that it asks for",
        ),
        (
            'untrusted && (payload.n < 5.0 && payload["n"] >= 5)',
            "no payload.n can be all that it asks for",
        ),
        (
            'kind == "crm.label" && "money" in effects && !("money" in effects)',
            'asks for "money" in effects and for its opposite at once',
        ),
        ("reversible && !reversible", "asks for reversible and for its opposite at once"),
        ("false", "is never true"),
        ("1 > 2", "is never true"),
    ],
)
def test_a_rule_that_can_never_match_is_raised(when: str, why: str) -> None:
    assert raised(SOUND + rule("r", when, "auto")) == [f"rules[3].when: {why}"]


@pytest.mark.parametrize(
    "when",
    [
        "confidence >= 0.5 && confidence <= 0.5",
        "confidence > 0.9 || confidence < 0.1",
        "payload.n < 5.0 && payload.m > 5.0",
        "payload.n == 5 && payload.n < 6.0",
        '!("money" in effects) && "external" in effects',
        "!(reversible && untrusted) && reversible",
        "(confidence > 0.9 ? true : false) && confidence < 0.95",
        'summary.contains("a && !a") && !untrusted',
    ],
)
def test_a_rule_that_can_match_is_not_raised(when: str) -> None:
    found = raised(SOUND + rule("r", when))
    assert [one for one in found if "it asks for" in one or "at once" in one] == []


def test_an_effect_that_looks_misspelt_is_raised() -> None:
    assert raised(SOUND + rule("r", '"monney" in effects || "system" in effects')) == [
        'rules[3].when: no kind has the effect "monney"'
    ]


def test_an_effect_of_ones_own_is_fine() -> None:
    assert raised(SOUND + rule("r", '"ships-goods" in effects')) == []


def test_two_kinds_of_which_one_is_enough_are_fine() -> None:
    either = 'kind == "crm.label" || kind == "payment.refund"'
    assert raised(SOUND + rule("r", either, "auto")) == []


def test_a_rule_that_is_always_overruled_is_raised() -> None:
    found = raised(SOUND + rule("refunds", 'kind == "payment.refund"', "auto"))
    assert found == ["rules[3]: is overruled wherever it matches, by money"]


@pytest.mark.parametrize(
    ("rate", "what"), [("0", "looks at no case"), ("1", "has every case looked at afterwards")]
)
def test_a_rate_that_is_no_sample_is_raised(rate: str, what: str) -> None:
    rules = KINDS + MONEY + RISKS + rule("r", 'kind == "crm.label"', "sample", f"rate = {rate}")
    assert raised(rules) == [f"rules[2].rate: {what}"]


def test_reviewers_who_are_only_the_agents_owner_are_raised() -> None:
    rules = SOUND + rule("mine", "true", "hard", 'reviewers = ["dora"]')
    assert raised(rules, {"billing": "dora"})[-1] == (
        "rules[3].reviewers: its only reviewer dora owns the agent billing, and never approves"
        " its actions"
    )


@pytest.mark.parametrize(
    ("owner", "until"), [("dora", "the admins are asked"), ("cleo", "nobody can decide those")]
)
def test_who_decides_until_then_is_told_of_the_owners_own_rule(owner: str, until: str) -> None:
    rules = SOUND + rule("mine", "true", "hard", f'reviewers = ["{owner}"]')
    found = lint(policy(rules), "rules.toml", {"billing": owner})
    assert found[-1].mend == f"Name another reviewer: until then {until}."


def test_a_group_that_nobody_is_in_is_raised() -> None:
    rules = SOUND + rule("r", "true", "hard", 'reviewers = ["ada", "nobody"]')
    assert 'rules[3].reviewers[1]: nobody is in the group "nobody"' in raised(rules)


MAILS = '\n[kinds."mail.send"]\neffects = ["external"]\nreversible = true\nexecutor = "refund"\n'
TO = 'kind == "mail.send" && payload.to == "ada@example.com"'


@pytest.mark.parametrize(
    ("rules", "is_raised"),
    [
        (rule("colleagues", TO, "auto"), True),
        (rule("colleagues", 'payload["to"] == "ada@example.com"', "auto"), True),
        (rule("colleagues", TO + " && !has(payload.cc)", "auto"), False),
        (rule("colleagues", TO, "auto") + rule("copies", "has(payload.cc)"), False),
        (rule("colleagues", TO, "hard"), False),
        (rule("colleagues", 'kind == "mail.send"', "auto"), False),
        (rule("leads", 'kind == "crm.label" && payload.to == "x"', "auto"), False),
    ],
)
def test_mails_that_go_alone_whoever_gets_a_copy_are_raised(rules: str, is_raised: bool) -> None:
    what = "rules[3].when: lets mails go alone by their payload.to, and nothing looks at payload.cc"
    found = raised(SOUND + MAILS + rules, mailing=("refund",))
    assert (what in found) is is_raised
    assert what not in raised(SOUND + MAILS + rules)


OWNED = {"billing": "dora", "support": "dora"}


def told(rules: str, owners: dict[str, str] | None = None, mailing: tuple[str, ...] = ()) -> str:
    """The one thing raised, with its file, place and mend; without its line."""
    [found] = lint(policy(rules), "rules.toml", owners or {}, mailing)
    return str(dataclasses.replace(found, line=None))


@pytest.mark.parametrize(
    ("rules", "whole"),
    [
        (
            KINDS + MONEY + RISKS,
            'rules.toml: kinds."crm.label": no rule speaks for it: each is "hard" as unmatched.'
            " Write a rule with when = 'kind == \"crm.label\"'.",
        ),
        (
            SOUND + rule("r", 'kind == "payment.refund"', "auto"),
            "rules.toml: rules[3]: is overruled wherever it matches, by money."
            " Narrow those rules, or remove this one.",
        ),
        (
            SOUND + rule("r", "false", "auto"),
            "rules.toml: rules[3].when: is never true. Remove the rule.",
        ),
        (
            SOUND + rule("r", "reversible && !reversible", "auto"),
            "rules.toml: rules[3].when: asks for reversible and for its opposite at once."
            " Use || between them, or remove the rule.",
        ),
        (
            SOUND + rule("r", '"monney" in effects || "system" in effects'),
            'rules.toml: rules[3].when: no kind has the effect "monney". Did you mean money?',
        ),
        (
            KINDS + MONEY + RISKS + rule("r", 'kind == "crm.label"', "sample", "rate = 0"),
            "rules.toml: rules[2].rate: looks at no case. Name a share, or auto.",
        ),
        (
            KINDS + MONEY + RISKS + rule("r", 'kind == "crm.label"', "sample", "rate = 1"),
            "rules.toml: rules[2].rate: has every case looked at afterwards."
            " Use a share such as 0.05, or hard.",
        ),
        (
            SOUND + rule("r", "untrusted", "hard", 'route_to = ["ada", "nobody"]'),
            'rules.toml: rules[3].route_to[1]: nobody is in the group "nobody". Add people to it.',
        ),
    ],
)
def test_what_is_raised_says_where_it_is_and_what_to_do(rules: str, whole: str) -> None:
    assert told(rules) == whole


def test_what_to_do_about_amounts_and_copies_is_said() -> None:
    small = rule("small", 'kind == "payment.refund" && payload.amount < 50.0', "auto")
    large = rule("large", '"money" in effects && payload.amount >= 50.0')
    found = lint(policy(REFUNDS + small + large), "rules.toml", {})
    assert {(problem.where, problem.mend) for problem in found} >= {
        (
            f"rules[{place}].when",
            "Many small payments are a large one: ask about all, or sample what is repaid.",
        )
        for place in (2, 3)
    }
    assert told(SOUND + MAILS + rule("colleagues", TO, "auto"), mailing=("refund",)).endswith(
        "payload.cc. Add && !has(payload.cc): the mail goes to everybody in both."
    )


def test_what_is_raised_stands_in_the_order_of_the_file() -> None:
    found = raised(rule("never", "false", "auto") + MONEY + RISKS + KINDS)
    assert [text.partition(":")[0] for text in found] == ["rules[0].when", 'kinds."crm.label"']


def test_several_effects_rules_and_kinds_are_told_together() -> None:
    ruin = '\n[kinds."a.ruin"]\neffects = ["money", "destructive"]\nexecutor = "refund"\n'
    found = raised(KINDS + ruin + rule("all", "true", "auto"))
    assert (
        'kinds."a.ruin": has the effect money and destructive, and can run alone: all (auto)'
        in found
    )
    claimed = "rules: an action that says itself it has the effect publish can run alone:"
    assert f"{claimed} a.ruin, crm.label, payment.refund" in found
    twice = MONEY + rule("refunds", 'kind == "payment.refund"')
    never_alone = rule("r", 'kind == "payment.refund"', "auto")
    assert raised(KINDS + twice + RISKS + LABELS + never_alone) == [
        "rules[4]: is overruled wherever it matches, by money, refunds"
    ]


def test_a_rule_of_evidence_alone_speaks_for_no_kind() -> None:
    doubtful = rule("doubtful", "confidence < 0.5")
    what = 'kinds."crm.label": no rule speaks for it: each is "hard" as unmatched'
    assert what in raised(KINDS + MONEY + RISKS + doubtful)
    assert raised(KINDS + MONEY + RISKS + rule("all", "confidence >= 0.0 || untrusted")) == []


def test_a_threshold_of_a_rule_that_settles_nothing_is_not_raised() -> None:
    what = "a threshold exempts small amounts of money from a person"
    refunds = rule("refunds", 'kind == "payment.refund"', "auto")
    beside = rule("large", 'payload.amount >= 50.0 && kind == "crm.label"')
    assert not any(what in text for text in raised(KINDS + RISKS + refunds + beside))
    elsewhere = rule("small", 'kind == "crm.label" && payload.amount < 50.0', "auto")
    doubted = elsewhere + rule("doubted", "untrusted")
    assert not any(what in text for text in raised(KINDS + RISKS + refunds + doubted))
    never_asked = rule("small", 'kind == "payment.refund" && payload.amount < 50.0', "auto")
    assert not any(what in text for text in raised(KINDS + RISKS + refunds + never_asked))


def test_a_threshold_is_raised_whichever_kind_moves_the_money() -> None:
    labels_first = KINDS.replace('"payment.refund"', '"x.y"').replace('"crm.label"', '"a.b"')
    late = labels_first.replace('"x.y"', '"z.z"')
    small = rule("small", 'kind == "z.z" && payload.amount < 50.0', "auto")
    large = rule("large", '"money" in effects && payload.amount >= 50.0')
    free = '\n[kinds."m.free"]\neffects = ["money"]\nexecutor = "refund"\n'
    never = rule("free", 'kind == "m.free"')
    rules = free + late + small + large + never
    assert any("a threshold exempts" in text for text in raised(rules))


@pytest.mark.parametrize("gate", ["auto", "deny"])
def test_a_rule_that_asks_nobody_may_name_the_agents_owner(gate: str) -> None:
    rules = KINDS + MONEY + RISKS
    mine = rule("mine", 'kind == "crm.label"', gate, 'reviewers = ["dora"]')
    assert raised(rules + mine, OWNED) == []


def test_reviewers_beside_the_agents_owner_are_enough() -> None:
    assert (
        raised(SOUND + rule("r", "untrusted", "hard", 'reviewers = ["dora", "ada"]'), OWNED) == []
    )
    assert raised(SOUND + rule("r", "untrusted", "hard", 'reviewers = ["ada"]'), OWNED) == []


def test_who_is_asked_in_place_of_the_owner_is_said() -> None:
    mine = rule("mine", "untrusted", "hard", 'reviewers = ["dora"]')
    assert told(SOUND + mine, {"billing": "dora"}).endswith(
        "Name another reviewer: until then the admins are asked."
    )
    admins = rule("mine", "untrusted", "hard", 'reviewers = ["cleo"]')
    others = SOUND.replace('"owner"', '"finance"')
    assert told(others + admins, {"billing": "cleo"}).endswith(
        "Name another reviewer: until then nobody can decide those."
    )


def test_the_policys_reviewers_are_looked_at_where_a_rule_names_none() -> None:
    dora = SOUND.replace('reviewers = ["owner"]', 'reviewers = ["dora"]')
    wheres = [text.partition(":")[0] for text in raised(dora, {"billing": "dora"})]
    assert wheres == ["rules[0].name", "rules[1].name"]


def test_the_admins_are_looked_at_where_nobody_is_named() -> None:
    nobody = SOUND.replace('reviewers = ["owner"]', "")
    wheres = [text.partition(":")[0] for text in raised(nobody, {"billing": "cleo"})]
    assert wheres == ["rules[0].name", "rules[1].name"]


SITE = "[groups]\nnobody = []\n[executors.refund]\nidempotent = true\n"


def raised_of_site(executor: Executor) -> list[tuple[int | None, str]]:
    found = lint_site({"refund": executor}, {"nobody": (), "all": ("ada",)}, Source("f", SITE))
    return [(problem.line, problem.where) for problem in found]


@pytest.mark.parametrize(
    ("executor", "is_raised"),
    [
        (Executor(type="command", argv=("/bin/refund",), idempotent=True), True),
        (Executor(type="command", argv=("/bin/refund",)), False),
        (Executor(type="http", url="https://example.com", idempotent=True), False),
        (
            Executor(
                type="command",
                argv=("/bin/sh", "-c", "refund --key $HITL_IDEMPOTENCY_KEY"),
                idempotent=True,
            ),
            False,
        ),
        (
            Executor(
                type="command",
                argv=("/bin/refund",),
                env={"KEY_FROM": "HITL_CASE"},
                idempotent=True,
            ),
            False,
        ),
    ],
)
def test_an_idempotent_command_that_shows_no_key_is_raised(
    executor: Executor, is_raised: bool
) -> None:
    wanted = [(2, "groups.nobody"), (4, "executors.refund.idempotent")]
    assert raised_of_site(executor) == wanted[: 1 + is_raised]


def test_what_is_raised_of_the_site_says_what_to_do_in_the_order_of_the_file() -> None:
    site = "[executors.refund]\nidempotent = true\n[groups]\nnobody = []\n"
    executor = Executor(type="command", argv=("/bin/refund",), idempotent=True)
    found = lint_site({"refund": executor}, {"nobody": ()}, Source("hitl-mail.toml", site))
    assert [str(problem) for problem in found] == [
        "hitl-mail.toml:2: executors.refund.idempotent: nothing shows that the command uses"
        " $HITL_IDEMPOTENCY_KEY, so that it is safe to run twice. Hand it on in argv or env, or"
        " say idempotent = false.",
        "hitl-mail.toml:4: groups.nobody: nobody is in this group. Add people, or remove it.",
    ]


def test_a_key_split_between_two_arguments_is_no_key() -> None:
    argv = ("/bin/refund", "HITL_", "CASE")
    executor = Executor(type="command", argv=argv, idempotent=True)
    assert len(raised_of_site(executor)) == 2


@pytest.mark.parametrize(
    ("doors", "approvals", "links", "what"),
    [
        ('["link"]', 1, (), "by link, ada, bob cannot decide"),
        ('["cli"]', 1, (), None),
        ('["cli"]', 2, (), "by cli, bob cannot decide, and it takes 2"),
        ('["cli", "link"]', 2, (), "by cli or link, bob cannot decide, and it takes 2"),
        ('["cli", "link"]', 2, ("ada", "bob"), None),
        ('["mail"]', 2, (), None),
    ],
)
def test_doors_that_too_few_have_are_raised(
    doors: str, approvals: int, links: tuple[str, ...], what: str | None
) -> None:
    """Nobody could say anything of such a case, and it would wait until it has expired."""
    more = f'reviewers = ["finance"]\ndoors = {doors}\napprovals = {approvals}'
    rules = SOUND + rule("shut", 'kind == "payment.refund"', "hard", more)
    have: dict[Door, tuple[str, ...]] = {"mail": ("ada", "bob", "cleo"), "link": links}
    found = lint(policy(rules), "rules.toml", {}, (), have | {"cli": ("ada",)})
    assert [problem.what for problem in found] == ([what] if what else [])
    assert all(problem.where == "rules[3].doors" and problem.line for problem in found)


def test_who_has_none_of_a_rule_s_doors_is_to_be_given_one() -> None:
    more = 'reviewers = ["ada"]\ndoors = ["link", "cli"]'
    rules = SOUND + rule("shut", 'kind == "payment.refund"', "hard", more)
    *_, found = lint(policy(rules), "rules.toml", {}, (), {"mail": (), "link": (), "cli": ()})
    assert found.mend == (
        "Open another door, or set base_url under [web] or name their os_user under [people.NAME]."
    )


@pytest.mark.parametrize("gate", ["auto", "deny"])
def test_who_is_not_asked_needs_no_door(gate: str) -> None:
    more = 'reviewers = ["ada"]\ndoors = ["link"]'
    rules = SOUND + rule("shut", 'kind == "payment.refund"', gate, more)
    found = lint(policy(rules), "rules.toml", {}, (), {"mail": ("ada",), "link": (), "cli": ()})
    assert not any(problem.where == "rules[3].doors" for problem in found)
