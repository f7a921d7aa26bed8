"""A packet as the ask mail shows it: what is clipped, which choices it offers, on which doors.

Computes the values that `ask.txt` and `ask.html` name; the words of their sections are in them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from hitl_mail.core.case import Case
from hitl_mail.core.events import Verb
from hitl_mail.core.text import one_line
from hitl_mail.review.answers import stand_of
from hitl_mail.review.packet import Context, Packet, Risk, Row
from hitl_mail.review.text import WIDTH, boxed, shorten

_SOME_ROWS = 40
_SOME_TEXT = 400
_MOST_DIFF = 200
_MOST_OUTPUT = 1500

_LABELS: dict[Verb, tuple[str, str, str]] = {
    "approve": ("I approve", "approve", "#1a7f37"),
    "reject": ("I reject", "reject because ", "#b3261e"),
    "ok": ("It was right", "ok", "#1a7f37"),
    "flag": ("It was wrong", "flag because ", "#b3261e"),
    "retry": ("Try again", "retry", "#1f5fbf"),
    "done": ("It did run", "done", "#1a7f37"),
    "abandon": ("Give up", "abandon", "#b3261e"),
}
"""What a button says, the reply it writes, its colour. No label begins with a command: quoted
back as text, it must not read as one."""

_SPOKEN: dict[Verb, str] = {"reject": "reject because…", "flag": "flag why"}


class Choice(msgspec.Struct, frozen=True):
    """One button. `mailto` opens the reply already written; None where mail cannot say it."""

    verb: Verb
    label: str
    mailto: str | None
    color: str


def ask_view(
    case: Case, packet: Packet, page: str | None, receipt: str | None, reply_address: str | None
) -> dict[str, Any]:
    """The values of the ask templates. `page` and `receipt` are URLs, if the site has any;
    `reply_address` carries a token, or is None."""
    by_mail = tuple(v for v in packet.choices if packet.whole or v != "approve")
    by_mail = by_mail if "mail" in packet.doors else ()
    has_page = page is not None and "link" in packet.doors and bool(packet.choices)
    rows, cut = _clip(packet)
    return {
        "p": packet,
        "rows": rows,
        "cut": cut,
        "context": packet.context if packet.whole else _clip_context(packet.context),
        "diff": _clip_diff(packet.diff),
        "question": _question(packet),
        "trouble": _trouble(packet),
        "trouble_texts": _trouble_texts(packet),
        "superseded": "" if packet.choices else f"Nothing to decide any more. {stand_of(case)}",
        "choices": [_choice(verb, packet, reply_address) for verb in by_mail],
        "commands": _commands(by_mail),
        "page": page if has_page else None,
        "command_line": _command_line(packet, has_page, "approve" in by_mail),
        "nothing": "" if packet.choices else "There is nothing to decide in this mail any more.",
        "receipt": receipt,
    }


def reason(risk: Risk) -> str:
    """`Moves funds (rule money)`; a rule without a reason stands by its name."""
    if risk.reason:
        return f"{risk.reason} (rule {risk.rule})"
    return f"Rule {risk.rule}" if risk.winning else f"Rule {risk.rule} matched too"


def row_lines(row: Row) -> str:
    """One payload value in plain text: on its key's line if it fits, else below it."""
    short = f"{row.key}: {row.value}"
    if len(short) <= WIDTH - 4 and "\n" not in row.value:
        return boxed(short)
    return f"{boxed(row.key + ':')}\n{boxed(row.value, '|   ', WIDTH - 2)}"


def _choice(verb: Verb, packet: Packet, address: str | None) -> Choice:
    label, body, color = _LABELS[verb]
    if address is None:
        return Choice(verb, label, None, color)
    subject = f"Re: [hitl {packet.case}] {one_line(packet.title, 80)}"
    link = f"mailto:{quote(address, safe='@+')}?subject={quote(subject)}&body={quote(body)}"
    return Choice(verb, label, link, color)


def _commands(verbs: tuple[Verb, ...]) -> str:
    if not verbs:
        return ""
    return " | ".join([*(_SPOKEN.get(verb, verb) for verb in verbs), "help"])


def _command_line(packet: Packet, has_page: bool, mail_approves: bool) -> str:
    """The way to decide where neither mail nor page will do."""
    if not packet.choices or "cli" not in packet.doors or has_page or mail_approves:
        return ""
    if "approve" not in packet.choices and "mail" in packet.doors:
        return ""
    verbs = "|".join(packet.choices)
    return f"At the command line: hitl-mail show {packet.case}, then hitl-mail {verbs}"


def _clip(packet: Packet) -> tuple[tuple[Row, ...], str]:
    if packet.whole:
        return packet.rows, ""
    rows = tuple(Row(row.key, shorten(row.value, _SOME_TEXT)) for row in packet.rows[:_SOME_ROWS])
    return rows, (
        f"Too long to show whole here: this is the beginning of {len(packet.rows)} values. "
        "It cannot be approved by mail."
    )


def _clip_context(context: tuple[Context, ...]) -> tuple[Context, ...]:
    return tuple(
        msgspec.structs.replace(item, text=shorten(item.text, _SOME_TEXT)) for item in context[:5]
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
        return "Nobody knows whether it ran. What now?"
    return "It failed. What now?"


def _trouble(packet: Packet) -> str:
    trouble = packet.trouble
    if trouble is None:
        return ""
    attempts = "1 attempt" if trouble.attempts == 1 else f"{trouble.attempts} attempts"
    if trouble.ran:
        return f"It ran by itself ({attempts}). A share of such actions is looked at afterwards."
    if trouble.in_doubt:
        return f"Nobody knows whether it ran ({attempts}). Look before you say what happened."
    return f"It was tried and failed ({attempts})."


def _trouble_texts(packet: Packet) -> list[tuple[str, str]]:
    trouble = packet.trouble
    if trouble is None:
        return []
    code = "" if trouble.exit_code is None else str(trouble.exit_code)
    texts = (
        ("Error", trouble.error),
        ("Exit code", code),
        ("Output", trouble.stdout),
        ("Error output", trouble.stderr),
    )
    return [(name, shorten(text.rstrip(), _MOST_OUTPUT)) for name, text in texts if text.strip()]
