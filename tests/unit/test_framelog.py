"""The file of frames: nothing acknowledged is lost, nothing torn or damaged passes for good."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from hitl_mail.adapters import framelog
from hitl_mail.adapters.framelog import FrameLog, check_header, frame, header, read_at, scan
from hitl_mail.errors import Damaged, HitlError, StorageFailed

RECORDS = [b'{"n":1}', b'{"n":22}', b'{"n":333}']


def written(path: Path, records: list[bytes] = RECORDS) -> list[int]:
    log, offsets = FrameLog.create(path, 0o600, records)
    log.close()
    return offsets


def payloads(path: Path) -> list[bytes]:
    return [payload for _, payload in scan(path)]


def test_a_frame_is_checksum_space_payload_and_line_feed() -> None:
    assert frame(b'{"n":1}') == b'%08x {"n":1}\n' % zlib.crc32(b'{"n":1}')


def test_what_was_appended_is_scanned_in_order_with_its_offsets(tmp_path: Path) -> None:
    log, first = FrameLog.create(tmp_path / "log", 0o600, RECORDS[:1])
    offsets = first + log.append(RECORDS[1:])
    log.close()
    assert list(scan(tmp_path / "log")) == list(zip(offsets, RECORDS, strict=True))


def test_a_frame_is_read_at_its_offset(tmp_path: Path) -> None:
    offsets = written(tmp_path / "log")
    assert [read_at(tmp_path / "log", offset) for offset in offsets] == RECORDS


def test_a_payload_with_a_line_feed_is_refused() -> None:
    with pytest.raises(ValueError, match="line feed"):
        frame(b"{\n}")


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_gets_the_mode_asked_for_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        written_mode = FrameLog.create(tmp_path / "log", mode, RECORDS)[0]
    finally:
        os.umask(before)
    written_mode.close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == mode


def test_cut_at_any_byte_every_whole_frame_is_there_and_appending_goes_on(tmp_path: Path) -> None:
    offsets = written(tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    ends = [*offsets[1:], len(data)]
    for cut in range(len(data) + 1):
        path = tmp_path / f"cut-{cut}"
        path.write_bytes(data[:cut])
        log = FrameLog.open(path)
        log.append([b'"new"'])
        log.close()
        whole = [record for record, end in zip(RECORDS, ends, strict=True) if end <= cut]
        assert payloads(path) == [*whole, b'"new"']


def test_a_torn_end_is_kept_aside_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "log"
    offsets = written(path)
    data = path.read_bytes()
    path.write_bytes(data[:-3])
    torn = FrameLog.open(path).torn
    assert torn is not None
    assert torn.kept == tmp_path / f"log.torn-{offsets[2]}"
    assert torn.kept.read_bytes() == data[offsets[2] : -3]


def test_a_second_torn_end_at_the_same_place_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tmp_path / "log"
    offsets = written(path)
    for rest in (b"first", b"second"):
        os.truncate(path, offsets[2])
        with path.open("ab") as file:
            file.write(rest)
        FrameLog.open(path).close()
    kept = sorted(tmp_path.glob("log.torn-*"))
    assert [file.read_bytes() for file in kept] == [b"first", b"second"]


def test_a_flipped_byte_in_the_middle_is_reported_with_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "log"
    offsets = written(path)
    data = bytearray(path.read_bytes())
    data[offsets[1] + 12] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged) as caught:
        FrameLog.open(path)
    assert caught.value.offset == offsets[1]


def test_a_last_line_that_is_not_as_it_was_written_is_cut_off_and_kept(tmp_path: Path) -> None:
    """A power cut may leave a line of its length with other bytes in it."""
    path = tmp_path / "log"
    offsets = written(path)
    data = bytearray(path.read_bytes())
    data[offsets[-1] + 12] ^= 1
    path.write_bytes(data)
    log = FrameLog.open(path)
    log.close()
    assert payloads(path) == RECORDS[:-1]
    assert log.torn is not None
    assert log.torn.kept.read_bytes() == bytes(data[offsets[-1] :])


def test_damage_changes_nothing_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path)
    data = path.read_bytes().replace(b"22", b"23")
    path.write_bytes(data)
    with pytest.raises(Damaged):
        FrameLog.open(path)
    assert path.read_bytes() == data


def test_a_scan_of_a_torn_file_ends_and_a_whole_scan_raises(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path)
    os.truncate(path, path.stat().st_size - 1)
    assert payloads(path) == RECORDS[:2]
    with pytest.raises(Damaged, match="not whole"):
        list(scan(path, whole=True))


def test_a_reader_goes_on_through_a_line_that_is_completed_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, RECORDS[:1])
    half = frame(RECORDS[1])
    with path.open("ab") as file:
        file.write(half[:5])
    seen = scan(path)
    next(seen)
    with path.open("ab") as file:
        file.write(half[5:] + frame(RECORDS[2]))
    assert [payload for _, payload in seen] == RECORDS[1:]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = FrameLog.create(tmp_path / "log", 0o600, RECORDS[:1])
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:3])))
    log.append(RECORDS[1:])
    log.close()
    assert payloads(tmp_path / "log") == RECORDS


def test_a_group_is_one_write_and_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = FrameLog.create(tmp_path / "log", 0o600, RECORDS[:1])
    calls: list[str] = []
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(framelog, "sync_data", lambda descriptor: calls.append("sync"))
    log.append([b"1"] * 1000)
    log.close()
    assert calls == ["write", "sync"]


def test_after_a_failed_sync_nothing_is_appended_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    log, _ = FrameLog.create(tmp_path / "log", 0o600, RECORDS[:1])
    with monkeypatch.context() as patch:
        patch.setattr(framelog, "sync_data", fail)
        with pytest.raises(StorageFailed, match="Input/output error"):
            log.append(RECORDS[1:2])
    with pytest.raises(StorageFailed, match="nothing is written any more"):
        log.append(RECORDS[2:])
    log.close()


def test_a_full_disk_fails_the_append_and_all_later_ones(tmp_path: Path) -> None:
    # A limit on the file's size makes the kernel write a part and then refuse, as a full disk does.
    script = """
import resource, signal, sys
from pathlib import Path
from hitl_mail.adapters.framelog import FrameLog
from hitl_mail.errors import StorageFailed
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log, _ = FrameLog.create(Path(sys.argv[1]), 0o600, [b'"first"'])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for payload in (b'"' + b"x" * 2000 + b'"', b'"small"'):
    try:
        log.append([payload])
        print("taken")
    except StorageFailed as error:
        print("failed")
"""
    path = tmp_path / "log"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["failed", "failed"]
    log = FrameLog.open(path)
    log.close()
    assert payloads(path) == [b'"first"']


def test_a_newer_format_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    newer = b'{"hitl-mail":"journal","format":2,"segment":1}'
    with pytest.raises(HitlError, match="Use a hitl-mail that reads format 2"):
        check_header(tmp_path, newer, header("journal", segment=1))


@pytest.mark.parametrize("payload", [None, b"{}", b"[", b'{"hitl-mail":"receipts","format":9}'])
def test_another_header_is_damage(tmp_path: Path, payload: bytes | None) -> None:
    with pytest.raises(Damaged, match="does not begin with"):
        check_header(tmp_path, payload, header("journal", segment=1))
