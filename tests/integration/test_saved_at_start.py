"""What is saved in the moment in which the daemon starts, and later: rules, settings, keys."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.adapters.keys.rotate import rotate
from hitl_mail.bootstrap import rereading, wiring
from hitl_mail.bootstrap.making import create_home
from hitl_mail.home import Home


@pytest.mark.parametrize("changed", ["rules.toml", "hitl-mail.toml"])
async def test_what_is_saved_while_the_daemon_starts_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """Reading keys and receipts takes seconds where there are many."""
    home, read = create_home(tmp_path / "home"), rereading.load_config

    def and_then_saved(home: Home, **seen: Any) -> Any:
        found = read(home, **seen)
        file = home.root / changed
        file.write_text(f"{file.read_text()}\n# saved again\n")
        return found

    monkeypatch.setattr(rereading, "load_config", and_then_saved)
    daemon = wiring.build(home, web=False)
    before = daemon.reload.world.policy.digest
    for _ in range(3):
        await daemon.reload.look()
    rules = daemon.reload.world.policy.digest != before
    assert (rules, daemon.reload.site_changed()) == (
        changed == "rules.toml",
        changed == "hitl-mail.toml",
    )
    for close in daemon.closing:
        await close()


async def test_keys_that_are_rotated_while_the_daemon_starts_are_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who rotates after a theft must not have to do it twice."""
    home, read = create_home(tmp_path / "home"), rereading.load_keys
    now = dt.datetime.now(dt.UTC)

    def and_then_rotated(state: Path) -> Any:
        found = read(state)
        monkeypatch.setattr(rereading, "load_keys", read)
        rotate(state, ("links", "addresses"), now, dt.timedelta(days=1))
        return found

    monkeypatch.setattr(rereading, "load_keys", and_then_rotated)
    daemon = wiring.build(home, web=False)
    assert daemon.rekey.retires is None
    daemon.rekey.look()
    assert daemon.rekey.retires == now + dt.timedelta(days=1)
    for close in daemon.closing:
        await close()


async def test_rules_that_name_another_schema_are_taken_up_once_and_with_them_the_schema(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = create_home(tmp_path / "home")
    daemon = wiring.build(home, web=False)
    schema = home.root / "refund.json"

    async def taken_up() -> int:
        caplog.clear()
        for _ in range(4):
            await daemon.reload.look()
        return caplog.text.count("the policy is now")

    schema.write_text("{}")
    kind = '[kinds."shop.refund"]\nschema = "refund.json"\n'
    home.rules_file.write_text(f"{home.rules_file.read_text()}\n{kind}")
    assert await taken_up() == 1
    schema.write_text('{"type": "object"}')
    assert await taken_up() == 1
    for close in daemon.closing:
        await close()
