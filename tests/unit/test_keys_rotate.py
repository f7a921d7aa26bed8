"""New keys for old ones: what was out stays answerable for its time, what was sealed for ever."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hitl_mail.adapters.keys import rotate as keys_rotate
from hitl_mail.adapters.keys.keys import (
    create_keys,
    load_keys,
    load_public_keys,
    load_sampling,
    public_path,
    verifier,
)
from hitl_mail.adapters.keys.rotate import KINDS, list_keys, rotate
from hitl_mail.core.sampling import draw
from hitl_mail.daemon.as_read import AsRead
from hitl_mail.daemon.rekey import Rekey
from hitl_mail.errors import UsageError
from hitl_mail.review.links import BadLink, Links
from hitl_mail.review.tokens import Tokens

NOW = datetime(2026, 11, 22, 13, tzinfo=UTC)
KEEP = timedelta(days=30)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    create_keys(tmp_path, NOW, public_mode=0o640)
    return tmp_path


@pytest.mark.parametrize("ring", ["links", "addresses"])
def test_the_one_before_verifies_until_it_retires(state: Path, ring: str) -> None:
    [old] = getattr(load_keys(state, NOW), ring)
    rotate(state, (ring,), NOW, KEEP)
    before = load_keys(state, NOW + KEEP - timedelta(seconds=1))
    after = load_keys(state, NOW + KEEP)
    new = getattr(after, ring)
    assert (getattr(before, ring), before.retires) == ((old, *new), NOW + KEEP)
    assert (len(new), old in new, after.retires) == (1, False, None)


def test_others_stay_as_they_are(state: Path) -> None:
    before = load_keys(state, NOW)
    rotate(state, ("links",), NOW, KEEP)
    after = load_keys(state, NOW)
    assert (after.addresses, after.sampling, after.permits, after.actions, after.key_id) == (
        before.addresses,
        before.sampling,
        before.permits,
        before.actions,
        before.key_id,
    )


def test_a_stolen_key_goes_at_once_however_long_it_was_to_be_kept(state: Path) -> None:
    rotate(state, ("links",), NOW, KEEP)
    rotate(state, ("links",), NOW, timedelta(seconds=1))
    assert len(load_keys(state, NOW).links) == 3
    assert len(load_keys(state, NOW + timedelta(seconds=1)).links) == 1


def test_a_longer_time_does_not_bring_back_what_retires_sooner(state: Path) -> None:
    rotate(state, ("links",), NOW, timedelta(days=1))
    rotate(state, ("links",), NOW, KEEP)
    assert len(load_keys(state, NOW + timedelta(days=2)).links) == 2


def test_what_has_retired_is_gone_from_the_file_with_the_next(state: Path) -> None:
    rotate(state, ("links",), NOW, timedelta(days=1))
    rotate(state, ("links",), NOW + timedelta(days=2), KEEP)
    assert len(json.loads((state / "keys/links.json").read_text())["keys"]) == 2


def test_draws_of_every_key_can_be_recomputed_for_ever(state: Path) -> None:
    drawn = draw(load_sampling(state)[-1], "261122-k3f9ma")
    for _ in range(3):
        rotate(state, ("sampling",), NOW, timedelta(seconds=1))
    assert drawn in {draw(key, "261122-k3f9ma") for key in load_sampling(state)}
    assert draw(load_sampling(state)[-1], "261122-k3f9ma") != drawn


def test_old_signatures_verify_and_nobody_can_make_more(state: Path) -> None:
    old = load_keys(state, NOW)
    signature = old.sign(b"text")
    rotate(state, ("signatures",), NOW, KEEP)
    rotate(state, ("signatures",), NOW, KEEP)
    new = load_keys(state, NOW)
    verify = verifier(load_public_keys(state))
    assert verify(old.key_id, signature, b"text")
    assert verify(new.key_id, new.sign(b"text"), b"text")
    entries = json.loads((state / "keys/receipts.json").read_text())["keys"]
    assert ["private" in key for key in entries] == [False, False, True]


def test_a_lost_public_file_is_made_again_with_all_halves(state: Path) -> None:
    rotate(state, ("signatures",), NOW, KEEP)
    before = load_public_keys(state)
    public_path(state).unlink()
    create_keys(state, NOW)
    assert load_public_keys(state) == before


def test_files_keep_their_modes(state: Path) -> None:
    rotate(state, KINDS, NOW, KEEP)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (state / "keys").iterdir()}
    assert set(modes.values()) == {0o600}
    assert public_path(state).stat().st_mode & 0o777 == 0o640


def test_a_list_of_keys_has_no_secret(state: Path) -> None:
    rotate(state, KINDS, NOW, KEEP)
    rows = list_keys(state)
    assert [(row["kind"], row["signs"]) for row in rows] == [
        (kind, signs) for kind in KINDS for signs in (False, True)
    ]
    assert {row["kind"] for row in rows if row["retires"]} == {"links", "addresses"}
    shown = json.dumps(rows)
    for path in (state / "keys").iterdir():
        for key in json.loads(path.read_text())["keys"]:
            assert not any(key[kind] in shown for kind in ("secret", "private") if kind in key)


@pytest.mark.parametrize("failing", range(5))
def test_wherever_it_ends_there_is_a_key_for_all_and_everything_verifies(
    state: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = load_keys(state, NOW).sign(b"text")
    old = load_keys(state, NOW)
    written = 0

    def replace(path: Path, chunks: Iterable[bytes], mode: int) -> None:
        nonlocal written
        if written == failing:
            raise KeyboardInterrupt
        written += 1
        real(path, chunks, mode)

    real = keys_rotate.replace_file
    with monkeypatch.context() as patched:
        patched.setattr(keys_rotate, "replace_file", replace)
        with pytest.raises(KeyboardInterrupt):
            rotate(state, KINDS, NOW, KEEP)
    keys = load_keys(state, NOW)
    verify = verifier(load_public_keys(state))
    assert verify(old.key_id, signature, b"text")
    assert verify(keys.key_id, keys.sign(b"text"), b"text")
    assert set(old.links) <= set(keys.links)
    rotate(state, KINDS, NOW, KEEP)
    assert verifier(load_public_keys(state))(keys.key_id, keys.sign(b"x"), b"x")


ROTATE = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from hitl_mail.adapters.keys.rotate import KINDS, rotate
print("ready", flush=True)
while True:
    rotate(Path(sys.argv[1]), KINDS, datetime.now(UTC), timedelta(seconds=1))
"""


