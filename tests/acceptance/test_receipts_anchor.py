"""A digest that somebody wrote down holds the chain, in the home and in an export elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.home import TestHome, label


@pytest.mark.parametrize("elsewhere", [False, True], ids=["home", "export"])
def test_a_digest_that_was_kept_is_found_in_its_chain_and_missed_in_another(
    quiet_home: TestHome, tmp_path: Path, elsewhere: bool
) -> None:
    home = quiet_home
    for name in ("one.json", "two.json"):
        home.drop(label(), name)
    home.once()
    lines = home.cli("receipts", "export").stdout.splitlines()
    first, second = (json.loads(line)["digest"] for line in lines)
    words = ["receipts", "verify"]
    if elsewhere:
        key = home.cli("receipts", "verify", "--print-key").stdout.strip()
        file = tmp_path / "all.jsonl"
        file.write_text(lines[0] + "\n")
        words += [str(file), "--key", key]
    known = home.cli(*words, "--anchor", first, home=not elsewhere, cwd=tmp_path)
    assert (known.returncode, "1 of the anchors" in known.stdout) == (0, True), known.stderr
    if not elsewhere:
        both = home.cli(*words, "--anchor", first, "--anchor", second)
        assert (both.returncode, "2 of the anchors" in both.stdout) == (0, True), both.stderr
        return
    # The second was left out of the file, which is a chain in itself.
    missed = home.cli(*words, "--anchor", second, home=False, cwd=tmp_path)
    assert (missed.returncode, second in missed.stderr + missed.stdout) == (1, True)
