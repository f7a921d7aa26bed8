"""The daemon killed again and again while it erases: every erasure is made and told of once."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter

from tests.acceptance.home import TestHome, label

CASES = 24
SECRET = "Zoe-Example-of-Secret-Street"


def test_whenever_it_is_killed_each_erasure_is_made_and_told_of_once(
    quiet_home: TestHome,
) -> None:
    home, instants = quiet_home, random.Random(20261125)
    for number in range(CASES):
        home.drop(label(payload={"name": SECRET}, id=f"a{number}"))
    home.once()
    cases = [row["case"] for row in home.json("receipts", "list")]
    for case in cases:
        aside = home.root / "control/tmp" / f"erase-{case}.json"
        aside.write_text(json.dumps({"erase": case}))
        aside.rename(home.root / "control/new" / aside.name)
    for _ in range(8):
        home.start()
        # The instant of the kill is what is tested; nothing waits for anything here.
        time.sleep(instants.uniform(0, 0.2))
        home.stop(signal.SIGKILL)
        report = home.json("receipts", "verify")
        assert report["ok"], report
    home.once()
    answers = [
        json.loads((home.root / f"control/results/erase-{case}.json").read_text()) for case in cases
    ]
    assert [answer for answer in answers if not answer["ok"]] == []
    rows = Counter((row["case"], row["status"]) for row in home.json("receipts", "list"))
    assert rows == Counter({(case, s): 1 for case in cases for s in ("executed", "erased")})
    assert home.json("receipts", "verify")["unexplained"] == []
    state = [path for path in (home.root / "state").rglob("*") if path.is_file()]
    assert [path.name for path in state if SECRET.encode() in path.read_bytes()] == []
