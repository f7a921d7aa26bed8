"""The choices of a mail: what can be said, how, and what else its reader is told."""

from __future__ import annotations

import re
import tomllib
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from hitl_mail.core.case import Case, MailLog
from hitl_mail.core.events import Verb
from hitl_mail.resources import shipped
from hitl_mail.review.ask import ask_view
from hitl_mail.review.choices import buttons, edit_example, reply_lines
from hitl_mail.review.compose import Composer
from hitl_mail.review.edits import apply_edit
from hitl_mail.review.facts import Moment
from hitl_mail.review.packet import Packet
from hitl_mail.review.packing import build_packet
from hitl_mail.review.parts import mail_templates, render_parts
from hitl_mail.review.reply import read_command
from hitl_mail.review.rows import rows_of
from tests import packets
from tests.mails import AT, LINKS, TOKENS, composed, mail_to, site, text_of

FOUR: tuple[Verb, ...] = ("approve", "reject", "edit", "route")
ROUTES = ("bob", "cleo", "finance")


def packet(case: Case | None = None, **fields: Any) -> Packet:
    """The refund as it can be edited and handed on."""
    found = build_packet(case or packets.refund(), "ada", site(), AT)
    return msgspec.structs.replace(found, **{"choices": FOUR, "routes": ROUTES, **fields})


def text_for(shown: Packet, page: str | None = None, **more: Any) -> str:
    view = ask_view(packets.refund(), shown, page, None, "a+t@example.com", **more)
    return render_parts(mail_templates([shipped("templates")]), "ask", view)[0]


def html_for(shown: Packet, page: str | None = None) -> str:
    view = ask_view(packets.refund(), shown, page, None, "a+t@example.com")
    return render_parts(mail_templates([shipped("templates")]), "ask", view)[1]


def again(about: str, case: Case | None = None) -> str:
    """The text of a mail that asks again two hours later."""
    case = case or packets.refund()
    mail = msgspec.structs.replace(mail_to(case), about=about, at=AT + 7200)
    composer = Composer(site(), TOKENS, LINKS, mail_templates([shipped("templates")]))
    return text_of(composer.compose(case, mail).message)


def while_waiting(number: int, **fields: Any) -> str:
    """The text of a mail whose reader `number` open cases wait for."""
    templates = mail_templates([shipped("templates")])
    composer = Composer(site(**fields), TOKENS, LINKS, templates, Moment(lambda _: number))
    case = packets.refund()
    return text_of(composer.compose(case, mail_to(case)).message)


def standing_in(*people: str, about: str = "ask") -> str:
    """The text of a mail to somebody who is asked in the place of these people."""
    case, templates = packets.refund(), mail_templates([shipped("templates")])
    moment = Moment(stands_for=lambda _, __: people)
    mail = msgspec.structs.replace(mail_to(case), about=about)
    composer = Composer(site(), TOKENS, LINKS, templates, moment)
    return text_of(composer.compose(case, mail).message)


def test_a_stand_in_reads_first_for_whom_they_are_asked() -> None:
    assert "\nIn the place of bob, who is away.\n" in standing_in("bob")
    assert "\nIn the place of bob and gus, who are away.\n" in standing_in("bob", "gus")
    assert "who is away. Still waiting for you" in standing_in("bob", about="remind")
    assert "In the place of" not in standing_in()


def test_all_that_can_be_replied_is_shown_with_this_payloads_own_words() -> None:
    block = text_for(packet()).partition("YOUR CHOICE\n")[2].split("\n")[:7]
    assert block == [
        "Answer with one line on top:",
        " to approve it: approve",
        " to reject it: reject because (your reason)",
        " to change it: edit, and below it what changes, as in",
        "|     amount = 49",
        " to hand it on: route NAME (bob, cleo, finance)",
        " to get help: help",
    ]


def test_who_can_hand_it_to_nobody_is_not_told_of_route() -> None:
    assert "route" not in text_for(packet(routes=()))


def test_many_names_are_cut() -> None:
    names = tuple(f"person{number}" for number in range(9))
    (route,) = [line for line in reply_lines(("route",), packet(routes=names)) if line.names]
    assert route.names.endswith("person7, …")


@pytest.mark.parametrize(
    ("payload", "example"),
    [
        ({"name": "Ada", "amount": 49}, "amount = 49"),
        ({"name": "Ada"}, 'name = "Ada"'),
        ({"n": "40"}, 'n = "40"'),
        ({"a": {"b": 1.5}}, "a.b = 1.5"),
        ({"sure": True}, "sure = true"),
        ({"x": "x" * 40, "y": 'say "hi"'}, 'y = "say \\"hi\\""'),
        ({"items": [1, 2]}, ""),
        ({"nothing": None, "none": []}, ""),
        ({"reject": 1, "Approve": 2, "ok.x": 3, "help": 4}, ""),
        ({"a\u202eb": 1}, ""),
        ({"a": "x\u202ey"}, ""),
    ],
)
def test_the_example_of_an_edit_is_a_value_of_this_payload(
    payload: dict[str, Any], example: str
) -> None:
    assert edit_example(tuple(rows_of(payload))) == example


def test_an_example_is_toml_for_the_value_as_it_is() -> None:
    for value in (49, 1.5, "Ada", "40", "true", 'q"\\', "ä", 1e300, False):
        line = edit_example(tuple(rows_of({"key": value})))
        assert tomllib.loads(line) == {"key": value}


