"""Header fields as they stand in the bytes, and where two programs could see different ones."""

from __future__ import annotations

import email
import email.policy
from email.header import Header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.review.headers import (
    MOST_FIELDS,
    decoded,
    find_defect,
    first,
    one_address,
    read_fields,
    values,
)


def test_a_mail_with_the_line_ends_of_old_macs_is_read_but_has_a_defect() -> None:
    message = b"From: MAILER-DAEMON\rTo: y\r\rX: z\r"
    assert read_fields(message) == [("from", "MAILER-DAEMON"), ("to", "y")]
    assert find_defect(message) == "its header has a bare carriage return"


def test_fields_are_unfolded_and_named_in_lower_case() -> None:
    message = b"FROM: ada\r\n\t<ada@example.com>\r\nX:\r\nTo:y\r\n\r\nFrom: eve\r\n"
    assert read_fields(message) == [("from", "ada <ada@example.com>"), ("x", ""), ("to", "y")]
    assert find_defect(message) == ""


def test_a_field_is_read_as_every_program_reads_it_and_what_is_none_is_left_out() -> None:
    message = b"\r\n\nFrom \t: ada\r\na b: c\r\nno field\r\nSubject: \xff\r\n\r\nTo: eve"
    assert read_fields(message) == [("from", "ada"), ("subject", "\ufffd")]


def test_as_many_fields_as_may_be_are_no_defect() -> None:
    assert find_defect(b"X: y\r\n" * MOST_FIELDS + b"\r\n") == ""
    assert (
        find_defect(b"X: y\r\n" * (MOST_FIELDS + 1) + b"\r\n") == "its header has too many fields"
    )


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"From: a\n\nb\rc\0",
        b"From: a\r\n\r\nb\nc",
        b"\r\n\r\nFrom: a\r\n\r\n",
        b"From eve@evil.test Sun Nov 22 11:00:00 2026\nFrom: a\n\n",
        b"Delivered-To: x\nReceived: y\n\tz\nFrom: a\r\nTo: b\r\n\r\n",
        b"X-" + b"y" * 90 + b": z\n\n",
        b"From: \xc3\xa4 \xff <a@b.example>\n\n",
    ],
)
def test_what_mail_servers_hand_over_has_no_defect(message: bytes) -> None:
    assert find_defect(message) == ""


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"From: a\0\n\n", "its header has a NUL character"),
        (b"X: y\rFrom: a\r\n\r\n", "its header has a bare carriage return"),
        (b"\rX: y\r\nFrom: a\r\n\r\n", "its header has a bare carriage return"),
        (b"X: y\r\r\nFrom: a\r\n\r\n", "its header has a bare carriage return"),
        (b"X: y\r\nZ: a\nFrom: b\r\n\r\n", "the lines of its header end in different ways"),
        (b"X: y\r\nFrom: a\n\nTo: b\r\n\r\n", "the lines of its header end in different ways"),
        (b"From: a\nno field\nTo: b\n\n", "its header has a line that is no field"),
        (b"From: a\nFrom eve\nTo: b\n\n", "its header has a line that is no field"),
        (b"X: y\nFrom : a\n\n", "its header has a line that is no field"),
        ("X: y\nFr\u043em: a\n\n".encode(), "its header has a line that is no field"),
        (b": a\nFrom: b\n\n", "its header has a line that is no field"),
        (b" X: y\nFrom: a\n\n", "its header has a line that continues nothing"),
        (b"X: y\n \t\nFrom: a\n\n", "its header has a line that continues nothing"),
        (b"X: y\n" * 501 + b"From: a\n\n", "its header has too many fields"),
        (b"X: " + b"y" * 200_000 + b"\nFrom: a\n\n", "its header is too long"),
    ],
)
def test_what_two_programs_could_read_differently_is_a_defect(message: bytes, why: str) -> None:
    assert find_defect(message) == why


