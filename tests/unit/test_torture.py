"""`make torture`: bounded in time, and a round that fails can be played again."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import torture


class NoZygote:
    def __init__(self, output: Path) -> None:
        self.output = output

    def close(self) -> None:
        pass


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What each round drew; those of an odd seed fail."""
    found: list[float] = []

    def play(chance: random.Random, seed: int, base: Path, zygote: object) -> str:
        found.append(chance.random())
        (base / "home").mkdir()
        assert seed % 2 == 0, "it was lost"
        return "all is well"

    monkeypatch.setattr(torture, "ROUNDS", (play,))
    monkeypatch.setattr(torture, "Zygote", NoZygote)
    for name in ("TORTURE_SEED", "TORTURE_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    return found


def test_a_round_that_fails_tells_its_seed_the_way_to_repeat_it_and_leaves_its_home(
    drawn: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert torture.one_round(4711) is False
    said = capsys.readouterr().out
    assert "again: make torture TORTURE_SEED=4711" in said
    assert "it was lost" in said
    home = Path(said.partition("its home is in ")[2].partition("\n")[0])
    assert (home / "home").is_dir()
    shutil.rmtree(home)


def test_the_same_seed_is_the_same_round(
    drawn: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORTURE_SEED", "12")
    assert (torture.main(), torture.main()) == (0, 0)
    assert (len(drawn), len(set(drawn))) == (2, 1)


def test_the_first_round_that_fails_is_the_last(
    drawn: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORTURE_SECONDS", "60")
    assert torture.main() == 1
    assert len(drawn) in (1, 2)
    shutil.rmtree(capsys.readouterr().out.partition("its home is in ")[2].partition("\n")[0])


def test_when_the_time_is_over_no_round_is_begun(
    drawn: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter((0.0, 0.0, 0.0, 5.0, 11.0))
    monkeypatch.setenv("TORTURE_SECONDS", "10")
    clock = SimpleNamespace(monotonic=lambda: next(ticks), time_ns=lambda: 2_000_000)
    monkeypatch.setattr(torture, "time", clock)
    assert torture.main() == 0
    assert len(drawn) == 1


@pytest.mark.parametrize(
    "what",
    ["storm_over_maildirs", "storm_over_servers", "deaths", "failures", "ten_thousand_files"],
)
def test_every_sort_of_round_is_played(what: str) -> None:
    assert what in {play.__name__ for play in torture.ROUNDS}
