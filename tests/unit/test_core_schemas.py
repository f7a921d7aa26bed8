"""The JSON Schema of an action refuses what the parser refuses, where a schema can say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.action import read_message
from hitl_mail.core.case import FINAL, Case
from hitl_mail.core.documents import receipt_body, result
from hitl_mail.core.receipt import SALTED, erase, seal
from hitl_mail.core.schemas import SCHEMAS
from hitl_mail.core.verdict import Trace
from hitl_mail.errors import Refused
from tests.factories import (
    begin,
    by,
    case_after,
    change,
    decide_,
    executor_ref,
    finish,
    quorum,
    receive,
    target,
    verdict,
)

ATTACHED = {"name": "a.txt", "content_type": "text/plain", "base64": "aGVsbG8="}


def document(**changes: Any) -> dict[str, Any]:
    return {"kind": "payment.refund", "payload": {}, "summary": "Refund", "id": "a-1"} | changes


def parsed(said: dict[str, Any]) -> bool:
    try:
        read_message(said)
    except Refused:
        return False
    return True


def valid(said: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(SCHEMAS["action"]()).is_valid(said)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"id": "a" * 64, "supersedes": "261122-abcde", "kind": "x"},
        {"effects": ["money", "x-y_2"], "requested_by": "ada@example.com", "expires": "1d12h"},
        {"confidence": 1, "latency": 0, "labels": {"a": "b"}, "reversible": None},
        {"attachments": [{**ATTACHED, "name": "Rechnung ä.pdf"}]},
    ],
)
def test_it_takes_what_the_parser_takes(changes: dict[str, Any]) -> None:
    said = document(**changes)
    assert (valid(said), parsed(said)) == (True, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "a..b"},
        {"summary": "x" * 201},
        {"summary": "two\nlines"},
        {"id": "a/b"},
        {"id": "261122-k3f9ma"},
        {"supersedes": "a b"},
        {"effects": ["Money"]},
        {"requested_by": "Ada <ada@example.com>"},
        {"requested_by": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 60}.com"},
        {"expires": "soon"},
        {"confidence": 1.1},
        {"latency": -1},
        {"attachments": [{**ATTACHED, "name": "../a"}]},
        {"attachments": [{**ATTACHED, "content_type": "text"}]},
        {"confidance": 1},
    ],
)
def test_it_refuses_what_the_parser_refuses(changes: dict[str, Any]) -> None:
    said = document(**changes)
    assert (valid(said), parsed(said)) == (False, False)


# Results and receipts: real ones are valid, and whatever in them is missing or of another shape
# is found.


def settled() -> Case:
    """Edited, handed on, approved; a rule erred and another saw values."""
    trace = (Trace("money", True, {"amount": 49}), Trace("large", True, {}, "no such key"))
    rules = verdict(quorums=(quorum(route_to=("cleo",)),), trace=trace, sampled=False)
    return case_after(
        receive(verdict_=rules),
        lambda case: decide_(case, "ada", "edit", change=change(40, rules)),
        lambda case: decide_(case, "bob", "route", target=target("cleo")),
        by("cleo", via="cli"),
        begin(),
        finish(),
        cmd.FiledAs(7, "sha256:" + "7" * 64),
    )


def permitted() -> dict[str, Any]:
    agent = executor_ref(type="agent")
    return result(case_after(receive(executor=agent), by("ada"), begin(agent)), "token")


def sealed() -> dict[str, Any]:
    """As `receipts show` prints it; executors and policies of our factories have short digests."""
    case = settled()
    assert case.receipt is not None
    salts = {part: f"{number:032x}" for number, part in enumerate(SALTED)}
    body = receipt_body(case)
    return seal(body, 7, "sha256:" + "6" * 64, salts, key="key", sign=lambda _: b"signed")


DOCUMENTS: dict[str, tuple[str, Any]] = {
    "result": ("result", lambda: result(settled())),
    "result with a permit": ("result", permitted),
    "receipt": ("receipt", sealed),
    "erased receipt": ("receipt", lambda: erase(sealed())),
}
FREE = {
    "payload",
    "outcome",
    "values",
    "evidence",
    "action",
    "revisions",
    "packets",
    "salts",
    "events",
}
"""What an agent, an executor or a person's program may fill as they like."""


def faults(schema: str, said: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMAS[schema]())
    return [error.message for error in validator.iter_errors(said)]


def another_shape(value: Any) -> Any:
    return 7 if value is None or isinstance(value, dict) else {}


