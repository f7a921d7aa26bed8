"""Which mails a machine wrote, how sure that is, and who is away."""

from __future__ import annotations

from email.header import Header

import pytest

from hitl_mail.core.case import Case
from hitl_mail.review.reply import read_reply
from hitl_mail.review.sender import Belief, Identity, believe, identify
from tests.factories import action, case_after, receive
from tests.mails import (
    ADDRESS,
    AT,
    STYLES,
    TOKENS,
    composed,
    composer,
    mail_to,
    parsed,
    reply,
    site,
)


def asked() -> Case:
    return case_after(receive(expires_at=AT + 99), now=AT)


RETURNED = """The following addresses had permanent fatal errors:
bob@example.org
Transcript of session follows
"""
CASE = asked()
ASK = composed(CASE).message


def belief(*fields: str, typed: str = "approve", sender: str = "ada@example.com") -> Belief:
    """Of a reply to our mail with more fields on top."""
    return believe(with_fields(*fields, typed=typed, sender=sender), TOKENS, "token")


def with_fields(*fields: str, typed: str = "approve", sender: str = "ada@example.com") -> bytes:
    head = "".join(f"{field}\r\n" for field in fields).encode()
    return head + reply(typed, ASK, sender=sender)


def identity(found: Belief) -> Identity:
    revisions = {revision.number: revision.digest for revision in CASE.revisions}
    return identify(found, CASE.id, revisions, site().people, TOKENS)


def encoded(subject: str) -> str:
    return f"Subject: {Header(subject, 'utf-8').encode(linesep=chr(13) + chr(10))}"


STRONG = [
    "Auto-Submitted: auto-replied",
    "Auto-Submitted: auto-generated (rejected)",
    "Auto-Submitted: auto-notified; owner-email=x@example.com",
    "Auto-Submitted: NO-WAY",
    "Precedence: auto_reply",
    "Precedence: Auto-Reply",
    "X-Autoreply: yes",
    "X-Autorespond: vacation",
    "X-Auto-Reply-From: ada@example.com",
    "X-MS-Exchange-Inbox-Rules-Loop: ada@example.com",
    "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
    "Content-Type: multipart/report; report-type=disposition-notification",
    "Content-Type: multipart/report; report-type=feedback-report",
]
SOFT = [
    "Subject: Automatic reply: [hitl 261122-k3f9ma] Refund",
    "Subject: Auto: Re: it",
    "Subject: Ada is out of the office",
    "Precedence: bulk",
    "Precedence: junk",
    "Precedence: list",
    "List-Id: <team.example.com>",
    "List-Post: <mailto:team@example.com>",
    "List-Unsubscribe: <mailto:team-leave@example.com>",
    "X-Mailman-Version: 2.1.39",
    "X-Auto-Response-Suppress: All",
    "X-Auto-Response-Suppress: DR, OOF, AutoReply",
]


@pytest.mark.parametrize("field", STRONG)
def test_a_mail_that_says_it_is_automatic_is_neither_followed_nor_answered(field: str) -> None:
    found = belief(field)
    assert (found.class_, found.weak, found.problems != ()) == ("auto-reply", False, True)


@pytest.mark.parametrize("field", SOFT)
def test_a_sign_that_a_persons_mail_may_bear_decides_nothing_but_is_weak(field: str) -> None:
    found = belief(field)
    assert (found.class_, found.weak, found.problems != ()) == ("auto-reply", True, True)
    assert identity(found).person == "ada"


@pytest.mark.parametrize("method", ["REPLY", '"counter"', "reply; charset=utf-8"])
def test_an_answer_to_an_invitation_decides_nothing(method: str) -> None:
    head = (
        f"From: ada@example.com\r\nTo: {parsed(ASK)['Reply-To']}\r\n"
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    )
    part = f"--b\r\n\r\napprove\r\n--b\r\nContent-Type: text/calendar;\r\n method={method}\r\n"
    found = believe(f"{head}{part}\r\nx\r\n--b--\r\n".encode(), TOKENS, "token")
    assert (found.class_, found.weak) == ("auto-reply", True)


