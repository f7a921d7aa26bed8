"""Keys change under a running daemon: mails that are out are answered, old receipts verify."""

from __future__ import annotations

import httpx

from tests.acceptance.home import TestHome, label, link, refund, until


def taken(home: TestHome, times: int = 1) -> None:
    """Wait until the daemon works with what was changed."""
    until(lambda: home.log().count("the keys changed") >= times or None, "the new keys")


def test_a_mail_from_before_is_answered_and_a_new_one_has_another_secret(home: TestHome) -> None:
    first = home.drop(refund())
    old = home.await_mail("ada@example.com")
    made = home.json("keys", "rotate")
    taken(home)
    assert [row["kind"] for row in made] == ["links", "addresses", "sampling", "signatures"]
    assert httpx.get(link(old), trust_env=False).status_code == 200
    home.reply(old, "approve", "ada@example.com")
    assert home.await_result(first)["status"] == "executed"
    home.await_mail("ada@example.com", "Refund", count=2)
    second = home.drop(refund())
    new = home.await_mail("ada@example.com", "Refund", count=3)
    home.reply(new, "reject", "ada@example.com")
    assert home.await_result(second)["status"] == "rejected"


def test_receipts_of_both_keys_are_one_chain(home: TestHome) -> None:
    home.await_result(home.drop(label()))
    home.json("keys", "rotate", "signatures", "sampling")
    taken(home)
    home.await_result(home.drop(label()))
    home.stop()
    home.drop(label())
    home.once()
    report = home.json("receipts", "verify")
    assert (report["ok"], report["count"], report["draws_checked"]) == (True, 3, True)
    lines = home.cli("receipts", "export").stdout.splitlines()
    keys = [line.split('"key":"')[1].split('"')[0] for line in lines]
    assert (keys[0] == keys[1], keys[1] == keys[2]) == (False, True)
    assert len(home.cli("receipts", "verify", "--print-key").stdout.split()) == 2


def test_a_link_ends_when_its_key_has_retired(home: TestHome) -> None:
    home.drop(refund())
    old = link(home.await_mail("ada@example.com"))
    home.json("keys", "rotate", "links", "--keep", "1s")
    gone = until(
        lambda: (found := httpx.get(old, trust_env=False)).status_code != 200 and found,
        "the old link ends",
    )
    assert 400 <= gone.status_code < 500
    assert [row["kind"] for row in home.json("keys", "list")].count("links") == 2


def test_keys_are_told_without_their_secrets(quiet_home: TestHome) -> None:
    shown = quiet_home.cli("keys", "list").stdout
    assert all(kind in shown for kind in ("links", "addresses", "sampling", "signatures"))
    done = quiet_home.cli("keys", "rotate", "links", "--keep", "soon")
    assert (done.returncode, "--keep" in done.stderr) == (2, True)
