"""What a shell makes of `key = value`, put together again."""

from __future__ import annotations

import pytest

from hitl_mail.cli.decisions import together


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["amount=40"], ["amount=40"]),
        (["amount", "=", "40"], ["amount = 40"]),
        (["amount=", "40"], ["amount= 40"]),
        (["amount", "=40"], ["amount =40"]),
        (["amount", "=", "40", "note=a", "to", "=", "b"], ["amount = 40", "note=a", "to = b"]),
        (["amount = 40", 'note = "a="'], ["amount = 40", 'note = "a="']),
        (["url=http://x/?a=", "b=1"], ["url=http://x/?a=", "b=1"]),
        (['{"amount": 40}'], ['{"amount": 40}']),
        (["=", "40"], ["= 40"]),
    ],
)
def test_changes_are_told_apart(words: list[str], changes: list[str]) -> None:
    assert together(tuple(words)) == changes
