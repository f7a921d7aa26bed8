"""An action as an agent drops it: parsed strictly, kept as received.

Design 1.2 fixes the fields. Unknown ones are refused, because a typo in a safety field must not
pass silently. What the agent says of itself is a claim; this module only checks its shape.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from hitl_mail.core.canonical import check, digest, parse_json, short_name
from hitl_mail.core.duration import parse_duration
from hitl_mail.errors import Refused

CASE_ID = re.compile(r"[0-9]{6}-[23456789abcdefghjkmnpqrstuvwxyz]{6}")
CASE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"

_T = TypeVar("_T", bound=msgspec.Struct)

KIND = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
EFFECT = re.compile(r"[a-z][a-z0-9_-]{0,63}")

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CASE_LIKE = re.compile(r"[0-9]{6}-[A-Za-z0-9]{6}")
NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,128}")
ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")
MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class ContextItem(_Strict, frozen=True):
    """Something the agent read. Untrusted unless the admin trusts its source: design 1.2."""

    title: str
    text: str
    source: str | None = None
    trust: str | bool | None = None

    @property
    def says_trusted(self) -> bool:
        """Whether the agent claims that it may be trusted: `"trusted"`, or true."""
        return self.trust in ("trusted", True)


class Attachment(_Strict, frozen=True):
    """A file that belongs to the action; `content` decodes it."""

    name: str
    content_type: str
    base64: str

    @property
    def content(self) -> bytes:
        return base64.b64decode(self.base64, validate=True)


class Action(_Strict, frozen=True):
    """The typed view of one action document. Costs are numbers, latency is in seconds."""

    kind: str
    payload: dict[str, Any]
    summary: str
    why: str | None = None
    id: str | None = None
    run_id: str | None = None
    context: tuple[ContextItem, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    confidence: float | None = None
    effects: tuple[str, ...] = ()
    reversible: bool | None = None
    cost: float | None = None
    latency: float | None = None
    cost_of_wrong: float | None = None
    cost_of_waiting: float | None = None
    requested_by: str | None = None
    expires: str | None = None
    supersedes: str | None = None
    labels: dict[str, str] = {}


class Cancel(_Strict, frozen=True):
    """`{"cancel": ID}`: withdraw a case whose execution has not started."""

    cancel: str


class Report(_Strict, frozen=True):
    """`{"report": CASE, "permit": TOKEN, "outcome": {"ok": …}}`: what became of a permit."""

    report: str
    permit: str
    outcome: dict[str, Any]


Message = Action | Cancel | Report


def parse_document(data: bytes, toml: bool = False) -> dict[str, Any]:
    """The JSON or TOML object in a spool file, checked for what RFC 8785 cannot hold.

    Raises `Refused`.
    """
    document = _parse_toml(data) if toml else parse_json(data)
    if not isinstance(document, dict):
        raise Refused("malformed", "the file must hold one object")
    return document


def is_cut_off(data: bytes) -> bool:
    """Whether JSON that cannot be read ends where more was to come, as half a file does."""
    text = data.decode("utf-8", "replace").rstrip()
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) or error.msg.startswith("Unterminated string")
    except (RecursionError, ValueError):
        return False
    return False


def read_message(document: dict[str, Any], stem: str | None = None) -> Message:
    """Which of the three messages a document is, with every field checked.

    `stem` is the file's, used as the action's `id` where it names none. Raises `Refused`.
    """
    if "cancel" in document:
        return _convert(document, Cancel)
    if "report" in document:
        report = _convert(document, Report)
        if not isinstance(report.outcome.get("ok"), bool):
            raise Refused("missing_field", "say whether it went well: true or false", "outcome.ok")
        return report
    action = _convert(document, Action)
    if action.id is None:
        action = msgspec.structs.replace(action, id=stem)
    _check_action(action)
    return action


def content_digest(document: dict[str, Any], action_id: str) -> str:
    """What makes two drops the same action: every field, the id filled in."""
    return digest({**document, "id": action_id})


def attachment_facts(action: Action) -> list[dict[str, str]]:
    """Name, content type and digest of each attachment: what a revision is bound to."""
    return [
        {
            "name": item.name,
            "content_type": item.content_type,
            "digest": "sha256:" + hashlib.sha256(item.content).hexdigest(),
        }
        for item in action.attachments
    ]


# tomllib is quadratic in the parts of a key: one of 1 MiB would take it an hour.
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{40}}")


def _parse_toml(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("not_utf8", f"not UTF-8 at byte {error.start}") from None
    if _LONG_KEY.search(text):
        raise Refused("too_deep", "a dotted key of more than 40 parts; a text like that needs JSON")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused("malformed", f"not TOML: {error}") from None
    except (RecursionError, ValueError):
        raise Refused("malformed", "not TOML that can be held: too deep or too large") from None
    check(document)
    return document


_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"`([^`]*)`")


_PARTS: dict[str, type[msgspec.Struct]] = {"context": ContextItem, "attachments": Attachment}
_MOST_UNKNOWN = 5


def _convert(document: dict[str, Any], shape: type[_T]) -> _T:
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise _explain(str(error), document, shape) from None


def _explain(text: str, document: dict[str, Any], shape: type[msgspec.Struct]) -> Refused:
    """Turn msgspec's sentence into a code, a dotted path and a sentence of ours."""
    match = _WHERE.match(text)
    what, path = (match["what"], match["path"] or "") if match else (text, "")
    name = _FIELD.search(what)
    inner = ".".join(part for part in (path, short_name(name[1]) if name else "") if part)
    if "unknown field" in what:
        # Of the whole, all that are unknown are told; of a part, the first, as it was found.
        known = _PARTS.get(path.partition("[")[0], shape).__struct_fields__
        names = [inner] if path else [short_name(key) for key in document if key not in known]
        told = ", ".join(_with_guess(name, known) for name in names[:_MOST_UNKNOWN])
        more = f" and {len(names) - _MOST_UNKNOWN} more" if len(names) > _MOST_UNKNOWN else ""
        return Refused("unknown_field", f"no such field: {told}{more}", inner)
    if "missing required field" in what:
        return Refused("missing_field", f"{inner} is required", inner)
    return Refused("bad_value", f"{path or 'the file'}: {what[:1].lower()}{what[1:]}", path or None)


