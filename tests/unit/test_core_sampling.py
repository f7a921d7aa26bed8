"""What an auditor recomputes of a receipt's draws."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core.sampling import check_draws, draw

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
