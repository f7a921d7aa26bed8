"""Proof that nobody changed a receipt: content, chain, signatures, framing, and that none lacks.

Reads the month files and nothing else; keys and the expected end come from the caller.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitl_mail.adapters.framelog import check_header, scan, whole_until
from hitl_mail.adapters.keys.keys import verifier
from hitl_mail.adapters.receipts.anchors import NO_ANCHORS, Anchors, Held
from hitl_mail.adapters.receipts.files import is_month, month_header, month_of, month_paths
from hitl_mail.adapters.receipts.succession import Succession
from hitl_mail.core.canonical import MAX_INTEGER, canonical
from hitl_mail.core.receipt import NO_RECEIPT, check, is_erased, missing
from hitl_mail.errors import Damaged, HitlError

TORN_MEND = "The next start of the daemon cuts that off and keeps it beside the file."


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong: at which number, in which file, in words."""

    seq: int
    file: str
    what: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """How many receipts are right, the last of them, and the first fault or None.

    `unexplained` are those whose contents are gone and of which no receipt says so: erasing needs
    no key, so whoever can write the files may have done it. Right after an erasure was begun, its
    receipt may still be on its way.
    """

    count: int
    head_seq: int
    head_digest: str
    fault: Fault | None
    unexplained: tuple[int, ...] = ()


def verify(
    directory: Path,
    public_keys: Mapping[str, bytes],
    expected_head: tuple[int, str] | None = None,
    *,
    running: bool = False,
    anchors: Anchors = NO_ANCHORS,
    audit: Callable[[dict[str, Any]], str | None] = lambda _: None,
) -> VerifyReport:
    """Check every byte of the month files in `directory`, a receipt in memory at a time.

    `public_keys` gives 32 raw bytes by key id. `expected_head` is a (seq, digest) that must be in
    the chain: without it, receipts removed from the end are not missed. With `running`, a last
    line that is not whole is taken for one that a daemon is just writing; without, it is a fault
    that the next start mends. Every one of `anchors` must be in the chain, too. `audit` says what
    else is wrong with a receipt that is as it was sealed. Never raises for what is in the files.
    """
    chain = _Chain(verifier(public_keys), expected_head, anchors.look(), audit)
    path = directory
    try:
        paths = month_paths(directory)
        for path in paths:
            fault = chain.read(path, tolerant=path == paths[-1])
            if fault:
                return chain.report(path, fault)
        stranger = _stranger(directory)
        if stranger is not None:
            return chain.report(stranger, "it is not a month file")
    except Damaged as error:
        return chain.report(path, error.what)
    except HitlError as error:
        return chain.report(path, str(error))
    except OSError as error:
        return chain.report(path, f"cannot be read: {error.strerror}")
    what = chain.missing_end()
    if what is None and paths and not running:
        what = _torn(path)
    return chain.report(path, what)


def _torn(path: Path) -> str | None:
    """What is wrong with the end of the newest file, of which nothing is missing."""
    end = whole_until(path)
    if path.stat().st_size == end:
        return None
    return f"torn at byte {end}, as a crash or a full disk leaves a file. {TORN_MEND}"


class _Chain:
    """What was right so far."""

    def __init__(
        self,
        verify_signature: Callable[[str, bytes, bytes], bool],
        head: tuple[int, str] | None,
        anchors: Held,
        audit: Callable[[dict[str, Any]], str | None],
    ) -> None:
        self._audit = audit
        self._anchors = anchors
        self._verify = verify_signature
        self._expected = head or (0, NO_RECEIPT)
        self._gone: dict[int, str] = {}
        self._keys = Succession()
        self.seq = 0
        self.digest = NO_RECEIPT

    def read(self, path: Path, tolerant: bool) -> str | None:
        """Go on through one month file; what is wrong, or None."""
        month = path.stem
        frames = scan(path, whole=not tolerant)
        first = next(frames, None)
        check_header(path, first and first[1], month_header(month))
        before = self.seq
        for _, payload in frames:
            fault = self._next(payload, month, is_first=self.seq == before)
            if fault:
                return fault
        return None if self.seq > before else "it holds no receipt"

    def missing_end(self) -> str | None:
        """What is wrong if this was all."""
        seq, _ = self._expected
        if self.seq >= seq:
            return self._anchors.missing()
        return missing(self.seq + 1, seq)

    def report(self, path: Path, what: str | None) -> VerifyReport:
        """The result, with what is wrong at the next number in `path`."""
        fault = Fault(self.seq + 1, str(path), what) if what else None
        return VerifyReport(self.seq, self.seq, self.digest, fault, tuple(sorted(self._gone)))

    def _next(self, payload: bytes, month: str, is_first: bool) -> str | None:
        receipt = parsed(payload)
        if receipt is None:
            return "it is not a receipt in canonical form"
        fault = check(receipt, self.digest, self.seq + 1, self._verify)
        fault = fault or self._keys.see(receipt["key"]) or self._audit(receipt)
        if fault:
            return fault
        try:
            closed = month_of(receipt["closed_at"])
        except ValueError as error:
            return str(error)
        if closed > month or (is_first and closed != month):
            return f"it was closed in {closed} and does not belong into this file"
        if receipt["seq"] == self._expected[0] and receipt["digest"] != self._expected[1]:
            return f"its digest is not the expected {self._expected[1]}"
        fault = self._anchors.see(receipt["seq"], receipt["digest"])
        if fault:
            return fault
        self.seq, self.digest = receipt["seq"], receipt["digest"]
        self._look_for_erasure(receipt)
        return None

    def _look_for_erasure(self, receipt: dict[str, Any]) -> None:
        if is_erased(receipt):
            self._gone[receipt["seq"]] = receipt["digest"]
        for one in receipt.get("erases", ()):
            # What a receipt names is signed by us, and had those digests when it was written.
            if self._gone.get(one["seq"]) == one["digest"]:
                del self._gone[one["seq"]]


def parsed(payload: bytes) -> Any:
    """The value, or None unless its canonical form is exactly these bytes.

    So nothing can hide in white space, doubled keys or another spelling of a text.
    """
    try:
        value = json.loads(payload, parse_int=_number)
        return value if canonical(value) == payload else None
    except (ValueError, TypeError, RecursionError):
        return None


def _number(digits: str) -> int | float:
    # RFC 8785 writes 1e20 as an integer; read as one it would have no canonical form.
    short = len(digits) <= 17
    value = int(digits) if short else float(digits)
    return value if abs(value) <= MAX_INTEGER else float(value)


def _stranger(directory: Path) -> Path | None:
    names = sorted(directory.glob("[!.]*.jsonl"))
    return next((path for path in names if not is_month(path)), None)
