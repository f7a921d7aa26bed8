"""Keys of a home: made once, private, and what their public half proves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hitl_mail.adapters.keys.keys import (
    KEYRINGS,
    create_keys,
    load_keys,
    load_public_keys,
    public_path,
    verifier,
)
from hitl_mail.errors import UsageError

NOW = datetime(2026, 11, 22, 13, tzinfo=UTC)


def test_created_keys_are_loaded_each_with_a_secret_of_its_own(tmp_path: Path) -> None:
    create_keys(tmp_path, NOW)
    keys = load_keys(tmp_path)
    secrets = {*keys.links, *keys.addresses, *keys.sampling, *keys.permits}
    assert sorted(map(len, secrets)) == [32, 32, 32, 32]


def test_creating_again_changes_nothing(tmp_path: Path) -> None:
    create_keys(tmp_path, NOW)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    create_keys(tmp_path, NOW)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_keys_are_private_and_the_public_half_is_as_asked(tmp_path: Path) -> None:
    create_keys(tmp_path, NOW, public_mode=0o640)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    private = {f"{name}.json": 0o600 for name in (*KEYRINGS, "receipts")}
    assert modes == {"keys": 0o700, "receipts.pub": 0o640, **private}


def test_a_signature_is_verified_with_the_public_file_alone(tmp_path: Path) -> None:
    create_keys(tmp_path, NOW)
    keys = load_keys(tmp_path)
    verify = verifier(load_public_keys(tmp_path))
    assert verify(keys.key_id, keys.sign(b"text"), b"text")
    assert not verify(keys.key_id, keys.sign(b"text"), b"other")
    assert not verify("ed25519:0000000000000000", keys.sign(b"text"), b"text")


def test_a_lost_public_half_is_made_again(tmp_path: Path) -> None:
    create_keys(tmp_path, NOW)
    before = load_public_keys(tmp_path)
    public_path(tmp_path).unlink()
    create_keys(tmp_path, NOW)
    assert load_public_keys(tmp_path) == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_readable_by_others_is_refused_with_the_mend(tmp_path: Path, mode: int) -> None:
    create_keys(tmp_path, NOW)
    path = tmp_path / "keys" / "links.json"
    path.chmod(mode)
    with pytest.raises(UsageError, match=f"chmod 600 {path}"):
        load_keys(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format":1,"keys":[]}', '{"format":1,"keys":3}']
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    create_keys(tmp_path, NOW)
    (tmp_path / "keys" / "links.json").write_text(text)
    with pytest.raises(UsageError, match="not a key file"):
        load_keys(tmp_path)


def test_missing_keys_say_who_makes_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hitl-mail init"):
        load_keys(tmp_path)


def test_a_newer_key_signs_and_the_older_still_verifies(tmp_path: Path) -> None:
    create_keys(tmp_path / "a", NOW)
    create_keys(tmp_path / "b", NOW)
    old, new = load_keys(tmp_path / "a"), load_keys(tmp_path / "b")
    files = [tmp_path / name / "keys" / "receipts.json" for name in "ab"]
    both = [json.loads(file.read_text())["keys"][0] for file in files]
    files[0].write_text(json.dumps({"format": 1, "keys": both}))
    keys = load_keys(tmp_path / "a")
    assert keys.key_id == new.key_id
    assert set(keys.public) == {old.key_id, new.key_id}
