"""Files of the state that are torn, flipped, gone or not to be written: what was only torn is
recovered, all else is refused with its place and the way out, by the daemon and by whoever asks."""

from __future__ import annotations

import copy
import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.failing_daemon import Zygote
from tests.acceptance.home import TestHome, label, refund, until
from tests.servers.process import free_port

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """Five closed cases, two open ones, and a daemon that has ended."""
    home = TestHome(tmp_path_factory.mktemp("first") / "home", free_port())
    for number in range(5):
        home.drop(label(), f"done{number}.json")
    for number in range(2):
        home.drop(refund(), f"open{number}.json")
    home.once()
    return home


@pytest.fixture
def used_home(first_home: TestHome, tmp_path: Path) -> TestHome:
    """A copy of it, to be damaged."""
    home = copy.copy(first_home)
    home.root = tmp_path / "home"
    shutil.copytree(first_home.root, home.root)
    return home


def only(directory: Path, pattern: str) -> Path:
    [found] = directory.glob(pattern)
    return found


def flip_in_the_middle(path: Path) -> int:
    """Change a byte of a line amid the file; where that line begins."""
    data = bytearray(path.read_bytes())
    begin = data.index(b"\n", len(data) // 2) + 1
    data[begin + 20] ^= 1
    path.write_bytes(bytes(data))
    return begin


@pytest.mark.parametrize(
    "words", [["run", "--once"], ["run"], ["queue"], ["status"], ["show", "open0"]]
)
def test_a_flipped_byte_amid_the_journal_is_refused_by_all_with_its_place_and_the_way_out(
    used_home: TestHome, words: list[str]
) -> None:
    journal = only(used_home.root / "state/journal", "*.log")
    begin = flip_in_the_middle(journal)
    done = used_home.cli(*words)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert f"{journal}: damaged at byte {begin}" in said
    assert "restore all of it from a backup" in said
    assert "an action that ran since may run again" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("words", [["queue"], ["status"], ["run", "--once"]])
def test_a_torn_end_of_the_journal_is_refused_by_nobody(
    used_home: TestHome, words: list[str]
) -> None:
    with only(used_home.root / "state/journal", "*.log").open("ab") as journal:
        journal.write(b'0badc0de {"cases":[["26')
    done = used_home.cli(*words)
    assert "damaged" not in done.stdout + done.stderr
    assert {row["id"] for row in used_home.json("queue")} == {"open0", "open1"}


def test_a_torn_end_of_the_receipts_is_told_with_the_start_that_mends_it(
    used_home: TestHome,
) -> None:
    month = only(used_home.root / "state/receipts", "*.jsonl")
    end = month.stat().st_size
    with month.open("ab") as file:
        file.write(b'0badc0de {"action":{"ki')
    for words in (["receipts", "verify"], ["doctor", "--no-mail"]):
        done = used_home.cli(*words)
        said = " ".join((done.stdout + done.stderr).split())
        assert (done.returncode, f"torn at byte {end}" in said) == (1, True), said
        assert ("The next start of the daemon" in said, "backup" in said) == (True, False), said
    used_home.once()
    assert used_home.json("receipts", "verify")["ok"]


def test_a_flipped_byte_in_the_last_record_of_the_journal_is_cut_off_kept_and_told(
    used_home: TestHome,
) -> None:
    journal = only(used_home.root / "state/journal", "*.log")
    data = bytearray(journal.read_bytes())
    last = data.rindex(b"\n", 0, -1) + 1
    data[last + 20] ^= 1
    journal.write_bytes(bytes(data))
    assert {row["id"] for row in used_home.json("queue")} == {"open0", "open1"}
    done = used_home.cli("run", "--once")
    assert (done.returncode, "torn" in done.stderr) == (0, True), done.stderr
    assert only(journal.parent, "*.torn-*").read_bytes() == bytes(data[last:])
    assert {row["id"] for row in used_home.json("queue")} == {"open0", "open1"}


@pytest.mark.parametrize("words", [["run", "--once"], ["receipts", "verify"]])
def test_a_flipped_byte_amid_the_receipts_is_refused_with_its_place(
    used_home: TestHome, words: list[str]
) -> None:
    month = only(used_home.root / "state/receipts", "*.jsonl")
    begin = flip_in_the_middle(month)
    done = used_home.cli(*words)
    said = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode, f"byte {begin}" in said, str(month) in said) == (1, True, True), said
    assert "Traceback" not in said


