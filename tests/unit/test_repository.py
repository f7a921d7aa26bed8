"""The tree itself: locks that agree and name no address, files that belong to no one machine."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = ROOT / "lock" / "run.txt"
TEST = ROOT / "lock" / "test.txt"
LOCKS = sorted((ROOT / "lock").glob("*.txt"))
NOT_OURS = re.compile(
    r"\.git|\.venv(-bench)?|\.\w+_cache|\.hypothesis|\.import_linter_cache|__pycache__|build|dist"
    r"|mutants"
)
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
# The brackets keep these patterns from finding themselves.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:w[o]rk|r[o]ot|h[o]me|U[s]ers)/")
REGISTRY = re.compile(r"py[p]i\.(?:org|python\.org)|pythonh[o]sted|registry\.npm[j]s|/s[i]mple/")


def pins(lock: Path) -> dict[str, str]:
    """Package to version."""
    found = (PIN.match(line) for line in lock.read_text().splitlines())
    return {match[1]: match[2] for match in found if match}


def files(directory: Path = ROOT) -> Iterator[Path]:
    """All files of ours below `directory`."""
    for path in directory.iterdir():
        if NOT_OURS.fullmatch(path.name):
            continue
        if path.is_dir():
            yield from files(path)
        elif path.is_file():
            yield path


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """`file:line` of every match in the tree's text files."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_what_runs_is_tested_at_the_same_version() -> None:
    tested = pins(TEST)
    assert {name: tested.get(name) for name in pins(RUN)} == pins(RUN)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_exact_versions_with_hashes_and_no_address(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not PIN.match(line) and not HASH.match(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_a_hash(lock: Path) -> None:
    text = lock.read_text()
    unhashed = [
        name for name in pins(lock) if not re.search(rf"^{name}==.*\\\n    --hash=", text, re.M)
    ]
    assert unhashed == []


def test_the_lock_is_not_empty() -> None:
    assert pins(RUN)["tinydb"].startswith("4.9.")


def test_what_we_are_compared_with_stays_out_of_our_environment() -> None:
    theirs = pins(ROOT / "lock" / "bench-langgraph.txt")
    assert theirs["langgraph"].startswith("1.2.")
    assert [name for name in pins(TEST) if name.startswith("lang")] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_file_names_a_package_registry() -> None:
    assert lines_with(REGISTRY) == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in files(ROOT / "hitl_mail")
        if path.suffix == ".py" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []
