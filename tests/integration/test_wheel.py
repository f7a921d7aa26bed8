"""The wheel, installed in an empty environment away from the checkout, is the whole product."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = ("-m", "pip", "install", "-qq", "--disable-pip-version-check")


def run(*argv: str | Path, cwd: Path, seconds: float = 300) -> str:
    """Run a command without the checkout on its import path; its output, asserted exit 0."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "HITL_"))
    }
    done = subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the checkout by the locked hatchling."""
    directory = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory, cwd=ROOT)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the locked packages and the wheel, nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", environment, cwd=environment)
    python = environment / "bin" / "python"
    run(python, *PIP, "--require-hashes", "-r", ROOT / "lock" / "run.txt", cwd=environment)
    run(python, *PIP, "--no-deps", wheel, cwd=environment)
    return python.parent


@pytest.mark.parametrize("directory", ["templates", "config"])
def test_the_wheel_holds_every_file_of(directory: str, wheel: Path) -> None:
    ours = {
        f"hitl_mail/{path.relative_to(ROOT)}"
        for path in (ROOT / directory).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert ours
        assert ours <= set(archive.namelist())


def test_the_wheel_brings_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]


def test_the_lock_holds_all_that_the_wheel_asks_for(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "python", "-m", "pip", "check", cwd=tmp_path).strip() == (
        "No broken requirements found."
    )


def test_it_is_the_installed_package_that_runs(installed: Path, tmp_path: Path) -> None:
    where = "import hitl_mail; print(hitl_mail.__file__)"
    imported = Path(run(installed / "python", "-c", where, cwd=tmp_path).strip())
    assert imported.is_relative_to(installed.parent)


def test_the_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    version = run(
        installed / "python",
        "-c",
        "from importlib.metadata import version; print(version('hitl-mail'))",
        cwd=tmp_path,
    ).strip()
    assert version in run(installed / "hitl-mail", "--version", cwd=tmp_path)


def test_the_demo_plays_itself_and_leaves_nothing_behind(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "hitl-mail", "demo", "--auto", cwd=tmp_path, seconds=120)
    assert "executed" in said
    assert list(tmp_path.iterdir()) == []
