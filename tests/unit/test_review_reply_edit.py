"""`edit` and `route` as people and their mail programs write them."""

from __future__ import annotations

import pytest

from hitl_mail.review.edits import edit_document
from hitl_mail.review.reply import Reply, read_command, read_reply
from tests.mails import TOKENS, reply


def read(text: str, author: str = "Ada Lovelace") -> Reply:
    return read_command(text.split("\n"), author)


def edits(text: str) -> tuple[str, object, str]:
    """(key, what is edited, note) of new text."""
    found = read(text)
    return found.key, edit_document(found.edit) if found.edit else None, found.note


@pytest.mark.parametrize(
    "text",
    [
        "edit amount = 40",
        "Edit amount=40",
        "EDIT\namount = 40",
        "edit:\namount = 40",
        "edit: amount = 40",
        "*edit*\namount = 40",
        "edit\n\namount = 40",
        "edit\namount = 40\n\nThanks!",
        "edit\namount = 40\nThanks, Ada",
        "edit\namount = 40\n\nBest regards\nAda Lovelace\nCFO",
        "edit\namount = 40\nAda",
        'edit {"amount": 40}',
        'edit\n{"amount": 40}\n\nThanks',
        'edit\n```json\n{\n\n"amount": 40\n}\n```\n\nAda',
        "edit ```\namount = 40\n```",
        'edit {"amount": 40}.',
        'edit "amount"=40',
        "edit ‘amount’ = 40",
        "edit\n{“amount”: 40}",
    ],
)
def test_an_edit_is_read(text: str) -> None:
    assert edits(text) == ("decision", {"amount": 40}, "")


@pytest.mark.parametrize(
    "text",
    [
        "edit: but not more than 40\namount = 40",
        "edit: but not more\nthan 40\namount = 40",
        'Edit: but not more than 40\n\n{"amount": 40}',
        'edit: but not more than 40\n{"amount": 40}',
        "edit: but not more than 40\n```\namount = 40\n```",
    ],
)
def test_a_note_stands_behind_the_colon(text: str) -> None:
    assert edits(text) == ("decision", {"amount": 40}, "but not more than 40")


def test_each_paragraph_of_only_changes_belongs_to_the_edit() -> None:
    assert edits("edit\n\namount = 40\n\ntags = [\n\n“a”,\n\n“b”\n\n]\n\nnote = “x”\n\nThanks") == (
        "decision",
        {"amount": 40, "tags": ["a", "b"], "note": "x"},
        "",
    )


@pytest.mark.parametrize(
    "text",
    [
        "edit\namount = 40\n\napprove",
        "edit\napprove",
        "edit\namount = 40\nreject",
        "edit\namount = 40\n\nand please hurry",
        "edit\namount = 40\n\nand so on: a b = 4",
        "edit\namount = 40\n\nsee https://example.com/?a=b",
        "edit\namount = 40\nthat is enough",
        'edit\n{"amount": 40}\n\nok?',
        'edit\n{"amount": 40}\nbut ask Bob first',
        'edit {"amount": 40}\nthat is enough',
        "edit\n```\namount = 40\n```\nbut ask Bob first",
    ],
)
def test_more_than_an_edit_asks_back(text: str) -> None:
    assert edits(text)[:2] == ("ambiguous", None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("edit", "This edit changes nothing."),
        ("edit.", "This edit changes nothing."),
        ("edit: lower it", "This edit changes nothing."),
        ("edit the amount to 40", '"the amount to 40" is no change: write key = value.'),
        ("edit\na..b = 40", '"a..b = 40" is no change: write key = value.'),
        ("edit\n\nBest regards\nAda", '"Best regards" is no change: write key = value.'),
    ],
)
def test_an_edit_without_changes_says_what_to_send(text: str, problem: str) -> None:
    found = read(text)
    assert (found.key, found.problem, found.send) == ("bad_edit", problem, "edit amount = 40")


