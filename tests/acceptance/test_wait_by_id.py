"""`wait ID` where there is no case: its file waits, or was refused, or nobody knows the id.

And what an admin is told of refused files.
"""

from __future__ import annotations

from tests.acceptance.home import TestHome, label, refund


def test_a_refused_file_ends_the_wait_with_its_reason(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop({**label(), "confidense": 1}, "typo.json")
    home.once()
    done = home.cli("wait", "typo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "refused: " in done.stderr
    assert "confidense" in done.stderr
    assert "spool/refused/typo.json" in done.stderr


def test_a_case_of_the_id_counts_more_than_a_refused_file(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(refund(), "asked.json")
    home.once()
    home.drop(refund(summary="another"), "asked.json")
    home.once()
    done = home.cli("wait", "asked", "--timeout", "0")
    assert done.returncode == 9
    assert "see: hitl-mail queue" in done.stderr


def test_a_file_that_waits_counts_more_than_a_refused_one(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop({**label(), "confidense": 1}, "again.json")
    home.once()
    home.drop(label(), "again.json")
    assert home.cli("wait", "again", "--timeout", "0").returncode == 9


def test_an_id_that_nobody_knows_is_told(quiet_home: TestHome) -> None:
    done = quiet_home.cli("wait", "nosuch", "--timeout", "0")
    assert done.returncode == 9
    assert "no case nosuch of default, and no file of that id waits" in done.stderr


def test_the_admin_is_told_of_refused_files(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop({**label(), "confidense": 1}, "typo.json")
    (home.root / "spool/new/link.json").symlink_to(home.root / "rules.toml")
    done = home.cli("run", "--once")
    assert "refused typo.json of the agent default: unknown_field" in done.stderr
    assert "refused link.json of the agent default: not_a_file" in done.stderr
    found = home.cli("status").stdout
    assert "2 in the last hour, 2 in the last day; the newest" in found


def test_a_name_that_could_be_very_many_cases_says_that_there_are_more(
    quiet_home: TestHome,
) -> None:
    home = quiet_home
    for number in range(6):
        home.drop(refund(), f"r{number}.json")
    home.once()
    day = home.json("queue")[0]["case"][:7]
    assert ", …; name the case id in full" in home.cli("show", day).stderr
