"""docs/receipts.md says enough to verify receipts without any code of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.acceptance.home import TestHome, label, refund

DOC = Path(__file__).parents[2] / "docs" / "receipts.md"


def verified(home: TestHome) -> subprocess.CompletedProcess[str]:
    """What the program in the document says of a home."""
    [program] = re.findall(r"```python\n(import base64.*?)```", DOC.read_text("utf-8"), re.DOTALL)
    return subprocess.run(
        [sys.executable, "-I", "-c", program, str(home.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_documents_own_verifier_agrees_with_ours(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(label(payload={"amount": 1e21, "name": "Zoë"}))
    home.drop(refund(expires="1s"))
    home.drop(refund(kind="root.grant"))
    home.once()
    ours = home.json("receipts", "verify")
    theirs = verified(home)
    assert theirs.stdout.split() == [str(ours["seq"]), ours["digest"]], theirs.stderr
    [month] = (home.root / "state/receipts").iterdir()
    month.write_bytes(month.read_bytes().replace(b'"crm.label"', b'"crm.lapel"', 1))
    assert (home.cli("receipts", "verify").returncode, verified(home).returncode) == (1, 1)