def test_a_sentence_about_calendars_makes_no_machine() -> None:
    found = belief(typed="reject\n\nContent-Type: text/calendar; method=REPLY\n")
    assert found.class_ == "reply"


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "X-Auto-Response-Suppress: None",
        "X-Autoreply: no",
        "Precedence: first-class",
        "Return-Path: <ada@example.com>",
        "Subject: Re: [hitl 261122-k3f9ma] Out of office assistant for Ada",
        "Subject: AW: [hitl 261122-k3f9ma] Delivery failure on automatic reply",
        "Subject: Autonomous trucks",
    ],
)
def test_a_persons_reply_stays_one(field: str) -> None:
    found = belief(field)
    assert (found.class_, found.problems, found.weak) == ("reply", (), False)


@pytest.mark.parametrize("style", STYLES)
def test_no_program_makes_a_persons_reply_look_automatic(style: str) -> None:
    found = believe(reply("approve", ASK, style), TOKENS, "token")
    assert (found.class_, found.problems) == ("reply", ())


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: [hitl x] Refund", "Out of Office: x", "Automatische Antwort: x",
        "Abwesenheitsnotiz: x", "Réponse automatique : x", "Absence du bureau : x",
        "Respuesta automática: x", "Fuera de la oficina: x", "Risposta automatica: x",
        "Fuori sede", "Automatisch antwoord: x", "Afwezig: x", "Resposta automática: x",
        "Automatiskt svar: x", "Autosvar: x", "Automatisk svar: x", "Automatyczna odpowiedź: x",
        "Automaattinen vastaus: x", "Automatická odpověď: x", "Otomatik yanıt: x",
        "Автоматический ответ: x", "自動応答: x", "自动答复: x", "자동 회신: x",
    ],
)  # fmt: skip
def test_absence_is_known_by_its_subject_in_many_languages(subject: str) -> None:
    found = belief(encoded(subject), typed="I am away until Monday.")
    assert (found.class_, found.absent) == ("auto-reply", True)
    assert identity(found).person == "ada"


@pytest.mark.parametrize(
    ("fields", "absent"),
    [
        (["Auto-Submitted: auto-replied"], True),
        (["Auto-Submitted: auto-replied (vacation)", "Return-Path: <>"], True),
        (["Precedence: auto_reply"], True),
        (["X-Autorespond: yes"], True),
        (["Auto-Submitted: auto-generated", "Subject: Automatic reply: x"], True),
        (["Auto-Submitted: auto-generated"], False),
        (["List-Id: <team.example.com>"], False),
        (["Content-Type: multipart/report; report-type=disposition-notification"], False),
        (["X-Auto-Response-Suppress: All"], False),
    ],
)
def test_only_an_answer_for_a_person_says_that_they_are_away(
    fields: list[str], absent: bool
) -> None:
    found = belief(*fields, typed="I am away until Monday.")
    assert (found.class_, found.absent) == ("auto-reply", absent)


def test_who_is_away_is_known_by_the_mail_that_was_answered() -> None:
    plain = composed(CASE, subaddressing=False)
    head = f"Auto-Submitted: auto-replied\r\nIn-Reply-To: {plain.message_id}\r\n".encode()
    found = believe(head + reply("I am away."), TOKENS, "token")
    assert (found.absent, identity(found).person) == (True, "ada")
    assert not believe(b"Auto-Submitted: auto-replied\r\n" + reply("x"), TOKENS, "token").absent


def test_what_answers_nothing_of_ours_is_never_weak() -> None:
    for field in SOFT:
        found = believe(f"{field}\r\n".encode() + reply("approve"), TOKENS, "token")
        assert (found.class_, found.weak) == ("auto-reply", False)


def test_a_strong_sign_outweighs_every_soft_one() -> None:
    found = belief("Precedence: bulk", "List-Id: <x.example>", "Auto-Submitted: auto-generated")
    assert (found.class_, found.weak) == ("auto-reply", False)


@pytest.mark.parametrize(
    "field",
    [
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        "Content-Type: Multipart/Report; boundary=x",
        "X-Failed-Recipients: ada@example.com",
    ],
)
def test_a_bounce_is_known_by_its_header(field: str) -> None:
    found = belief(field)
    assert (found.class_, found.weak, found.absent) == ("bounce", False, False)


