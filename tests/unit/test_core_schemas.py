"""The JSON Schema of an action refuses what the parser refuses, where a schema can say it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from hitl_mail.core.action import read_message
from hitl_mail.core.schemas import SCHEMAS
from hitl_mail.errors import Refused

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
