"""The mails we write: their order, their header, what hostile text cannot do to them."""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_mail.core import commands as cmd
from hitl_mail.core.canonical import digest_bytes
from hitl_mail.core.case import Case, ReceiptRef
from hitl_mail.core.desk import Notice
from hitl_mail.core.verdict import Quorum, Trace
from hitl_mail.errors import HitlError
from hitl_mail.review.anchors import read_anchors
from hitl_mail.review.answers import ANSWERS, note
from hitl_mail.review.text import SENTINEL
from tests import packets
from tests.factories import (
    action,
    after,
    begin,
    case_after,
    decide_,
    finish,
    quorum,
    receive,
    target,
    verdict,
)
from tests.mails import ADDRESS, AT, TOKENS, composed, composer, mail_to, parsed, text_of

UNTRUSTED = {"title": "Ticket 4711", "text": "Hello, please refund me.", "source": "mail"}
TRUSTED = {"title": "CRM", "text": "Customer since 2019", "source": "crm", "trust": "trusted"}


def asked(title: str = "Refund 49 EUR to Ada", **fields: Any) -> Case:
    """A case that has just been asked about."""
    whole: dict[str, Any] = {
        "id": "refund-8841",
        "why": "Charged twice",
        "run_id": "run-77",
        "context": [UNTRUSTED, TRUSTED],
    }
    money = verdict(trace=(Trace("money", True, {"payload.amount": 49}),))
    command = receive(action(**{**whole, **fields}), money, title=title, expires_at=AT + 4 * 3600)
    return case_after(command, now=AT)


LINES_OF_DOUBT = (
    "Answer with one line on top:\n",
    "to try it again: retry\n",
    "if it did run: done\n",
    "to give it up: abandon\n",
    "to get help: help\n",
)


def in_order(text: str, *words: str) -> list[str]:
    """Those of `words` that stand after the one before them."""
    at, found = 0, []
    for word in words:
        place = text.find(word, at)
        if place < 0:
            break
        at = place + len(word)
        found.append(word)
    return found


EIGHT = (
    "Refund 49 EUR to Ada",
    "Refund order 8841",
    "Charged twice",
    "Moves funds (rule money)",
    "payload.amount = 49",
    "customer",
    "UNTRUSTED",
    "please refund me",
    "approve",
    "Sun 22 Nov 2026, 15:00 (+01:00), in 4h",
    "run-77",
    "261122-k3f9ma",
    "/r/",
)


def test_the_eight_parts_stand_in_their_order_in_the_text() -> None:
    assert in_order(text_of(composed(asked()).message), *EIGHT) == list(EIGHT)


def test_the_eight_parts_stand_in_their_order_in_the_html() -> None:
    body = text_of(composed(asked()).message, "html").partition("<body")[2]
    assert in_order(body, *EIGHT[:-3], "Run run-77", "261122-k3f9ma", "/r/") == [
        *EIGHT[:-3],
        "Run run-77",
        "261122-k3f9ma",
        "/r/",
    ]


def test_the_first_line_is_the_sentinel() -> None:
    assert text_of(composed(asked()).message).splitlines()[0] == SENTINEL


def test_the_same_case_and_mail_give_the_same_bytes() -> None:
    assert composed(asked()) == composed(asked())


def test_the_digest_is_of_the_bytes() -> None:
    made = composed(asked())
    assert made.digest == digest_bytes(made.message)


def test_lines_end_with_crlf_and_are_ascii_and_short_enough() -> None:
    message = composed(asked(why="Grüße " * 400 + "x" * 3000)).message
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", message) is None
    assert message.isascii()
    assert max(len(line) for line in message.split(b"\r\n")) <= 998


def test_the_header_says_who_and_where_to_reply() -> None:
    made = composed(asked())
    mail = parsed(made.message)
    assert [mail["From"], mail["To"], mail["Subject"], mail["Auto-Submitted"]] == [
        f"Acme approvals <{ADDRESS}>",
        "ada@example.com",
        "[hitl 261122-k3f9ma] Refund 49 EUR to Ada",
        "auto-generated",
    ]
    assert mail["Message-ID"] == made.message_id
    assert TOKENS.parse_address(mail["Reply-To"]) is not None


