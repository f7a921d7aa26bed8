"""`kill -9` at random instants under load: nothing is lost, nothing runs twice.

`make torture` does the same for as long as one likes; see `tests/torture.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx
import pytest

from tests.acceptance.failing_daemon import Zygote
from tests.acceptance.home import TestHome
from tests.acceptance.storm import FAIR, FOUL, Storm, Weather, storm
from tests.acceptance.storm_site import RULES, SCRIPT, site


def test_a_reviewer_who_is_sent_away_for_coming_too_often_comes_again(
    quiet_home: TestHome, zygote: Zygote
) -> None:
    form = '<input type="hidden" name="seen" value="sha256:1">'
    answers = [httpx.Response(429), httpx.Response(200, text=form), httpx.Response(303)]
    answers += [httpx.Response(200, text="It is decided.")]
    came: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request.method)
        return answers[len(came) - 1]

    made = Storm(
        quiet_home, zygote, random.Random(1), posts={"261122-k3f9ma": "http://127.0.0.1/d/x"}
    )
    made.client = httpx.Client(transport=httpx.MockTransport(answer))
    for _ in range(4):
        made.reviewers()
    assert (came, made.posts) == (["GET", "GET", "POST", "GET"], {})


@pytest.mark.parametrize(("weather", "deaths"), [(FAIR, 10), (FOUL, 10)], ids=["fair", "foul"])
@pytest.mark.parametrize("seed", [time.time_ns() % 1_000_000])
def test_killed_at_random_nothing_is_lost_and_nothing_runs_twice(
    make_home: Callable[..., TestHome], zygote: Zygote, seed: int, weather: Weather, deaths: int
) -> None:
    home = make_home(site=site(), rules=RULES, script=SCRIPT)
    made = storm(home, zygote, seed, deaths=deaths, lives=(0.4, 1.5), weather=weather)
    assert made.deaths == deaths
