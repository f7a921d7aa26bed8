"""A packet as the ask mail shows it: what is clipped, which choices it offers, on which doors.

Computes the values that `ask.txt` and `ask.html` name; the words of their sections are in them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from hitl_mail.core.case import Case
from hitl_mail.core.text import one_line
from hitl_mail.review.answers import stand_of
from hitl_mail.review.choices import COMMAND_LINE, buttons, reply_lines
from hitl_mail.review.packet import Context, Packet, Risk
from hitl_mail.review.rows import Row
from hitl_mail.review.text import WIDTH, boxed, fill, shorten

_SOME_ROWS = 3
_SOME_TEXT = 120
_SOME_ITEMS = 1
"""How little is shown of what is too long to show whole: it cannot be decided from the beginning,
and what can be done about it should be in sight."""
_MOST_DIFF = 200
_MOST_OUTPUT = 1500

LEADS = {
    "remind": "Still waiting for you: asked {asked}, expires in {expires_in}.",
    "review again": "Still waiting for you: what you make of it, expires in {expires_in}.",
    "escalate": "Asked since {asked} without an answer; now you are asked too.",
}
"""The first sentence of mails that ask again, by what they are about."""


def ask_view(
    case: Case,
    packet: Packet,
    page: str | None,
    receipt: str | None,
    reply_address: str | None,
    *,
    about: str = "ask",
    stands_for: Sequence[str] = (),
    others: int = 0,
    queue: str | None = None,
    zone: dt.tzinfo = dt.UTC,
) -> dict[str, Any]:
    """The values of the ask templates. `page`, `receipt` and `queue` are URLs, if the site has
    any; `reply_address` carries a token, or is None; `others` more cases wait for this person, who
    is asked of this one in the place of the people in `stands_for`."""
    by_mail = tuple(v for v in packet.choices if packet.whole or v != "approve")
    by_mail = by_mail if "mail" in packet.doors else ()
    has_page = page is not None and "link" in packet.doors and bool(packet.choices)
    # What takes more than one word is easier said on a page than in a mail.
    pressed = tuple(v for v in by_mail if not has_page or v not in ("edit", "route"))
    rows, cut = _clip(packet)
    return {
        "p": packet,
        "headline": _headline(packet),
        "lead": " ".join(filter(None, (_place(stands_for), _lead(packet, about)))),
        "rows": rows,
        "cut": cut,
        "why": packet.why if packet.whole or not packet.why else shorten(packet.why, _SOME_TEXT),
        "context": packet.context if packet.whole else _clip_context(packet.context),
        "diff": _clip_diff(packet.diff),
        "question": _question(packet),
        "trouble": _trouble(packet),
        "trouble_texts": _trouble_texts(packet),
        "superseded": ""
        if packet.choices
        else f"Nothing to decide any more. {stand_of(case, zone)}",
        "choices": buttons(pressed, packet, reply_address),
        "replies": reply_lines(by_mail, packet),
        "mailto_in_text": not has_page,
        "page": page if has_page else None,
        "page_label": _page_label(packet),
        "command_lines": _command_lines(packet, has_page, "approve" in by_mail),
        "nothing": "" if packet.choices else "There is nothing to decide in this mail any more.",
        "receipt": receipt,
        "waiting": _waiting(others),
        "queue": queue,
    }


def reason(risk: Risk) -> str:
    """`Moves funds (rule money)`; a rule without a reason stands by its name."""
    if risk.reason and not risk.rule:
        return risk.reason
    if risk.reason:
        return f"{risk.reason} (rule {risk.rule})"
    return f"Rule {risk.rule}" if risk.winning else f"Rule {risk.rule} matched too"


def row_lines(row: Row) -> str:
    """One payload value in plain text: on its key's line if it fits, else below it."""
    short = f"{row.key}: {row.value}"
    if len(short) <= WIDTH - 4 and "\n" not in row.value:
        return boxed(short)
    return f"{boxed(row.key + ':')}\n{boxed(row.value, '|   ', WIDTH - 2)}"


def told(text: str) -> str:
    """One line of ours that may hold an agent's words, in plain text: wrapped, and marked as the
    agent's lines are where a command would stand at the beginning of a line."""
    lines = fill(one_line(text, 300))
    return boxed(lines) if COMMAND_LINE.search(lines) else lines