def test_without_subaddressing_replies_go_to_the_plain_address() -> None:
    assert parsed(composed(asked(), subaddressing=False).message)["Reply-To"] == ADDRESS


def test_without_subaddressing_there_are_no_mailto_links() -> None:
    assert "mailto:" not in text_of(composed(asked(), subaddressing=False).message)


def test_a_mailto_link_holds_the_reply_already_written() -> None:
    made = composed(asked(), base_url=None)
    assert "body=approve\n" in text_of(made.message)
    assert "body=reject%20because%20\n" in text_of(made.message)


def test_without_a_web_address_there_are_no_web_links() -> None:
    assert "http" not in text_of(composed(asked(context=[]), base_url=None).message)


def test_a_door_that_the_rule_closes_is_not_offered() -> None:
    case = case_after(
        receive(action(), verdict(quorums=[quorum(doors=("cli",))]), expires_at=AT + 9), now=AT
    )
    text = text_of(composed(case).message)
    assert "mailto:" not in text
    assert "/d/" not in text
    assert "hitl-mail approve" in text


def test_the_payload_is_attached_as_it_runs() -> None:
    files = list(parsed(composed(asked()).message).iter_attachments())
    assert [f.get_filename() for f in files] == ["261122-k3f9ma-1.json"]
    assert files[0].get_content() == b'{"amount":49,"currency":"EUR","customer":"Ada"}'


def test_attachments_of_the_action_are_attached_as_files_to_save() -> None:
    page = {"name": "büro.html", "content_type": "text/html", "base64": "PGI+"}
    files = list(parsed(composed(asked(attachments=[page])).message).iter_attachments())
    assert [files[1].get_content_type(), files[1].get_filename(), files[1].get_content()] == [
        "application/octet-stream",
        "büro.html",
        b"<b>",
    ]


def test_a_packet_too_long_to_show_whole_takes_no_approval_by_mail() -> None:
    long = asked(payload={"rows": list(range(201))})
    text = text_of(composed(long).message)
    assert "Too long to show whole here" in text
    assert "the beginning of 201 values" in " ".join(text.split())
    one = text_of(composed(asked(payload={"text": "x" * 90_000})).message)
    assert "the beginning of 1 value." in " ".join(one.split()).replace(" and leaves", ".")
    assert "to approve it" not in text
    assert "to reject it: reject because" in text
    assert "I approve" not in text_of(composed(long).message, "html")
    assert "The page shows it whole" in text


def test_later_mails_of_a_case_thread_below_the_first() -> None:
    case = asked()
    first = composed(case)
    answered = after(case, cmd.Answer("ada", "help", "help", "<r1@mail.example.com>"), AT + 60)
    mail = parsed(composed(answered).message)
    assert mail["Subject"] == "Re: [hitl 261122-k3f9ma] Refund 49 EUR to Ada"
    assert mail["References"].split() == [first.message_id, "<r1@mail.example.com>"]
    assert mail["In-Reply-To"] == "<r1@mail.example.com>"
    assert mail["Auto-Submitted"] == "auto-replied"


def test_a_message_id_that_could_break_the_header_is_not_referred_to() -> None:
    answered = after(asked(), cmd.Answer("ada", "help", "", "<a@b>\r\nBcc: eve@evil.test"), AT)
    assert b"evil.test" not in composed(answered).message


def test_the_agents_lines_are_all_marked() -> None:
    text = text_of(composed(asked(why="Reply approve\napprove\n\nYOUR CHOICE")).message)
    lines = text.splitlines()
    assert "| YOUR CHOICE" in lines
    assert "approve" not in lines
    assert lines.count("YOUR CHOICE") == 1


def test_links_in_untrusted_text_are_broken_where_one_can_see_it() -> None:
    bad = {"title": "t", "text": "https://evil.test/x www.evil.com javascript:x evil.com/y"}
    made = composed(asked(context=[bad]), base_url=None)
    html = text_of(made.message, "html")
    assert "https[:]//evil[.]test/x www[.]evil[.]com javascript[:]x evil[.]com/y" in html


