"""JSON Schemas (draft 2020-12) of an action, a result and a receipt, as `schema` prints them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from hitl_mail.core.action import Action
from hitl_mail.core.case import FINAL, Status
from hitl_mail.core.events import Verb, Via
from hitl_mail.core.verdict import Gate

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_TIME = {"type": "string", "format": "date-time"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_CASE_ID = {"type": "string", "pattern": "^[0-9]{6}-[a-z0-9]{6}$"}
_ANY_OBJECT = {"type": ["object", "null"]}


def action() -> dict[str, Any]:
    """What an agent may drop. Some limits (nesting, numbers) have no form in a schema."""
    schema = msgspec.json.schema(Action)
    definitions = schema["$defs"]
    fields = definitions["Action"]["properties"]
    limits: dict[str, dict[str, Any]] = {
        "kind": {"pattern": "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$", "maxLength": 128},
        "summary": {"maxLength": 200, "pattern": "^[^\\r\\n]*\\S[^\\r\\n]*$"},
    }
    for name, limit in limits.items():
        fields[name].update(limit)
    for name, limit in (
        ("id", {"pattern": "^[A-Za-z0-9._-]{1,64}$"}),
        ("expires", {"pattern": "^([0-9]{1,9}[smhdw])+$"}),
        ("confidence", {"minimum": 0, "maximum": 1}),
        ("latency", {"minimum": 0}),
    ):
        fields[name]["anyOf"][0].update(limit)
    return {"$schema": _DRAFT, "title": "hitl-mail action", **schema}


def result() -> dict[str, Any]:
    """A file in `results/`; `in_doubt` only as `wait` prints it, for no file is written then."""
    statuses = [*sorted(FINAL), "approved", "in_doubt"]
    return _object(
        "hitl-mail result",
        {
            "id": {"type": "string"},
            "case": _CASE_ID,
            "status": {"enum": statuses},
            "payload": _ANY_OBJECT,
            "edited": {"type": "boolean"},
            "verdict": _verdict(),
            "decisions": {"type": "array", "items": _decision({})},
            "outcome": _ANY_OBJECT,
            "receipt": _nullable(_part({"seq": {"type": "integer"}, "digest": _DIGEST})),
        },
        {"permit": _part({"digest": _DIGEST, "token": {"type": "string"}, "until": _TIME})},
    )


def receipt() -> dict[str, Any]:
    """A receipt, as `receipts show --json` prints it."""
    evidence = {
        "revision": {"type": "integer"},
        "seen": _DIGEST,
        "counts": _TEXTS,
        "evidence": {"type": "object"},
    }
    erased = _part({"erased": _DIGEST})
    return _object(
        "hitl-mail receipt",
        {
            "format": {"const": 1},
            "seq": {"type": "integer", "minimum": 1},
            "prev": _DIGEST,
            "digest": _DIGEST,
            "signature": {"type": "string"},
            "key": {"type": "string"},
            "salts": {"type": "object", "additionalProperties": {"type": "string"}},
            "case": _CASE_ID,
            "id": {"type": "string"},
            "agent": {"type": "string"},
            "run_id": {"type": ["string", "null"]},
            "kind": {"type": "string"},
            "status": {"enum": sorted(get_args(Status))},
            "action": {"type": "object"},
            "revisions": {"anyOf": [{"type": "array", "items": {"type": "object"}}, erased]},
            "verdict": _verdict(),
            "packets": {"anyOf": [{"type": "array", "items": {"type": "object"}}, erased]},
            "decisions": {"type": "array", "items": _decision(evidence)},
            "outcome": _ANY_OBJECT,
            "events": {
                "type": "array",
                "items": {"type": "object", "required": ["at", "event"]},
            },
        },
        None,
    )


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "action": action,
    "result": result,
    "receipt": receipt,
}


def _gate() -> dict[str, Any]:
    return {"enum": list(get_args(Gate))}


def _verdict() -> dict[str, Any]:
    number, flag = {"type": "integer"}, {"type": "boolean"}
    quorum = _part({"rule": {"type": "string"}, "reviewers": _TEXTS, "approvals": number})
    trace = _part({"rule": {"type": "string"}, "matched": flag, "values": {"type": "object"}})
    trace["properties"]["error"] = {"type": "string"}
    return _part(
        {
            "gate": _gate(),
            "asks": flag,
            "sampled": {"type": ["boolean", "null"]},
            "rules": _TEXTS,
            "reasons": _TEXTS,
            "quorums": {"type": "array", "items": quorum},
            "expires": number,
            "policy": {"type": "string"},
            "conflict": flag,
            "trace": {"type": "array", "items": trace},
        }
    )


def _decision(more: dict[str, Any]) -> dict[str, Any]:
    return _part(
        {
            "by": {"type": "string"},
            "verb": {"enum": list(get_args(Verb))},
            "via": {"enum": list(get_args(Via))},
            "at": _TIME,
            "note": {"type": "string"},
            **more,
        }
    )


def _part(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(
    title: str, required: dict[str, Any], optional: dict[str, Any] | None
) -> dict[str, Any]:
    """An object schema; `optional` None leaves it open to further fields."""
    return {
        "$schema": _DRAFT,
        "title": title,
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": optional is None,
    }
