"""What a reviewer is shown of one revision, and how agent text is made harmless."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.core import events as ev
from hitl_mail.core.canonical import digest_bytes
from hitl_mail.core.case import Case
from hitl_mail.core.evolve import evolve
from hitl_mail.core.sampling import share
from hitl_mail.core.verdict import Quorum, Trace
from hitl_mail.errors import Impossible
from hitl_mail.review.facts import show_time
from hitl_mail.review.packet import Packet, Risk, Trouble
from hitl_mail.review.packing import LOOKED_AT, build_packet
from hitl_mail.review.rows import rows_of
from hitl_mail.review.text import MARK, WIDTH, boxed, fill, inert, shorten, wrap
from tests.factories import (
    action,
    attachment,
    begin,
    by,
    case_after,
    change,
    decide_,
    finish,
    quorum,
    receive,
    target,
    verdict,
)
from tests.mails import AT, site


def packet(case: Case | None = None, **fields: Any) -> Packet:
    case = case or case_after(receive(action(**fields), expires_at=AT + 3600), now=AT)
    return build_packet(case, "ada", site(), AT)


def edited(payload: dict[str, Any], before: Case | None = None) -> Case:
    """A case whose payload somebody changed."""
    case = before or case_after(receive(expires_at=AT + 3600), now=AT)
    second = msgspec.structs.replace(
        case.revision, number=2, digest="sha256:2", payload=payload, why="bob edited it"
    )
    return evolve(case, ev.Revised(AT + 1, second))


def test_a_payload_becomes_rows_of_dotted_keys() -> None:
    payload = {"a": 1, "b": {"c": [True, {"d": "x"}], "e": []}, "f.g": {}}
    assert [(row.key, row.value) for row in rows_of(payload)] == [
        ("a", "1"),
        ("b.c[0]", "true"),
        ("b.c[1].d", "x"),
        ("b.e", "[]"),
        ('"f.g"', "{}"),
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Ada", "Ada"),
        ("40", '"40"'),
        (40, "40"),
        ("true", '"true"'),
        (None, "null"),
        ("null", '"null"'),
        ("", '""'),
        (" x", '" x"'),
        ('"x"', '"\\"x\\""'),
        (1.5, "1.5"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_a_string_that_could_be_something_else_is_in_quotes(value: Any, shown: str) -> None:
    assert rows_of({"k": value})[0].value == shown


def test_context_is_trusted_only_if_it_says_so_and_the_admin_does() -> None:
    items = [
        {"title": "1", "text": "", "source": "crm", "trust": "trusted"},
        {"title": "2", "text": "", "source": "mail", "trust": "trusted"},
        {"title": "3", "text": "", "source": "crm"},
        {"title": "4", "text": "", "trust": "trusted"},
    ]
    assert [item.trusted for item in packet(context=items).context] == [True, False, False, False]


def test_rules_are_paired_with_their_reasons() -> None:
    two = verdict(
        quorums=[quorum("money"), quorum("outbound")],
        reasons=("Moves funds", "Leaves the house"),
        trace=(Trace("outbound", True, {"effects": ["external"]}), Trace("labels", True, {})),
    )
    case = case_after(receive(verdict_=two, expires_at=AT + 9), now=AT)
    assert packet(case).risks == (
        Risk("money", "Moves funds"),
        Risk("outbound", "Leaves the house", (("effects", '["external"]'),)),
        Risk("labels", "", (), None, False),
    )


def test_the_reason_of_a_rule_that_no_longer_matches_is_marked() -> None:
    old = verdict(
        quorums=[quorum("large")],
        reasons=("5000 EUR is much",),
        trace=(Trace("large", False, {"payload.amount": 40}),),
    )
    case = case_after(receive(verdict_=old, expires_at=AT + 9), now=AT)
    [risk] = packet(case).risks
    assert risk.reason == "5000 EUR is much (as judged before)"


def test_every_reason_stands_with_its_rule_and_those_of_none_stand_alone() -> None:
    spoken = (("b", "First"), ("b", "Second"), ("", "the amount is missing"))
    two = verdict(quorums=[quorum("a"), quorum("b")], spoken=spoken)
    case = case_after(receive(verdict_=two, expires_at=AT + 9), now=AT)
    assert [(risk.rule, risk.reason) for risk in packet(case).risks] == [*spoken, ("a", "")]


def test_reasons_kept_without_their_rules_are_all_there() -> None:
    two = verdict(quorums=[quorum("a"), quorum("b")], reasons=("Both say this",))
    case = case_after(receive(verdict_=two, expires_at=AT + 9), now=AT)
    assert [(risk.rule, risk.reason) for risk in packet(case).risks] == [
        ("", "Both say this"),
        ("a", ""),
        ("b", ""),
    ]


def test_a_changed_payload_is_shown_with_what_changed() -> None:
    found = packet(edited({"amount": 20, "currency": "EUR", "customer": "Ada"}))
    assert [line for line in found.diff if line[:1] in "+-"] == [
        "--- revision 1",
        "+++ revision 2",
        '-  "amount": 49,',
        '+  "amount": 20,',
    ]
    assert found.changed == "bob edited it"


def test_a_number_written_in_another_way_is_no_difference() -> None:
    """An edit keeps the bytes that run, in which 49.0 is 49."""
    before = case_after(
        receive(action(payload={"n": 49.0, "zero": -0.0, "t": "a"}), expires_at=AT + 9), now=AT
    )
    found = packet(edited({"n": 49, "zero": 0, "t": "b"}, before))
    assert [line for line in found.diff if line[:1] in "+-"][2:] == ['-  "t": "a",', '+  "t": "b",']


def test_keys_in_another_order_are_no_difference() -> None:
    assert packet(edited({"customer": "Ada", "currency": "EUR", "amount": 49})).diff == ()


def test_the_same_payload_asked_again_has_no_difference() -> None:
    assert packet(edited({"amount": 49, "currency": "EUR", "customer": "Ada"})).diff == ()


def test_an_older_revision_leaves_no_choice() -> None:
    case = edited({"amount": 20})
    assert build_packet(case, "ada", site(), AT, revision=1).choices == ()
    assert build_packet(case, "ada", site(), AT, revision=1).rows[0].value == "49"


def test_the_doors_are_those_of_the_persons_own_quorums() -> None:
    both = verdict(
        quorums=[quorum("money", doors=("cli",)), quorum("other", "cleo", doors=("mail", "link"))],
        reasons=("a", "b"),
    )
    case = case_after(receive(verdict_=both, expires_at=AT + 9), now=AT)
    assert build_packet(case, "ada", site(), AT).doors == ("cli",)
    assert build_packet(case, "cleo", site(), AT).doors == ("mail", "link")


def test_a_pending_case_is_approved_rejected_edited_or_handed_on() -> None:
    assert packet().choices == ("approve", "reject", "edit", "route")


def test_a_case_in_doubt_is_settled_and_tells_its_trouble() -> None:
    case = case_after(
        receive(expires_at=AT + 99), AT, decide_, begin(), finish("doubt", outcome={"error": "cut"})
    )
    found = packet(case)
    assert found.choices == ("retry", "done", "abandon")
    assert found.trouble is not None
    assert (found.trouble.in_doubt, found.trouble.error) == (True, "cut")


@pytest.mark.parametrize(
    ("fields", "whole"),
    [
        ({}, True),
        ({"payload": {"a": list(range(200))}}, True),
        ({"payload": {"a": list(range(201))}}, False),
        ({"payload": {"a": "x" * 20_001}}, False),
        ({"why": "x" * 20_001}, False),
        ({"context": [{"title": "t", "text": "x" * 20_001}]}, False),
    ],
)
def test_what_is_too_long_is_not_whole(fields: dict[str, Any], whole: bool) -> None:
    assert packet(**fields).whole == whole


def test_expiry_is_told_in_the_sites_time_and_from_now() -> None:
    found = packet()
    assert (found.expires, found.expires_in) == ("Sun 22 Nov 2026, 12:00 (+01:00)", "1h")


def test_summer_time_has_its_own_offset() -> None:
    assert show_time(AT - 120 * 86400, site().zone) == "Sat 25 Jul 2026, 12:00 (+02:00)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://evil.test/a.b", "see https[:]//evil[.]test/a.b"),
        ("evil.com", "evil[.]com"),
        ("a.evil.co.uk/x", "a.evil[.]co[.]uk/x"),
        ("WWW.x", "www[.]x"),
        ("mailto:ada@example.com", "mailto[:]ada@example.com"),
        ("ada@example.com", "ada@example.com"),
        ("payment.refund 3.14 e.g. v1.2.3", "payment.refund 3.14 e.g. v1.2.3"),
        ("odd.unheardof/x", "odd[.]unheardof/x"),
        ("a\u202eb\u200b", "a⟨U+202E⟩b⟨U+200B⟩"),
        ("a\r\nb", "a\nb"),
        ("http://localhost/x", "http[:]//localhost/x"),
        ("https://ada@evil.com/x", "https[:]//ada@evil[.]com/x"),
    ],
)
def test_links_are_broken_where_one_can_see_it(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(st.text(max_size=500))
def test_every_boxed_line_is_marked_and_short(text: str) -> None:
    lines = boxed(text).split("\n")
    assert all(line.startswith(MARK.strip()) for line in lines)
    assert max(len(line) for line in lines) <= WIDTH + len(MARK)


def test_the_lines_of_a_box_keep_their_place_and_end_with_their_words() -> None:
    assert boxed("if x:\n\ty  \n\nz") == "| if x:\n|     y\n|\n| z"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("", [""]),
        ("aaaaaaa", ["aaaaaaa"]),
        ("aaa bbb ccc", ["aaa bbb", "ccc"]),
        ("aaa bbb ccc dd", ["aaa bbb", "ccc dd"]),
        ("aaaaaaaa b", ["aaaaaaa", "a b"]),
        ("aaa bbbb", ["aaa", "bbbb"]),
        ("aaaaaaaaa", ["aaaaaaa", "aa"]),
        ("a bbbbbbbbb", ["a", "bbbbbbb", "bb"]),
        (" bbbbbbbb", [" bbbbbb", "bb"]),
        ("aaa  bbbbb", ["aaa ", "bbbbb"]),
    ],
)
def test_a_line_is_cut_at_the_last_space_that_leaves_it_short_enough(
    line: str, parts: list[str]
) -> None:
    assert wrap(line, 7) == parts


def test_a_paragraph_of_ours_is_lines_and_a_long_text_says_what_is_missing() -> None:
    assert fill("a" * WIDTH + " b") == "a" * WIDTH + "\nb"
    assert (shorten("abc", 3), shorten("abcde", 3)) == ("abc", "abc\n… (2 more characters)")


@given(st.text(alphabet="ab ", max_size=300), st.integers(1, 40))
def test_wrapping_loses_nothing_but_the_spaces_it_breaks_at(line: str, width: int) -> None:
    parts = wrap(line, width)
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")
    assert max(len(part) for part in parts) <= width


def needs(*quorums: Quorum, approved_by: str = "") -> str:
    """What ada is told of how many have to approve."""
    said = [by(approved_by)] if approved_by else []
    arrival = receive(verdict_=verdict(quorums=quorums), expires_at=AT + 3600)
    return packet(case_after(arrival, *said, now=AT)).needs


def test_where_one_alone_does_not_do_it_says_so_and_who_has_approved() -> None:
    two = quorum("large", "ada", "bob", approvals=2)
    told = "It takes approvals: 2 for the rule large. "
    assert needs(two) == f"{told}Nobody has approved so far."
    assert needs(two, approved_by="bob") == f"{told}So far: bob."


def test_rules_of_different_people_are_all_named() -> None:
    ours = quorum("money", "ada")
    theirs = quorum("data", "bob")
    assert needs(ours, theirs).startswith(
        "It takes approvals: 1 for the rule money, 1 for the rule data."
    )


def test_where_one_alone_does_it_says_nothing() -> None:
    money, data = (quorum(rule, "ada") for rule in ("m", "d"))
    assert (needs(money), needs(money, data)) == ("", "")


# The whole of it


def test_a_packet_has_all_that_is_known_of_the_action() -> None:
    document = action(
        id="refund-8841",
        why="Arrived broken",
        effects=["money"],
        confidence=0.9,
        reversible=False,
        cost=1.5,
        latency=20,
        cost_of_wrong=49,
        cost_of_waiting=2,
        requested_by="carol@example.com",
        run_id="run-7",
        attachments=[attachment()],
    )
    found = packet(case_after(receive(document, expires_at=AT + 3600), now=AT))
    assert (found.person, found.gate, found.summary, found.why) == (
        "ada",
        "hard",
        "Refund order 8841",
        "Arrived broken",
    )
    assert (found.effects, found.run_id, found.action_id) == (("money",), "run-7", "refund-8841")
    assert found.claims == (
        ("confidence", "0.9"),
        ("reversible", "false"),
        ("cost so far", "1.5"),
        ("seconds so far", "20"),
        ("cost of being wrong", "49"),
        ("cost of waiting", "2"),
        ("requested by", "carol@example.com"),
    )
    [file] = found.attachments
    assert (file.name, file.content_type, file.size) == ("a.csv", "text/csv", 3)
    assert file.digest == digest_bytes(b"1,2")


def test_who_was_handed_a_question_is_told_by_whom_and_with_what_words() -> None:
    rules = verdict(quorums=(quorum(route_to=("cleo",)),))
    hand = lambda case: decide_(case, "ada", "route", target=target("cleo"), note="Yours?")  # noqa: E731
    case = case_after(receive(verdict_=rules, expires_at=AT + 99), AT, hand)
    assert build_packet(case, "cleo", site(), AT).notes == (("ada", "Yours?"),)
    assert build_packet(case, "bob", site(), AT).notes == ()


def test_what_somebody_wrote_to_their_edit_is_shown_with_what_they_made() -> None:
    two = verdict(quorums=(quorum(approvals=2),))
    edit = lambda case: decide_(case, "bob", "edit", change=change(40, two), note="Half")  # noqa: E731
    case = case_after(receive(verdict_=two, expires_at=AT + 99), AT, edit)
    found = build_packet(case, "ada", site(), AT)
    assert (found.edited_by, found.edit_note) == ("bob", "Half")
    assert build_packet(case, "ada", site(), AT, revision=1).edit_note == ""


def test_a_revision_that_is_not_there_is_named() -> None:
    case = case_after(receive(expires_at=AT + 99), now=AT)
    with pytest.raises(Impossible, match=rf"case {case.id} has no revision 7"):
        build_packet(case, "ada", site(), AT, revision=7)


def test_letters_are_shown_as_they_are() -> None:
    assert [(row.key, row.value) for row in rows_of({"ä.b": " ü"})] == [('"ä.b"', '" ü"')]
    found = packet(edited({"customer": "Zoë", "currency": "EUR", "amount": 49}))
    assert [line for line in found.diff if line[:1] in "+-"][2:] == [
        '-  "customer": "Ada"',
        '+  "customer": "Zoë"',
    ]


def test_the_values_and_the_error_of_a_rule_stand_with_it_and_a_draw_does_not() -> None:
    trace = (
        Trace("money", True, {"payload.amount": 49}, error="no such key"),
        Trace("labels", True, {"rate": 0.05, "draw": 0.01}, error="bad value"),
    )
    judged = verdict(quorums=(quorum("money"),), trace=trace)
    found = packet(case_after(receive(verdict_=judged, expires_at=AT + 99), now=AT))
    assert found.risks == (
        Risk("money", "Moves funds", (("payload.amount", "49"),), "no such key"),
        Risk("labels", "", ((LOOKED_AT, share(0.05)),), "bad value", winning=False),
    )


@pytest.mark.parametrize(("code", "told"), [(7, 7), ("7", None)])
def test_trouble_without_output_has_none(code: Any, told: int | None) -> None:
    outcome = {"error": "cut", "exit_code": code}
    case = case_after(
        receive(expires_at=AT + 99), AT, decide_, begin(), finish("doubt", outcome=outcome)
    )
    assert packet(case).trouble == Trouble(True, 1, "cut", told)