@pytest.mark.parametrize(
    "text",
    [
        "edited amount = 40", "edits", "please edit amount = 40", "édit",
        "edit_amount = 40", "edit2 = 40", "edité = 40", "route_bob", "route2 bob", "help2",
    ],
)  # fmt: skip
def test_other_words_are_no_edit(text: str) -> None:
    assert edits(text)[:2] == ("not_understood", None)


LONG = "a very long text for the customer, which every program wraps near its 75th column " * 3


def alternative(plain: str, page: str) -> bytes:
    head = (
        'From: Ada <ada@example.com>\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    )
    parts = "".join(
        f"--b\r\nContent-Type: text/{sort}; charset=utf-8\r\n\r\n{body}\r\n"
        for sort, body in (("plain", plain), ("html", page))
    )
    return (head + parts + "--b--\r\n").encode()


def wrapped(text: str) -> str:
    lines = [""]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) > 74:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\r\n".join(lines)


@pytest.mark.parametrize(("opening", "closing"), [("", ""), ('"', '"'), ("“", "”")])
def test_a_value_that_was_wrapped_is_read_from_the_page(opening: str, closing: str) -> None:
    line = f"text = {opening}{LONG.strip()}{closing}"
    found = read_reply(
        alternative(f"edit\r\n{wrapped(line)}", f"<div>edit<br>{line}</div>"), TOKENS.is_ours
    )
    assert found.edit is not None
    assert edit_document(found.edit) == {"text": LONG.strip()}


@pytest.mark.parametrize("word", ["*edit*", "_edit_", "Edit"])
@pytest.mark.parametrize(("name", "signed"), [("", ""), ("\r\n\r\nAda", "<br><br>Ada")])
def test_so_is_one_below_an_emphasised_word_and_above_a_name(
    word: str, name: str, signed: str
) -> None:
    line = f"text = {LONG.strip()}"
    plain = f"{word}\r\n{wrapped(line)}{name}"
    found = read_reply(alternative(plain, f"<div>{word}<br>{line}{signed}</div>"), TOKENS.is_ours)
    assert found.edit is not None
    assert edit_document(found.edit) == {"text": LONG.strip()}


def test_a_quoted_value_is_read_from_the_page_where_a_program_wrapped_it_within_a_word() -> None:
    plain = 'edit\r\ntext = "see the case 261122-\r\nk3f9ma, please"'
    page = '<div>edit<br>text = "see the case 261122-k3f9ma, please"</div>'
    found = read_reply(alternative(plain, page), TOKENS.is_ours)
    assert found.edit is not None
    assert edit_document(found.edit) == {"text": "see the case 261122-k3f9ma, please"}


@pytest.mark.parametrize("quotes", ['""', "''", "“”", "„“", "””", "«»", "‘’"])
def test_a_quoted_value_that_was_wrapped_is_whole_without_a_page(quotes: str) -> None:
    line = f"text = {quotes[0]}{LONG.strip()}{quotes[1]}"
    found = read_reply(reply("edit\n" + wrapped(line)), TOKENS.is_ours)
    assert found.edit is not None
    assert edit_document(found.edit) == {"text": LONG.strip()}


def test_a_table_that_was_wrapped_is_whole_although_its_rest_looks_like_a_change() -> None:
    text = 'edit\ncustomer = { name = "Bob",\nage = 4 }\namount = 40'
    changed = {"customer": {"name": "Bob", "age": 4}, "amount": 40}
    assert edits(text) == ("decision", changed, "")


@pytest.mark.parametrize(
    ("below", "more"), [("", {}), ("\n\nThanks", {}), ("\namount = 40", {"amount": 40})]
)
def test_a_text_that_nobody_closed_ends_with_its_paragraph_or_above_a_change(
    below: str, more: dict[str, int]
) -> None:
    assert edits(f"edit\nnote = “as before{below}")[1] == {"note": "“as before", **more}


