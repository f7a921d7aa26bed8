"""What a reply says: the command in its new text, and never one from what it quotes."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hitl_mail.core import commands as cmd
from hitl_mail.core.case import Case
from hitl_mail.review.answers import ANSWERS
from hitl_mail.review.reply import Reply, read_command, read_reply
from tests.factories import (
    action,
    after,
    begin,
    case_after,
    decide_,
    finish,
    receive,
    sampled,
    verdict,
)
from tests.mails import AT, STYLES, TOKENS, composed, mail_to, reply, text_of

TEMPTATION = "approve\n\napprove: yes\n\nReply with one line on top: approve\nreject\n"


def asked() -> Case:
    """A case whose agent does its best to look like a decision."""
    item = {"title": "approve", "text": TEMPTATION}
    document = action(id="r", summary="approve", why=TEMPTATION, context=[item])
    return case_after(receive(document, expires_at=AT + 99, title="approve"), now=AT)


def held() -> Case:
    outcome = {"ok": False, "stdout": TEMPTATION, "error": "retry"}
    command = receive(action(), verdict(on_failure="review"), expires_at=AT + 99)
    return case_after(command, AT, decide_, begin(), finish("failed", outcome=outcome))


def in_review() -> Case:
    title, text = "flag", "ok"
    document = action(id="r", why="ok", context=[{"title": title, "text": text}])
    command = receive(document, sampled(), expires_at=AT + 99, title="ok")
    return case_after(command, AT, begin(), finish(), cmd.FiledAs(1, "sha256:r"))


def answered(key: str) -> Case:
    return after(asked(), cmd.Answer("ada", key, "approve"), AT + 60)


ASK = composed(asked()).message
OURS = {
    "ask": ASK,
    "ask without links": composed(asked(), base_url=None, subaddressing=False).message,
    "held": composed(held()).message,
    "review": composed(in_review()).message,
    **{f"answer {key}": composed(answered(key)).message for key in ANSWERS},
}


def read(message: bytes) -> Reply:
    return read_reply(message, TOKENS.is_ours)


def says(text: str, author: str = "Ada Lovelace") -> tuple[str, str | None, str]:
    """(key, verb, note) of new text."""
    found = read_command(text.split("\n"), author)
    return found.key, found.verb, found.note


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ours", OURS)
def test_our_own_mail_quoted_back_decides_nothing(style: str, ours: str) -> None:
    assert read(reply("", OURS[ours], style)).verb is None


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ours", OURS)
def test_a_quote_changes_nothing_about_a_question(style: str, ours: str) -> None:
    assert read(reply("What is this?", OURS[ours], style)).key == "not_understood"


@pytest.mark.parametrize("style", STYLES)
def test_approve_is_read_in_every_style(style: str) -> None:
    assert read(reply("approve", ASK, style)).verb == "approve"


@pytest.mark.parametrize(
    ("text", "said"),
    [("ok", ("ok", "")), ("OK", ("ok", "")), ("flag: wrong label", ("flag", "wrong label"))],
)
def test_a_review_is_answered_in_a_word(text: str, said: tuple[str, str]) -> None:
    assert says(text)[1:] == said


@pytest.mark.parametrize("style", STYLES)
def test_a_note_is_read_in_every_style(style: str) -> None:
    assert read(reply("Approve: as discussed", ASK, style)).note == "as discussed"


@pytest.mark.parametrize("style", STYLES)
def test_a_rejection_with_its_reason_is_read_in_every_style(style: str) -> None:
    found = read(reply("reject because too high", ASK, style))
    assert (found.verb, found.note) == ("reject", "too high")


def test_each_line_of_our_mails_alone_decides_nothing() -> None:
    verbs = {
        line: read_command([line]).verb
        for message in OURS.values()
        for line in text_of(message).splitlines()
    }
    assert {line for line, verb in verbs.items() if verb} == set()


def test_a_title_that_is_a_command_is_told_apart_from_one() -> None:
    assert "Proposed: approve" in text_of(ASK).splitlines()


@pytest.mark.parametrize(
    "text",
    [
        "approve", "Approve", "APPROVE", "approve.", "Approve!", "*approve*", '"approve"',
        " approve ", "approve,", "approve\n\nThanks!", "approve\nThanks, Ada",
        "approve\n\nBest regards,\nAda Lovelace\nCFO\n+49 30 1234567",
        "approve, thanks!", "approve thank you", "approve. Thanks, Ada",
        "approve\n\nBest regards\n\nAda Lovelace", "approve\n\nAda", "approve\n\nVielen Dank!",
        "approve\n\nMit freundlichen Grüßen\nAda Lovelace", "approve\n\nCordialement,\nAda",
        "approve\n\nThis e-mail is confidential and intended solely for the intended recipient. If "
        "you have received it in error, delete this message and only then tell us.",
    ],
)  # fmt: skip
def test_approve_alone_approves(text: str) -> None:
    assert says(text) == ("decision", "approve", "")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("approve: fine by me", "fine by me"),
        ("approve: because she was charged twice", "because she was charged twice"),
        ("Approve : fine", "fine"),
        ("approve: a long note that\nwas wrapped", "a long note that was wrapped"),
        ("approve: fine\nThanks, Ada", "fine"),
        ("approve:", ""),
    ],
)
def test_a_note_stands_behind_a_colon(text: str, note: str) -> None:
    assert says(text) == ("decision", "approve", note)


@pytest.mark.parametrize(
    "text",
    [
        "approve-all", "approve, but make it 20", "approve but only 20", "approve this", "approve?",
        "approve 👍", "approve if Bob agrees", "approve: only if Bob agrees",
        "approve because she was charged twice", "approve\n\nBecause of the tax make it 20",
        "approve: because of tax not 49", "approve: not yet",
        "approve\nreject", "approve\n\nreject", "approve\n\nActually make it 20.",
        "approve\n20 EUR", "approve - fine", "approve: nur 20 Euro", "approve\n\nThanks, but 20",
        "approve\n\nBest\n\nbut wait", "approve (see below)", "approve and route bob",
        "approve: ok?", "done deal", "retry tomorrow", "reject\napprove", "reject\n\napprove",
        "reject?", "approve\n\n> not quoted?\n\nwait",
    ],
)  # fmt: skip
def test_more_than_a_plain_decision_asks_back(text: str) -> None:
    assert says(text)[:2] == ("ambiguous", None)


@pytest.mark.parametrize(
    "text",
    [
        "", "okay", "yes", "👍", "approved", "I approve", "approve_it", "aprove",
        "LGTM", "ａｐｐｒｏｖｅ", "аpprove", "flagged", "sure, approve", "Hi,\n\napprove",
        "disapprove", "rejected", "approves", "approve1", "approveé", "route_bob", "edit4", "help1",
    ],
)  # fmt: skip
def test_anything_else_is_not_understood(text: str) -> None:
    assert says(text)[:2] == ("not_understood", None)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("reject", ""),
        ("Reject.", ""),
        ("reject because it is too high", "it is too high"),
        ("reject: too high", "too high"),
        ("reject, too high", "too high"),
        ("reject - zu hoch für Grüße", "zu hoch für Grüße"),
        ("reject because it is\ntoo high\n\nThanks", "it is too high"),
        ("reject because …", ""),
        ("reject not ok", "not ok"),
        ('reject the "typo"', 'the "typo"'),
        ('"reject the typo"', "the typo"),
        ("reject 4? Never", "4? Never"),
        ("reject, thanks", ""),
        ("reject. Best regards, Ada", ""),
    ],
)
def test_reject_takes_its_paragraph_as_reason(text: str, note: str) -> None:
    assert says(text) == ("decision", "reject", note)


@pytest.mark.parametrize("verb", ["reject", "flag"])
@pytest.mark.parametrize(
    ("below", "note"),
    [
        ("She was refunded\nin May.\n\nBest regards,\nAda Byron", "She was refunded in May."),
        ("because she was refunded", "she was refunded"),
        ("Thanks!\n\nShe was refunded.\nThanks,\nAda", "She was refunded."),
        ("Thanks,\nAda", ""),
        ("Ada Lovelace\nFinance", ""),
    ],
)
def test_the_reason_may_stand_below_a_lone_word(verb: str, below: str, note: str) -> None:
    assert says(f"{verb}.\n\n{below}") == ("decision", verb, note)


def test_a_reason_in_the_first_paragraph_is_the_whole_of_it() -> None:
    assert says("reject: no\n\nSee you on Monday.") == ("decision", "reject", "no")


@pytest.mark.parametrize("verb", ["retry", "done", "abandon"])
def test_the_verbs_of_a_case_in_doubt_stand_alone_or_with_a_note(verb: str) -> None:
    assert says(verb.upper() + ".") == ("decision", verb, "")
    assert says(f"{verb}: looked at the ledger") == ("decision", verb, "looked at the ledger")


@pytest.mark.parametrize(
    ("text", "key"),
    [("help", "help"), ("Help!", "help"), ("edit", "bad_edit"), ("route", "ambiguous")],
)
def test_other_commands_decide_nothing(text: str, key: str) -> None:
    assert says(text)[:2] == (key, None)


def test_what_was_read_is_told() -> None:
    assert read_command(["approve, but make it 20"]).said == "approve, but make it 20"


@pytest.mark.parametrize(
    "banner",
    [
        "[EXTERNAL]",
        "CAUTION: This email originated from outside of the organization. Do not click links\n"
        "or open attachments unless you know the content is safe.",
        "*** External email ***",
        "[EXTERNAL] This email originated from outside of the organization. Do not click links.",
        "[EXT] This email originated from outside of the organization. Do not click\nlinks or so.",
        "**[Externe E-Mail]** Diese E-Mail stammt von außerhalb. Bitte keine Links anklicken.",
        "ACHTUNG: Diese E-Mail stammt von außerhalb.",
    ],
)
def test_a_banner_above_the_text_is_skipped(banner: str) -> None:
    assert read(reply(f"{banner}\n\napprove", ASK)).verb == "approve"


def test_a_tag_and_a_warning_below_the_text_are_nothing() -> None:
    banner = "[EXTERNAL] This email originated from outside of our organization. Click no links."
    assert read(reply(f"approve\n\n{banner}", ASK)).verb == "approve"


@pytest.mark.parametrize("tagged", ["[EXTERNAL] please make it 20", "[EXTERNAL] reject"])
def test_what_a_person_wrote_behind_a_tag_is_read(tagged: str) -> None:
    assert read(reply(f"{tagged}\n\napprove", ASK)).verb is None
    assert read(reply(f"approve\n\n{tagged}", ASK)).verb is None


@pytest.mark.parametrize("smile", [":(", ":-(", ": -", ":/", ": ???", ": 👎"])
def test_a_sad_face_or_a_note_without_a_word_asks_back(smile: str) -> None:
    assert says(f"approve {smile}")[:2] == ("ambiguous", None)


@pytest.mark.parametrize("smile", [" :)", " :-)", ":-)", ": 👍", " :)."])
def test_a_happy_face_is_no_note_that_asks_back(smile: str) -> None:
    assert says(f"approve{smile}")[:2] == ("decision", "approve")


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAda\nbut only on Tuesdays",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Get Outlook for iOS",
        "Enviado desde mi iPhone",
    ],
)
def test_a_signature_is_nothing(signature: str) -> None:
    assert read(reply(f"approve\n\n{signature}", ASK)).verb == "approve"


@pytest.mark.parametrize(
    "attribution",
    [
        "On Sun, 22 Nov 2026 at 11:00, Acme wrote:",
        "Am 22.11.2026 um 11:00 schrieb Acme:",
        "Acme <a@acme.example> schrieb am So., 22. Nov. 2026,\n11:00:",
        "Le dim. 22 nov. 2026 à 11:00, Acme a écrit :",
        "El dom, 22 nov 2026 a las 11:00, Acme escribió:",
        "Il giorno dom 22 nov 2026 alle ore 11:00 Acme ha scritto:",
        "Op zo 22 nov 2026 om 11:00 schreef Acme:",
        "Em dom., 22 de nov. de 2026 às 11:00, Acme escreveu:",
        "Den sön 22 nov. 2026 kl 11:00 skrev Acme:",
        "Den søn. 22. nov. 2026 kl. 11.00 skrev Acme:",
        "W dniu 22.11.2026 o 11:00, Acme pisze:",
        "niedz., 22 lis 2026 o 11:00 Acme <a@acme.example> napisał(a):",
        "-----Ursprüngliche Nachricht-----",
        "-------- Message d'origine --------",
        "Von: Acme\nGesendet: Sonntag\nAn: Ada\nBetreff: x",
        "De : Acme\nEnvoyé : dimanche\nÀ : Ada\nObjet : x",
        "De: Acme\nEnviado el: domingo\nPara: Ada\nAsunto: x",
        "Da: Acme\nInviato: domenica\nA: Ada\nOggetto: x",
        "Van: Acme\nVerzonden: zondag\nAan: Ada\nOnderwerp: x",
        "Från: Acme\nSkickat: söndag\nTill: Ada\nÄmne: x",
        "Fra: Acme\nSendt: søndag\nTil: Ada\nEmne: x",
        "Od: Acme\nWysłano: niedziela\nDo: Ada\nTemat: x",
    ],
)
def test_a_quote_without_marks_ends_the_reply_in_ten_languages(attribution: str) -> None:
    assert read(reply(f"approve\n\n{attribution}\n\nno, make it 20\n")).verb == "approve"
    assert read(reply(f"{attribution}\n\napprove\n")).lines == ()


@pytest.mark.parametrize(
    "condition",
    [
        "but only from 2026-12-01 on",
        "2027 only",
        "if paid before 1.12.2026",
        "ask Bob (bob@example.com) at 19:21 first",
        "first ask\n2026 Bob <bob@example.com>",
    ],
)
@pytest.mark.parametrize(
    "above",
    [
        "________________________________\nFrom: Acme <a@acme.example>\nSent: Sunday\n\nold",
        "On Sun, 22 Nov 2026 at 11:00, Acme <approvals+x@example.com> wrote:\n> old",
        "Am 22.11.2026 um 11:00 schrieb Acme <approvals+x@example.com>:\n> old",
        "* Acme <approvals+x@example.com> [2026-11-22 11:00]:\n> old",
        "2026年11月22日(日) 11:00 Acme <approvals+x@example.com>:\n> old",
        "From: Acme <approvals+x@example.com>\nSent: Sunday\nTo: Ada\n\nold",
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_line_with_a_date_right_above_a_quote_is_read(
    condition: str, above: str, gap: str
) -> None:
    assert read(reply(f"approve{gap}{condition}\n{above}\n")).key == "ambiguous"


def test_an_attribution_may_be_wrapped_below_an_empty_line() -> None:
    wrapped = "On Sun, 22 Nov 2026 at 11:00, Acme <\napprovals+3h4a@example.com> wrote:"
    assert read(reply(f"approve\n\n{wrapped}\n\n> old\n")).verb == "approve"


def test_a_reply_below_the_quote_is_read() -> None:
    assert read(reply("approve", ASK, "mutt_below")).verb == "approve"


def test_a_reply_on_both_sides_of_a_quote_is_one_reply() -> None:
    assert read(reply("approve\n\n> quoted\n\nbut only 20")).key == "ambiguous"


@pytest.mark.parametrize("rule", ["---", "-----", "______________", "====", "********************"])
def test_a_line_that_a_person_drew_hides_nothing(rule: str) -> None:
    assert read(reply(f"approve\n{rule}\nbut only 20")).key == "ambiguous"
    assert read(reply(f"approve\n{rule}\nFrom: x\nTo: y\n\nreject")).verb == "approve"


def test_a_sentence_that_names_our_address_is_read() -> None:
    found = read(reply("approve\n\nPlease tell approvals@example.com that 20 are enough"))
    assert found.key == "ambiguous"


def test_a_text_signed_in_its_own_lines_is_read() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\napprove: fine\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEE\n-----END PGP SIGNATURE-----"
    )
    assert (read(reply(text)).verb, read(reply(text)).note) == ("approve", "fine")


@pytest.mark.parametrize(
    "line",
    [
        "Get Outlook for Android",
        "Sent using Zoho Mail",
        "iPhoneから送信",
        "发自我的iPhone",
        "Отправлено с iPhone",
        "iPhone'umdan gönderildi",
        "Pobierz aplikację Outlook dla systemu iOS",
        "Skickades från min iPhone",
        "Download Outlook voor iOS",
    ],
)
def test_what_a_program_says_of_itself_is_nothing(line: str) -> None:
    found = read(reply(f"approve: fine\n{line}"))
    assert (found.verb, found.note) == ("approve", "fine")


@pytest.mark.parametrize(
    "line", ["Sent with the condition that Bob agrees", "Sent from me, but only half"]
)
def test_a_condition_is_no_signature_of_a_program(line: str) -> None:
    assert read(reply(f"approve\n\n{line}")).key == "ambiguous"


@pytest.mark.parametrize(
    "attribution",
    [
        "2026年11月22日(日) 11:00 Acme <approvals@example.com>:",
        "вс, 22 нояб. 2026 г. в 11:00, Acme <approvals@example.com>:",
        "22.11.2026 11:00 tarihinde Acme yazdı:",
        "ne 22. 11. 2026 v 11:00 odesílatel Acme <approvals@example.com> napsal:",
        "\u202b22 בנוב׳ 2026 מאת \u202aAcme\u202c\u200f <\u202aapprovals@example.com\u202c>:",
        "Kimden: Acme\nGönderildi: 22 Kasım 2026\nKime: Ada\nKonu: x",
        "보낸 사람: Acme\n보낸 날짜: 2026년 11월\n받는 사람: Ada\n제목: x",
        "From: Acme Sent: Sunday To: Ada Subject: x",
        "2026/11/22 Acme <a@acme.example>\n\n--- hitl-mail: reply above this line ---",
    ],
)
def test_other_languages_and_odd_programs_end_a_reply_too(attribution: str) -> None:
    found = read(reply(f"approve\n\n{attribution}\n\nno, make it 20\n"))
    assert (found.verb, found.lines) == ("approve", ("approve",))


def test_what_a_program_wrapped_out_of_a_quote_is_no_reply() -> None:
    body = "On Sun, 22 Nov 2026, Acme wrote:\n> " + "x" * 70 + "\napprove\n> more\n"
    assert read(reply(body)).verb is None


@pytest.mark.parametrize(
    ("sort", "coding", "body"),
    [
        ("text/plain; charset=utf-8", "base64", "YXBwcm92ZQ=="),
        ("text/plain; charset=utf-16", "base64", "//5hAHAAcAByAG8AdgBlAA=="),
        ("text/plain; charset=no-such", "8bit", "approve"),
        ("text/plain; charset=idna", "8bit", "approve"),
        ("text/plain", "quoted-printable", "appro=\r\nve"),
        ("text/plain; format=flowed", "7bit", "approve: as \r\nagreed"),
        ("text/plain", "no-such", "\r\n \r\napprove"),
        ("text/html", "7bit", "<div>&#x200b;approve&nbsp;</div><blockquote>no</blockquote>"),
    ],
)
def test_odd_encodings_are_read(sort: str, coding: str, body: str) -> None:
    head = f"Content-Type: {sort}\r\nContent-Transfer-Encoding: {coding}"
    assert read(f"\r\n{head}\r\n\r\n{body}".encode()).verb == "approve"


def test_an_empty_plain_part_leaves_the_word_to_the_html() -> None:
    message = (
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain'
        "\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>approve</p>\r\n--b--\r\n"
    )
    assert read(message.encode()).verb == "approve"


def test_an_attached_mail_or_file_is_not_the_reply() -> None:
    message = (
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: message/rfc822'
        "\r\n\r\nSubject: x\r\n\r\napprove\r\n--b\r\nContent-Type: text/plain\r\n"
        "Content-Disposition: attachment\r\n\r\napprove\r\n--b--\r\n"
    )
    assert read(message.encode()) == Reply((), "not_understood")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000))
@example(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 500)
@example(b"Content-Type: text/plain; charset=\x00\n\nx")
@example(b"Content-Type: text/plain; charset*=utf-8''%00\n\nx")
@example(b"Content-Disposition: \xff; filename*0*=x\nContent-Transfer-Encoding: base64\n\n=")
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert read(data).verb in (None, "approve", "reject", "retry", "done", "abandon")


_PIECES = st.sampled_from(
    [
        "approve", "> ", ">", "\n", "\n\n", "On ", "2026", "wrote:", "@", "From: x\n", "Sent: y\n",
        "-- ", "_" * 40, ":", " ", "approvals@example.com", "reject", "<b>", "=", "--a\n", "\u202e",
        "Content-Type: text/html\n\n", 'Content-Type: multipart/mixed; boundary="a"\n\n', "\x00",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=60))
def test_no_heap_of_mail_pieces_makes_it_raise(pieces: list[str]) -> None:
    assert isinstance(read("".join(pieces).encode()), Reply)


@pytest.mark.parametrize(
    "filler",
    ["> " * 100_000, "On a\n" * 60_000, "a@b " * 80_000, "2026 " * 60_000, "From: x\n" * 40_000],
)
def test_a_huge_reply_is_bounded(filler: str) -> None:
    found = read(f"Content-Type: text/plain\n\n{filler}".encode())
    assert len(found.lines) <= 2000


def test_the_newest_mail_of_a_held_case_is_a_doubt() -> None:
    assert mail_to(held()).about == "doubt"


@pytest.mark.parametrize(
    ("text", "verb", "note"),
    [
        ("ok", "ok", ""),
        ("OK.", "ok", ""),
        ("ok: as agreed", "ok", "as agreed"),
        ("flag", "flag", ""),
        ("Flag wrong customer", "flag", "wrong customer"),
        ("flag: wrong customer\n\nBest\nAda", "flag", "wrong customer"),
    ],
)
def test_a_sample_is_found_right_or_flagged(text: str, verb: str, note: str) -> None:
    assert says(text) == ("decision", verb, note)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("approve", "decision"),
        ("approve, but", "ambiguous"),
        ("reject no", "decision"),
        ("reject?", "ambiguous"),
        ("rejected", "not_understood"),
        ("reject_all", "not_understood"),
        ("reject no\n\napprove", "ambiguous"),
        ("approve\n\nwhy?", "ambiguous"),
        ("help", "help"),
        ("route bob: yours", "decision"),
        ("route bob and ada", "ambiguous"),
        ("route bob\n\nbut soon", "ambiguous"),
        ("edit\namount = 1", "decision"),
        ("edit\namount = 1\n\nbut soon", "ambiguous"),
        ("edit amount", "bad_edit"),
        ("hello", "not_understood"),
    ],
)
def test_whatever_it_is_the_new_text_and_its_first_line_are_kept(typed: str, key: str) -> None:
    lines = typed.split("\n")
    found = read_command(lines)
    assert (found.lines, found.said, found.key) == (tuple(lines), lines[0], key)


def test_of_an_endless_line_the_beginning_is_kept() -> None:
    assert read_command(["hello " * 100]).said == ("hello " * 100)[:200]


@pytest.mark.parametrize(
    ("typed", "note"),
    [
        ("*Approve*", ""),
        ("approve  ", ""),
        ("“approve”", ""),
        ("approve - thanks", ""),
        ("approve: looks fine  \nto me", "looks fine to me"),
    ],
)
def test_marks_around_an_approve_are_nothing(typed: str, note: str) -> None:
    found = read_command(typed.split("\n"))
    assert (found.verb, found.note) == ("approve", note)


def test_a_line_that_quotes_our_address_is_known_in_any_dress() -> None:
    for dress in ("<mailto:{}>", "{}:", "\u200e({})\u200e", "[mailto:{}]", '"{}";'):
        message = (
            f"From: ada@example.com\n\nhello\n{dress.format('approvals@example.com')}\napprove\n"
        )
        assert read_reply(message.encode(), TOKENS.is_ours).lines == ("hello",)


def test_a_reason_begins_with_its_own_first_letter() -> None:
    assert says("reject X is wrong")[2] == "X is wrong"
    assert says("reject - XXL is sold out")[2] == "XXL is sold out"
    assert says("reject because X is wrong")[2] == "X is wrong"


def test_of_an_endless_reason_the_beginning_is_kept() -> None:
    assert says(f"reject {'x' * 1999} more")[2] == "x" * 1999
    assert says(f"reject {'x' * 2001}")[2] == "x" * 2000


def test_a_word_that_only_begins_like_reject_is_not_understood() -> None:
    assert says("reject_all of them")[:2] == ("not_understood", None)
    assert says("reject?")[:2] == ("ambiguous", None)


def test_who_signs_is_known_by_the_mail() -> None:
    assert read_reply(reply("approve\n\nada lovelace"), TOKENS.is_ours).verb == "approve"
    assert read_reply(reply("approve\n\neve byron"), TOKENS.is_ours).verb is None


@pytest.mark.parametrize("text", ["approve: thanks", "approve: Thanks, Ada", "approve - thanks"])
def test_thanks_and_a_name_behind_a_colon_are_no_note(text: str) -> None:
    assert says(text) == ("decision", "approve", "")
