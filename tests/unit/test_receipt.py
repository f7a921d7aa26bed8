"""The receipt by itself: what its digest covers, what erasing leaves, and every way to be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.adapters.keys.keys import verifier
from hitl_mail.core.canonical import canonical, digest, digest_bytes
from hitl_mail.core.receipt import (
    NO_RECEIPT,
    PARTS,
    SALTED,
    check,
    erase,
    has_texts,
    is_erased,
    missing,
    seal,
)
from hitl_mail.core.receipt_texts import split
from tests.support.receipts import KEY, PRIVATE, PUBLIC_KEYS, body

SALTS = {part: f"{number:032x}" for number, part in enumerate(SALTED)}
VERIFY = verifier(PUBLIC_KEYS)


def sealed(**changes: Any) -> dict[str, Any]:
    return seal(body(**changes), 1, NO_RECEIPT, SALTS, key=KEY, sign=PRIVATE.sign)


def fault(receipt: Any) -> str | None:
    return check(receipt, NO_RECEIPT, 1, VERIFY)


def test_a_sealed_receipt_has_no_fault() -> None:
    assert fault(sealed()) is None


def test_the_digest_is_of_the_receipt_with_its_large_parts_replaced() -> None:
    receipt = sealed()
    form = {k: v for k, v in receipt.items() if k not in ("digest", "signature", "salts")}
    shell, texts = split(form)
    for part, content in [*((part, receipt[part]) for part in PARTS), ("texts", texts)]:
        shell[part] = digest_bytes(bytes.fromhex(SALTS[part]) + canonical(content))
    assert receipt["digest"] == digest(shell)


def before_texts(**changes: Any) -> dict[str, Any]:
    """A receipt as it was sealed before its texts were a part."""
    salts = {part: SALTS[part] for part in PARTS}
    return seal(body(**changes), 1, NO_RECEIPT, salts, key=KEY, sign=PRIVATE.sign)


def test_a_receipt_from_before_texts_were_a_part_is_right_and_keeps_them() -> None:
    old = before_texts()
    assert (fault(old), fault(erase(old))) == (None, None)
    assert (is_erased(erase(old)), has_texts(erase(old))) == (True, True)
    assert erase(old)["title"] == old["title"]


def test_neither_form_passes_for_the_other() -> None:
    new, old = sealed(), before_texts()
    assert fault({**new, "salts": old["salts"]}) == "its content does not match its digest"
    assert fault({**old, "salts": new["salts"]}) == "its content does not match its digest"


SECRET = {
    "title": "Refund SECRET",
    "verdict": {
        "gate": "sample",
        "rules": ["money"],
        "reasons": ["Moves SECRET"],
        "trace": [
            {
                "rule": "money",
                "matched": True,
                "values": {"payload.name": "SECRET", "draw": 0.25, "rate": 0.5},
                "error": "no SECRET",
            }
        ],
    },
    "decisions": [{"by": "ada", "verb": "reject", "via": "mail", "note": "for SECRET"}],
    "events": [{"at": "x", "event": "canceled", "by": "billing", "why": "SECRET"}],
    "action": {"kind": "k", "payload": {"name": "SECRET"}, "summary": "SECRET"},
    "revisions": [{"payload": {"name": "SECRET"}}],
    "packets": [{"error": "SECRET"}],
    "outcome": {"stdout": "SECRET"},
}


def test_erasing_leaves_no_word_of_what_anybody_wrote() -> None:
    receipt = erase(sealed(**SECRET))
    assert fault(receipt) is None
    assert "SECRET" not in json.dumps(receipt)
    assert (is_erased(receipt), has_texts(receipt)) == (True, False)


def test_erasing_keeps_who_did_what_and_the_draw() -> None:
    receipt = erase(sealed(**SECRET))
    [decision], [event], verdict = receipt["decisions"], receipt["events"], receipt["verdict"]
    assert decision == {"by": "ada", "verb": "reject", "via": "mail", "note": ""}
    assert event == {"at": "x", "event": "canceled", "by": "billing"}
    assert verdict["trace"] == [
        {"rule": "money", "matched": True, "values": {"draw": 0.25, "rate": 0.5}}
    ]


@pytest.mark.parametrize(
    "put",
    [
        {"title": "another"},
        {"events": [{"at": "x", "event": "canceled", "by": "billing", "why": "another"}]},
        {"decisions": [{"by": "ada", "verb": "reject", "via": "mail", "note": "another"}]},
        {"decisions": []},
        {"texts": {"erased": "sha256:" + "1" * 64}},
        {"texts": {"title": "another"}},
    ],
)
def test_nothing_can_be_put_in_the_place_of_erased_texts(put: dict[str, Any]) -> None:
    assert fault({**erase(sealed(**SECRET)), **put}) is not None


@pytest.mark.parametrize("name", ["title", "verdict", "decisions", "events"])
def test_texts_cannot_be_changed(name: str) -> None:
    changed = json.loads(json.dumps(sealed(**SECRET)[name]).replace("SECRET", "ANOTHER"))
    assert fault({**sealed(**SECRET), name: changed}) == "its content does not match its digest"


def test_an_erased_receipt_still_verifies() -> None:
    assert fault(erase(sealed())) is None


def test_erasing_leaves_no_content_and_no_salt() -> None:
    receipt = erase(sealed())
    assert receipt["salts"] == {}
    assert {frozenset(receipt[part]) for part in PARTS} == {frozenset({"erased"})}


def test_erasing_twice_is_erasing_once() -> None:
    assert erase(erase(sealed())) == erase(sealed())


def test_an_agent_cannot_pass_content_off_as_erased() -> None:
    receipt = sealed(outcome={"erased": "sha256:" + "1" * 64})
    assert fault(receipt) is None
    assert fault(erase(receipt)) is None


def test_a_field_that_a_later_version_adds_is_in_the_digest() -> None:
    receipt = sealed(later={"new": True})
    assert fault(receipt) is None
    assert fault({**receipt, "later": {"new": False}}) == "its content does not match its digest"


@pytest.mark.parametrize("name", sorted(sealed()))
def test_a_receipt_without_one_of_its_fields_is_faulty(name: str) -> None:
    receipt = sealed()
    del receipt[name]
    assert fault(receipt) is not None


@pytest.mark.parametrize("name", sorted(sealed()))
@pytest.mark.parametrize("value", [None, 7, "", "x", [], {}, [[]], {"erased": "x"}, 1.5, True])
def test_a_receipt_with_any_field_changed_is_faulty(name: str, value: object) -> None:
    receipt = sealed()
    if receipt[name] == value and type(receipt[name]) is type(value):
        return
    assert fault({**receipt, name: value}) is not None


@pytest.mark.parametrize(
    "salts", [{}, {**SALTS, "more": "0" * 32}, {**SALTS, "action": SALTS["action"].upper() + "A"}]
)
def test_salts_that_do_not_fit_are_a_fault(salts: dict[str, str]) -> None:
    assert fault({**sealed(), "salts": salts}) is not None


def test_a_signature_in_another_spelling_is_a_fault() -> None:
    receipt = sealed()
    assert fault({**receipt, "signature": receipt["signature"] + "\n"}) is not None


def test_a_receipt_signed_by_an_unknown_key_is_faulty() -> None:
    assert check(sealed(), NO_RECEIPT, 1, verifier({})) == f"its signature is not by the key {KEY}"


def test_a_receipt_in_another_place_is_faulty() -> None:
    receipt = sealed()
    assert check(receipt, NO_RECEIPT, 2, VERIFY) == "its seq is 1 where 2 must follow"
    other = "sha256:" + "1" * 64
    assert check(receipt, other, 1, VERIFY) == "its prev is not the digest of the receipt before it"


def test_a_receipt_of_a_newer_format_says_so() -> None:
    assert "formats up to 1" in (fault({**sealed(), "format": 2}) or "")


def test_a_large_number_survives_being_written_and_read() -> None:
    receipt = sealed(outcome={"cost": 1e20})
    assert canonical(receipt["outcome"]) == b'{"cost":100000000000000000000}'
    assert fault(receipt) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(anything)
def test_whatever_is_split_its_halves_hold_no_more_and_the_shell_is_its_own(value: object) -> None:
    receipt = {**sealed(), "verdict": value, "decisions": [value], "events": [value]}
    shell, _ = split(receipt)
    assert split(shell)[0] == shell
    assert isinstance(fault({**receipt, "salts": SALTS}), str)


@given(anything)
def test_whatever_it_is_checking_it_does_not_raise(value: object) -> None:
    assert fault(value) is not None


@given(st.sampled_from(sorted(sealed())), anything)
def test_whatever_a_field_holds_checking_it_does_not_raise(name: str, value: object) -> None:
    assert isinstance(fault({**sealed(), name: value}), str | None)


def test_a_receipt_nested_too_deep_to_digest_is_faulty() -> None:
    deep = json.loads("[" * 900 + "]" * 900)
    assert fault({**sealed(), "later": deep}) is not None


def test_what_has_no_canonical_form_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="exceeds safe integer"):
        sealed(outcome={"n": 2**60})


NO_SALT = {part: salt for part, salt in SALTS.items() if part != "outcome"}
ERASURE = {"erased": "sha256:" + "1" * 64}
FAULTS: dict[str, tuple[Any, str]] = {
    "a list": ([], "it is not an object"),
    "no number for a format": (
        {**sealed(), "format": True},
        "format is missing or not a number",
    ),
    "format nought": ({**sealed(), "format": 0}, "format is missing or not a number"),
    "a later format": (
        {**sealed(), "format": 2},
        "it is of format 2; formats up to 1 can be checked here",
    ),
    **{
        f"{name} is no text": ({**sealed(), name: 7}, f"{name} is missing or not text")
        for name in ("prev", "digest", "signature", "key", "case", "id", "agent", "kind", "status")
    },
    **{
        f"{name} is no list": ({**sealed(), name: {}}, f"{name} is missing or not a list")
        for name in ("decided_by", "decisions", "events")
    },
    **{
        f"{name} is missing": (
            {key: value for key, value in sealed().items() if key != name},
            f"{name} is missing",
        )
        for name in ("run_id", "verdict", "gate", "title", "action", "outcome")
    },
    "who decided is no text": (
        {**sealed(), "decided_by": ["ada", 7]},
        "decided_by is not a list of texts",
    ),
    "no salts": ({**sealed(), "salts": []}, "salts is missing or not an object"),
    "a salt of nothing": (
        {**sealed(), "salts": {**SALTS, "more": "0" * 32}},
        "salts has an entry 'more' that belongs to nothing",
    ),
    "a salt that is none": (
        {**sealed(), "salts": {**SALTS, "action": "0" * 31}},
        "the salt of action is not 32 hexadecimal digits",
    ),
    "a salt that is no text": (
        {**sealed(), "salts": {**SALTS, "action": 7}},
        "the salt of action is not 32 hexadecimal digits",
    ),
    "contents without a salt": (
        {**sealed(), "salts": NO_SALT},
        "outcome has no salt and is not erased",
    ),
    "contents beside an erasure": (
        {**sealed(), "salts": NO_SALT, "outcome": {**ERASURE, "more": 1}},
        "outcome has no salt and is not erased",
    ),
    "an erasure that is no digest": (
        {**sealed(), "salts": NO_SALT, "outcome": {"erased": ["sha256:" + "1" * 64]}},
        "outcome has no salt and is not erased",
    ),
    "an erasure that is some text": (
        {**sealed(), "salts": NO_SALT, "outcome": {"erased": "all of it"}},
        "outcome has no salt and is not erased",
    ),
    "texts erased that have a salt": (
        {**sealed(), "texts": ERASURE},
        "texts is there and no erasure",
    ),
    "texts erased that stand there": (
        {**erase(sealed()), "title": "another"},
        "its texts are erased, and some are there",
    ),
    "another number": ({**sealed(), "seq": 2}, "its seq is 2 where 1 must follow"),
    "a number that is none": ({**sealed(), "seq": True}, "its seq is True where 1 must follow"),
    "no canonical form": ({**sealed(), "later": 2**60}, "it has no canonical form"),
    "another content": (
        {**sealed(), "agent": "other"},
        "its content does not match its digest",
    ),
    "a signature in no spelling": ({**sealed(), "signature": "%"}, "its signature is not base64"),
    "a signature in another spelling": (
        {**sealed(), "signature": sealed()["signature"].replace("==", "=/")},
        "its signature is not base64",
    ),
    "another signature": (
        {**sealed(), "signature": "AAAA"},
        f"its signature is not by the key {KEY}",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_first_thing_wrong_is_told_in_words(name: str) -> None:
    receipt, expected = FAULTS[name]
    assert fault(receipt) == expected


def test_a_signature_that_decodes_to_the_same_bytes_is_not_ours() -> None:
    receipt = sealed()
    last = receipt["signature"].rstrip("=")[-1]
    same = receipt["signature"].replace(f"{last}==", chr(ord(last) + 1) + "==")
    assert fault({**receipt, "signature": same}) == "its signature is not base64"


@pytest.mark.parametrize(
    "salts",
    [
        {},
        {part: SALTS[part] for part in PARTS[1:]},
        {**SALTS, "more": "0" * 32},
        {**SALTS, "action": "0" * 31},
    ],
)
def test_what_is_not_salted_as_it_should_be_is_not_sealed(salts: dict[str, str]) -> None:
    with pytest.raises(
        ValueError, match="each of action, revisions, packets, outcome, texts needs"
    ):
        seal(body(), 1, NO_RECEIPT, salts, key=KEY, sign=PRIVATE.sign)


def test_a_receipt_holds_what_was_sealed_under_its_number_and_key() -> None:
    receipt = sealed()
    assert {**body(), **receipt} == receipt
    assert (receipt["format"], receipt["seq"], receipt["prev"]) == (1, 1, NO_RECEIPT)
    assert (receipt["key"], receipt["salts"]) == (KEY, SALTS)


def test_missing_receipts_are_counted() -> None:
    assert missing(3, 5) == "receipts 3 to 5 are missing"
    assert missing(3, 3) == "receipt 3 is missing"


def test_a_receipt_is_split_into_what_stays_and_what_somebody_wrote() -> None:
    shell, texts = split(sealed(**SECRET))
    assert texts == {
        "title": "Refund SECRET",
        "trace": [
            {
                "values": {"payload.name": "SECRET", "draw": 0.25, "rate": 0.5},
                "error": "no SECRET",
            }
        ],
        "reasons": ["Moves SECRET"],
        "notes": ["for SECRET"],
        "events": [{"at": "x", "event": "canceled", "by": "billing", "why": "SECRET"}],
    }
    assert (shell["title"], shell["verdict"]["reasons"]) == ("", [])


def test_what_is_no_receipt_is_split_all_the_same() -> None:
    shell, texts = split({"verdict": {"trace": [7, {"values": 8}]}, "decisions": [7], "events": 7})
    assert texts == {
        "title": None,
        "trace": [7, {"values": 8, "error": None}],
        "reasons": None,
        "notes": [7],
        "events": [],
    }
    assert shell == {
        "title": "",
        "verdict": {"reasons": [], "trace": [None, {"values": {}}]},
        "decisions": [None],
        "events": [],
    }


@pytest.mark.parametrize(
    "kept", [{"draw": "0.25"}, {"draw": True}, {"rate": None}, {"payload.amount": 49}]
)
def test_of_values_only_numbers_that_recompute_a_draw_stay(kept: dict[str, Any]) -> None:
    shell, _ = split({"verdict": {"trace": [{"values": kept}]}})
    assert shell["verdict"]["trace"] == [{"values": {}}]


def test_before_texts_were_a_part_they_were_digested_where_they_stand() -> None:
    old = before_texts()
    form = {k: v for k, v in old.items() if k not in ("digest", "signature", "salts")}
    for part in PARTS:
        form[part] = digest_bytes(bytes.fromhex(SALTS[part]) + canonical(old[part]))
    assert old["digest"] == digest(form)
    assert (form["title"] != "", "texts" in form) == (True, False)
