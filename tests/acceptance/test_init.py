"""`init` by options and at a terminal, and the mail that it offers to send."""

from __future__ import annotations

import os
import re
import smtplib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hitl_mail.site import load_site
from tests.acceptance.home import until
from tests.acceptance.post import mailbox
from tests.acceptance.terminal import Terminal, at_terminal
from tests.servers.dovecot import APPROVALS, PASSWORD, REVIEWER, Dovecot
from tests.servers.postfix import Postfix
from tests.servers.process import free_port
from tests.servers.relay import Relay


def init(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hitl_mail", "init", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,  # type: ignore[call-overload]
    )


def test_options_are_all_there_is_to_say(tmp_path: Path) -> None:
    home, secret = tmp_path / "home", tmp_path / "secret"
    secret.write_text("hunter2\n")
    done = init(
        *(str(home), "--person", "ada", "--mail", "ada@example.com", "--name", "Acme"),
        *("--address", "approvals@example.com", "--smtp", "smtp.example.com:465"),
        *("--imap", "imap.example.com", "--password-file", str(secret)),
        *("--with", "bob=bob@example.com", "--group", "finance=ada,bob"),
    )
    assert done.returncode == 0, done.stderr
    site = load_site((home / "hitl-mail.toml").read_text())
    assert (site.mail.smtp.port, site.mail.smtp.username) == (465, "approvals@example.com")
    assert site.groups["finance"] == ("ada", "bob")
    password = home / "state/mail-password"
    assert (password.read_text(), password.stat().st_mode & 0o777) == ("hunter2\n", 0o600)
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--smtp", "smtp.example.com"], "--address"),
        (["--smtp", "a b", "--address", "a@example.com"], "is no server"),
        (["--with", "bob"], "NAME=..."),
        (["--mail", "nobody"], "is no mail address"),
        (["--group", "finance=bob"], "bob is nobody known"),
    ],
)
def test_a_wrong_option_makes_nothing(tmp_path: Path, options: list[str], words: str) -> None:
    done = init(str(tmp_path / "home"), *options)
    assert (done.returncode, words in done.stderr) == (2, True)
    assert not (tmp_path / "home").exists()


def answer(terminal: Terminal, *steps: tuple[str, str]) -> None:
    """Wait for each question, and type the answer."""
    for question, words in steps:
        terminal.await_words(question)
        terminal.type(words + "\n")


def test_at_a_terminal_it_asks_and_enter_takes_what_it_proposes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with at_terminal("init", str(home)) as terminal:
        answer(
            terminal,
            ("Name of the site", ""),
            ("Your short name", "ada"),
            ("Set up real mail now?", "maybe"),
            ("'maybe' is neither: answer y for yes, n for no.", ""),
            ("Your mail address", ""),
            ("Another person's short name", ""),
        )
        assert terminal.program.wait(60) == 0
    site = load_site((home / "hitl-mail.toml").read_text())
    assert (site.mail.transport, site.people["ada"].mail) == ("maildir", "ada@localhost")


