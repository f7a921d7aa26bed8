"""What metrics ask of the file system: bounded, and no trouble where there is nothing to be had."""

from __future__ import annotations

import math
from pathlib import Path

from hitl_mail.bootstrap.observing import count_files, free_bytes


def spool(place: Path, files: int) -> Path:
    place.mkdir()
    for number in range(files):
        (place / f"a{number}.json").touch()
    return place


def test_files_are_counted_over_all_directories_up_to_a_bound(tmp_path: Path) -> None:
    directories = [spool(tmp_path / name, 4) for name in ("one", "two")]
    assert count_files(directories) == 8
    assert count_files(directories, most=6) == 6
    assert count_files(directories, most=3) == 3


def test_what_is_no_directory_of_files_has_none(tmp_path: Path) -> None:
    """An agent that owns its spool may put anything in the place of `new`."""
    there = spool(tmp_path / "there", 2)
    (tmp_path / "link").symlink_to(there)
    (tmp_path / "file").touch()
    assert count_files([tmp_path / name for name in ("link", "file", "nowhere", "there")]) == 2


def test_what_is_free_is_a_number_where_somebody_can_tell(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
    assert math.isnan(free_bytes(tmp_path / "nowhere"))
