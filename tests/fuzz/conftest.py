"""A campaign whose time is over begins no other test."""

from __future__ import annotations

import time

import pytest

from tests.fuzz.profile import UNTIL


def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.time() > UNTIL:
        pytest.skip("the campaign's time is over")
