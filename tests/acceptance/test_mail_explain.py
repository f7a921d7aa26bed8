"""`mail explain`: an admin asks what the daemon makes of one mail, beside it or without one."""

from __future__ import annotations

import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hitl_mail.cli import cli
from hitl_mail.errors import UsageError
from tests.acceptance.home import TestHome, body, refund
from tests.servers.process import free_port

KEYS = ["class", "case", "person", "text", "command", "authentication", "problems"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """A case that waits for ada or bob."""
    made = TestHome(tmp_path_factory.mktemp("explain") / "home", free_port())
    made.drop(refund(id="r1"))
    made.once()
    return made


def asked(home: TestHome, action_id: str = "r1", to: str = "ada@") -> EmailMessage:
    case = home.case_of(action_id)
    return home.mails(to, case)[0]


def answer(
    mail: EmailMessage, text: str, sender: str = "Ada <ada@example.com>", **headers: str
) -> bytes:
    made = EmailMessage()
    made["From"] = sender
    made["To"] = str(mail["Reply-To"])
    made["Message-ID"] = "<a@client.example>"
    for key, value in headers.items():
        made[key.replace("_", "-")] = value
    quoted = "\n".join(f"> {line}" for line in body(mail).splitlines())
    made.set_content(f"{text}\n\nOn Monday, approvals wrote:\n{quoted}\n")
    return bytes(made)


def run(home: Path | str, message: bytes, *words: str, file: str = "-") -> Result:
    return CliRunner().invoke(
        cli, ["--home", str(home), "mail", "explain", file, *words], input=message
    )


def explained(home: TestHome, message: bytes, *words: str) -> dict[str, Any]:
    done = run(home.root, message, "--json", *words)
    assert done.exit_code == 0, done.exception
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_reply_that_decides_is_told_with_exactly_these_keys(home: TestHome) -> None:
    found = explained(home, answer(asked(home), "Approve: as agreed\n\nThanks\nAda"))
    assert list(found) == KEYS
    assert found == {
        "class": "reply",
        "case": home.case_of("r1"),
        "person": "ada",
        "text": "Approve: as agreed\n\nThanks\nAda",
        "command": {"verb": "approve", "note": "as agreed", "edit": None},
        "authentication": {"result": "none", "detail": "no Authentication-Results"},
        "problems": [],
    }


def test_an_edit_is_told_under_the_keys_of_the_payload(home: TestHome) -> None:
    found = explained(home, answer(asked(home), "Edit\nAmount = 40\ncurrency = USD"))
    assert found["command"] == {
        "verb": "edit",
        "note": "",
        "edit": {"amount": 40, "currency": "USD"},
    }


def test_a_route_names_whom_it_goes_to(home: TestHome) -> None:
    found = explained(home, answer(asked(home), "route bob: you know them"))
    assert found["command"] == {
        "verb": "route",
        "note": "you know them",
        "edit": None,
        "to": "bob",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it has no new text"),
        ("What is this?", "its first paragraph is no command"),
        ("help", "it asks for help"),
        ("approve, but make it 20", "what it says is more than one plain command"),
        ("edit\namuont = 40", "nearest key is amount"),
        ("edit the amount", "is no change: write key = value. Instead: edit amount = 40"),
        ("route dora", "no person and no group is called dora"),
        ("retry", "retry does not apply"),
    ],
)
def test_what_keeps_a_reply_from_deciding_is_said(home: TestHome, text: str, problem: str) -> None:
    assert problem in explained(home, answer(asked(home), text))["problems"][0]


def test_a_reply_from_another_address_is_no_command(home: TestHome) -> None:
    found = explained(home, answer(asked(home), "approve", "Eve <eve@evil.example>"))
    assert (found["class"], found["person"], found["command"], found["problems"]) == (
        "reply",
        "ada",
        None,
        ["it was not sent from an address of ada"],
    )


def test_a_reply_without_the_secret_is_no_command(home: TestHome) -> None:
    mail = asked(home)
    real = str(mail["Reply-To"])
    mail.replace_header("Reply-To", real.replace(real.partition("@")[0][-16:], "a" * 16))
    found = explained(home, answer(mail, "approve"))
    assert (found["person"], found["command"]) == (None, None)
    assert "no valid token" in found["problems"][0]


def test_a_machine_decides_nothing(home: TestHome) -> None:
    mail = asked(home)
    found = explained(home, answer(mail, "approve", Auto_Submitted="auto-replied"))
    assert (found["class"], found["command"]) == ("auto-reply", None)
    found = explained(home, answer(mail, "approve", Return_Path="<>"))
    assert (found["class"], found["command"]) == ("bounce", None)