def test_without_a_page_edit_and_route_are_buttons_that_begin_the_reply() -> None:
    links = [choice.mailto or "" for choice in buttons(FOUR, packet(), "a+t@example.com")]
    bodies = [unquote(link.partition("body=")[2]) for link in links]
    assert bodies == [
        "approve",
        "reject because ",
        'edit\r\namount = 49\r\ncurrency = "EUR"\r\ncustomer = "Ada"\r\n',
        "route ",
    ]


def test_the_reply_that_a_button_begins_is_an_edit_once_a_value_is_changed() -> None:
    (edit,) = buttons(("edit",), packet(), "a+t@example.com")
    body = unquote((edit.mailto or "").partition("body=")[2]).replace("49", "40")
    said = read_command(body.split("\r\n"))
    assert said.edit is not None
    assert apply_edit(packets.refund().payload, said.edit) == {
        "amount": 40,
        "currency": "EUR",
        "customer": "Ada",
    }


def test_with_a_page_two_buttons_and_the_page_are_enough() -> None:
    labels = re.findall(r'class="button[^>]*>([^<]+)<', html_for(packet(), "https://a.example/d/T"))
    assert labels == ["I approve", "I reject", "Decide on the page"]


def test_with_a_page_the_text_is_not_cluttered_with_mail_links() -> None:
    text = text_for(packet(), "https://a.example/d/T")
    assert "mailto:" not in text
    assert "Decide on the page:\n https://a.example/d/T\n" in text


def test_what_is_too_long_leads_to_the_page_first() -> None:
    page = html_for(packet(packets.too_long()), "https://a.example/d/T")
    labels = re.findall(r'class="button[^>]*>([^<]+)<', page)
    assert labels == ["See it whole", "I reject"]


def test_what_is_too_long_is_cut_in_all_its_parts() -> None:
    long = "word " * 5000
    items = [packets.TICKET | {"text": long}, packets.TICKET]
    text = text_of(composed(packets.refund(why=long, context=items)).message)
    assert "values and leaves out 1 of the context. It cannot" in text.replace("\n", " ")
    assert len(text) < 4000


def test_of_what_is_too_long_no_context_is_left_out_where_there_is_no_more_of_it() -> None:
    text = text_of(composed(packets.refund(why="word " * 5000)).message).replace("\n", " ")
    assert "this is the beginning of 3 values. It cannot be approved by mail." in text


def test_whoever_handed_it_on_is_quoted_above_the_choices() -> None:
    text = text_for(packet(notes=(("bob", "approve\nI know her"), ("cleo", ""))))
    begin = text.partition("YOUR CHOICE\n")[2]
    assert begin.startswith(
        "bob handed it to you and writes:\n| approve\n| I know her\ncleo handed it to you.\nAnswer"
    )


def test_an_edit_says_who_made_it_first_and_above_what_changed() -> None:
    lines = text_of(composed(packets.edited()).message).split("\n")
    assert lines[2] == "Edited by bob, as shown below."
    at = lines.index("Edited by bob (- before, + now):")
    assert '| +  "amount": 40,' in lines[at:]


def test_a_new_revision_that_nobody_edited_says_why_it_is_asked() -> None:
    case = packets.edited(by=None)
    assert "Asked again because bob edited it." in text_of(composed(case).message)


def test_a_reminder_is_the_same_packet_and_says_so_first() -> None:
    lines = again("remind").split("\n")
    assert " ".join(lines[2:4]) == (
        "Still waiting for you: asked Sun 22 Nov 2026, 11:00 (+01:00), expires in 2h."
    )
    assert " to reject it: reject because (your reason)" in lines


def test_an_escalation_is_the_same_packet_and_says_so_first() -> None:
    lines = again("escalate").split("\n")
    assert " ".join(lines[2:4]) == (
        "Asked since Sun 22 Nov 2026, 11:00 (+01:00) without an answer; now you are asked too."
    )
    assert " to approve it: approve" in lines


def test_a_review_that_is_asked_for_again_says_so_first() -> None:
    case = packets.in_review()
    mail = mail_to(case)
    second = msgspec.structs.replace(mail, id="again")
    log = MailLog(second.id, "review", mail.to, mail.revision)
    case = msgspec.structs.replace(case, mails=(*case.mails, log))
    composer = Composer(site(), TOKENS, LINKS, mail_templates([shipped("templates")]))
    first, again = (text_of(composer.compose(case, m).message).split("\n") for m in (mail, second))
    assert again[2] == "Still waiting for you: what you make of it, expires in 1m 39s."
    assert again[2] not in first
    assert " if it was right: ok" in again


@pytest.mark.parametrize(
    ("number", "words"), [(4, "3 more wait for you:"), (2, "1 more waits for you:")]
)
def test_what_else_waits_is_counted_without_this_case(number: int, words: str) -> None:
    text = while_waiting(number)
    assert f"{words}\n https://approve.example.com/q/" in text


def test_the_link_to_what_waits_is_its_readers_own() -> None:
    found = re.search(r"/q/(\S+)", while_waiting(2))
    assert found is not None
    claim = LINKS.read("queue", found[1])
    assert (claim.case, claim.seen, claim.person) == ("", "", "ada")


def test_where_nothing_else_waits_nothing_is_said() -> None:
    assert "for you:" not in while_waiting(1)


def test_without_a_web_address_what_waits_is_seen_at_the_command_line() -> None:
    assert "3 more wait for you:\n hitl-mail queue\n" in while_waiting(4, base_url=None)
