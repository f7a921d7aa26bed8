"""JSON Schemas (draft 2020-12) of an action, a result and a receipt, as `schema` prints them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

import msgspec

from hitl_mail.core.action import ADDRESS, CASE_LIKE, EFFECT, ID, KIND, MEDIA_TYPE, NAME, Action
from hitl_mail.core.case import FINAL, Status
from hitl_mail.core.events import Verb, Via
from hitl_mail.core.receipt import ERASED
from hitl_mail.core.verdict import Gate

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_TIME = {"type": "string", "format": "date-time"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_CASE_ID = {"type": "string", "pattern": "^[0-9]{6}-[a-z0-9]{6}$"}
_OF_REVIEWS = ("ok", "flagged", "lapsed")
_ANY_OBJECT = {"type": ["object", "null"]}


def action() -> dict[str, Any]:
    """What an agent may drop. Some limits (nesting, numbers) have no form in a schema."""
    schema = msgspec.json.schema(Action)
    definitions = schema["$defs"]
    fields, attachment = (definitions[of]["properties"] for of in ("Action", "Attachment"))
    for field, limit in (
        (fields["kind"], {"pattern": _whole(KIND), "maxLength": 128}),
        (fields["summary"], {"maxLength": 200, "pattern": "^[^\\r\\n]*\\S[^\\r\\n]*$"}),
        (fields["effects"]["items"], {"pattern": _whole(EFFECT)}),
        (_present(fields["id"]), {"pattern": _whole(ID), "not": {"pattern": _whole(CASE_LIKE)}}),
        (_present(fields["supersedes"]), {"pattern": _whole(ID)}),
        (_present(fields["requested_by"]), {"pattern": _whole(ADDRESS), "maxLength": 254}),
        (_present(fields["expires"]), {"pattern": "^([0-9]{1,9}[smhdw])+$"}),
        (_present(fields["confidence"]), {"minimum": 0, "maximum": 1}),
        (_present(fields["latency"]), {"minimum": 0}),
        (attachment["name"], {"pattern": _whole(NAME)}),
        (attachment["content_type"], {"pattern": _whole(MEDIA_TYPE)}),
    ):
        field.update(limit)
    return {"$schema": _DRAFT, "title": "hitl-mail action", **schema}


def _whole(pattern: re.Pattern[str]) -> str:
    """The pattern of a whole text: in a schema it would else fit any part."""
    return f"^(?:{pattern.pattern})$"


def _present(field: dict[str, Any]) -> dict[str, Any]:
    """What an optional field is where it is there."""
    shape: dict[str, Any] = field["anyOf"][0]
    return shape


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
    decision = _decision(evidence, "erase")
    decision["properties"]["to"] = {"type": "string"}
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
            "status": {"enum": sorted({*get_args(Status), *_OF_REVIEWS, ERASED})},
            "action": {"type": "object"},
            "revisions": {"anyOf": [{"type": "array", "items": {"type": "object"}}, erased]},
            "verdict": _verdict(),
            "packets": {"anyOf": [{"type": "array", "items": {"type": "object"}}, erased]},
            "decisions": {"type": "array", "items": decision},
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


def _decision(more: dict[str, Any], *verbs: str) -> dict[str, Any]:
    return _part(
        {
            "by": {"type": "string"},
            "verb": {"enum": [*get_args(Verb), *verbs]},
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
