"""Letters of every sort at the door where a reply becomes a decision.

Nothing raises, noise decides nothing, what decides bears the secret and is from its person, and a
letter that comes twice counts once.
"""

from __future__ import annotations

import base64
import quopri

from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.core.events import Decision
from hitl_mail.review.anchors import read_anchors
from hitl_mail.review.bounce import read_bounce
from hitl_mail.review.reply import read_reply
from hitl_mail.settings import Site
from tests.bad_mails import BAD
from tests.factories import CASE
from tests.fuzz.homes import no_fault
from tests.fuzz.mutate import THORNS, Draw, mutated
from tests.fuzz.office import OTHER, Room, site
from tests.fuzz.profile import corpus, fuzzed, timely, within
from tests.mails import STYLES, TOKENS, composed, reply

ASK = composed(Room().case()).message
TYPED = ("approve", "reject: too much", "edit amount = 20", "route bob", "help", "Thanks, looking")
REPLIES = [reply(typed, ASK, style) for style in STYLES for typed in TYPED[:1]]
REPLIES += [reply(typed, ASK) for typed in TYPED]
RESULTS = b"Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\r\n"
TOKEN = ASK.partition(f"{CASE}-1-".encode())[2][:16].decode()


def delivered(message: bytes, known: Site | None = None) -> tuple[Decision, ...]:
    """What is decided of ada's case after the letter came: once or twice, that is the same."""
    room = Room(known)
    with no_fault(), within(3):
        room.deliver(message)
    once = room.case()
    records = list(room.kept.payloads)
    with no_fault():
        room.deliver(message)
    assert (room.case().decisions, room.case().mails) == (once.decisions, once.mails)
    # After a restart in between, too.
    again = Room(known, records)
    again.deliver(message)
    assert again.case().decisions == once.decisions
    assert again.said()[OTHER] == room.said()[OTHER] == []
    return once.decisions


def check(message: bytes, decisions: tuple[Decision, ...]) -> None:
    """Whatever is decided, it was ada, at this revision, with her token, from her address."""
    assert len(decisions) <= 1
    for said in decisions:
        assert (said.by, said.via) == ("ada", "mail")
        low = message.lower()
        assert TOKEN.encode() in low or b".m1." in low
        assert b"ada@example.com" in low or b"ada@personal.example" in low
        text = read_reply(message, TOKENS.is_ours).lines
        assert said.verb in text[0].lower()


@fuzzed(80)
@given(mutated(REPLIES + corpus("mails")))
@timely
def test_a_changed_reply_is_adas_word_or_nobodys(message: bytes) -> None:
    check(message, delivered(message))


@fuzzed(40)
@given(mutated([RESULTS + message for message in REPLIES], most=4))
@timely
def test_a_changed_reply_counts_only_where_our_server_passed_it(message: bytes) -> None:
    decisions = delivered(message, site("dmarc", "mx.example.com"))
    check(message, decisions)
    if decisions:
        assert b"pass" in message.lower()
        assert b"mx.example.com" in message.lower()


_NEARLY = (
    *("approved", "aprove", "approve?", "approve, but make it 20", "approve it", "approve not"),
    *("I approve", "not approve", "ok", "yes", "+1", "\N{THUMBS UP SIGN}", "LGTM", "go ahead"),
    *("approve -- if cheap", "done", "retry", "abandon", "flag", "editing", "router", "helpful"),
    *("> approve", "| approve", "<approve>", "Re: approve", "арprove", "\u202eevorppa", "a\x00b"),
)
_NOISE = st.text(max_size=20) | st.sampled_from(
    ["approve", "> approve", "reject", "\n", "\n\n", "-- ", "On Monday, Ada wrote:", "thanks", ":"]
)


@fuzzed(80)
@given(st.sampled_from(_NEARLY), st.lists(_NOISE, max_size=8), st.sampled_from(sorted(STYLES)))
@timely
def test_what_does_not_begin_with_a_command_decides_nothing(
    first: str, noise: list[str], style: str
) -> None:
    typed = "\n".join([first, *noise]).encode("utf-8", "replace").decode()
    message = reply(typed.replace("\r", " "), ASK, style)
    if style == "mutt_below" and first.startswith((">", "|")):
        # Below a quote it is one more line of it, and what follows stands first.
        return
    if first.startswith(">") or style.endswith("html"):
        # A quote ends, and what follows it stands first; in HTML a line may be an element.
        return
    assert delivered(message) == ()


