"""Proof over an export: content, chain and signatures of a file of receipts, without a home.

A whole export is checked as the month files are, from the first receipt on. One that was filtered
has gaps, and then each receipt is right by itself, but nothing shows that none was left out: the
report says so. Gaps that no filter of ours leaves are a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitl_mail.adapters.keys.keys import verifier
from hitl_mail.adapters.receipts.anchors import NO_ANCHORS, Anchors, Held
from hitl_mail.adapters.receipts.succession import Succession
from hitl_mail.adapters.receipts.verify import Fault, parsed
from hitl_mail.core.receipt import NO_RECEIPT, check


@dataclass(frozen=True, slots=True)
class FileReport:
    """What `verify_file` found. `whole`: from the first receipt on, and no number is missing."""

    count: int
    head_seq: int
    head_digest: str
    whole: bool
    fault: Fault | None


def verify_file(
    path: Path, public_keys: Mapping[str, bytes], anchors: Anchors = NO_ANCHORS
) -> FileReport:
    """Check every byte of an export, a receipt in memory at a time; all `anchors` must be in it.

    Never raises for what is in the file; OSError for a file that cannot be read.
    """
    chain = _Links(public_keys, anchors.look())
    with path.open("rb") as file:
        for line in file:
            what = chain.next(line)
            if what:
                break
        else:
            what = chain.unexplained() or chain.missing()
    fault = Fault(chain.fault_seq, str(path), what) if what else None
    return FileReport(chain.count, chain.seq, chain.digest, not chain.gap, fault)


class _Links:
    """What was right so far, and what all receipts so far have in common."""

    def __init__(self, public_keys: Mapping[str, bytes], anchors: Held) -> None:
        self._anchors = anchors
        self._verify = verifier(public_keys)
        self._keys = Succession()
        self._common: frozenset[tuple[str, str]] | None = None
        self._inner = 0
        self.count = 0
        self.seq = 0
        self.digest = NO_RECEIPT
        self.gap = False
        self.fault_seq = 1

    def next(self, line: bytes) -> str | None:
        """Take one line in; what is wrong with it, or None."""
        self.fault_seq = self.seq + 1
        if line[-1:] != b"\n":
            return "its line is not whole"
        receipt = parsed(line[:-1])
        if not isinstance(receipt, dict):
            return "it is not a receipt in canonical form"
        seq, prev = receipt.get("seq"), receipt.get("prev")
        leap = isinstance(seq, int) and seq > self.seq + 1 and isinstance(prev, str)
        before, number = (str(prev), int(seq or 0)) if leap else (self.digest, self.seq + 1)
        fault = check(receipt, before, number, self._verify)
        fault = fault or self._keys.see(receipt["key"])
        fault = fault or self._anchors.see(receipt["seq"], receipt["digest"])
        if fault:
            self.fault_seq = number
            return fault
        if leap:
            self.gap = True
            self._inner = self._inner or (self.seq + 1 if self.count else 0)
        self.count += 1
        self.seq, self.digest = receipt["seq"], receipt["digest"]
        alike = _alike(receipt)
        self._common = alike if self._common is None else self._common & alike
        return None

    def missing(self) -> str | None:
        """Which anchor is not in this file, in words."""
        self.fault_seq = self.seq + 1
        return self._anchors.missing()

    def unexplained(self) -> str | None:
        """What is missing in the middle that no filter leaves out, or None."""
        if not self._inner or self._common:
            return None
        self.fault_seq = self._inner
        return (
            "it is missing; the receipts around it share neither status nor kind nor reviewer, so "
            "no filter of `receipts export` leaves it out"
        )


def _alike(receipt: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """By what filters this receipt could have been picked."""
    people: Iterable[Any] = receipt["decided_by"]
    return frozenset(
        [
            ("status", receipt["status"]),
            ("kind", receipt["kind"]),
            *(("reviewer", name) for name in people if isinstance(name, str)),
        ]
    )