def _headline(packet: Packet) -> str:
    """The title, told apart from a command where it begins like one."""
    return f"Proposed: {packet.title}" if COMMAND_LINE.match(packet.title) else packet.title


def _lead(packet: Packet, about: str) -> str:
    """The first sentence, where this is not the first mail about it."""
    if about in LEADS:
        return LEADS[about].format(asked=packet.asked, expires_in=packet.expires_in)
    if packet.edited_by and packet.trouble is None:
        who = one_line(packet.edited_by, 60)
        return f"Edited by {who}, as shown below."
    return ""


def _place(stands_for: Sequence[str]) -> str:
    """Why somebody is asked whom no rule names."""
    if not stands_for:
        return ""
    who = one_line(" and ".join(stands_for), 120)
    return f"In the place of {who}, who {'is' if len(stands_for) == 1 else 'are'} away."


def _page_label(packet: Packet) -> str:
    return "Decide on the page" if packet.whole else "See it whole"


def _waiting(others: int) -> str:
    if others <= 0:
        return ""
    return "1 more waits for you" if others == 1 else f"{others} more wait for you"


def _command_lines(packet: Packet, has_page: bool, mail_approves: bool) -> tuple[str, ...]:
    """The way to decide where neither mail nor page will do."""
    if not packet.choices or "cli" not in packet.doors or has_page or mail_approves:
        return ()
    if "approve" not in packet.choices and "mail" in packet.doors:
        return ()
    verbs = "|".join(packet.choices)
    return f"hitl-mail show {packet.case}", f"hitl-mail {verbs} {packet.case}"


def _clip(packet: Packet) -> tuple[tuple[Row, ...], str]:
    if packet.whole:
        return packet.rows, ""
    rows = tuple(Row(row.key, shorten(row.value, _SOME_TEXT)) for row in packet.rows[:_SOME_ROWS])
    more = len(packet.context) - _SOME_ITEMS
    items = f" and leaves out {more} of the context" if more > 0 else ""
    values = "1 value" if len(packet.rows) == 1 else f"{len(packet.rows)} values"
    return rows, (
        f"Too long to show whole here: this is the beginning of {values}{items}. "
        "It cannot be approved by mail."
    )


def _clip_context(context: tuple[Context, ...]) -> tuple[Context, ...]:
    return tuple(
        msgspec.structs.replace(item, text=shorten(item.text, _SOME_TEXT))
        for item in context[:_SOME_ITEMS]
    )


def _clip_diff(diff: tuple[str, ...]) -> tuple[str, ...]:
    if len(diff) <= _MOST_DIFF:
        return diff
    return (*diff[:_MOST_DIFF], f"… ({len(diff) - _MOST_DIFF} more lines)")


def _question(packet: Packet) -> str:
    """What is asked of something that was started already; of all else the choices say it."""
    if packet.trouble is None or not packet.choices:
        return ""
    if packet.trouble.ran:
        return "It ran by itself. Was that right?"
    if packet.trouble.in_doubt:
        return "Nobody knows whether it ran. Look before you answer."
    return "It failed. What now?"


def _trouble(packet: Packet) -> str:
    trouble = packet.trouble
    if trouble is None:
        return ""
    facts = "1 attempt" if trouble.attempts == 1 else f"{trouble.attempts} attempts"
    if trouble.exit_code:
        facts += f", exit code {trouble.exit_code}"
    if trouble.ran:
        return f"It ran by itself ({facts}). A share of such actions is looked at afterwards."
    if trouble.unreported:
        return trouble.unreported
    if trouble.in_doubt:
        return f"It was started ({facts}), and what came of it is lost."
    return f"It was tried and failed ({facts})."


def _trouble_texts(packet: Packet) -> list[tuple[str, str]]:
    trouble = packet.trouble
    if trouble is None:
        return []
    texts = (
        ("Error", trouble.error),
        ("Output", trouble.stdout),
        ("Error output", trouble.stderr),
    )
    return [(name, shorten(text.rstrip(), _MOST_OUTPUT)) for name, text in texts if text.strip()]
