"""A daemon that is killed leaves programs running: the next one takes nothing from under them."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.home import TestHome, label, until

# Tells that it runs, waits until it may go on, and tells which attachments it has then.
SCRIPT = """
import json, os, sys
def tell(what):
    with open(sys.argv[1], "a") as ran:
        ran.write(json.dumps(what) + "\\n")
folder = os.environ["HITL_ATTACHMENTS"]
tell(os.listdir(folder))
open(sys.argv[1] + ".go").read()
try:
    tell(os.listdir(folder))
except OSError as error:
    tell(repr(error))
"""

FILE = {"name": "a.txt", "content_type": "text/plain", "base64": base64.b64encode(b"a").decode()}


def left(home: TestHome) -> list[Path]:
    return list((home.root / "state/work").iterdir())


def test_a_program_keeps_its_attachments_over_a_kill_of_the_daemon(
    make_home: Callable[..., TestHome],
) -> None:
    home = make_home(script=SCRIPT)
    gate = f"{home.ran_file}.go"
    os.mkfifo(gate)
    home.start()
    home.drop(label(id="one", attachments=[FILE]))
    try:
        until(home.ran, lambda: f"the program\n{home.log()}")
        home.stop(signal.SIGKILL)
        home.once()
    finally:
        os.close(os.open(gate, os.O_RDWR))
    until(lambda: len(home.ran()) == 2, "the program's end")
    assert home.ran() == [["a.txt"], ["a.txt"]]
    assert home.json("show", "one")["status"] == "in_doubt"

    def swept() -> bool:
        home.once()
        return left(home) == []

    until(swept, lambda: f"{left(home)} is swept once the program has ended")
