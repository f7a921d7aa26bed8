"""The mail an order becomes, and every payload that must not become one."""

import contextlib
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hitl_mail.adapters.execute.mail import MailExecutor, compose
from hitl_mail.errors import Refused
from hitl_mail.ports import Attempt, MailDoubt, MailPermanent, MailTemporary, Order
from hitl_mail.settings import Executor as Settings

NOON = 1795348800.0
"""2026-11-22 12:00 UTC."""


class Noon:
    def now(self) -> float:
        return NOON


class Outbox:
    """Remembers what was sent; refuses or raises as told."""

    def __init__(self, refused: list[str] | None = None, fault: Exception | None = None) -> None:
        self.refused = refused or []
        self.fault = fault
        self.sent: list[tuple[str, list[str], bytes, str]] = []

    async def send(
        self, mail_from: str, rcpt_to: list[str], message: bytes, name: str
    ) -> list[str]:
        if self.fault:
            raise self.fault
        self.sent.append((mail_from, rcpt_to, message, name))
        return self.refused

    async def close(self) -> None: ...


def settings(**changes: Any) -> Settings:
    return Settings(type="mail", **{"from_": "Crew <crew@acme.example>", **changes})


def order(attachments: tuple[tuple[str, str, bytes], ...] = (), **payload: Any) -> Order:
    mail = {"to": "ada@example.com", "subject": "Hello", "text": "Dear Ada"} | payload
    mail = {field: value for field, value in mail.items() if value != "absent"}
    return Order("261122-k3f9ma", 2, 1, mail, attachments, "261122-k3f9ma-2")


def mail(
    attachments: tuple[tuple[str, str, bytes], ...] = (),
    with_settings: Settings | None = None,
    **payload: Any,
) -> EmailMessage:
    """The mail as its recipient's program reads it."""
    draft = compose(with_settings or settings(), order(attachments, **payload), NOON)
    return cast(EmailMessage, message_from_bytes(draft.message, policy=policy.default))


async def run(outbox: Outbox, **payload: Any) -> Attempt:
    return await MailExecutor(settings(), outbox, Noon()).run(order(**payload))


# The mail


def test_it_comes_from_the_executors_own_address() -> None:
    assert mail()["From"] == "Crew <crew@acme.example>"


def test_it_goes_where_the_payload_says() -> None:
    found = mail(to=["ada@example.com", "Bob <bob@example.com>"], cc="cleo@example.com")
    assert (found["To"], found["Cc"]) == (
        "ada@example.com, Bob <bob@example.com>",
        "cleo@example.com",
    )


def test_its_envelope_names_each_recipient_once() -> None:
    draft = compose(settings(), order(to=["a@x.example", "A <a@x.example>"], cc="b@x.example"), 0)
    assert (draft.sender, draft.recipients) == ("crew@acme.example", ["a@x.example", "b@x.example"])


def test_it_has_subject_and_text() -> None:
    found = mail(subject="Grüße", text="Liebe Ada,\n\nschön.\n")
    assert (found["Subject"], found.get_content()) == ("Grüße", "Liebe Ada,\r\n\r\nschön.\r\n")


def test_answers_go_where_the_settings_say() -> None:
    found = mail(with_settings=settings(reply_to="help@acme.example"))
    assert found["Reply-To"] == "help@acme.example"


def test_its_message_id_is_fixed_by_the_key() -> None:
    assert mail()["Message-ID"] == "<execute.261122-k3f9ma-2@acme.example>"


def test_its_date_is_now() -> None:
    assert mail()["Date"].datetime.timestamp() == NOON


def test_nothing_in_it_speaks_of_us() -> None:
    assert b"hitl" not in compose(settings(), order(), NOON).message.lower()


def test_it_is_a_persons_mail_not_an_automats() -> None:
    assert "Auto-Submitted" not in mail()


def test_attachments_are_attached() -> None:
    found = mail((("rückgabe.csv", "text/csv", b"1,2\n"), ("a.bin", "application/x", b"\0")))
    parts = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in found.iter_attachments()
    ]
    assert parts == [("rückgabe.csv", "text/csv", b"1,2\n"), ("a.bin", "application/x", b"\0")]