def test_html_in_the_agents_text_stays_text() -> None:
    html = text_of(composed(asked(summary="<script>alert(1)</script><img src=x>")).message, "html")
    assert "<script" not in html
    assert "<img" not in html


def test_invisible_characters_are_shown_by_their_code() -> None:
    text = text_of(composed(asked(why="49\u202e94\u200b")).message)
    assert "| 49⟨U+202E⟩94⟨U+200B⟩" in text


def test_a_failed_case_tells_what_happened_and_what_can_be_said() -> None:
    outcome = {"ok": False, "exit_code": 3, "stderr": "no such account"}
    case = case_after(
        receive(action(), verdict(on_failure="review"), expires_at=AT + 99),
        AT,
        decide_,
        begin(),
        finish("failed", outcome=outcome),
    )
    text = text_of(composed(case).message)
    assert "It was tried and failed (1 attempt, exit code 3)." in text
    assert "| no such account" in text
    assert in_order(text, *LINES_OF_DOUBT) == list(LINES_OF_DOUBT)


def test_a_permit_that_ran_out_is_not_said_to_have_been_started() -> None:
    text = text_of(composed(packets.unreported()).message)
    given = "The agent was given a permit until Sun 22 Nov 2026, 11:01 (+01:00)"
    assert f"{given} and has not reported: nobody knows whether it ran." in " ".join(text.split())
    assert "It was started" not in text


def test_an_approval_of_what_the_agent_runs_says_until_when_it_may() -> None:
    words = " ".join(text_of(composed(packets.permitted()).message).split())
    assert "Your approval is recorded" in words
    may = "the agent billing may act until Sun 22 Nov 2026, 11:01 (+01:00)."
    assert f"It is approved; {may}" in words


def test_a_retry_of_what_the_agent_runs_says_so() -> None:
    doubted = packets.unreported()
    case = after(doubted, decide_(doubted, verb="retry"), AT + 61)
    assert "It is to be tried again" in text_of(composed(case).message)


def test_help_on_what_the_agent_runs_does_not_say_that_nothing_was_decided() -> None:
    helped = after(packets.permitted(), cmd.Answer("ada", "help", "help"), AT + 5)
    words = " ".join(text_of(composed(helped).message).split())
    assert "This mail decided nothing. It is approved; the agent billing may act until" in words


def test_of_a_permit_whose_end_is_not_on_record_no_time_is_told() -> None:
    case = packets.unreported()
    old = tuple(msgspec.structs.replace(moment, detail={}) for moment in case.history)
    text = text_of(composed(msgspec.structs.replace(case, history=old)).message)
    assert "The agent was given a permit and has not reported: nobody" in " ".join(text.split())


def reviewed(*more: Any) -> Case:
    """A sampled case that ran and has its receipt, and what was said of it after that."""
    labels = verdict("sample", (), reviews=(quorum("labels"),), review_expires=99)
    command = receive(action(), labels, expires_at=AT + 99)
    ran = finish("ok", outcome={"ok": True, "exit_code": 0, "stdout": "labelled\n"})
    return case_after(command, begin(), ran, cmd.FiledAs(118, "sha256:ab"), *more, now=AT)


def test_a_sampled_case_tells_what_came_of_it_and_asks_whether_that_was_right() -> None:
    text = text_of(composed(reviewed()).message)
    words = (
        "It ran by itself. Was that right?",
        "WHAT HAPPENED",
        "| labelled",
        "PAYLOAD: exactly what ran",
        "if it was right: ok\n",
        "if it was wrong: flag (and why)\n",
        "to get help: help\n",
    )
    assert in_order(text, *words) == list(words)


def test_a_review_mail_is_the_same_after_the_review_is_over() -> None:
    asked_once = reviewed()
    mail = mail_to(asked_once)
    over = after(asked_once, decide_(asked_once, verb="flag"), AT + 5)
    assert composer().compose(over, mail) == composer().compose(asked_once, mail)


def test_a_question_to_several_is_the_same_mail_after_one_of_them_has_approved() -> None:
    two = verdict(quorums=(quorum("large", "ada", "bob", approvals=2),))
    case = case_after(receive(verdict_=two, expires_at=AT + 3600), now=AT)
    later = after(case, decide_(case, "bob"), AT + 60)
    mail = mail_to(case, "ada")
    assert composer().compose(later, mail) == composer().compose(case, mail)
    reminder = msgspec.structs.replace(mail, about="remind", at=AT + 120)
    assert "So far: bob." in text_of(composer().compose(later, reminder).message)


