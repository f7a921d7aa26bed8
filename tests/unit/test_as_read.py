"""What is saved while it is read, or is being written still, is not taken for what was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_mail.daemon.as_read import AsRead
from hitl_mail.errors import UsageError

RULES, SCHEMA = Path("rules.toml"), Path("refund.json")


class Disk:
    """Files, each in a state that the test sets."""

    def __init__(self) -> None:
        self.state = {RULES: 1, SCHEMA: 1}
        self.files = AsRead(self.state.get)
        self.read(RULES, SCHEMA)

    def read(self, *files: Path) -> None:
        with self.files.reading() as note:
            for file in files:
                note(file)


@pytest.mark.parametrize("file", [RULES, SCHEMA])
def test_what_is_saved_while_it_is_read_is_another_state(file: Path) -> None:
    disk = Disk()
    with disk.files.reading() as note:
        note(RULES)
        note(SCHEMA)
        disk.state[file] = 2
        note(file)
    assert disk.files.changed()


def test_what_was_read_is_known() -> None:
    disk = Disk()
    disk.state[SCHEMA] = 2
    disk.read(RULES, SCHEMA)
    assert [disk.files.changed(), disk.files.settled(), disk.files.settled()] == [False] * 3


def test_a_file_that_is_read_no_more_is_not_looked_at() -> None:
    disk = Disk()
    disk.read(RULES)
    disk.state[SCHEMA] = 2
    assert not disk.files.changed()


def test_a_file_that_goes_and_one_that_comes_are_changes() -> None:
    disk = Disk()
    del disk.state[SCHEMA]
    assert disk.files.changed()
    disk.read(RULES, SCHEMA)
    assert not disk.files.changed()
    disk.state[SCHEMA] = 1
    assert disk.files.changed()


def test_a_state_is_settled_once_two_looks_in_a_row_have_found_it() -> None:
    disk, found = Disk(), []
    for disk.state[RULES] in (2, 3, 3, 3, 1, 1):
        found.append(disk.files.settled())
    assert found == [False, False, True, True, False, False]


def test_what_is_wrong_with_a_file_is_what_was_read() -> None:
    disk = Disk()
    disk.state[RULES] = 2
    with pytest.raises(UsageError), disk.files.reading() as note:
        note(RULES)
        raise UsageError("not TOML")
    assert not disk.files.changed()


def test_where_anything_else_breaks_nothing_was_read() -> None:
    disk = Disk()
    disk.state[RULES] = 2
    with pytest.raises(RuntimeError), disk.files.reading() as note:
        note(RULES)
        raise RuntimeError("broken on purpose")
    assert disk.files.changed()
