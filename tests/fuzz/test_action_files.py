"""Action, cancel and report files: a message or a refusal with its reason, and never both."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given

from hitl_mail.core.action import (
    Action,
    Cancel,
    Message,
    Report,
    attachment_facts,
    content_digest,
    parse_document,
    read_message,
)
from hitl_mail.core.canonical import canonical
from hitl_mail.errors import Refused
from tests.factories import action, attachment
from tests.fuzz.mutate import deep, json_bytes, mutated, toml_text
from tests.fuzz.profile import corpus, fuzzed, timely, within

WHOLE = action(
    why="Charged twice",
    id="refund-8841",
    run_id="run-1",
    context=[{"title": "Order", "text": "Two charges", "source": "crm", "trust": "trusted"}],
    attachments=[attachment(), attachment(name="b.txt", content_type="text/plain")],
    confidence=0.9,
    effects=["money"],
    reversible=False,
    cost=0.2,
    latency=3,
    cost_of_wrong=49,
    cost_of_waiting=1,
    requested_by="ada@example.com",
    expires="4h",
    supersedes="refund-8840",
    labels={"team": "care"},
)
CANCEL = {"cancel": "refund-8841"}
REPORT = {"report": "261122-k3f9ma", "permit": "a" * 32, "outcome": {"ok": True, "exit_code": 0}}
SAMPLES: list[dict[str, Any]] = [WHOLE, action(), CANCEL, REPORT]
FIELDS = [*WHOLE, *CANCEL, *REPORT, "Kind", "amount", "ok", "__proto__"]
JSON = [json.dumps(sample).encode() for sample in SAMPLES]
TOML = [
    'kind = "payment.refund"\nsummary = "Refund order 8841"\nwhy = """\nCharged\ntwice"""\n'
    'confidence = 0.9\neffects = ["money"]\n[payload]\namount = 49\ncurrency = "EUR"\n'
    '[[context]]\ntitle = "Order"\ntext = \'two\'\n[labels]\nteam = "care"\n',
    'cancel = "refund-8841"\n',
    'report = "261122-k3f9ma"\npermit = "x"\noutcome = { ok = true }\n',
]
CODES = {
    *("not_utf8", "malformed", "duplicate_key", "too_deep", "bad_number", "bad_string"),
    *("bad_value", "unknown_field", "missing_field"),
}


def taken(data: bytes, toml: bool) -> tuple[dict[str, Any], Message] | tuple[str, str, str | None]:
    """What a file is: the document and its message, or why not."""
    try:
        document = parse_document(data, toml)
        return document, read_message(document, "refund-8841")
    except Refused as error:
        return error.code, error.detail, error.field


def check(data: bytes, toml: bool) -> None:
    with within(2):
        found = taken(data, toml)
    assert taken(data, toml) == found
    if len(found) == 3:
        code, detail, field = found
        assert code in CODES
        assert detail.strip()
        assert len((detail + (field or "")).encode()) < 4000
        return
    document, message = found
    # What is taken is kept, digested, shown and written back as JSON, whatever it was.
    again = canonical(document)
    assert parse_document(again) == document
    assert content_digest(parse_document(again), "x") == content_digest(document, "x")
    assert read_message(json.loads(again), "refund-8841") == message
    match message:
        case Action():
            assert len(attachment_facts(message)) == len(message.attachments)
            assert message.id not in (None, "", ".", "..")
        case Cancel():
            assert "cancel" in document
        case Report():
            assert isinstance(message.outcome["ok"], bool)


@fuzzed(200)
@given(mutated(JSON + corpus("actions")))
@example(json.dumps(action(payload={"a": "\ud800"})).encode())
@example(json.dumps(action(payload={"\udfff": 1})).encode())
@example(json.dumps(action(payload=deep(17))).encode())
@example(json.dumps(action(payload={"a": float("nan"), "b": 2**53})).encode())
@example(b"[" * 100_000)
@timely
def test_a_file_of_json_is_a_message_or_a_refusal(data: bytes) -> None:
    check(data, toml=False)


@fuzzed(150)
@given(json_bytes(SAMPLES, FIELDS))
@timely
def test_an_object_with_odd_fields_is_a_message_or_a_refusal(data: bytes) -> None:
    check(data, toml=False)


@fuzzed(200)
@given(mutated([text.encode() for text in TOML] + corpus("actions")))
@timely
def test_a_file_of_toml_is_a_message_or_a_refusal(data: bytes) -> None:
    check(data, toml=True)


@fuzzed(200)
@given(toml_text(TOML, FIELDS))
@timely
def test_toml_with_odd_lines_is_a_message_or_a_refusal(text: str) -> None:
    check(text.encode(), toml=True)