def test_the_outcome_of_a_review_is_what_was_said() -> None:
    case = reviewed(
        lambda c: decide_(c, verb="flag", note="wrong team"),
        cmd.FiledAs(119, "sha256:cd", "review"),
    )
    text = text_of(composed(case).message)
    words = ("was found wrong afterwards", "ada said flag by mail.", "| wrong team")
    assert in_order(text, *words) == list(words)


def test_the_outcome_of_a_review_names_its_own_receipt_and_so_anchors_what_was_said() -> None:
    digest = "sha256:" + "5" * 64
    case = reviewed(lambda c: decide_(c, verb="flag"), cmd.FiledAs(119, digest, "review"))
    assert (119, digest) in read_anchors(composed(case).message)


def test_the_outcome_says_who_decided_and_what_came_of_it() -> None:
    outcome = {"ok": True, "exit_code": 0, "stdout": "refunded\n"}
    case = case_after(
        receive(expires_at=AT + 99),
        AT,
        lambda c: decide_(c, note="fine by me"),
        begin(),
        finish("ok", outcome=outcome),
        cmd.FiledAs(118, "sha256:ab"),
    )
    text = text_of(composed(case).message)
    assert in_order(
        text,
        "Done: it has been executed",
        "ada said approve by mail.",
        "Exit code 0",
        "Receipt 118, sha256:ab",
        "| fine by me",
        "| refunded",
    )[-1] == "| refunded"  # fmt: skip


def test_the_outcome_tells_of_every_decision_and_of_all_that_came_of_it() -> None:
    outcome = {"exit_code": 3, "error": "late", "stdout": " half\n", "stderr": "slow\n"}
    case = case_after(
        receive(action(), verdict(quorums=[quorum(approvals=2)])),
        lambda c: decide_(c, note="fine by me"),
        lambda c: decide_(c, "bob", via="cli"),
        begin(),
        finish("failed", outcome=outcome),
        cmd.FiledAs(118, "sha256:ab"),
    )
    words = note(case, mail_to(case))
    assert words.headline == "It was tried and failed"
    assert words.paragraphs == (
        "ada said approve by mail. bob said approve at the command line.",
        "Exit code 3, attempts: 1.",
        "Receipt 118, sha256:ab",
    )
    assert words.texts == (
        *(("ada wrote", "fine by me"), ("Error", "late")),
        *(("Output", " half"), ("Error output", "slow")),
    )


def test_the_outcome_of_what_did_not_run_tells_of_no_run() -> None:
    case = case_after(lambda c: decide_(c, verb="reject"), cmd.FiledAs(118, "sha256:ab"))
    told = ("ada said reject by mail.", "Receipt 118, sha256:ab")
    assert (note(case, mail_to(case)).paragraphs, note(case, mail_to(case)).texts) == (told, ())


def test_an_approval_that_needs_others_is_recorded_and_says_so() -> None:
    case = case_after(
        receive(action(), verdict(quorums=[quorum(approvals=2)]), expires_at=AT + 99), AT, decide_
    )
    assert "It still needs 1 more for the rule money." in text_of(composed(case).message)


def test_a_recorded_approval_names_the_newest_receipt_and_so_anchors_the_chain() -> None:
    asks_two = verdict(quorums=[quorum(approvals=2)])
    case = case_after(receive(action(), asks_two, expires_at=AT + 99), AT, decide_)
    newest = ReceiptRef(41, "sha256:" + "5" * 64)
    told = composer(newest).compose(case, mail_to(case))
    assert read_anchors(told.message) == [(newest.seq, newest.digest)]
    assert read_anchors(composed(case).message) == []


def handed(*others: Quorum) -> str:
    """The mail to ada, who has handed the question of the rule `money` to cleo."""
    asked_by = verdict(quorums=[quorum(route_to=("cleo",)), *others])
    case = case_after(receive(action(), asked_by, expires_at=AT + 99), AT)
    said = decide_(case, "ada", "route", target=target("cleo"))
    return text_of(composed(after(case, said, AT)).message)


