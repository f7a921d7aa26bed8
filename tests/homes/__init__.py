"""Homes as each stored format left them, kept for ever.

`format_1` was written when the journal, snapshots, receipts, keys and cursors all had format 1.
`python -m tests.homes.make DIR` writes such a home with the code as it is; it is run once for each
new format, and what it wrote is committed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

HOMES = Path(__file__).parent


def copy_of(name: str, to: Path) -> Path:
    """A copy that a daemon may work on: git keeps no modes and no empty directories."""
    shutil.copytree(HOMES / name, to)
    for path in (to, *to.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    for place in ("spool", "control"):
        for part in ("tmp", "new", "cur", "results"):
            (to / place / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    for place in ("in", "out"):
        for part in ("tmp", "new", "cur"):
            (to / "mail" / place / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    return to