def _with_guess(name: str, known: Iterable[str]) -> str:
    """An unknown name, and the one that was probably meant."""
    meant = get_close_matches(name.rpartition(".")[2], known, n=1, cutoff=0.6)
    return f"{name} (did you mean {meant[0]}?)" if meant else name


def _check_action(action: Action) -> None:
    _match(KIND, action.kind, "kind", "a dotted name such as payment.refund", 128)
    if action.id is None or not ID.fullmatch(action.id):
        raise Refused("bad_value", "an id is 1 to 64 of A-Z a-z 0-9 . _ -", "id")
    if action.id in (".", ".."):
        raise Refused("bad_value", "an id must be usable as a file name", "id")
    if CASE_LIKE.fullmatch(action.id):
        raise Refused("bad_value", "an id must not look like a case id", "id")
    if not action.summary.strip():
        raise Refused("bad_value", "say in one line what this does", "summary")
    if len(action.summary) > 200 or action.summary.splitlines() != [action.summary]:
        raise Refused("bad_value", "one line of at most 200 characters", "summary")
    if action.confidence is not None and not 0 <= action.confidence <= 1:
        raise Refused("bad_value", "a number from 0 to 1", "confidence")
    if action.latency is not None and action.latency < 0:
        raise Refused("bad_value", "seconds, not negative", "latency")
    for index, effect in enumerate(action.effects):
        _match(EFFECT, effect, f"effects[{index}]", "a word such as money or external", 64)
    if action.expires is not None:
        try:
            parse_duration(action.expires)
        except ValueError as error:
            raise Refused("bad_value", str(error), "expires") from None
    if action.requested_by is not None:
        # Who it acts for may not approve it: an address nobody is found by must not pass.
        _match(ADDRESS, action.requested_by, "requested_by", "a plain mail address", 254)
    if action.supersedes is not None:
        _match(ID, action.supersedes, "supersedes", "an id of an earlier action", 64)
    _check_attachments(action)


def _check_attachments(action: Action) -> None:
    names = set()
    for index, item in enumerate(action.attachments):
        where = f"attachments[{index}]"
        _match(NAME, item.name, f"{where}.name", "a plain file name", 128)
        # It becomes the name of a file (255 bytes at most), and stands in a mail as it is.
        if len(item.name.encode()) > 240 or not item.name.isprintable():
            raise Refused("bad_value", "must be a plain file name", f"{where}.name")
        if item.name in (".", "..") or item.name in names:
            raise Refused("bad_value", "each attachment needs a name of its own", f"{where}.name")
        names.add(item.name)
        _match(MEDIA_TYPE, item.content_type, f"{where}.content_type", "like text/csv", 129)
        try:
            _ = item.content
        except (binascii.Error, ValueError):
            raise Refused("bad_value", "not base64", f"{where}.base64") from None


def _match(pattern: re.Pattern[str], text: str, field: str, what: str, longest: int) -> None:
    if len(text) > longest or not pattern.fullmatch(text):
        raise Refused("bad_value", f"must be {what}", field)


def date_prefix(now: float, tz: dt.tzinfo) -> str:
    """`YYMMDD`, the first half of a case id, in the site's time zone."""
    return dt.datetime.fromtimestamp(now, tz).strftime("%y%m%d")
