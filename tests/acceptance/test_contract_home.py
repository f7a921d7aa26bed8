"""Who may read what in a home, who decides at the command line, and what a bad config is told."""

from __future__ import annotations

import grp
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.home import RULES, SITE, TestHome, label, refund


def _a_group() -> str:
    """A group that files do not get by themselves: root takes any, others one they are in."""
    groups = [group.gr_gid for group in grp.getgrall()] if os.getuid() == 0 else os.getgroups()
    others = [gid for gid in groups if gid != os.getgid()]
    return grp.getgrgid((others or [os.getgid()])[0]).gr_name


def _modes(root: Path, *names: str) -> dict[str, tuple[str, str]]:
    found = {name: root / name for name in names}
    return {name: (oct(at.stat().st_mode & 0o7777), at.group()) for name, at in found.items()}


def test_without_a_group_nothing_is_open_to_others(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(label())
    home.drop(refund())
    home.once()
    made = [home.root / "state", home.root / "mail", home.root / "control"]
    files = [path for one in made for path in (one, *one.rglob("*"))]
    assert [str(path) for path in files if path.stat().st_mode & 0o077] == []
    assert home.root.stat().st_mode & 0o077 == 0


def test_a_group_may_look_and_decide_and_no_more(make_home: Callable[..., TestHome]) -> None:
    group = _a_group()
    home = make_home()
    home.drop(label(), "before.json")
    home.once()
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site.replace("[site]", f'[site]\ngroup = "{group}"', 1))
    home.drop(label(), "after.json")
    home.once()
    [month] = (path.name for path in (home.root / "state/receipts").iterdir())
    [journal] = (path.name for path in (home.root / "state/journal").glob("*.log"))
    dropped, files, directory = ("0o3770", group), ("0o640", group), ("0o2750", group)
    shown = ("state/receipts.pub", f"state/receipts/{month}", f"state/journal/{journal}")
    assert _modes(home.root, "control/new", "control/tmp", "state/journal", *shown) == {
        "control/new": dropped,
        "control/tmp": dropped,
        "state/journal": directory,
        **dict.fromkeys(shown, files),
    }
    secret = [home.root / "mail", home.root / "state/keys"]
    assert [path for path in secret if path.stat().st_mode & 0o077] == []


def test_a_group_reads_no_secret_of_the_site(make_home: Callable[..., TestHome]) -> None:
    """`init` puts the password of the mail account into state/; others may be there, too."""
    home = make_home()
    secrets = [home.root / "state/mail-password", home.root / "state/hook-secret"]
    for path in secrets:
        path.write_text("secret\n")
        path.chmod(0o600)
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site.replace("[site]", f'[site]\ngroup = "{_a_group()}"', 1))
    for _ in range(2):
        home.once()
    assert [oct(path.stat().st_mode & 0o777) for path in secrets] == ["0o600", "0o600"]


def test_who_is_nobody_is_told_so_even_ahead_of_a_daemon(
    make_home: Callable[..., TestHome],
) -> None:
    home = make_home(site=SITE.replace('os_user = "{user}"', 'os_user = "somebody-else"'))
    home.drop(refund(), "asked.json")
    home.once()
    refused = home.cli("approve", "asked")
    assert (refused.returncode, "is no person of this site" in refused.stderr) == (1, True)
    assert list((home.root / "control/new").iterdir()) == []


def test_init_wants_a_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hitl_mail", "init"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Missing argument 'DIR'" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_all_problems_of_both_files_are_told_at_once(quiet_home: TestHome) -> None:
    home = quiet_home
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site.replace('owner = "bob"', 'owner = "nobody"') + "\n[sight]\n")
    rules = RULES.replace('gate = "deny"', 'gate = "denny"')
    rules = rules.replace('executor = "refund"', 'executor = "refunt"', 1)
    (home.root / "rules.toml").write_text(rules)
    checked = home.cli("rules", "check", "--json")
    report = json.loads(checked.stdout)
    assert (checked.returncode, report["ok"]) == (2, False)
    told = {(one["file"], one["where"]) for one in report["problems"]}
    assert told == {
        ("hitl-mail.toml", "agents.billing.owner"),
        ("hitl-mail.toml", "sight"),
        ("rules.toml", 'kinds."payment.refund".executor'),
        ("rules.toml", "rules[1].gate"),
    }
    mended = [
        one["line"] and (one["mend"] or "must be" in one["what"]) for one in report["problems"]
    ]
    assert all(mended)
    assert home.cli("run", "--once").returncode == 2


def test_receipts_without_their_journal_do_not_verify(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(label())
    home.once()
    assert home.cli("receipts", "verify").returncode == 0
    for path in (home.root / "state/journal").iterdir():
        path.unlink()
    verified = home.cli("receipts", "verify")
    assert (verified.returncode, "the journal is empty or gone" in verified.stderr) == (1, True)


def test_a_receipt_that_was_taken_away_is_told_and_its_number_not_given_again(
    quiet_home: TestHome,
) -> None:
    home = quiet_home
    home.drop(label(), "one.json")
    home.drop(label(), "two.json")
    home.once()
    [month] = (home.root / "state/receipts").iterdir()
    month.write_bytes(b"".join(month.read_bytes().splitlines(keepends=True)[:-1]))
    home.drop(label(), "three.json")
    home.once()
    assert [row["seq"] for row in home.json("receipts", "list")] == [1, 3]
    assert home.cli("receipts", "verify").returncode == 1
    assert "receipt 2 is missing" in home.cli("status").stdout


def init(where: str, cwd: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hitl_mail", "init", where],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_init_neither_closes_what_others_use_nor_writes_over_what_is_there(tmp_path: Path) -> None:
    shared, filled, file = (tmp_path / name for name in ("shared", "filled", "file"))
    shared.mkdir()
    shared.chmod(0o1777)
    filled.mkdir()
    (filled / "rules.toml").write_text("mine")
    file.touch()
    for where, told in (
        ("", "DIR is empty"),
        ("shared", "belongs to others, too"),
        ("filled", "holds rules.toml already"),
        ("file", "is no directory"),
    ):
        status, text = init(where, tmp_path)
        assert (status, told in text) == (2, True), text
    assert shared.stat().st_mode & 0o7777 == 0o1777
    assert (filled / "rules.toml").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "file",
        "filled",
        "rules.toml",
        "shared",
    ]


def test_init_makes_a_home_of_a_directory_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "actions").mkdir()
    assert init(".", tmp_path) == (0, "")
    assert tmp_path.stat().st_mode & 0o7777 == 0o700
