"""No agent can choose which of its actions are looked at."""

from __future__ import annotations

from collections.abc import Callable

from tests.acceptance.home import TestHome, label, until

RULES = """
[policy]
reviewers = ["owner"]

[kinds."self.run"]
reversible = true

[[rules]]
name = "some"
when = 'kind == "self.run"'
gate = "sample"
rate = 0.5
"""


def test_a_permit_does_not_tell_whether_its_use_will_be_looked_at(
    make_home: Callable[..., TestHome],
) -> None:
    """An agent that learns its draw before it acts withdraws and asks again until nobody looks."""
    home = make_home(rules=RULES)
    home.start()
    dropped = [home.drop(label(kind="self.run")) for _ in range(20)]
    permits = [home.await_result(action) for action in dropped]
    told = [(p["verdict"]["sampled"], p["verdict"]["trace"]) for p in permits]
    for permit in permits:
        report = {"report": permit["case"], "permit": permit["permit"]["token"]}
        home.drop({**report, "outcome": {"ok": True}})
    done = [
        until(lambda id=id: (r := home.result(id)) and r["status"] == "executed" and r, "the end")  # type: ignore[misc]
        for id in dropped
    ]
    drawn = {result["verdict"]["sampled"] for result in done}
    assert (told.count(told[0]), told[0][0], drawn) == (20, None, {True, False})


def test_an_id_chosen_by_the_agent_does_not_move_the_draw(home: TestHome) -> None:
    """The draw is of the case id, which the daemon makes: the same action again is no new draw."""
    action = label()
    first = home.await_result(home.drop(action, "chosen.json"))["case"]
    (home.root / "spool/results/chosen.json").unlink()
    again = home.await_result(home.drop(action, "chosen.json"))["case"]
    other = home.await_result(home.drop(action, "chosen2.json"))["case"]
    assert (first == again, first == other, "chosen" in first) == (True, False, False)