@fuzzed(30)
@given(st.integers(0, 15), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
@example(0, TOKEN[0])
@timely
def test_a_reply_with_another_secret_decides_nothing(at: int, letter: str) -> None:
    other = TOKEN[:at] + letter + TOKEN[at + 1 :]
    message = reply("approve", ASK).replace(TOKEN.encode(), other.encode())
    assert len(delivered(message)) == (other == TOKEN)


# Mails made from pieces

_FIELDS = (
    *("From", "To", "Cc", "Subject", "Message-ID", "In-Reply-To", "References", "Reply-To"),
    *("Auto-Submitted", "Return-Path", "Delivered-To", "Content-Type", "MIME-Version"),
    *("Content-Transfer-Encoding", "Content-Disposition", "Authentication-Results", "Precedence"),
    *("X-Failed-Recipients", "DKIM-Signature", "List-Id", "X-Auto-Response-Suppress", "Date", ""),
)
_VALUES = (
    *(
        "ada@example.com",
        "Ada <ada@example.com>",
        "<>",
        "",
        "a, b, c",
        '"',
        "(",
        "<ada@example.com",
    ),
    *(TOKENS.address, f"<{CASE}.1.m1.{'a' * 16}@example.com>", "auto-replied", "no", "bulk"),
    *("multipart/mixed; boundary=b", "multipart/report; report-type=delivery-status; boundary=b"),
    *(
        "multipart/alternative; boundary=",
        "text/plain; charset=utf-16",
        "text/html",
        "message/rfc822",
    ),
    *("text/plain; charset=no-such; format=flowed", "base64", "quoted-printable", "x-uuencode"),
    *("=?utf-8?q?=00=0A?=", "=?utf-8?b?////?=", "=?no-such?q?a?=", "mx.example.com; dmarc=pass"),
    *("text/plain; name*0*=utf-8''%00; name*1=x", "attachment; filename=x", "Re: [hitl x] y"),
)
_BODIES = (
    *(
        "approve",
        "reject",
        "edit\namount = 20",
        'edit\n```\n{"amount": 20}\n```',
        "--b",
        "--b--",
        "",
    ),
    *(
        "Content-Type: text/html\n\n<p>approve</p>",
        "Content-Type: text/plain\n\napprove",
        "=\n=3D=ZZ",
    ),
    "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; ada@example.com\n"
    "Action: failed\nStatus: 5.1.1",
    *(
        "begin 644 x\n#86)C\nend",
        "YXBwcm92ZQ==",
        "<!--",
        "<title>",
        "<p>" * 40,
        "&#0;&#xd800;&bad;",
    ),
)


@st.composite
def made_mail(draw: Draw) -> bytes:
    thorn = st.sampled_from(THORNS).map(lambda one: one.decode("latin-1"))
    value = st.lists(st.sampled_from(_VALUES) | thorn, min_size=1, max_size=3).map(" ".join)
    fields = draw(st.lists(st.tuples(st.sampled_from(_FIELDS), value), max_size=12))
    bodies = draw(st.lists(st.sampled_from(_BODIES) | thorn, max_size=8))
    end = draw(st.sampled_from(["\r\n", "\n", "\r", "\n "]))
    body = end.join(bodies).encode("latin-1", "replace")
    code = draw(st.sampled_from([bytes, base64.encodebytes, quopri.encodestring]))
    head = end.join(f"{name}: {text}" for name, text in fields)
    return (head + end + end).encode("latin-1", "replace") + code(body)


@fuzzed(80)
@given(made_mail() | mutated(REPLIES[:2]).flatmap(lambda m: made_mail().map(lambda n: n + m)))
@timely
def test_a_mail_of_pieces_decides_nothing(message: bytes) -> None:
    check(message, delivered(message))


@fuzzed(80)
@given(made_mail() | mutated([*REPLIES, ASK]))
@example(BAD["parts in parts"])
@example(BAD["parameters"])
@timely
def test_every_other_reader_of_mails_ends_soon_and_says_the_same_twice(message: bytes) -> None:
    with within(3):
        first = read_bounce(message, TOKENS), read_anchors(message)
    assert (read_bounce(message, TOKENS), read_anchors(message)) == first
