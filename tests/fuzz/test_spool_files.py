"""A spool full of anything: every file becomes a case or is set aside whole, and none is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail import bootstrap
from hitl_mail.core.action import Action, Cancel
from hitl_mail.home import Home
from tests.factories import action
from tests.fuzz.homes import copied, new_home, no_fault, once, state
from tests.fuzz.mutate import json_bytes, mutated, toml_text
from tests.fuzz.profile import corpus, fuzzed, timely
from tests.fuzz.test_action_files import CANCEL, FIELDS, JSON, REPORT, TOML, WHOLE, taken

LABEL = {"kind": "crm.label", "payload": {"contact": "Ada", "label": "vip"}, "summary": "Label"}
_LONE = {name: value for name, value in WHOLE.items() if name != "supersedes"}
_FILES = (
    json_bytes([_LONE, action(), LABEL, LABEL, {**LABEL, "id": "one"}, CANCEL, REPORT], FIELDS)
    | mutated([*JSON, json.dumps(LABEL).encode(), *corpus("actions")])
    | toml_text(TOML, FIELDS).map(str.encode)
)
_PARTS = (
    "a",
    "b",
    "..",
    ".",
    "é",
    "\x01",
    "\n",
    "\udcff",
    "\u202e",
    "%41",
    " ",
    "x" * 90,
    "'",
    "$(id)",
)
_NAMES = st.one_of(
    st.sampled_from(["a.json", "b.json", "c.toml", "d", "e.JSON", "f.toml", "261122-k3f9ma.json"]),
    st.lists(st.sampled_from(_PARTS), min_size=1, max_size=4).map("".join),
    st.lists(st.sampled_from(_PARTS), min_size=1, max_size=3).map(lambda p: "".join(p) + ".json"),
).filter(lambda name: name not in (".", "..") and len(os.fsencode(name)) < 256)
Dropped = Mapping[str, bytes]


@pytest.fixture(scope="module")
def template() -> Iterator[Home]:
    with new_home() as home:
        once(home)
        yield home


def drop(home: Home, files: Dropped) -> None:
    for name, data in files.items():
        (home.root / "spool/new" / name).write_bytes(data)


def listed(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def known(home: Home) -> dict[str, str]:
    """Every case there is and its action's id, open or closed."""
    cases = {case.id: case.action_id for case in state(home).cases.values()}
    return cases | {one["case"]: one["id"] for one in bootstrap.past_receipts(home)}


def reasons(home: Home) -> list[dict[str, Any]]:
    found = listed(home.root / "spool/refused")
    return [json.loads(data) for name, data in found.items() if name.endswith(".error.json")]


def runs(home: Home) -> int:
    ran = home.root / "ran"
    return len(ran.read_bytes().splitlines()) if ran.exists() else 0


@fuzzed(15)
@given(st.dictionaries(_NAMES, _FILES, min_size=1, max_size=8))
@example({"\udcff.json": json.dumps(LABEL).encode()})
@timely
def test_each_file_is_a_case_or_set_aside(template: Home, files: dict[str, bytes]) -> None:
    with copied(template) as home:
        drop(home, files)
        with no_fault():
            once(home)
        hidden = {name for name in files if name.startswith(".") and ".." not in name}
        assert set(listed(home.root / "spool/new")) == hidden
        assert listed(home.root / "spool/cur") == {}
        told = reasons(home)
        assert all({"error", "detail", "field"} == set(one) for one in told)
        assert "internal" not in [one["error"] for one in told]
        cases = known(home)
        kept = list(listed(home.root / "spool/refused").values())
        for name, data in files.items():
            if name not in hidden and data not in kept:
                was_taken(name, data, set(cases.values()))
        # Only labels run by themselves, and each once.
        labels = [c for c in bootstrap.past_receipts(home) if c["kind"] == "crm.label"]
        assert runs(home) == len([one for one in labels if one["status"] == "executed"])
        assert bootstrap.verify_receipts(home)["ok"]
        again(home, files, cases)


def was_taken(name: str, data: bytes, ids: set[str]) -> None:
    """The file is gone: then it was sound, and stands for something that is known."""
    found = taken(data, name.endswith(".toml"))
    assert len(found) == 2
    _, message = found
    if isinstance(message, Action):
        # `taken` reads with a stem of its own.
        assert "id" not in found[0] or message.id in ids
    else:
        assert isinstance(message, Cancel)


def again(home: Home, files: Dropped, cases: dict[str, str]) -> None:
    """What is dropped a second time, after a restart, is the same and does nothing more."""
    before = runs(home)
    drop(home, files)
    with no_fault():
        once(home)
    assert (known(home), runs(home)) == (cases, before)