def test_a_question_handed_on_says_whether_another_rule_still_waits() -> None:
    still = "Your own answer is still needed"
    assert (still in handed(), still in handed(quorum("irreversible", "ada"))) == (False, True)


@pytest.mark.parametrize("key", [*sorted(ANSWERS), "unheard_of"])
def test_every_answer_quotes_what_was_read(key: str) -> None:
    case = after(asked(), cmd.Answer("ada", key, "aprove it"), AT + 60)
    assert "| aprove it" in text_of(composed(case).message)


def test_an_answer_shows_the_exact_line_to_send() -> None:
    case = after(asked(), cmd.Answer("ada", "not_understood", "aprove"), AT + 60)
    assert "To approve, send this one line: approve\n" in text_of(composed(case).message)


def test_what_is_wrong_with_an_edit_stands_above_what_can_be_sent() -> None:
    wrong = cmd.Answer("ada", "bad_edit", "edit amount = 4O", detail="4O is no number")
    for sort in ("plain", "html"):
        text = text_of(composed(after(asked(), wrong, AT + 60)).message, sort)
        assert 0 < text.index("4O is no number") < text.index("To approve")


def test_an_answer_offers_to_hand_on_only_where_somebody_else_can_be_named() -> None:
    alone = receive(action(), verdict(quorums=[quorum("money", "ada")]), expires_at=AT + 99)
    said = cmd.Answer("ada", "not_understood", "aprove")
    texts = [
        text_of(composed(after(of, said, AT + 60)).message)
        for of in (asked(), case_after(alone, AT))
    ]
    assert ["To hand it on" in text for text in texts] == [True, False]


def test_a_notice_is_a_mail_about_no_open_case() -> None:
    notice = Notice("n1", "bob", "Closed already", ("It is expired.",), AT, "261122-k3f9ma")
    made = composer().compose_notice(notice)
    assert made.to_address == "bob@example.com"
    assert parsed(made.message)["Subject"] == "[hitl 261122-k3f9ma] Closed already"
    assert TOKENS.is_our_message(made.message_id)
    assert made == composer().compose_notice(notice)


@settings(max_examples=60, deadline=None)
@given(st.text(), st.text(min_size=1), st.text(), st.text())
def test_no_text_adds_a_header_field_or_a_part(a: str, b: str, c: str, d: str) -> None:
    safe = [text.encode("utf-8", "ignore").decode() for text in (a, b, c, d)]
    item = {"title": safe[0], "text": safe[2], "source": safe[3]}
    summary = " ".join((safe[1] or "x").split())[:150] or "x"
    if len(summary.splitlines()) != 1:
        summary = "x"
    case = asked(
        title=safe[0] + "\r\nBcc: eve@evil.test\r\n\r\n" + safe[3],
        summary=summary,
        why=safe[1] + "\r\n\r\n--=_x--\r\nBcc: y",
        context=[item],
        payload={safe[2]: safe[0], "k\r\nBcc: z": safe[1]},
    )
    mail = parsed(composed(case).message)
    assert sorted(mail.keys()) == [
        "Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Reply-To",
        "Subject", "To", "X-Auto-Response-Suppress",
    ]  # fmt: skip
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/json",
    ]  # fmt: skip


def test_an_encoded_word_in_a_title_is_shown_and_not_decoded() -> None:
    title = "=?utf-8?q?Refund_=E2=80=AE1?="
    assert parsed(composed(asked(title=title)).message)["Subject"].endswith(title)


def test_big_attachments_and_odd_names_survive() -> None:
    data = bytes(range(256)) * 100
    item = {
        "name": 'a"b; x=y',
        "content_type": "image/png",
        "base64": base64.b64encode(data).decode(),
    }
    files = list(parsed(composed(asked(attachments=[item])).message).iter_attachments())
    assert (files[1].get_filename(), files[1].get_content()) == ('a"b; x=y', data)


def test_a_person_who_is_gone_cannot_be_written_to() -> None:
    case = asked()
    with pytest.raises(HitlError, match="no mail address of ada"):
        composer(people={}).compose(case, mail_to(case))
