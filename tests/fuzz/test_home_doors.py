"""Files at the other doors of a home: decisions in `control/`, letters in `mail/in`, and what the
daemon keeps for itself. Each is answered or left alone, none is lost, and none decides by noise.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.adapters.maildir import MaildirInbox
from hitl_mail.adapters.spool.directory import SpoolDirectory
from hitl_mail.core.canonical import canonical, check
from hitl_mail.home import Home
from hitl_mail.ports import Letter
from tests.factories import CASE
from tests.fuzz.homes import no_fault
from tests.fuzz.mutate import json_bytes, mutated
from tests.fuzz.office import OTHER, Room, nothing_said
from tests.fuzz.profile import fuzzed, timely, within
from tests.fuzz.test_spool_files import _NAMES as NAMES

SEEN = Room().case().revision.digest
SAID: list[dict[str, Any]] = [
    {"case": CASE, "verb": "approve", "seen": SEEN, "note": "fine"},
    {"case": CASE, "verb": "reject", "seen": SEEN},
    {"case": CASE, "verb": "route", "seen": SEEN, "to": "bob"},
    {"case": CASE, "verb": "edit", "seen": SEEN, "edit": {"changes": [["amount", "20"]]}},
    {"case": CASE, "verb": "edit", "seen": SEEN, "edit": {"document": {"amount": 20}}},
    {"relax": "money"},
]
WORDS = ["case", "verb", "seen", "to", "note", "edit", "changes", "document", "relax", "amount"]
FILES = json_bytes(SAID, WORDS) | mutated([json.dumps(one).encode() for one in SAID])


def serve(room: Room, root: Path, user: str) -> None:
    spool = SpoolDirectory(root, 1 << 20, refused=False)

    async def all_of_it() -> None:
        control = room.control(spool, user)
        while await control.serve():
            pass

    asyncio.run(all_of_it())


def answered(root: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_bytes()) for path in (root / "results").iterdir()}


@fuzzed(30)
@given(
    st.dictionaries(NAMES, FILES, min_size=1, max_size=4),
    st.sampled_from(["ada", "bob", "cleo", "dora", "root", ""]),
)
@timely
def test_a_control_file_is_answered_and_decides_what_it_says_or_nothing(
    files: dict[str, bytes], user: str
) -> None:
    room = Room()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "control"
        SpoolDirectory(root, 1 << 20, refused=False).create()
        for name, data in files.items():
            (root / "new" / name).write_bytes(data)
        with no_fault(), within(5):
            serve(room, root, user)
        hidden = {name for name in files if name.startswith(".") and ".." not in name}
        assert {path.name for path in (root / "new").iterdir()} == hidden
        assert list((root / "cur").iterdir()) == []
        answers = answered(root)
        for answer in answers.values():
            check(answer)
            assert isinstance(answer["ok"], bool)
            assert answer["ok"] or (answer["code"] != "internal" and answer["detail"])
        decided_by(room, user, [data for name, data in files.items() if name not in hidden])
        # After a crash that left the files, they are read again, and that changes nothing.
        before = room.said(), room.case().payload
        for name, data in files.items():
            (root / "new" / name).write_bytes(data)
        with no_fault():
            serve(Room(journal=room.kept.payloads), root, user)
        assert (room.said(), room.case().payload) == before


def decided_by(room: Room, user: str, files: list[bytes]) -> None:
    """Whatever was decided, the owner of the file may, and a file says so in these words."""
    said = room.said()
    if said == nothing_said():
        return
    everything = b"".join(files)
    for case in (CASE, OTHER):
        for by, verb in said.get(case, []):
            assert by == user
            assert by in (("ada", "bob") if case == CASE else ("cleo",))
            assert verb.encode() in everything
            assert case.encode() in everything
    canonical(room.case().payload)


# Letters


@fuzzed(40)
@given(st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=6), st.booleans())
@example({"x" * 254: b"a", "b": b"b"}, False)
@example({"x" * 254: b"a", "b": b"b"}, True)
@timely
def test_every_letter_in_a_maildir_is_offered_until_it_is_handled(
    files: dict[str, bytes], fails: bool
) -> None:
    offered: list[bytes] = []

    async def handle(letter: Letter) -> None:
        offered.append(letter.message)
        if fails:
            raise RuntimeError("whatever")

    async def poll(root: Path) -> None:
        inbox = MaildirInbox(root)
        await inbox.poll(handle)
        await inbox.close()

    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for name in ("tmp", "new", "cur"):
            (root / name).mkdir()
        for name, data in files.items():
            (root / "new" / name).write_bytes(data)
        asyncio.run(poll(root))
        left = [path for path in root.rglob("*") if path.is_file()]
        # An empty one is still being written.
        wanted = {n: d for n, d in files.items() if d and not n.startswith(".")}
        assert sorted(offered) == sorted(wanted.values())
        # None is thrown away: handled ones stay to be looked at.
        assert sorted(path.read_bytes() for path in left) == sorted(files.values())


# What the daemon keeps for itself


@fuzzed(60)
@given(mutated([b'{"status": "ok", "pid": 12, "at": 1795341600.0, "mail": {"out": {}}}']))
@example(b"[" * 100_000)
@timely
def test_a_spoiled_health_file_is_none(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Home(Path(directory))
        home.state.mkdir()
        (home.state / "health.json").write_bytes(data)
        with within(2):
            found = home.read_health()
    assert found is None or isinstance(found, Mapping)