def test_a_flipped_byte_amid_a_snapshot_is_refused_with_its_place(used_home: TestHome) -> None:
    used_home.cli("receipts", "erase", "done0")
    used_home.once()
    snapshot = only(used_home.root / "state/journal", "*.snapshot")
    begin = flip_in_the_middle(snapshot)
    for words in (["run", "--once"], ["status"], ["queue"]):
        done = used_home.cli(*words)
        said = " ".join((done.stdout + done.stderr).split())
        assert (done.returncode, f"{snapshot}: damaged at byte {begin}" in said) == (1, True), said


def test_a_snapshot_that_is_cut_short_is_named_with_its_end(used_home: TestHome) -> None:
    used_home.json("receipts", "list")
    used_home.cli("receipts", "erase", "done0")
    used_home.once()
    snapshot = only(used_home.root / "state/journal", "*.snapshot")
    data = snapshot.read_bytes()[:-30]
    snapshot.write_bytes(data)
    done = used_home.cli("run", "--once")
    assert (done.returncode, f"{snapshot}: damaged at byte {len(data)}" in done.stderr) == (1, True)
    assert "may run again" in done.stderr


def test_a_journal_that_is_gone_is_missed_because_receipts_tell_of_it(
    used_home: TestHome,
) -> None:
    journal = only(used_home.root / "state/journal", "*.log")
    journal.rename(used_home.root / "aside")
    done = used_home.cli("run", "--once")
    assert (done.returncode, "state/journal, is empty or gone" in done.stderr) == (1, True)
    assert "5 receipts" in done.stderr
    (used_home.root / "aside").rename(only(used_home.root / "state/journal", "*.log"))
    used_home.once()
    assert {row["id"] for row in used_home.json("queue")} == {"open0", "open1"}


def test_a_journal_that_lost_its_end_is_refused_because_receipts_tell_of_more(
    used_home: TestHome,
) -> None:
    """As an older copy of the journal alone would: each record is whole."""
    journal = only(used_home.root / "state/journal", "*.log")
    lines = journal.read_bytes().splitlines(keepends=True)
    started = next(number for number, line in enumerate(lines) if b'"e":"started"' in line)
    journal.write_bytes(b"".join(lines[: started + 1]))
    done = used_home.cli("run", "--once")
    assert (done.returncode, "has lost its end" in done.stderr) == (1, True), done.stderr
    assert "receipt #1 tells that" in done.stderr
    assert "restore all of it from a backup of one moment" in done.stderr


@pytest.mark.parametrize("place", ["state/journal/*.log", "state/receipts/*.jsonl"])
def test_a_file_that_is_taken_away_under_the_daemon_stops_it_and_is_told(
    home: TestHome, place: str
) -> None:
    home.await_result(home.drop(label()))
    directory, _, pattern = place.rpartition("/")
    path = only(home.root / directory, pattern)
    path.rename(home.root / "aside")
    action = home.drop(label())
    assert home.daemon is not None
    assert home.daemon.wait(15) == 1
    home.daemon = None
    status = json.loads(home.cli("status", "--json").stdout)
    assert [fault for fault in status["faults"] if "taken away" in fault]
    path.unlink(missing_ok=True)
    (home.root / "aside").rename(path)
    home.start()
    # What was written last went with the file: whether it ran, a person has to find out.
    until(lambda: home.json("show", action)["status"] in ("executed", "in_doubt"), "its end")


def test_a_lost_month_is_named_with_the_receipt_that_was_in_it(used_home: TestHome) -> None:
    month = only(used_home.root / "state/receipts", "*.jsonl")
    month.unlink()
    done = used_home.cli("receipts", "verify")
    assert done.returncode == 1
    for words in (["receipts", "show", "done0"], ["receipts", "list"], ["status"]):
        done = used_home.cli(*words)
        assert "No such file" not in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr
    used_home.once()
    assert "restore state/receipts from a backup" in used_home.cli("status").stdout


