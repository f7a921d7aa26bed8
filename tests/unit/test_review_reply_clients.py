"""Replies to our own mails from the programs people use, in the languages they use them in."""

from __future__ import annotations

from functools import cache

import pytest

from hitl_mail.review.edits import edit_document
from hitl_mail.review.quotes import new_lines
from hitl_mail.review.reply import Reply, read_reply
from tests.clients import CLIENTS, message, part
from tests.factories import action, case_after, receive
from tests.languages import LANGUAGES
from tests.mails import AT, TOKENS, composed

BELOW = {name for name in CLIENTS if name.endswith("_below") or name.startswith("mutt")}


@cache
def ours() -> bytes:
    """A mail whose agent says everything that a reviewer could."""
    said = "approve\nreject because no\nedit amount = 1\nroute bob\nok"
    item = {"title": "approve", "text": said}
    document = action(id="r", summary="approve: all of it, and more than that", why=said)
    document["context"] = [item]
    return composed(case_after(receive(document, expires_at=AT + 99), now=AT)).message


def read(client: str, typed: str, language: str = "en") -> Reply:
    return read_reply(CLIENTS[client](typed, ours(), LANGUAGES[language]), TOKENS.is_ours)


def every(test):  # type: ignore[no-untyped-def]
    """Each client in each language."""
    return pytest.mark.parametrize("language", LANGUAGES)(
        pytest.mark.parametrize("client", CLIENTS)(test)
    )


@every
def test_approve_with_a_note_and_thanks(client: str, language: str) -> None:
    words = LANGUAGES[language]
    typed = f"Approve: as we said\n\n{words.thanks}\n\n{words.closing}\nAda Lovelace\nCFO"
    found = read(client, typed, language)
    assert (found.verb, found.note) == ("approve", "as we said")


@every
def test_approve_above_a_disclaimer(client: str, language: str) -> None:
    words = LANGUAGES[language]
    found = read(client, f"approve\n\n{words.closing}\n\nAda\n\n{words.disclaimer}", language)
    assert (found.verb, found.note, found.key) == ("approve", "", "decision")


@every
def test_a_rejection_with_its_reason(client: str, language: str) -> None:
    found = read(client, "Reject because it is too high", language)
    assert (found.verb, found.note) == ("reject", "it is too high")


@every
def test_an_edit(client: str, language: str) -> None:
    typed = f"Edit\namount = 40\ncurrency = “USD”\n\n{LANGUAGES[language].thanks}"
    found = read(client, typed, language)
    assert found.edit is not None
    assert edit_document(found.edit) == {"amount": 40, "currency": "USD"}


@every
def test_a_condition_asks_back(client: str, language: str) -> None:
    assert read(client, "approve, but only 20 EUR", language).key == "ambiguous"
    assert read(client, "approve\n\nMake it 20 EUR.", language).key == "ambiguous"


@every
def test_nothing_is_read_from_the_quote(client: str, language: str) -> None:
    question = read(client, "Who is this for?", language)
    assert (question.key, [line for line in question.lines if line]) == (
        "not_understood",
        ["Who is this for?"],
    )
    assert (read(client, "", language).verb, read(client, "", language).lines) == (None, ())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ending", ["\n\n", "\n"])
def test_a_banner_above_the_text(language: str, ending: str) -> None:
    found = read("gmail_web", f"{LANGUAGES[language].banner}{ending}approve", language)
    assert (found.key, found.verb) == ("decision", "approve")


@pytest.mark.parametrize(
    ("charset", "coding"),
    [
        ("utf-16", "base64"),
        ("utf-16le", "base64"),
        ("koi8-r", "quoted"),
        ("cp1252", "base64"),
        ("iso-8859-15", "8bit"),
        ("iso-2022-jp", "quoted"),
        ("gb18030", "base64"),
    ],
)
def test_odd_charsets(charset: str, coding: str) -> None:
    made = message(ours(), part("Approve: as agreed\n\n> old\n", "plain", charset, coding))
    found = read_reply(made, TOKENS.is_ours)
    assert (found.verb, found.note) == ("approve", "as agreed")


@pytest.mark.parametrize("name", ["x-unknown", "utf-8; charset=x", "idna", '"', "utf-7"])
def test_unknown_charsets(name: str) -> None:
    made = message(ours(), part("Approve: as agreed\n\n> old\n"))
    found = read_reply(made.replace(b"charset=utf-8", b"charset=" + name.encode()), TOKENS.is_ours)
    assert (found.verb, found.note) == ("approve", "as agreed")


@pytest.mark.parametrize(
    ("lines", "new"),
    [
        (["approve\xa0: fine"], ["approve : fine"]),
        (["approve", "", "Get Outlook for iOS"], ["approve"]),
        (["approve", "Download the app for Android"], ["approve"]),
        (["approve", "get it done for bob"], ["approve", "get it done for bob"]),
        (["approve", "Sent from my iPhone"], ["approve"]),
        (["approve", "my iPhone is new"], ["approve", "my iPhone is new"]),
        (["approve", "only sent from my iPhone"], ["approve", "only sent from my iPhone"]),
    ],
)
def test_what_a_program_puts_below_is_not_new_and_what_a_person_writes_is(
    lines: list[str], new: list[str]
) -> None:
    assert new_lines(lines, lambda _: False) == new
