"""Mails as bytes, part by part."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from hitl_mail.review.mime import attachment, field, mailbox, structured, text_part


def read(entity: bytes) -> EmailMessage:
    found = email.message_from_bytes(entity, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_plain_field_stands_as_it_is_and_is_folded_where_it_is_long() -> None:
    assert field("Subject", "Refund 49 EUR") == b"Subject: Refund 49 EUR\r\n"
    long = "word " * 20 + "end"
    folded = field("Subject", long)
    assert [len(line) <= 78 for line in folded.split(b"\r\n")] == [True, True, True]
    assert folded.replace(b"\r\n ", b" ") == f"Subject: {long}\r\n".encode()


@pytest.mark.parametrize("text", ["Rückzahlung", "=?utf-8?q?approve?=", "a\r\nBcc: eve@evil.test"])
def test_whatever_stands_in_a_field_it_is_one_field_and_shown_as_it_is(text: str) -> None:
    made = read(field("Subject", text) + b"\r\n")
    assert (made.keys(), made["Subject"]) == (["Subject"], " ".join(text.split()))


def test_words_that_stay_whole_are_folded_between_them() -> None:
    assert structured("References", "<a@x>", "<b@x>\r\nBcc: y") == (
        b"References: <a@x>\r\n <b@x> Bcc: y\r\n"
    )
    assert structured("To", "adä@example.com") == b"To: ad?@example.com\r\n"


def test_a_name_shows_nothing_but_itself() -> None:
    assert mailbox("Acme, Inc.", "a@x.test") == '"Acme, Inc." <a@x.test>'
    assert mailbox("=?utf-8?q?Eve?=", "a@x.test") == "= ?utf-8?q?Eve?= <a@x.test>"


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        ("a\nb", "7bit"),
        ("a" * 900, "7bit"),
        ("a word\n" * 300, "7bit"),
        ("1 = ü =3D", "quoted-printable"),
        ("a" * 901, "quoted-printable"),
        ("für\nAda", "quoted-printable"),
    ],
)
def test_a_text_arrives_as_it_was_written(text: str, coding: str) -> None:
    made = text_part("plain", text)
    found = read(made)
    assert found["Content-Transfer-Encoding"] == coding
    assert found.get_content().replace("\r\n", "\n") == text
    assert max(map(len, made.split(b"\r\n"))) <= 998
    assert b"\n" not in made.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("sort", "shown"),
    [
        ("text/plain", "text/plain"),
        ("Application/PDF", "application/pdf"),
        ("image/png", "image/png"),
        ("video/mp4", "video/mp4"),
        ("image/svg+xml", "application/octet-stream"),
        ("text/html", "application/octet-stream"),
        ("message/rfc822", "application/octet-stream"),
        ("application/zip", "application/octet-stream"),
    ],
)
def test_what_a_program_might_run_or_unpack_loses_its_type(sort: str, shown: str) -> None:
    found = read(attachment("a.bin", sort, b"\0" * 100))
    assert (found.get_content_type(), found.get_content_disposition()) == (shown, "attachment")
    assert found.get_payload(decode=True) == b"\0" * 100


@pytest.mark.parametrize("name", ["a b-1_2.txt", 'a"b.txt', "ü.txt", "a;b=c.txt", "a\r\nX: y"])
def test_a_file_keeps_its_name(name: str) -> None:
    found = read(attachment(name, "text/plain", b"x"))
    assert found.get_filename() == name
    assert found.keys() == ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"]
    assert b"/" not in attachment("../a.txt", "text/plain", b"x").split(b"\r\n")[3]
    quoted = b"filename*" if any(char in name for char in '"ü;\r') else b'filename="'
    assert quoted in attachment(name, "text/plain", b"x")
