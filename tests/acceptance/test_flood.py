"""An agent that floods: all is taken in bounded time and memory, and the others keep their pace."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.flood import flood
from tests.acceptance.home import SITE, TestHome, label, until
from tests.servers.process import free_port


def test_two_thousand_files_at_once_are_as_many_cases_and_hold_up_nobody_else(
    tmp_path: Path,
) -> None:
    found = flood(tmp_path / "home", free_port(), 2000, within=120.0)
    # In the order in which files came, the other agent would wait for all of them each time.
    assert found.during < max(found.seconds / 3, 10 * found.before), str(found)
    assert found.memory - found.memory_before < 60, str(found)


def test_who_is_over_their_limit_waits_in_new_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    home = TestHome(tmp_path / "home", free_port(), site=SITE + "\n[limits]\nwaiting = 20\n")
    for n in range(50):
        home.drop({"kind": "any.thing", "payload": {"n": n}, "summary": "x"}, f"f{n}.json")
    home.start()
    try:
        until(lambda: len(home.json("queue")) == 20, "twenty cases")
        assert home.await_result(home.drop(label(), spool="spool/billing"), "spool/billing")
        assert len(list((home.root / "spool/new").iterdir())) == 30
        first = home.json("queue")[0]
        home.json("cancel", first["id"])
        until(lambda: len(list((home.root / "spool/new").iterdir())) == 29, "room for one more")
    finally:
        home.stop()
