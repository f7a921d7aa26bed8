"""What an auditor recomputes of a receipt's draws."""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from hitl_mail.core.sampling import check_draws, draw, share

OLD, KEY = b"o" * 32, b"k" * 32
CASE = "261122-k3f9ma"
RIGHT = draw(KEY, CASE)


def receipt(drawn: float | None = RIGHT, rate: float = 1.0, **verdict: Any) -> dict[str, Any]:
    """A receipt of a case that a rule of this rate matched."""
    values = {"rate": rate} if drawn is None else {"rate": rate, "draw": drawn}
    trace = [{"rule": "labels", "matched": True, "values": values}]
    return {"case": CASE, "verdict": {"gate": "sample", "sampled": True, "trace": trace, **verdict}}


@pytest.mark.parametrize(
    "of",
    [
        receipt(),
        receipt(rate=RIGHT / 2, sampled=False),
        receipt(rate=RIGHT, sampled=False),
        receipt(draw(OLD, CASE)),
        receipt(None, sampled=None),
        receipt(gate="hard", sampled=False),
        receipt(trace=[]),
    ],
)
def test_a_draw_that_a_key_gives_is_right(of: dict[str, Any]) -> None:
    assert check_draws(of, (OLD, KEY)) is None


def test_a_draw_that_no_key_gives_is_told() -> None:
    wrong = draw(KEY, "261122-k3f9mb")
    assert check_draws(receipt(wrong), (OLD, KEY)) == (
        f"its sample was drawn as {wrong}, which is not what the key gives"
    )


@pytest.mark.parametrize(("rate", "sampled"), [(RIGHT / 2, True), (1.0, False), (RIGHT, True)])
def test_whether_it_was_sampled_follows_from_the_draw(rate: float, sampled: bool) -> None:
    told = check_draws(receipt(rate=rate, sampled=sampled), (KEY,))
    assert told == "whether it was sampled contradicts its draw"


def test_what_a_person_decides_before_is_not_sampled() -> None:
    told = check_draws(receipt(gate="hard", sampled=True), (KEY,))
    assert told == "whether it was sampled contradicts its draw"


def test_a_draw_never_reaches_one() -> None:
    draws = [draw(KEY, f"261122-{number:06}") for number in range(2000)]
    assert 0 <= min(draws) < 0.01
    assert 0.99 < max(draws) < 1


def test_a_draw_is_what_anybody_with_the_key_computes() -> None:
    sealed = hmac.new(KEY, CASE.encode(), "sha256").hexdigest()
    assert draw(KEY, CASE) == (int(sealed[:16], 16) // 2**11) / 2**53


def test_each_rule_s_draw_and_rate_are_looked_at() -> None:
    def line(drawn: float | None, rate: float | None) -> dict[str, Any]:
        values = {"draw": drawn, "rate": rate}
        return {"values": {name: value for name, value in values.items() if value is not None}}

    rare, every = line(RIGHT, RIGHT / 2), line(RIGHT, 1.0)
    assert check_draws(receipt(trace=[rare, every]), (KEY,)) is None
    assert check_draws(receipt(trace=[line(None, 0.5), rare], sampled=False), (KEY,)) is None
    assert check_draws(receipt(trace=[line(RIGHT, None)], sampled=False), (KEY,)) is None
    wrong = check_draws(receipt(trace=[every, line(RIGHT / 3, 1.0)]), (KEY,))
    assert wrong == f"its sample was drawn as {RIGHT / 3}, which is not what the key gives"


def test_a_receipt_without_a_trace_has_no_draw_that_could_be_wrong() -> None:
    assert check_draws({"case": CASE, "verdict": {"gate": "hard"}}, (KEY,)) is None


def test_a_rate_is_said_in_at_most_a_thousand_parts() -> None:
    assert (share(2 / 1001), share(0.3)) == ("1 in 501", "3 in 10")
