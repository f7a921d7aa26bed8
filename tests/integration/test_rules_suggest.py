"""`rules suggest` and the draw of samples at the command line, over sealed receipts."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from hitl_mail import bootstrap
from hitl_mail.adapters.keys.keys import load_sampling
from hitl_mail.core.sampling import draw
from hitl_mail.home import Home
from tests.integration.test_rules_history import ASKS, SITE, read, record, rules_file, run
from tests.support.history import case, name

SAMPLED = ASKS.replace('gate = "hard"', 'gate = "sample"\nrate = 0.5')


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = bootstrap.create_home(tmp_path / "home")
    made.site_file.write_text(SITE)
    made.rules_file.write_text(ASKS)
    record(made, [case(seconds=9.0) for _ in range(60)])
    return made


def test_a_suggestion_can_be_pasted_as_it_is_printed(home: Home) -> None:
    ran = run(home, "suggest")
    (changed,) = tomllib.loads(ran.stdout)["rules"]
    assert (ran.returncode, changed["name"], changed["gate"]) == (0, "labels", "exception")


def test_the_proof_of_a_suggestion_is_the_replay_of_the_changed_file(home: Home) -> None:
    (found,) = read(home, "suggest")["suggestions"]
    text = home.rules_file.read_text().replace(found["change"]["old"], found["change"]["new"])
    replayed = read(home, "replay", "--rules", rules_file(home, text))
    assert {key: replayed[key] for key in found["replay"]} == found["replay"]


def test_samples_are_drawn_as_the_daemon_would(home: Home) -> None:
    key = load_sampling(home.state)[-1]
    drawn = sum(draw(key, name(number)) < 0.5 for number in range(60))
    found = read(home, "replay", "--rules", rules_file(home, SAMPLED))
    assert found["reviews"] == {"before": 0, "after": drawn, "unknown": 0}


def test_without_the_key_nobody_can_tell_what_would_be_sampled(home: Home) -> None:
    (home.state / "keys" / "sampling.json").unlink()
    found = read(home, "replay", "--rules", rules_file(home, SAMPLED))
    assert found["reviews"] == {"before": 0, "after": 0, "unknown": 60}


def test_the_json_of_suggestions_has_these_keys(home: Home) -> None:
    found = json.loads(run(home, "suggest", "--json").stdout)
    assert set(found) == {"policy", "since", "receipts", "not_replayable", "suggestions"}
    assert set(found["suggestions"][0]) == {
        "what",
        "rule",
        "says",
        "evidence",
        "change",
        "asks",
        "replay",
    }
