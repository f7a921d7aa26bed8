"""Homes for acceptance tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.home import TestHome
from tests.servers.process import free_port


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[..., TestHome]]:
    homes: list[TestHome] = []

    def make(kind: type[TestHome] = TestHome, **options: Any) -> TestHome:
        home = kind(tmp_path / f"home{len(homes)}", free_port(), **options)
        homes.append(home)
        return home

    yield make
    for home in homes:
        if home.daemon is not None:
            home.daemon.kill()
            home.daemon.wait()


@pytest.fixture
def home(make_home: Callable[..., TestHome]) -> TestHome:
    """A home with its daemon running."""
    made = make_home()
    made.start()
    return made


@pytest.fixture
def quiet_home(make_home: Callable[..., TestHome]) -> TestHome:
    """A home whose daemon is down."""
    return make_home()