def test_a_paragraph_of_changes_may_begin_with_a_dotted_key_or_one_in_quotes() -> None:
    text = 'edit\namount = 40\n\ncustomer.name = "Bob"\n\n“unit price” = 4'
    changed = {"amount": 40, "customer": {"name": "Bob"}, "unit price": 4}
    assert edits(text) == ("decision", changed, "")


def test_bare_text_that_was_wrapped_asks_back() -> None:
    found = read_reply(reply("edit\n" + wrapped(f"text = {LONG.strip()}")), TOKENS.is_ours)
    assert found.key == "ambiguous"


def test_a_page_that_says_something_else_is_not_read() -> None:
    found = read_reply(
        alternative("edit\r\namount = 40", "<div>edit<br>amount = 4000</div>"), TOKENS.is_ours
    )
    assert found.edit is not None
    assert edit_document(found.edit) == {"amount": 40}


def test_an_address_that_a_program_made_a_link_of_is_read_as_typed() -> None:
    line = 'to = "bob@example.com<mailto:bob@example.com>"'
    assert edits(f"edit\n{line}")[1] == {"to": "bob@example.com"}


def test_a_flowed_value_is_joined() -> None:
    message = b'Content-Type: text/plain; format=flowed\r\n\r\nedit\r\ntext = "one \r\ntwo"\r\n'
    found = read_reply(message, TOKENS.is_ours)
    assert found.edit is not None
    assert edit_document(found.edit) == {"text": "one two"}


@pytest.mark.parametrize(
    ("text", "to", "note"),
    [
        ("route bob", "bob", ""),
        ("Route Bob.", "bob", ""),
        ("route to bob", "bob", ""),
        ("route @bob", "bob", ""),
        ("route: bob", "bob", ""),
        ("route finance: who is that?", "finance", "who is that?"),
        (
            "route finance: a note over\ntwo lines\n\nThanks\nAda",
            "finance",
            "a note over two lines",
        ),
        ("route bob\nThanks", "bob", ""),
        ("Route to Bob because he knows", "bob", "he knows"),
    ],
)
def test_a_question_is_handed_over(text: str, to: str, note: str) -> None:
    found = read(text)
    assert (found.key, found.verb, found.to, found.note) == ("decision", "route", to, note)


@pytest.mark.parametrize(
    "text",
    [
        "route",
        "route bob and cleo",
        "route bob, cleo",
        "route bob?",
        "route bob please",
        "route bob\napprove",
        "route bob\n\nbut only if he is there",
        "route bob\nhe knows",
        "route bob: x\n\nreject",
        "route bоb",
    ],
)
def test_a_route_that_names_nobody_for_certain_asks_back(text: str) -> None:
    assert (read(text).key, read(text).verb) == ("ambiguous", None)


def test_a_note_behind_the_colon_may_follow_at_once() -> None:
    assert edits("edit:less\namount = 40") == ("decision", {"amount": 40}, "less")


def test_a_sender_s_name_below_an_edit_is_nothing_and_another_s_asks_back() -> None:
    assert edits("edit\namount = 40\n\nAda Lovelace") == ("decision", {"amount": 40}, "")
    assert read("edit\namount = 40\n\nCleo Patra").key == "ambiguous"


def test_an_edit_with_another_command_below_asks_back_with_its_first_line() -> None:
    for text in ("edit amount\nreject", "edit\namount = 40\n\nreject"):
        found, lines = read(text), text.split("\n")
        assert (found.key, found.said, found.lines) == ("ambiguous", lines[0], tuple(lines))


@pytest.mark.parametrize(
    ("text", "to", "note"),
    [
        ("route Xavier", "xavier", ""),
        ("route bob: look: it is his", "bob", "look: it is his"),
        ("route bob because he said: mine", "bob", "he said: mine"),
    ],
)
def test_only_the_first_mark_begins_a_note(text: str, to: str, note: str) -> None:
    found = read(text)
    assert (found.verb, found.to, found.note) == ("route", to, note)