def test_at_a_terminal_a_provider_is_known_by_its_domain(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with at_terminal("init", str(home)) as terminal:
        answer(
            terminal,
            ("Name of the site", "Acme"),
            ("Your short name", "Ada Lovelace"),
            ("is not small letters", "ada"),
            ("Set up real mail now?", "y"),
            ("Your mail address", "ada@gmail.com"),
            ("mailbox that the approvals use", "acme.approvals@gmail.com"),
            ("app password", ""),
            ("Login", ""),
            ("Password", ""),
            ("It is empty. Type the password; nothing shows while you do.\r\nPassword", "hunter2"),
            ("Another person's short name", "bob"),
            ("bob's mail address", "bob@example.com"),
            ("Another person's short name", ""),
            ("A group's name", "finance"),
            ("Who is finance?", "ada bob"),
            ("'ada bob' is nobody known: write names of ada, bob, with commas", "ada, bob"),
            ('write reviewers = ["finance"] into rules.toml', "legal"),
            ("Who is legal?", "bob"),
            ("A group's name", ""),
            ("Send yourself a test mail now?", "n"),
        )
        assert terminal.program.wait(60) == 0
    site = load_site((home / "hitl-mail.toml").read_text())
    assert (site.mail.smtp.host, site.mail.imap.host) == ("smtp.gmail.com", "imap.gmail.com")
    assert (site.groups["finance"], site.people["bob"].mail) == (("ada", "bob"), "bob@example.com")
    assert (home / "state/mail-password").read_text() == "hunter2\n"


def test_no_is_nobodys_name_and_an_empty_address_goes_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with at_terminal("init", str(home)) as terminal:
        answer(
            terminal,
            ("Name of the site", ""),
            ("Your short name", "ada"),
            ("Set up real mail now?", ""),
            ("Your mail address", ""),
            ("Another person's short name", "bbo"),
            ("bbo's mail address, empty goes back", ""),
            ("Another person's short name", "bob"),
            ("bob's mail address", "bob"),
            ("'bob' is not a mail address.", "bob@example.com"),
            ("Another person's short name", "bob"),
            ("bob is bob@example.com so far; another address takes its place.", "bob@example.org"),
            ("Another person's short name", "No"),
            ("A group's name", "n"),
        )
        assert terminal.program.wait(60) == 0
    site = load_site((home / "hitl-mail.toml").read_text())
    assert {name: site.people[name].mail for name in site.people} == {
        "ada": "ada@localhost",
        "bob": "bob@example.org",
    }


def test_a_provider_that_takes_no_password_is_not_proposed(tmp_path: Path) -> None:
    with at_terminal("init", str(tmp_path / "home")) as terminal:
        answer(
            terminal,
            ("Name of the site", ""),
            ("Your short name", "ada"),
            ("Set up real mail now?", "y"),
            ("Your mail address", "ada@outlook.com"),
            ("mailbox that the approvals use", ""),
        )
        terminal.await_words("OAuth", "Server out (SMTP)")


def test_the_test_mail_waits_for_its_answer(
    tmp_path: Path, dovecot: Dovecot, postfix: Postfix | Relay
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    before = len(mailbox(dovecot, REVIEWER, "INBOX"))

    def reply() -> None:
        mails = until(
            lambda: [m for m in mailbox(dovecot, REVIEWER, "INBOX")[before:]
                     if "please answer" in str(m["Subject"])],
            "the test mail",
        )  # fmt: skip
        to = str(mails[-1]["Reply-To"])
        with smtplib.SMTP("localhost", postfix.port, timeout=20) as smtp:
            smtp.starttls(context=postfix.certificate.client_context())
            smtp.sendmail(REVIEWER, [to], f"From: {REVIEWER}\r\nTo: {to}\r\n\r\nhello\r\n")

    person = threading.Thread(target=reply)
    person.start()
    home = str(tmp_path / "home")
    ca = str(postfix.certificate.ca)
    done = init(
        *(home, "--person", "ada", "--mail", REVIEWER, "--address", APPROVALS),
        *("--smtp", f"localhost:{postfix.port}/starttls"),
        *("--imap", f"localhost:{dovecot.imaps_port}/implicit"),
        *("--password-file", str(secret), "--test"),
        env={**os.environ, "SSL_CERT_FILE": ca},
    )
    person.join()
    assert (done.returncode, "your answer came into INBOX" in done.stderr) == (0, True), done.stderr


def test_what_it_says_is_next_works_in_any_shell(tmp_path: Path) -> None:
    """From another directory, by a path with a blank in it, as the lines stand there."""
    said = init(str(tmp_path / "my home")).stdout
    [export] = re.findall(r"^  (export .*)$", said, re.MULTILINE)
    [queue] = re.findall(r"^  (\S+ queue) ", said, re.MULTILINE)
    program = tmp_path / "hitl-mail"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hitl_mail "$@"\n')
    program.chmod(0o755)
    call = queue.replace(queue.split()[0], str(program))
    done = subprocess.run(
        ["sh", "-e", "-c", f"{export}\n{call}"],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Nothing waits.\n"), done.stderr


def test_a_test_mail_that_nobody_takes_is_not_on_its_way(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    done = init(
        *(str(tmp_path / "home"), "--person", "ada", "--mail", "ada@example.com", "--test"),
        *("--password-file", str(secret)),
        *("--address", "approvals@example.com", "--smtp", f"localhost:{free_port()}/none"),
        *("--imap", f"localhost:{free_port()}/none"),
    )
    assert done.returncode == 1
    assert "FAULT" in done.stderr
    assert "on its way" not in done.stderr


def test_a_home_is_not_made_twice(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    assert init(home).returncode == 0
    done = init(home, "--person", "bob")
    assert (done.returncode, "is a home already; nothing was changed" in done.stderr) == (2, True)
