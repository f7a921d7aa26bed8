"""A daemon that breaks while a program is being started ends all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hitl_mail.bootstrap.making import create_home
from hitl_mail.home import Home

RULES = """
[kinds."auto.once"]
executor = "nothing"

[[rules]]
name = "auto"
when = 'kind == "auto.once"'
gate = "auto"
"""

EXECUTOR = f"""
[executors.nothing]
type = "command"
argv = [{json.dumps(sys.executable)}, "-c", "import sys; sys.stdin.read()"]
"""

# Asked of `asyncio.run` itself, in a process of its own: what hangs there hangs for ever.
BREAKS = """
import asyncio, json, sys
from pathlib import Path
from hitl_mail.bootstrap.wiring import build
from hitl_mail.errors import StorageFailed
from hitl_mail.home import Home

async def breaks(home, turns):
    daemon = build(home, web=False)

    async def fire():
        for _ in range(turns):
            await asyncio.sleep(0)
        raise StorageFailed("the disk failed")

    daemon.timers.fire = fire
    await daemon.once()

for turns in range(12):
    home = Home(Path(sys.argv[1]))
    action = {"kind": "auto.once", "payload": {}, "summary": "Do nothing"}
    (home.root / f"spool/new/a{turns}.json").write_text(json.dumps(action))
    try:
        asyncio.run(breaks(home, turns))
    except StorageFailed:
        print("ended", flush=True)
"""


def test_it_ends_in_whatever_turn_of_the_loop_it_breaks(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    create_home(home.root)
    home.rules_file.write_text(RULES)
    home.site_file.write_text(home.site_file.read_text() + EXECUTOR)
    done = subprocess.run(
        [sys.executable, "-c", BREAKS, str(home.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["ended"] * 12, done.stderr[-2000:]