def distorted(said: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """`said`, and at each place of it: the value of another shape; a key missing; a key too many
    (deep down; a receipt itself is open to later versions)."""
    places = said.items() if isinstance(said, dict) else enumerate(said)
    for key, value in places:
        here = f"{path}.{key}"
        copy = dict(said) if isinstance(said, dict) else list(said)
        copy[key] = another_shape(value)
        yield f"{here} of another shape", copy
        if isinstance(said, dict) and not (path and key in ("error", "to")):
            yield f"{here} missing", {name: of for name, of in said.items() if name != key}
        if key in FREE or not isinstance(value, (dict, list)):
            continue
        for what, inner in distorted(value, here):
            copy = dict(said) if isinstance(said, dict) else list(said)
            copy[key] = inner
            yield what, copy
    if isinstance(said, dict) and path:
        yield f"{path} with a key too many", {**said, "more": 1}


UNSAID = {
    *("gate", "title", "decided_by", "action_digest", "received_at", "expires_at", "closed_at"),
    "texts",
}
"""Keys of a receipt of which its schema says nothing, as of those of later versions."""


def unsaid(schema: str, what: str) -> bool:
    root = what.removeprefix(".").split(" ", 1)[0].split(".", 1)[0]
    return (schema == "receipt" and root in UNSAID) or what == ".permit missing"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_we_write_is_valid(name: str) -> None:
    schema, make = DOCUMENTS[name]
    assert faults(schema, make()) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_whatever_is_missing_or_of_another_shape_is_found(name: str) -> None:
    schema, make = DOCUMENTS[name]
    valid_all_the_same = [
        what
        for what, said in distorted(make())
        if not faults(schema, said) and not unsaid(schema, what)
    ]
    assert valid_all_the_same == []


@pytest.mark.parametrize("wrong", [7, {"at": "2026"}, {"event": "approved"}])
def test_an_event_has_a_time_and_a_name(wrong: Any) -> None:
    assert faults("receipt", {**sealed(), "events": [wrong]}) != []


@pytest.mark.parametrize("part", ["revisions", "packets"])
@pytest.mark.parametrize("wrong", [[7], {"erased": "all"}, {}])
def test_a_part_is_a_list_of_objects_or_erased(part: str, wrong: Any) -> None:
    assert faults("receipt", {**sealed(), part: wrong}) != []


def test_a_salt_is_text() -> None:
    assert faults("receipt", {**sealed(), "salts": {"action": 7}}) != []


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_schema_is_one_and_says_what_it_is_of(schema: str) -> None:
    said = SCHEMAS[schema]()
    jsonschema.Draft202012Validator.check_schema(said)
    assert said["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert said["title"] == f"hitl-mail {schema}"


def test_a_result_holds_nothing_else_and_a_receipt_may() -> None:
    more = [{**make(), "more": 1} for _, make in DOCUMENTS.values()]
    schemas = [schema for schema, _ in DOCUMENTS.values()]
    assert [bool(faults(*pair)) for pair in zip(schemas, more, strict=True)] == [
        *(True, True),
        *(False, False),
    ]


@pytest.mark.parametrize("status", [*sorted(FINAL), "approved", "in_doubt"])
def test_a_result_has_every_status_that_an_agent_may_read(status: str) -> None:
    assert faults("result", {**result(settled()), "status": status}) == []


@pytest.mark.parametrize("status", ["pending", "held", "executing", "erased", "ok"])
def test_a_result_has_no_other_status(status: str) -> None:
    assert faults("result", {**result(settled()), "status": status}) != []


@pytest.mark.parametrize("status", [*sorted(FINAL), "ok", "flagged", "lapsed", "erased"])
def test_a_receipt_is_of_a_case_of_its_review_or_of_an_erasure(status: str) -> None:
    assert faults("receipt", {**sealed(), "status": status}) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("case", "261122"),
        ("digest", "sha256:7"),
        ("prev", "7" * 64),
        ("status", "unknown"),
        ("seq", 0),
        ("format", 2),
    ],
)
def test_a_receipt_has_no_other_form(place: str, wrong: Any) -> None:
    assert faults("receipt", {**sealed(), place: wrong}) != []


def test_decisions_have_the_verbs_and_doors_of_the_contract() -> None:
    said = sealed()["decisions"][0]
    for place, right, wrong in (("verb", "erase", "vote"), ("via", "link", "fax")):
        ok, not_ok = ({**sealed(), "decisions": [{**said, place: of}]} for of in (right, wrong))
        assert (faults("receipt", ok), faults("receipt", not_ok) != []) == ([], True)
    told = {**result(settled())["decisions"][0], "verb": "erase"}
    assert faults("result", {**result(settled()), "decisions": [told]}) != []
