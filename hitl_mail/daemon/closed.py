"""What is on record of a closed case: its receipt, and its review's where it had one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hitl_mail.core import documents
from hitl_mail.ports import Receipts


@dataclass(frozen=True)
class Closed:
    """`receipt` is the case's own; `review` what people said of it afterwards."""

    receipt: dict[str, Any]
    review: dict[str, Any] | None

    @property
    def status(self) -> str:
        """What became of it last: of the review, where there was one."""
        return str((self.review or self.receipt)["status"])

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """All that people said, before and after."""
        said: list[dict[str, Any]] = [*self.receipt["decisions"]]
        return said if self.review is None else [*said, *self.review["decisions"]]

    def rests_on(self, key: str, value: str, by: str, verb: str = "") -> bool:
        """Whether a decision of theirs, of this verb where one is given, has `value` under `key` of
        its evidence."""
        return any(
            (d["evidence"].get(key), d["by"]) == (value, by) and verb in ("", d["verb"])
            for d in self.decisions
        )


def find_closed(receipts: Receipts, case_id: str) -> Closed | None:
    """The record of a closed case. Raises `Damaged`, OSError."""
    lookup = receipts.lookup
    row, review = lookup.by_about(case_id), lookup.by_about(documents.about_review(case_id))
    if row is None:
        return None
    return Closed(lookup.receipt(row), lookup.receipt(review) if review else None)