@pytest.mark.parametrize("sender", ["MAILER-DAEMON@mx.example.com", "Mail <maildaemon@x.example>"])
def test_a_bounce_is_known_by_its_sender(sender: str) -> None:
    found = belief(sender=sender)
    assert (found.class_, found.weak) == ("bounce", False)


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        ([], "postmaster@example.com"),
        (["Return-Path: <>"], "ada@example.com"),
        (["Return-Path: < >"], "ada@example.com"),
        ([], "Mail Delivery System <ada@example.com>"),
        (["Subject: Undelivered Mail Returned to Sender"], "ada@example.com"),
        ([encoded("Unzustellbar: Nachricht")], "ada@example.com"),
        ([encoded("Недоставленное сообщение")], "ada@example.com"),
    ],
)
def test_a_bounce_by_soft_signs_alone_is_weak(fields: list[str], sender: str) -> None:
    found = belief(*fields, sender=sender)
    assert (found.class_, found.weak) == ("bounce", True)


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        (["Return-Path: <>"], "postmaster@example.com"),
        (["Return-Path: <>", "Subject: Undeliverable: it"], "ada@example.com"),
        (["Subject: Undeliverable: it"], "postmaster@example.com"),
    ],
)
def test_two_soft_signs_of_a_bounce_make_a_strong_one(fields: list[str], sender: str) -> None:
    found = belief(*fields, sender=sender)
    assert (found.class_, found.weak) == ("bounce", False)


def test_an_automatic_mail_with_a_bounces_subject_is_a_bounce_for_sure() -> None:
    found = belief("Subject: Delivery Status Notification (Failure)", "Auto-Submitted: yes")
    assert (found.class_, found.weak) == ("bounce", False)


def test_a_person_who_pastes_a_bounce_is_answered_with_help() -> None:
    pasted = "approve\n\nThis is what I got:\n\n" + RETURNED
    found = belief(typed=pasted)
    assert (found.class_, found.weak) == ("bounce", True)
    assert identity(found).problems == ("it says that a mail could not be delivered",)


@pytest.mark.parametrize(
    "signature",
    [
        "Ada Lovelace, ada@example.com, +49 30 123456",
        "Ada Lovelace, CEO, Acme Inc., ada@example.com, www.example.com",
        "Tel. 550 123, Fax 5.1.1, ada@example.com",
        "To: Ada, Bob <bob@example.com>, Cleo",
    ],
)
def test_no_signature_makes_a_person_a_machine(signature: str) -> None:
    for below in ("", "\n\nBest regards"):
        found = belief(typed=f"approve\n\n{signature}{below}")
        assert (found.class_, found.problems) == ("reply", ())
    fresh = reply(f"Hello\n\n{signature}").replace(b"Subject: Re: it", b"Subject: Hello")
    assert believe(fresh, TOKENS, "token").class_ == "unrelated"


@pytest.mark.parametrize("style", STYLES)
def test_a_bounce_in_the_mail_that_is_answered_makes_the_reply_none(style: str) -> None:
    """Else an agent could keep its reviewers from deciding by what it writes."""
    case = case_after(receive(action(why=RETURNED), expires_at=AT + 99), now=AT)
    ask = composer().compose(case, mail_to(case)).message
    found = believe(reply("approve", ask, style), TOKENS, "token")
    assert (found.class_, found.problems) == ("reply", ())


def test_the_same_text_alone_is_a_bounce() -> None:
    message = f"From: x@mx.example.org\r\nTo: {ADDRESS}\r\n\r\n{RETURNED}".encode()
    assert believe(message, TOKENS, "token").class_ == "bounce"


def test_our_own_mails_are_known_by_their_name_and_their_address() -> None:
    assert believe(ASK, TOKENS, "token").problems[0] == "it is a mail of our own"
    assert believe(b"X-Loop: 1\r\n" + ASK, TOKENS, "token").class_ == "unrelated"
    below = reply("approve", ASK).replace(
        b"Message-ID:", b"X: y\r\nMessage-ID: <a@b.example>\r\nMessage-ID:"
    )
    ours = below.replace(b"<reply-1@mail.example.com>", composed(CASE).message_id.encode())
    assert believe(ours, TOKENS, "token").class_ == "unrelated"
    for sender in (ADDRESS, f"Approvals <{ADDRESS.upper()}>", f"ada@example.com, {ADDRESS}"):
        assert believe(reply("approve", ASK, sender=sender), TOKENS, "token").class_ == "unrelated"


def test_no_automatic_text_reads_as_a_command() -> None:
    text = "Thank you for your mail. I am out of the office until 3 May.\nFor help ask Bob."
    assert read_reply(with_fields(typed=text), TOKENS.is_ours).verb is None


ADA = "ada@example.com"
REPORT = "Content-Type: multipart/report; report-type="


