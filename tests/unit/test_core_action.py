"""Action files as they are taken, and the other messages; ids and digests: design 1.2."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from hitl_mail.core.action import (
    CASE_ALPHABET,
    CASE_ID,
    Action,
    Cancel,
    ContextItem,
    Report,
    attachment_facts,
    content_digest,
    date_prefix,
    parse_document,
)
from tests.factories import action, attachment, read
from tests.ids import plain

FIELDS = list(Action.__struct_fields__)


def taken(document: dict[str, Any], stem: str = "refund-8841") -> Action:
    """The action that a document is read as."""
    message = read(document, stem)
    assert isinstance(message, Action)
    return message


# What is taken


def test_kind_payload_and_summary_are_enough() -> None:
    assert read({"kind": "ping", "payload": {}, "summary": "Ping"}, "p1") == Action(
        kind="ping", payload={}, summary="Ping", id="p1"
    )


def test_every_field_is_read() -> None:
    whole = action(
        id="refund-8841",
        why="Goods arrived broken",
        run_id="run-7",
        context=[{"title": "Mail", "text": "Broken", "source": "crm", "trust": "trusted"}],
        attachments=[attachment()],
        confidence=1,
        effects=["money", "external"],
        reversible=False,
        cost=0.03,
        latency=4.5,
        cost_of_wrong=49,
        cost_of_waiting=-1,
        requested_by="ada@example.com",
        expires="4h",
        supersedes="refund-8840",
        labels={"team": "support"},
    )
    assert (set(whole), json.loads(msgspec.json.encode(read(whole)))) == (set(FIELDS), whole)


@pytest.mark.parametrize("field", sorted(set(FIELDS) - {"kind", "payload", "summary", "context"}))
def test_the_other_fields_may_be_left_out(field: str) -> None:
    assert isinstance(read(action()), Action)
    assert field not in action()


def test_the_same_action_may_be_written_in_toml() -> None:
    toml = b"""
        kind = "payment.refund"
        summary = "Refund order 8841"
        confidence = 0.5
        [payload]
        amount = 49
        currency = "EUR"
        customer = "Ada"
        [[context]]
        title = "Mail"
        text = "Broken"
    """
    context = [{"title": "Mail", "text": "Broken"}]
    expected = action(confidence=0.5, context=context)
    assert parse_document(toml, toml=True) == expected


def test_the_file_s_stem_is_the_id_of_an_action_without_one() -> None:
    assert taken(action(), "refund-9").id == "refund-9"


def test_an_action_s_own_id_wins_over_the_stem() -> None:
    assert taken(action(id="mine"), "not an id!").id == "mine"


def test_context_says_where_it_is_from_and_what_it_claims() -> None:
    item = {"title": "T", "text": "t", "source": "anywhere", "trust": "trusted"}
    assert taken(action(context=[item])).context == (ContextItem("T", "t", "anywhere", "trusted"),)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "a" * 64},
        {"id": "A-z.0_9"},
        {"id": "261122-k3f9m"},
        {"kind": "a"},
        {"kind": "crm.label-set.v_2"},
        {"summary": "x" * 200},
        {"confidence": 0},
        {"confidence": 1.0},
        {"latency": 0},
        {"reversible": True},
        {"expires": "90s"},
        {"effects": []},
        {"why": None},
        {"attachments": [attachment(name="Überblick 2.pdf", base64="")]},
    ],
    ids=plain,
)
def test_at_the_edge_it_is_taken(fields: dict[str, Any]) -> None:
    assert isinstance(read(action(**fields)), Action)


# The two other messages


def test_a_cancel_names_an_id() -> None:
    assert read({"cancel": "refund-8841"}) == Cancel("refund-8841")


def test_a_report_closes_a_permit() -> None:
    report = {"report": "261122-k3f9ma", "permit": "t", "outcome": {"ok": True, "ref": 7}}
    assert read(report) == Report("261122-k3f9ma", "t", {"ok": True, "ref": 7})


# Same content, same action


def test_the_same_content_has_one_digest_however_it_is_written() -> None:
    json_form = parse_document(json.dumps(action(id="x"), indent=2).encode())
    reordered = dict(reversed(action(id="x").items()))
    assert content_digest(json_form, "x") == content_digest(reordered, "x")


def test_an_id_from_the_stem_is_part_of_the_content() -> None:
    assert content_digest(action(), "x") == content_digest(action(id="x"), "x")


@pytest.mark.parametrize(
    "other", [{"why": "more"}, {"payload": {"amount": 50}}, {"labels": {"a": "b"}}, {"id": "y"}]
)
def test_other_content_has_another_digest(other: dict[str, Any]) -> None:
    changed = action(**{"id": "x", **other})
    assert content_digest(changed, changed["id"]) != content_digest(action(), "x")


def test_an_attachment_is_known_by_name_type_and_digest() -> None:
    read_action = taken(action(attachments=[attachment(base64="YWJj")]))
    assert attachment_facts(read_action) == [
        {
            "name": "a.csv",
            "content_type": "text/csv",
            "digest": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        }
    ]


# Case ids


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("261122-k3f9ma", True),
        ("261122-K3F9MA", False),
        ("261122-k3f9m", False),
        ("261122-k3f9m1", False),
        ("٢٦١١٢٢-k3f9ma", False),
        ("261122-k3f9ma\n", False),
    ],
)
def test_the_shape_of_a_case_id(text: str, fits: bool) -> None:
    assert (CASE_ID.fullmatch(text) is not None) == fits


def test_a_case_id_has_no_letters_that_look_alike() -> None:
    assert set("01ilo") & set(CASE_ALPHABET) == set()


def test_a_case_id_is_made_of_its_alphabet() -> None:
    fitting = {letter for letter in CASE_ALPHABET if CASE_ID.fullmatch(f"261122-{letter * 6}")}
    assert fitting == set(CASE_ALPHABET)


def test_a_case_id_begins_with_the_site_s_date() -> None:
    just_before_midnight = dt.datetime(2026, 11, 22, 23, 30, tzinfo=dt.UTC).timestamp()
    berlin = dt.timezone(dt.timedelta(hours=1))
    dates = [date_prefix(just_before_midnight, tz) for tz in (dt.UTC, berlin)]
    assert dates == ["261122", "261123"]
