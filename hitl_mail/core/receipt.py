"""The receipt of a closed case: how it is digested, chained, signed, erased and checked.

Pure: keys, randomness and files are the caller's. The digested form is the receipt without
`digest`, `signature` and `salts`, each large part replaced by its salted digest; so the contents
of a part can be erased and the chain still verifies. The texts elsewhere (see `receipt_texts`) are
one more part, under `texts`, wherever there is a salt for it or it was erased; receipts from before
there was such a part have neither. Every other key, also one that a later version adds, is in the
digest as it is.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from hitl_mail.core.canonical import canonical, digest, digest_bytes
from hitl_mail.core.receipt_texts import TEXTS, split

FORMAT = 1
PARTS = ("action", "revisions", "packets", "outcome")
SALTED = (*PARTS, TEXTS)
ERASED = "erased"
"""The status of the receipt that tells of an erasure."""
ABOUT_ERASURE = "/erased"
"""What such a receipt is about, behind the case id: a case is erased once."""
NO_RECEIPT = "sha256:" + "0" * 64
_PREFIX = b"hitl-mail receipt 1\n"
_UNDIGESTED = frozenset({"digest", "signature", "salts"})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SALT = re.compile(r"[0-9a-f]{32}")
_TEXTS = (
    "prev",
    "digest",
    "signature",
    "key",
    "case",
    "id",
    "agent",
    "kind",
    "status",
    "closed_at",
)
_LISTS = ("decided_by", "decisions", "events")
_OTHERS = ("run_id", "verdict", "gate", "title", *PARTS)

Verify = Callable[[str, bytes, bytes], bool]


def seal(
    body: Mapping[str, Any],
    seq: int,
    prev: str,
    salts: Mapping[str, str],
    *,
    key: str,
    sign: Callable[[bytes], bytes],
) -> dict[str, Any]:
    """The receipt numbered `seq` that follows the one with digest `prev`.

    `body` is everything but `format`, `seq`, `prev`, `key`, `salts`, `digest`, `signature`;
    `salts` gives each of `SALTED` 16 random bytes in hexadecimal; without one for the texts they
    are digested where they stand. `sign` makes the Ed25519 signature with the key called `key`.
    Raises ValueError for what has no canonical form and for salts that do not fit.
    """
    spelled = all(_SALT.fullmatch(salt) for salt in salts.values())
    if set(salts) | {TEXTS} != set(SALTED) or not spelled:
        raise ValueError(f"each of {', '.join(SALTED)} needs a salt of 32 hexadecimal digits")
    sealed = {
        **body,
        "format": FORMAT,
        "seq": seq,
        "prev": prev,
        "key": key,
        "salts": dict(salts),
    }
    sealed["digest"] = digest(_digested(sealed))
    signature = sign(_PREFIX + sealed["digest"].encode("ascii"))
    sealed["signature"] = base64.b64encode(signature).decode("ascii")
    return sealed


def erase(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """The receipt without the contents of its parts; digest and signature stay valid.

    Texts that were digested where they stand have to stay: see `has_texts`.
    """
    parts = {part: {"erased": _part_digest(receipt, part, receipt[part])} for part in PARTS}
    if TEXTS not in receipt["salts"]:
        return {**receipt, **parts, "salts": {}}
    shell, texts = split(receipt)
    return {**shell, **parts, TEXTS: {"erased": _part_digest(receipt, TEXTS, texts)}, "salts": {}}


def is_erased(receipt: Mapping[str, Any]) -> bool:
    """Whether nothing is left in it that could be erased."""
    return not receipt["salts"]


def has_texts(receipt: Mapping[str, Any]) -> bool:
    """Whether its title, values and notes are there still; for ever, where it has no salt for
    them."""
    return TEXTS not in receipt


def check(receipt: Any, prev_digest: str, expected_seq: int, verify: Verify) -> str | None:
    """The first thing wrong with a receipt, in words, or None. Never raises for any JSON value.

    `verify(key, signature, message)` tells whether the Ed25519 signature is right; False for a
    key that nobody knows.
    """
    fault = shape_fault(receipt) or _place_fault(receipt, prev_digest, expected_seq)
    if fault:
        return fault
    try:
        computed = digest(_digested(receipt))
    except (ValueError, TypeError, RecursionError):
        return "it has no canonical form"
    if receipt["digest"] != computed:
        return "its content does not match its digest"
    try:
        signature = base64.b64decode(receipt["signature"])
    except (binascii.Error, ValueError):
        return "its signature is not base64"
    # Many texts decode to the same bytes; only one of them is ours.
    if base64.b64encode(signature).decode("ascii") != receipt["signature"]:
        return "its signature is not base64"
    if not verify(receipt["key"], signature, _PREFIX + computed.encode("ascii")):
        return f"its signature is not by the key {receipt['key']}"
    return None


def shape_fault(receipt: Any) -> str | None:
    """What keeps any JSON value from being a receipt at all, in words, or None. Whoever reads one
    without verifying it may rely on no more than this."""
    if not isinstance(receipt, dict):
        return "it is not an object"
    number = receipt.get("format")
    if type(number) is not int or number < 1:
        return "format is missing or not a number"
    if number > FORMAT:
        return f"it is of format {number}; formats up to {FORMAT} can be checked here"
    for name in _TEXTS:
        if not isinstance(receipt.get(name), str):
            return f"{name} is missing or not text"
    for name in _LISTS:
        if not isinstance(receipt.get(name), list):
            return f"{name} is missing or not a list"
    if not all(isinstance(name, str) for name in receipt["decided_by"]):
        return "decided_by is not a list of texts"
    for name in _OTHERS:
        if name not in receipt:
            return f"{name} is missing"
    return _salts_fault(receipt)


def _salts_fault(receipt: dict[str, Any]) -> str | None:
    salts = receipt.get("salts")
    if not isinstance(salts, dict):
        return "salts is missing or not an object"
    for part, salt in salts.items():
        if part not in SALTED:
            return f"salts has an entry {part!r} that belongs to nothing"
        if not isinstance(salt, str) or not _SALT.fullmatch(salt):
            return f"the salt of {part} is not 32 hexadecimal digits"
    for part in PARTS:
        if part not in salts and not _is_erasure(receipt[part]):
            return f"{part} has no salt and is not erased"
    return _texts_fault(receipt)


def _texts_fault(receipt: dict[str, Any]) -> str | None:
    if TEXTS not in receipt:
        return None
    if TEXTS in receipt["salts"] or not _is_erasure(receipt[TEXTS]):
        return "texts is there and no erasure"
    # What was erased is not in the digest any more: nothing may be put in its place.
    return None if split(receipt)[0] == receipt else "its texts are erased, and some are there"


def _is_erasure(content: Any) -> bool:
    if not isinstance(content, dict) or set(content) != {"erased"}:
        return False
    return isinstance(content["erased"], str) and bool(_DIGEST.fullmatch(content["erased"]))


def _place_fault(receipt: dict[str, Any], prev_digest: str, expected_seq: int) -> str | None:
    seq = receipt.get("seq")
    if type(seq) is not int or seq != expected_seq:
        return f"its seq is {seq!r} where {expected_seq} must follow"
    if receipt["prev"] != prev_digest:
        return "its prev is not the digest of the receipt before it"
    return None


def _digested(receipt: Mapping[str, Any]) -> dict[str, Any]:
    known, texts = receipt, None
    if TEXTS in receipt["salts"] or TEXTS in receipt:
        known, texts = split(receipt)
    form = {name: value for name, value in known.items() if name not in _UNDIGESTED}
    for part in PARTS:
        form[part] = _part_digest(receipt, part, receipt[part])
    if texts is not None:
        form[TEXTS] = _part_digest(receipt, TEXTS, texts)
    return form


def _part_digest(receipt: Mapping[str, Any], part: str, content: Any) -> str:
    salt = receipt["salts"].get(part)
    if salt is None:
        return str(receipt[part]["erased"])
    return digest_bytes(bytes.fromhex(salt) + canonical(content))


def missing(first: int, last: int) -> str:
    """That the receipts from `first` to `last` are not there, in words."""
    return (
        f"receipts {first} to {last} are missing" if first < last else f"receipt {last} is missing"
    )
