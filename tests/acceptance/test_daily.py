"""The daily mail of a real daemon: late where it was down, once, and an anchor of the chain."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.acceptance.home import TestHome, body, label


def test_a_daemon_that_was_down_tells_once_and_the_mail_anchors_the_chain(
    quiet_home: TestHome, tmp_path: Path
) -> None:
    home = quiet_home
    now = dt.datetime.now(dt.UTC)
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site.replace("[site]", f'[site]\ndaily = "{now:%H:%M}"', 1))
    home.drop(label())
    home.once()
    home.once()
    [mail] = home.mails("cleo@example.com", "Daily: 1 ran, 0 waiting")
    assert home.json("receipts", "verify")["digest"] in body(mail).replace("\r\n", "")
    saved = tmp_path / "daily.eml"
    saved.write_bytes(bytes(mail))
    done = home.cli("receipts", "verify", "--anchor", str(saved))
    assert (done.returncode, "1 of the anchors" in done.stdout) == (0, True)
    (home.root / "state/receipts").rename(tmp_path / "gone")
    (home.root / "state/receipts").mkdir()
    assert home.cli("receipts", "verify", "--anchor", str(saved)).returncode == 1
