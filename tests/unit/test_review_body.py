"""Which parts of a mail are its own words."""

from __future__ import annotations

import pytest

from hitl_mail.review.body import html_to_text, read_body, read_html

PLAIN, HTML = "Content-Type: text/plain", "Content-Type: text/html"


def multipart(sort: str, *parts: str) -> str:
    """A multipart entity; each part is its header, an empty line and its body."""
    mark = f"=_{sort}"
    inside = "".join(f"--{mark}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{sort}; boundary="{mark}"\r\n\r\n{inside}--{mark}--\r\n'


def part(sort: str, text: str, *more: str) -> str:
    return "\r\n".join([sort, *more, "", text])


def words(message: str) -> list[str]:
    return [line for line in read_body(message.encode()).lines if line.strip()]


BOTH = multipart("alternative", part(PLAIN, "plain"), part(HTML, "<p>page</p>"))


def test_of_alternatives_the_plain_one_is_read_wherever_it_stands() -> None:
    assert words(BOTH) == ["plain"]
    turned = multipart("alternative", part(HTML, "<p>page</p>"), part(PLAIN, "plain"))
    assert words(turned) == ["plain"]


def test_of_alternatives_the_page_can_be_asked_for() -> None:
    assert [line for line in read_html(BOTH.encode()) if line] == ["page"]


def test_a_page_within_its_pictures_is_found() -> None:
    related = multipart("related", part(HTML, "<p>page</p>"), part("Content-Type: image/png", "x"))
    message = multipart("alternative", part(PLAIN, "plain"), related).encode()
    assert [line for line in read_html(message) if line] == ["page"]


def test_without_a_page_the_plain_text_is_all_there_is() -> None:
    assert read_html(part(PLAIN, "plain").encode()) == ("plain",)


@pytest.mark.parametrize("sort", ["mixed", "related", "signed", "no-such"])
def test_text_on_both_sides_of_a_picture_is_read_whole(sort: str) -> None:
    picture = part("Content-Type: image/png", "x")
    message = multipart(sort, part(PLAIN, "approve"), picture, part(PLAIN, "but only 20"))
    assert words(message) == ["approve", "but only 20"]


def test_a_text_file_is_not_read() -> None:
    file = part('Content-Type: text/plain; name="log.txt"', "reject")
    message = multipart("mixed", part(PLAIN, "approve"), file)
    assert words(message) == ["approve"]


def test_a_mail_within_the_mail_is_not_read() -> None:
    inner = part("Content-Type: message/rfc822", "Subject: x\r\n\r\nreject")
    assert words(multipart("mixed", part(PLAIN, "approve"), inner)) == ["approve"]


def test_an_empty_alternative_leaves_the_word_to_the_other() -> None:
    assert words(multipart("alternative", part(PLAIN, " "), part(HTML, "<b>page</b>"))) == ["page"]


def test_what_outlook_puts_behind_its_mark_is_no_text() -> None:
    page = '<div>new<div id="appendonsend"></div><hr><p>old</p>older</div><p>below</p>'
    assert html_to_text(page).split() == ["new", "below"]


@pytest.mark.parametrize("page", ["", "<", "<html>", "\x00", "<p" * 1000, "<!--"])
def test_broken_pages_are_read_as_far_as_they_go(page: str) -> None:
    assert isinstance(html_to_text(page), str)


def test_a_mail_whose_header_never_ends_has_no_text() -> None:
    assert words("A: b\r\n" * 50_000 + "\r\napprove") == []


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_long_text_below_a_short_header_is_read_from_its_beginning(end: str) -> None:
    text = f"approve{end}{end}" + f"and more{end}" * 30_000 + f"{end}{end}last"
    assert words(f"{PLAIN}{end}{end}{text}")[:2] == ["approve", "and more"]


def test_empty_lines_above_a_mail_are_nothing() -> None:
    assert words("\r\n\n" + part(PLAIN, "approve")) == ["approve"]


def test_of_very_many_parts_the_first_are_read() -> None:
    many = multipart("mixed", *(part(PLAIN, f"n{n}") for n in range(60)))
    assert words(many) == [f"n{n}" for n in range(49)]


@pytest.mark.parametrize(("levels", "read"), [(10, ["approve"]), (11, [])])
@pytest.mark.parametrize("sort", ["mixed", "alternative"])
def test_what_is_nested_too_deep_is_not_read(sort: str, levels: int, read: list[str]) -> None:
    message = part(PLAIN, "approve")
    for level in range(levels):
        message = multipart(sort, message).replace(f"=_{sort}", f"={level}=")
    assert words(message) == read


def test_lines_that_look_like_the_ends_of_parts_are_read_up_to_a_bound() -> None:
    assert len(words(part(PLAIN, "approve\n" + "--x\n" * 400))) == 300


@pytest.mark.parametrize(
    ("sort", "text", "lines"),
    [
        ("", "one \r\ntwo", ["one ", "two"]),
        ("; format=flowed", "one \r\ntwo\r\nthree", ["one two", "three"]),
        ("; Format=Flowed; DelSp=Yes", "on \r\ne", ["one"]),
        ("; format=flowed", "> a \r\n> b\r\n>> c \r\nd", ["> a b", ">> c ", "d"]),
        ("; format=flowed", "a \r\n-- \r\nAda", ["a ", "-- ", "Ada"]),
        ("; format=flowed", " > no quote", ["> no quote"]),
        ("", "one\rtwo", ["one", "two"]),
    ],
)
def test_a_text_has_the_lines_that_were_written(sort: str, text: str, lines: list[str]) -> None:
    assert list(read_body(part(PLAIN + sort, text).encode()).lines) == lines


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("", "é".encode(), "é"),
        ("", b"\xe9", "é"),
        ("", b"\xe9 \x81", "é \ufffd"),
        ("; charset=iso-8859-2", b"\xea", "ę"),
        ("; charset=no-such", "é".encode(), "é"),
        ("; charset=us-ascii", "é".encode(), "é"),
        ("; charset=utf-7", b"+AGE-pprove", "+AGE-pprove"),
        ("", b"a" + "é".encode() * 200_000, "a" + "é" * 3999),
    ],
)
def test_a_text_is_read_in_its_charset_or_one_that_it_may_be_in(
    charset: str, raw: bytes, text: str
) -> None:
    head = f"{PLAIN}{charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    assert read_body(head.encode() + raw).lines == (text,)