def test_killed_at_any_instant_the_keys_are_whole(state: Path) -> None:
    instants = Random(20261125)
    seen = load_keys(state).public
    for _ in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", ROTATE, str(state)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert child.stdout is not None
        child.stdout.readline()
        # The instant of the kill is what is tested; nothing waits for anything here.
        time.sleep(instants.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        keys, public = load_keys(state), load_public_keys(state)
        assert verifier(public)(keys.key_id, keys.sign(b"text"), b"text")
        assert seen.keys() <= public.keys()
        seen = keys.public
    rotate(state, KINDS, NOW, KEEP)
    assert [path for path in (state / "keys").iterdir() if path.name.startswith(".")] == []


def test_keys_that_cannot_be_read_are_not_rotated(state: Path) -> None:
    (state / "keys/links.json").write_text("{}")
    before = (state / "keys/addresses.json").read_bytes()
    with pytest.raises(UsageError, match="not a key file"):
        rotate(state, KINDS, NOW, KEEP)
    assert (state / "keys/addresses.json").read_bytes() == before


class Clock:
    """A clock that is set by hand."""

    time = NOW.timestamp()

    def now(self) -> float:
        return self.time


def test_a_running_daemon_takes_up_what_changes_and_what_retires_and_no_more() -> None:
    clock, changed, taken = Clock(), False, 0

    def take() -> Any:
        nonlocal changed, taken
        changed, taken = False, taken + 1
        return NOW + KEEP if taken == 1 else None

    rekey = Rekey(clock, lambda: changed, take, None)
    rekey.look()
    assert taken == 0
    changed = True
    rekey.look()
    rekey.look()
    assert taken == 1
    clock.time = (NOW + KEEP).timestamp()
    rekey.look()
    rekey.look()
    assert taken == 2


def test_keys_that_retired_by_a_clock_that_was_ahead_count_again_when_it_is_right(
    state: Path,
) -> None:
    clock = Clock()
    rotate(state, ("addresses",), NOW, KEEP)
    known: list[int] = []

    def take() -> Any:
        keys = load_keys(state, datetime.fromtimestamp(clock.time, UTC))
        known.append(len(keys.addresses))
        return keys.retires

    rekey = Rekey(clock, lambda: False, take, take())
    for days in (0, 40, 40, 1, 1, 31):
        clock.time = (NOW + timedelta(days=days)).timestamp()
        rekey.look()
    assert known == [2, 1, 2, 1]


def test_broken_key_files_keep_the_keys_there_are(caplog: pytest.LogCaptureFixture) -> None:
    files = AsRead(lambda _: "broken")

    def take() -> Any:
        with files.reading() as note:
            note(Path("links.json"))
            raise UsageError("links.json: not a key file")

    rekey = Rekey(Clock(), files.changed, take, NOW)
    rekey.look()
    rekey.look()
    assert caplog.text.count("the changed keys are not used: links.json") == 1


def test_a_mail_is_signed_by_the_key_there_was_when_it_was_owed() -> None:
    tokens = Tokens("approvals@example.com", [b"old"])
    args: tuple[str, int, str, str, str] = ("261122-k3f9ma", 1, "m1", "sha256:1", "ada")
    before = tokens.message_id(*args, 50.0)
    tokens.rekey([b"new", b"old"], [100.0, 0.0])
    assert tokens.message_id(*args, 50.0) == before
    assert tokens.message_id(*args, 100.0) != before
    assert tokens.message_id(*args) == tokens.message_id(*args, 100.0)
    tokens.rekey([b"new"], [100.0])
    assert tokens.message_id(*args, 50.0) != before


def test_a_link_is_signed_by_the_key_there_was_when_it_was_made() -> None:
    links = Links([b"old"])
    before = links.make("decide", "261122-k3f9ma", "sha256:1", "ada", 50.0)
    links.rekey([b"new", b"old"], [100.0, 0.0])
    assert links.make("decide", "261122-k3f9ma", "sha256:1", "ada", 50.0) == before
    later = links.make("decide", "261122-k3f9ma", "sha256:1", "ada", 100.0)
    assert Links([b"new"]).read("decide", later).person == "ada"
    assert links.read("decide", before).person == "ada"
    links.rekey([b"new"], [100.0])
    with pytest.raises(BadLink):
        links.read("decide", before)


def test_keys_say_since_when_they_are(state: Path) -> None:
    rotate(state, ("links",), NOW + KEEP, KEEP)
    keys = load_keys(state, NOW + KEEP)
    assert keys.since["links"] == (NOW.timestamp(), (NOW + KEEP).timestamp())
    assert [len(keys.since[name]) for name in ("addresses", "permits")] == [1, 1]
