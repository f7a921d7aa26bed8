"""Homes for security tests. One daemon serves a whole module, where its tests do not meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.acceptance.home import TestHome
from tests.servers.process import free_port


@pytest.fixture(scope="module")
def make_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., TestHome]]:
    homes: list[TestHome] = []

    def make(kind: type[TestHome] = TestHome, **options: Any) -> TestHome:
        root = tmp_path_factory.mktemp("site") / "home"
        home = kind(root, free_port(), **options)
        homes.append(home)
        return home

    yield make
    for home in homes:
        if home.daemon is not None:
            home.daemon.kill()
            home.daemon.wait()


@pytest.fixture(scope="module")
def home(make_home: Callable[..., TestHome]) -> TestHome:
    """A home with its daemon running."""
    made = make_home()
    made.start()
    return made