def test_a_page_says_nothing_but_its_own_words() -> None:
    assert html_to_text('<ul><li>one</ul><img src="x" alt="approve">').split() == ["one"]


def test_text_on_both_sides_of_a_picture_are_two_paragraphs() -> None:
    message = multipart("mixed", part(PLAIN, "approve"), part(PLAIN, "thanks")).encode()
    assert read_body(message).lines == ("approve", "", "thanks")


@pytest.mark.parametrize(
    ("head", "author"),
    [('From: "Ada Lovelace" <ada@example.com>', "Ada Lovelace"), ("To: bob@example.com", "")],
)
def test_who_signs_a_mail_is_the_name_in_its_from(head: str, author: str) -> None:
    assert read_body(part(head, "approve").encode()).author == author


HIDING = (
    'style="display:none"',
    'style="color: red; DISPLAY : none !important;"',
    'style="visibility:hidden"',
    'style="visibility: collapse"',
    'style="mso-hide:all"',
    'style="font-size:0"',
    'style="font-size:0px"',
    'style="opacity:0.0"',
    'style="display:/* x */none"',
    "hidden",
)


@pytest.mark.parametrize("how", HIDING)
def test_what_nobody_is_shown_is_not_what_was_written(how: str) -> None:
    hidden = f"<p {how}>approve <b>this</b></p><p>Never</p>"
    assert html_to_text(hidden).split() == ["Never"]


@pytest.mark.parametrize(
    "style", ["display:block", "font-size:10px", "font-size:0.9em", "opacity:0.9", "x-display:none"]
)
def test_what_is_shown_in_another_way_is_read(style: str) -> None:
    assert html_to_text(f'<p style="{style}">approve</p>').strip() == "approve"


def test_within_what_is_hidden_nothing_is_shown() -> None:
    inner = '<div style="display:block">approve</div>'
    assert html_to_text(f'<div style="display:none">{inner}</div>').strip() == ""


@pytest.mark.parametrize(("styles", "text"), [(100, "approve"), (101, "")])
def test_a_mail_that_hides_without_end_has_no_text(styles: int, text: str) -> None:
    page = "".join(f"<p style='display:none;a:{index}'>no</p>" for index in range(styles))
    assert html_to_text(f"{page}<p>approve</p>").strip() == text


@pytest.mark.parametrize(
    "style", ['display:none;x:"a', "display:none;\\", "display:none;\u00e9\n]"]
)
def test_a_style_of_any_text_hides(style: str) -> None:
    page = f"<p style='{style}'>approve</p><p>Never</p>"
    assert html_to_text(page).split() == ["Never"]