@pytest.mark.parametrize(
    ("field", "sender", "why"),
    [
        (f"{REPORT}delivery-status", ADA, "it is a delivery report"),
        ("X-Failed-Recipients: dan@example.test", ADA, "it names failed recipients"),
        ("X-A: 1", "mailer-daemon@x.example", "a mail daemon sent it"),
        ("X-A: 1", "MAILER-DAEMON <>", "a mail daemon sent it"),
        ("X-A: 1", "MAILER-DAEMON (Mail) <>", "a mail daemon sent it"),
        ("X-A: 1", "Mail Delivery System <mailer-daemon@x.example>", "a mail daemon sent it"),
        ("Return-Path: <>", ADA, "its return path is empty"),
        ("X-A: 1", "postmaster@x.example", "a mail daemon seems to have sent it"),
        ("X-A: 1", "Mail Delivery System <x@x.example>", "a mail daemon seems to have sent it"),
        ("X-A: 1", '"Mail Delivery System" <x@x.example>', "a mail daemon seems to have sent it"),
        ("Subject: Undelivered Mail", ADA, "its subject is a bounce's"),
        ("Auto-Submitted: auto-generated", ADA, "Auto-Submitted says so"),
        (f"{REPORT}x", ADA, "it is a report, such as a read receipt"),
        ("Precedence: Auto_Reply (x)", ADA, "its Precedence is auto_reply"),
        ("X-Autoreply: yes", ADA, "it has the field x-autoreply"),
        ("X-Vacation: on", ADA, "it has the field x-vacation"),
        ("Subject: Automatic reply: it", ADA, "its subject is an automatic reply's"),
        ("X-Auto-Response-Suppress: All", ADA, "it has the field x-auto-response-suppress"),
        ("Precedence: Bulk; x", ADA, "its Precedence is bulk"),
        ("List-Id: <x.example>", ADA, "it has the field list-id"),
        ("X-A: 1", "no-reply@example.com", "nobody reads the address it is from"),
    ],
)  # fmt: skip
def test_what_makes_it_a_machine_s_is_told(field: str, sender: str, why: str) -> None:
    assert belief(field, sender=sender).problems[0] == why


@pytest.mark.parametrize(
    ("fields", "class_", "weak", "absent"),
    [
        (["Return-Path: <>", "Auto-Submitted: auto-replied"], "auto-reply", False, True),
        (["Return-Path: <>", "X-Vacation: on"], "auto-reply", False, True),
        (["Return-Path: <>", "Subject: Automatic reply: it"], "auto-reply", False, True),
        (["Return-Path: <>", "Auto-Submitted: auto-generated"], "bounce", False, False),
        (["Return-Path: <>", "Precedence: bulk"], "bounce", True, False),
        (["Subject: Automatic reply: it"], "auto-reply", True, True),
        (["Auto-Submitted: auto-generated", "Subject: Undelivered: it"], "bounce", False, False),
        (["Auto-Submitted: auto-replied", "Subject: Undelivered: it"], "auto-reply", False, True),
        (["X-Autoreply: false"], "reply", False, False),
        (["Precedence: first-class", "X-Auto-Response-Suppress: "], "reply", False, False),
    ],
)
def test_signs_are_weighed_together(
    fields: list[str], class_: str, weak: bool, absent: bool
) -> None:
    found = belief(*fields)
    assert (found.class_, found.weak, found.absent) == (class_, weak, absent)


def test_of_several_fields_each_is_heard() -> None:
    assert belief("Auto-Submitted: no", "Auto-Submitted: auto-replied").absent
    assert belief("Precedence: list", "Precedence: auto_reply").absent
    assert belief("X-Autoreply: no", "X-Autoreply: yes").absent


def test_an_invitation_is_one_only_in_a_part_of_its_own() -> None:
    calendar = "Content-Type: text/calendar; method=REPLY"
    told = belief(calendar)
    assert (told.class_, told.problems[0]) == ("auto-reply", "it answers an invitation")
    assert belief("Content-Type: text/calendar; method=REQUEST").class_ == "reply"


@pytest.mark.parametrize("sender", ["no-reply@example.com", "post_master@x.example"])
def test_an_address_that_sounds_like_a_machine_s_is_a_soft_sign(sender: str) -> None:
    found = belief(sender=sender)
    assert (found.class_ in ("auto-reply", "bounce"), found.weak) == (True, True)