@pytest.mark.parametrize("content_type", ["message/rfc822", "Multipart/mixed"])
def test_an_attachment_that_would_be_a_mail_of_its_own_is_only_bytes(content_type: str) -> None:
    [part] = mail((("a.eml", content_type, b"Subject: x\n\nx"),)).iter_attachments()
    assert part.get_content_type() == "application/octet-stream"


@pytest.mark.parametrize("text", ["", "x" * 5000, "ü" * 5000, "a\r\nb\rc\n", ".\n..\n", "€\t\n"])
def test_any_text_goes_through_a_server_of_seven_bits(text: str) -> None:
    lines = compose(settings(), order(text=text), NOON).message.split(b"\r\n")
    assert all(len(line) < 998 and line.isascii() and b"\n" not in line for line in lines)


@pytest.mark.parametrize(
    "subject",
    ["", "x" * 900, "ü" * 900, "wörter " * 120, 'a: b, <c> "d"', "Bcc: eve@evil.test", "日本語 😀"],
)
def test_any_subject_arrives_as_it_was(subject: str) -> None:
    assert mail(subject=subject)["Subject"].split() == subject.split()


@pytest.mark.parametrize(
    "name", ["Ada", "Ada Lovelace", "Ädä Łovelace", "Lovelace, Ada", "日本語 " * 20, "O'Hara; Ada"]
)
def test_any_name_arrives_as_it_was(name: str) -> None:
    # Read word by word: the address parser of Python 3.11 adds spaces between encoded words.
    raw = BytesParser().parsebytes(
        compose(settings(), order(to=f'"{name}" <ada@example.com>'), NOON).message
    )
    words = str(make_header(decode_header(raw["To"]))).replace('"', "").split()
    assert words == [*name.split(), "<ada@example.com>"]


# What is refused before anything is sent


@pytest.mark.parametrize("field", ["to", "subject", "text"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    with pytest.raises(Refused) as found:
        compose(settings(), order(**{field: "absent"}), NOON)
    assert found.value.field == field


@pytest.mark.parametrize("field", ["bcc", "html", "from", "headers"])
def test_a_field_that_would_be_left_out_is_refused(field: str) -> None:
    with pytest.raises(Refused) as found:
        compose(settings(), order(**{field: "x@example.com"}), NOON)
    assert found.value.field == field


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "ada@example.com, eve@evil.test",
        "ada@example.com\r\nBcc: eve@evil.test",
        "ada@example.com\nBcc: eve@evil.test",
        "ceo@example.com <eve@evil.test>",
        '"ceo@example.com" <eve@evil.test>',
        "Ada <ada@example.com> <eve@evil.test>",
        "Ada <ada@example.com>, Eve <eve@evil.test>",
        "Ada (<ada@example.com>) <eve@evil.test>",
        "=?utf-8?q?ada=40example=2Ecom?= <eve@evil.test>",
        "team: ada@example.com, eve@evil.test;",
        "ada..l@example.com",
        ".ada@example.com",
        "ada@-example.com",
        "ada@exämple.com",
        "ada@[127.0.0.1]",
        "ada @example.com",
        f"{'a' * 65}@example.com",
        None,
        7,
        {"mail": "ada@example.com"},
        ["ada@example.com", None],
        [["ada@example.com"]],
        [],
    ],
)
def test_an_address_with_no_or_two_readings_is_refused(address: Any) -> None:
    with pytest.raises(Refused):
        compose(settings(), order(to=address), NOON)


@pytest.mark.parametrize(
    "subject",
    [
        "a\r\nBcc: eve@evil.test",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\x0bb",
        "a\x85b",
        "a\u2028b",
        "=?utf-8?q?a=0D=0ABcc:_eve=40evil.test?=",
        "x" * 901,
        None,
        7,
    ],
)
def test_a_subject_that_is_not_one_plain_line_is_refused(subject: Any) -> None:
    with pytest.raises(Refused):
        compose(settings(), order(subject=subject), NOON)


