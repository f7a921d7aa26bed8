"""Somebody with the state directory, or with more: receipts rewritten, cut, taken away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hitl_mail.adapters.framelog import frame
from hitl_mail.adapters.keys.keys import load_keys
from hitl_mail.adapters.receipts.files import month_header
from hitl_mail.core.canonical import canonical
from hitl_mail.core.receipt import NO_RECEIPT, seal
from tests.acceptance.home import TestHome, label

SALTS = dict.fromkeys(("action", "revisions", "packets", "outcome"), "0" * 32)
SEALED = ("format", "seq", "prev", "key", "salts", "digest", "signature", "texts")


class Robbed:
    """A home with three receipts, the last by a newer key, and a copy of the older one."""

    def __init__(self, home: TestHome, aside: Path) -> None:
        self.home = home
        for _ in range(2):
            home.drop(label())
            home.once()
        self.stolen = aside / "state"
        self.stolen.mkdir()
        shutil.copytree(home.root / "state/keys", self.stolen / "keys")
        shutil.copy(home.root / "state/receipts.pub", self.stolen)
        assert home.cli("keys", "rotate", "signatures").returncode == 0
        home.drop(label())
        home.once()
        [self.month] = (home.root / "state/receipts").glob("*.jsonl")
        self.intact = self.month.read_bytes()
        self.head = home.json("receipts", "list")[-1]

    def receipts(self) -> list[dict[str, Any]]:
        return [json.loads(line[9:]) for line in self.intact.splitlines()[1:]]

    def write(self, receipts: list[dict[str, Any]]) -> None:
        lines = [frame(month_header(self.month.stem))]
        self.month.write_bytes(b"".join([*lines, *(frame(canonical(r)) for r in receipts)]))
        # What knows better is gone, too.
        shutil.rmtree(self.home.root / "state/cache", ignore_errors=True)

    def verified(self) -> tuple[bool, str]:
        done = self.home.cli("receipts", "verify", "--json")
        report = json.loads(done.stdout)
        assert done.returncode == (0 if report["ok"] else 1)
        return report["ok"], report["fault"]["what"] if report["fault"] else ""


@pytest.fixture(scope="module")
def once_robbed(
    make_home: Callable[..., TestHome], tmp_path_factory: pytest.TempPathFactory
) -> Robbed:
    return Robbed(make_home(), tmp_path_factory.mktemp("stolen"))


@pytest.fixture
def robbed(once_robbed: Robbed) -> Iterator[Robbed]:
    yield once_robbed
    once_robbed.month.write_bytes(once_robbed.intact)
    assert once_robbed.verified() == (True, "")


def resealed(
    receipts: list[dict[str, Any]], key: str, sign: Callable[[bytes], bytes], since: int = 0
) -> list[dict[str, Any]]:
    """The same receipts, saying that somebody else had decided, from `since` on sealed anew."""
    prev, made = NO_RECEIPT, []
    for receipt in receipts:
        if receipt["seq"] >= since:
            body = {k: v for k, v in receipt.items() if k not in SEALED}
            body["decided_by"] = ["eve"]
            receipt = seal(body, receipt["seq"], prev, SALTS, key=key, sign=sign)  # noqa: PLW2901
        prev = receipt["digest"]
        made.append(receipt)
    return made


def test_rewritten_whole_without_the_key_they_do_not_verify(robbed: Robbed) -> None:
    """Whoever makes a chain that is right in itself has no signature for it."""
    own = Ed25519PrivateKey.generate()
    key = robbed.receipts()[0]["key"]
    robbed.write(resealed(robbed.receipts(), key, own.sign))
    assert robbed.verified() == (False, f"its signature is not by the key {key}")


def test_rewritten_whole_with_a_key_that_was_stolen_they_do_not_verify(robbed: Robbed) -> None:
    """The journal knows the newest receipt: another one in its place is found."""
    keys = load_keys(robbed.stolen)
    robbed.write(resealed(robbed.receipts(), keys.key_id, keys.sign))
    ok, what = robbed.verified()
    assert (ok, "its digest is not the expected" in what) == (False, True), what


def test_a_daemon_that_goes_on_does_not_vouch_for_what_was_rewritten(
    make_home: Callable[..., TestHome], tmp_path: Path
) -> None:
    """It chains on from what its journal knows, and tells: else its next receipt would make the
    forged ones look as if they had always been there."""
    robbed = Robbed(make_home(), tmp_path)
    keys = load_keys(robbed.stolen)
    robbed.write(resealed(robbed.receipts(), keys.key_id, keys.sign))
    robbed.home.drop(label())
    done = robbed.home.cli("run", "--once")
    assert "receipt 3 is not the one it was" in done.stderr
    ok, what = robbed.verified()
    assert (ok, "prev" in what) == (False, True), what


def test_a_key_that_was_replaced_signs_nothing_after(robbed: Robbed) -> None:
    """What a stolen key adds behind its successor is found wherever the chain is looked at."""
    keys, receipts = load_keys(robbed.stolen), robbed.receipts()
    again = {**receipts[-1], "seq": 4, "case": "261122-aaaaaa"}
    body = {k: v for k, v in again.items() if k not in SEALED}
    forged = seal(body, 4, receipts[-1]["digest"], SALTS, key=keys.key_id, sign=keys.sign)
    robbed.write([*receipts, forged])
    ok, what = robbed.verified()
    assert (ok, "another had replaced" in what) == (False, True), what
    export = robbed.stolen / "forged.jsonl"
    export.write_bytes(b"".join(canonical(one) + b"\n" for one in [*receipts, forged]))
    done = robbed.home.cli(
        "receipts", "verify", str(export), "--key", str(robbed.home.root / "state/receipts.pub")
    )
    assert (done.returncode, "another had replaced" in done.stderr) == (1, True), done.stderr


def test_what_others_hold_contradicts_a_chain_made_with_every_key(robbed: Robbed) -> None:
    """Even the signing key makes no history that fits the mails in other people's mailboxes."""
    keys = load_keys(robbed.home.root / "state")
    forged = resealed(robbed.receipts(), keys.key_id, keys.sign)
    export = robbed.stolen / "all.jsonl"
    export.write_bytes(b"".join(canonical(one) + b"\n" for one in forged))
    words = (
        "receipts",
        "verify",
        str(export),
        "--key",
        str(robbed.home.root / "state/receipts.pub"),
    )
    anchor = robbed.receipts()[1]["digest"]
    assert robbed.home.cli(*words).returncode == 0, "the key alone is not enough to tell"
    assert robbed.home.cli(*words, "--anchor", anchor).returncode == 1


@pytest.mark.parametrize("left", [0, 1, 2])
def test_receipts_cut_from_the_end_are_missed(robbed: Robbed, left: int) -> None:
    """The journal counts: the last receipts, and all of them, are missed when they are gone."""
    if left:
        robbed.write(robbed.receipts()[:left])
    else:
        robbed.month.unlink()
    ok, what = robbed.verified()
    assert (ok, "missing" in what or "digest is not the expected" in what) == (False, True), what


def test_a_receipt_taken_from_the_middle_is_missed(robbed: Robbed) -> None:
    """The chain names the receipt before each."""
    first, _, last = robbed.receipts()
    robbed.write([first, last])
    assert robbed.verified()[0] is False