def test_a_key_of_which_a_letter_changed_is_refused_and_not_taken_for_another(
    used_home: TestHome,
) -> None:
    path = used_home.root / "state/keys/actions.json"
    keys = json.loads(path.read_text())
    secret = keys["keys"][0]["secret"]
    keys["keys"][0]["secret"] = ("B" if secret[0] == "A" else "A") + secret[1:]
    path.write_text(json.dumps(keys))
    done = used_home.cli("run", "--once")
    assert (done.returncode, f"{path}: not a key file, or damaged" in done.stderr) == (2, True)


# Disks


@pytest.fixture
def small_disk(quiet_home: TestHome) -> Iterator[TestHome]:
    """A home whose state is on a file system of 2 MiB, in memory."""
    state = quiet_home.root / "state"
    shutil.copytree(state, quiet_home.root / "copy")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", state], check=True)
    shutil.copytree(quiet_home.root / "copy", state, dirs_exist_ok=True)
    yield quiet_home
    if quiet_home.daemon is not None:
        quiet_home.stop(signal.SIGKILL)
    subprocess.run(["umount", "-l", state], check=True)


def fill(place: Path) -> Path:
    """Leave no byte free."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return ballast


def told_and_stopped(home: TestHome) -> list[str]:
    """The daemon has ended by itself; what `status` says then."""
    assert home.daemon is not None
    assert home.daemon.wait(timeout=15) == 1, home.log()
    home.daemon = None
    assert "Traceback" not in home.log()
    done = home.cli("status", "--json")
    assert done.returncode == 1
    faults: list[str] = json.loads(done.stdout)["faults"]
    return faults


@ROOT
def test_on_a_disk_that_is_really_full_the_daemon_stops_says_so_and_goes_on_when_there_is_room(
    small_disk: TestHome,
) -> None:
    home = small_disk
    home.start()
    home.await_result(home.drop(label()))
    ballast = fill(home.root / "state")
    waiting = [home.drop(refund(why="x" * 9000), f"w{n}.json") for n in range(3)]
    faults = told_and_stopped(home)
    assert "No space left on device" in home.log()
    assert [fault for fault in faults if "No space left on device" in fault], faults
    assert [fault for fault in faults if "Make room" in fault], faults
    ballast.unlink()
    home.start()
    until(lambda: {row["id"] for row in home.json("queue")} == {*waiting}, "all are cases")
    assert home.json("receipts", "verify")["count"] == 1


@ROOT
def test_on_a_disk_that_is_read_only_nothing_is_begun_and_all_commands_say_so(
    small_disk: TestHome,
) -> None:
    home, state = small_disk, small_disk.root / "state"
    home.drop(refund(), "before.json")
    home.once()
    home.drop(label(), "after.json")
    subprocess.run(["mount", "-o", "remount,ro", state], check=True)
    for words in (["run"], ["run", "--once"]):
        done = home.cli(*words)
        assert (done.returncode, "cannot write in" in done.stderr) == (1, True), done.stderr
    done = home.cli("status")
    assert (done.returncode, "mounted read-only" in done.stdout) == (1, True), done.stdout
    assert [row["id"] for row in home.json("queue")] == ["before"]
    subprocess.run(["mount", "-o", "remount,rw", state], check=True)
    home.once()
    assert home.await_result("after")["status"] == "executed"


@ROOT
def test_a_state_directory_that_may_not_be_written_is_told_at_once(
    used_home: TestHome, zygote: Zygote
) -> None:
    # As another user, whom the modes of files bind; its Python is loaded already.
    path = used_home.root
    while path != Path("/tmp") and path != Path("/"):
        path.chmod(0o755)
        path = path.parent
    status, said = zygote.live(used_home.root, "run", "--once", user=65534)
    assert (status, "cannot write in" in said) == (1, True), said
    assert "Traceback" not in said


def test_a_limit_of_the_size_of_files_is_as_good_as_a_full_disk(home: TestHome) -> None:
    home.await_result(home.drop(label()))
    assert home.daemon is not None
    limit = only(home.root / "state/journal", "*.log").stat().st_size + 100
    resource.prlimit(home.daemon.pid, resource.RLIMIT_FSIZE, (limit, limit))
    action = home.drop(label())
    assert [fault for fault in told_and_stopped(home) if "File too large" in fault]
    home.start()
    assert home.await_result(action)["status"] == "executed"
    home.stop()