@pytest.mark.parametrize("text", [None, 7, ["a"], "a\0b", "a\x1b[31mb"])
def test_a_text_that_is_no_text_is_refused(text: Any) -> None:
    with pytest.raises(Refused):
        compose(settings(), order(text=text), NOON)


@pytest.mark.parametrize("name", ["a\u2028b", "=?utf-8?q?a=0D=0AX:_y?="])
def test_an_attachments_name_cannot_break_its_header(name: str) -> None:
    with pytest.raises(Refused):
        compose(settings(), order(((name, "text/csv", b""),)), NOON)


@pytest.mark.parametrize("sender", [None, "crew", "crew@acme.example\nBcc: x@y.example"])
def test_a_sender_that_is_none_is_the_settings_fault(sender: str | None) -> None:
    with pytest.raises(Refused) as found:
        compose(settings(from_=sender), order(), NOON)
    assert found.value.field == "executor.from"


_PIECES = ["=?", "utf-8?q?", "=0A", "?=", "\n", "\r", "Bcc:", " ", ",", ";", "<", ">", "@", "x@y.z"]
_PIECES += ['"', "\\", "(", ":", "'", "ü", "日本", "\u2028", "\x85", "\t", "\u202e"]
_HOSTILE = st.lists(st.sampled_from(_PIECES), max_size=25).map("".join)


@given(name=_HOSTILE, subject=_HOSTILE, text=_HOSTILE, filename=_HOSTILE)
@hypothesis_settings(max_examples=300, deadline=None, derandomize=True)
def test_no_payload_adds_a_header(name: str, subject: str, text: str, filename: str) -> None:
    for changes, file in (
        ({"to": f'"{name}" <ada@example.com>'}, "f"),
        ({"cc": f"{name} <ada@example.com>"}, "f"),
        ({"subject": subject, "text": text}, "f"),
        ({}, filename or "f"),
    ):
        with contextlib.suppress(Refused):
            found = mail(
                ((file, "text/csv", b"\r\nBcc: x\r\n"),), cc=changes.pop("cc", []), **changes
            )
            _, attached = found.iter_parts()
            assert (set(found.keys()) - {"Cc"}, set(attached.keys())) == (_HEADER, _PART)


_PART = {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version"}
_HEADER = {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"}


# What becomes of it


async def test_it_is_handed_over_under_a_name_fixed_by_the_key() -> None:
    outbox = Outbox()
    await run(outbox)
    await run(outbox)
    assert [name for *_, name in outbox.sent] == ["execute-261122-k3f9ma-2"] * 2


async def test_what_the_next_hop_took_is_ok() -> None:
    attempt = await run(Outbox(), to=["a@x.example", "b@x.example"])
    outcome = attempt.outcome
    assert (attempt.result, outcome["accepted"], outcome["refused"], outcome["message_id"]) == (
        "ok",
        ["a@x.example", "b@x.example"],
        [],
        "<execute.261122-k3f9ma-2@acme.example>",
    )


async def test_what_some_refused_is_in_doubt_and_says_who() -> None:
    attempt = await run(Outbox(refused=["b@x.example"]), to=["a@x.example", "b@x.example"])
    assert (attempt.result, attempt.outcome["accepted"], attempt.outcome["refused"]) == (
        "doubt",
        ["a@x.example"],
        ["b@x.example"],
    )


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (MailTemporary("451 try again"), "temporary"),
        (MailPermanent("550 no such user"), "failed"),
        (MailDoubt("connection lost after DATA"), "doubt"),
    ],
)
async def test_what_the_outbox_says_is_the_result(fault: Exception, result: str) -> None:
    attempt = await run(Outbox(fault=fault))
    assert (attempt.result, attempt.outcome["error"]) == (result, str(fault))


async def test_a_bad_payload_fails_and_nothing_is_sent() -> None:
    outbox = Outbox()
    attempt = await run(outbox, subject="a\nb")
    assert (attempt.result, outbox.sent, "subject" in attempt.outcome["error"]) == (
        "failed",
        [],
        True,
    )