def test_a_mail_about_nothing_of_ours_is_left_alone(home: TestHome) -> None:
    found = explained(home, b"From: a@b.example\nTo: c@d.example\n\napprove\n")
    assert (found["class"], found["case"], found["command"]) == ("unrelated", None, None)


def test_a_closed_case_is_found_among_the_receipts(home: TestHome) -> None:
    home.drop(refund(id="closed"))
    home.once()
    mail = asked(home, "closed")
    message = answer(mail, "reject because too late")
    assert explained(home, message)["problems"] == []
    home.deliver(message)
    home.once()
    found = explained(home, message)
    assert (found["command"]["verb"], found["problems"]) == (
        "reject",
        ["the case is closed: rejected"],
    )


def test_the_daemon_answers_what_is_explained(home: TestHome) -> None:
    home.drop(refund(id="typo"))
    home.once()
    mail = asked(home, "typo")
    message = answer(mail, "Edit\namuont = 40")
    (problem,) = explained(home, message)["problems"]
    home.deliver(message)
    home.once()
    answered = " ".join(
        line.removeprefix("| ") for line in body(home.mails("ada@")[-1]).splitlines()
    )
    assert problem == "There is no amuont; the nearest key is amount. Instead: edit amount = 40"
    assert problem in answered


def test_only_the_text_needs_no_case_and_no_home(home: TestHome, tmp_path: Path) -> None:
    message = (
        b"From: a@b.example\nTo: c@d.example\n\nSee you\n\nOn Monday, x@y.example wrote:\n> no"
    )
    for root in (home.root, tmp_path):
        done = run(root, message, "--text-only", "--json")
        found = json.loads(done.stdout)
        assert list(found) == KEYS
        assert (found["case"], found["person"], found["text"]) == (None, None, "See you")


def test_a_person_reads_sentences(home: TestHome) -> None:
    done = run(home.root, answer(asked(home), "approve, but less\x1b[2J", "Eve <eve@evil.example>"))
    assert done.stdout.splitlines() == [
        "This is a reply.",
        f"It is about the case {home.case_of('r1')}.",
        "It bears a secret that only ada was sent.",
        "Its new text:",
        "  approve, but less⟨U+001B⟩[2J",
        "Its sender: not vouched for (no Authentication-Results).",
        "But it was not sent from an address of ada.",
        "The daemon decides nothing by it, and tells ada why.",
    ]


def test_a_person_reads_what_an_accepted_reply_does(home: TestHome) -> None:
    done = run(home.root, answer(asked(home), "approve: fine"))
    assert done.stdout.splitlines()[-2:] == [
        "Read as: approve, noting: fine.",
        "The daemon takes it as the word of ada.",
    ]


@pytest.mark.parametrize(
    ("headers", "follows"),
    [
        ({"Precedence": "bulk"}, "decides nothing by it, and tells ada so"),
        ({"Return_Path": "<>"}, "decides nothing by it, and tells ada so"),
        ({"Auto_Submitted": "auto-replied"}, "notes that ada is away, and asks others"),
        ({"Auto_Submitted": "auto-generated"}, "decides nothing by it, and does not answer it"),
    ],
)
def test_what_follows_a_mail_that_looks_automatic_is_told(
    home: TestHome, headers: dict[str, str], follows: str
) -> None:
    done = run(home.root, answer(asked(home), "approve", **headers))
    assert f"The daemon {follows}" in done.stdout


@pytest.mark.parametrize(
    "content", [b"", b" \n", b'{"kind": "x"}', b"\x00\x01\x02\xff", b"no header here\nnone\n"]
)
def test_what_is_no_mail_is_an_error(home: TestHome, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    done = run(home.root, b"", file=str(path))
    assert isinstance(done.exception, UsageError)
    assert "this is no mail" in str(done.exception)


def test_a_file_that_is_not_there_is_an_error(home: TestHome, tmp_path: Path) -> None:
    done = run(home.root, b"", file=str(tmp_path / "gone"))
    assert "No such file" in str(done.exception)
    done = run(home.root, b"", file=str(tmp_path))
    assert "Is a directory" in str(done.exception)


def test_a_huge_file_is_an_error(home: TestHome, tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.write(b"From: a@b.example\n\n")
        file.truncate(21 * 1024 * 1024)
    assert "larger than" in str(run(home.root, b"", file=str(path)).exception)


def test_an_error_is_one_line_and_the_status_2(home: TestHome) -> None:
    done = home.cli("mail", "explain", str(home.root / "gone"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