_lines = st.sampled_from(
    [b"From: a@b.example", b"from:c@d.example", b"From : e@f.example", b"X: y", b" z", b"\tFrom: g",
     b"From g", b"To", b"", b" ", b":", b"\x0b", b"F\0rom: h"]
)  # fmt: skip
_ends = st.sampled_from([b"\r\n", b"\n", b"\r", b"\n\r"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_lines, _ends), max_size=8))
def test_without_a_defect_the_standard_library_sees_the_same_senders(
    lines: list[tuple[bytes, bytes]],
) -> None:
    message = b"".join(line + end for line, end in lines) + b"\r\n"
    if find_defect(message):
        return
    theirs = email.message_from_bytes(message.lstrip(b"\r\n"), policy=email.policy.compat32)
    ours = values(read_fields(message), "from")
    assert [" ".join(str(one).split()) for one in theirs.get_all("From", [])] == ours


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert isinstance(read_fields(data), list)
    assert isinstance(find_defect(data), str)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120), st.sampled_from(["{}", '"{}"', "=?utf-8?q?{}?=", "=?utf-8?b?{}?="]))
def test_whatever_the_name_the_address_is_the_one_behind_it(text: str, form: str) -> None:
    found = one_address(f"{form.replace('{}', text)} <ada@example.com>")
    assert found in (None, "ada@example.com")


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"[a-z]{1,5}@[a-z]{1,5}\.[a-z]{2,3}", fullmatch=True), st.text(max_size=5))
def test_no_name_shows_another_address(other: str, around: str) -> None:
    word = Header(f"{around} {other} {around}", "utf-8").encode(maxlinelen=400, linesep="")
    assert one_address(f"{word} <ada@example.com>") is None
    assert one_address(f'"{other}" <ada@example.com>') is None


def test_text_made_to_take_long_does_not() -> None:
    for message in (
        b"A: b\n" + b" c\n" * 60_000,
        b"\r" * 3_000_000,
        b"A:" + b"\r\n" * 1_000_000,
        b"A: " + b"=?utf-8?q?" * 20_000,
    ):
        assert isinstance(find_defect(message), str)
        assert len(read_fields(message)) <= 1
    assert one_address("=?utf-8?q?a" * 90 + " <a@b.example>") in (None, "a@b.example")


def test_where_nobody_checks_a_file_made_by_hand_may_mix_the_ends_of_its_lines() -> None:
    mixed = b"From: a@example.com\r\nTo: b@example.com\r\n\napprove\n"
    assert find_defect(mixed) == "the lines of its header end in different ways"
    assert find_defect(mixed, checked=False) == ""


@pytest.mark.parametrize(
    "address",
    [
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "ada@.example.com",
        "ada@-example.com",
        "ada@example.com.",
        "ada@example.com-",
        "ada@example..com",
        "<ada@example.com",
        "ada@example.com>",
        "Ada ada@example.com>",
    ],
)
def test_what_no_server_would_take_is_no_address(address: str) -> None:
    assert one_address(address) is None


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ('"Ada \\" L"', True),
        ('"Ada \\\\"', True),
        ('"Ada \\x"', False),
        ('"Ada " L"', False),
        ('"" L"', False),
        ('"Ada\x1f"', False),
        ('"Ada L', False),
        ("ADA@example.com", False),
        ('"ADA@Example.COM"', True),
        ('"ada@example.com, eve@evil.test"', False),
    ],
)
def test_a_name_in_quotes_is_one_name(name: str, taken: bool) -> None:
    assert (one_address(f"{name} <ada@example.com>") is not None) is taken


def test_a_field_that_stands_twice_has_both_values_and_a_topmost() -> None:
    fields = [("to", "a"), ("cc", "x"), ("to", "b")]
    assert (values(fields, "to"), first(fields, "to"), first(fields, "from")) == (
        ["a", "b"],
        "a",
        "",
    )


def test_encoded_words_are_shown_in_their_charset_or_in_some() -> None:
    assert decoded("=?utf-8?q?=C3=84da?= L") == "Äda L"
    assert decoded("=?latin-1?q?=C4da?=") == "Äda"
    assert decoded("=?x-unknown?q?=C4da?=") == "Äda"
    assert decoded("=?utf-8?q?=C4da?=") == "\ufffdda"
    assert decoded("=?utf-8?b?A?=") == "@@@"


def test_a_name_may_be_empty_or_long() -> None:
    assert one_address('"" <ada@example.com>') == "ada@example.com"
    assert one_address(f"{'a' * 1000} <ada@example.com>") == "ada@example.com"
    assert one_address(f"{'a' * 1001} <ada@example.com>") is None
