"""Homes for acceptance tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.failing_daemon import Zygote
from tests.acceptance.home import TestHome
from tests.acceptance.lives import Lives, Outside
from tests.servers.process import free_port
from tests.servers.smtp_sink import smtp_sink_at
from tests.servers.webhook import receiver


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


@pytest.fixture
def newcomer(make_home: Callable[..., TestHome], tmp_path: Path) -> TestHome:
    """A home as `init` makes it, its daemon running, its directory ~/approvals."""
    made = make_home()
    shutil.rmtree(made.root)
    made.root = tmp_path / "approvals"
    assert made.cli("init", str(made.root), "--person", "ada", home=False).returncode == 0
    starter = (made.root / "hitl-mail.toml").read_text()
    made.write_site(starter.replace(":8025", f":{made.port}"))
    made.start()
    return made


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Begins daemons in milliseconds, and lets them die or fail where a test says."""
    made = Zygote(tmp_path_factory.mktemp("zygote") / "output")
    yield made
    made.close()


@pytest.fixture
def new_life(tmp_path: Path, zygote: Zygote) -> Iterator[Lives]:
    """Makes homes for the stories of `lives`."""
    with smtp_sink_at(tmp_path) as sink, receiver() as post:
        yield Lives(tmp_path, zygote, Outside(sink, post))
