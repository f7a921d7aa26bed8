"""The choices of a mail: buttons, the replies they write, and the lines that say the same.

No button, and no line of ours, begins with a command: quoted back as text, it must not read as one.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import msgspec

from hitl_mail.core.events import Verb
from hitl_mail.core.text import one_line, visible
from hitl_mail.review.closing import COMMANDS, WRAPPING
from hitl_mail.review.packet import Packet
from hitl_mail.review.rows import Row

COMMAND_LINE = re.compile(
    rf"^[ \t{re.escape(WRAPPING)}]*({'|'.join(sorted(COMMANDS))})(?![\w-])",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that begins with a command, as the reader of replies sees it."""

_LABELS: dict[Verb, tuple[str, str, str]] = {
    "approve": ("I approve", "approve", "yes"),
    "reject": ("I reject", "reject because ", "no"),
    "edit": ("I change it", "edit\n", "plain"),
    "route": ("I hand it on", "route ", "plain"),
    "ok": ("It was right", "ok", "yes"),
    "flag": ("It was wrong", "flag because ", "no"),
    "retry": ("Try again", "retry", "try"),
    "done": ("It did run", "done", "yes"),
    "abandon": ("Give up", "abandon", "no"),
}
"""What a button says, the reply it writes, its class in the style sheet."""

_MEANINGS: dict[Verb, tuple[str, str]] = {
    "approve": ("to approve it", "approve"),
    "reject": ("to reject it", "reject because (your reason)"),
    "edit": ("to change it", "edit"),
    "route": ("to hand it on", "route NAME"),
    "ok": ("if it was right", "ok"),
    "flag": ("if it was wrong", "flag (and why)"),
    "retry": ("to try it again", "retry"),
    "done": ("if it did run", "done"),
    "abandon": ("to give it up", "abandon"),
}
"""What a reply is for, and its first line."""

_KEY = re.compile(r"[A-Za-z0-9_-]{1,30}(?:\.[A-Za-z0-9_-]{1,30}){0,4}")
_SHORT = 30
_MOST_NAMES = 8
_MOST_EDITABLE = 8


class Choice(msgspec.Struct, frozen=True):
    """One button. `mailto` opens the reply already written; None where mail cannot say it."""

    verb: Verb
    label: str
    mailto: str | None
    tone: str


class ReplyLine(msgspec.Struct, frozen=True):
    """What a reply is for, its first line, who may be named in it, and (`example`, the agent's
    words) what may stand below it."""

    meaning: str
    line: str
    names: str = ""
    example: str = ""


def buttons(verbs: tuple[Verb, ...], packet: Packet, address: str | None) -> list[Choice]:
    """A button for each verb; without an `address` that knows its reader they write no reply."""
    return [_choice(verb, packet, address) for verb in verbs]


def reply_lines(verbs: tuple[Verb, ...], packet: Packet) -> list[ReplyLine]:
    """What can be said by replying; empty where nothing can."""
    lines = [_reply_line(verb, packet) for verb in verbs if _sayable(verb, packet)]
    return [*lines, ReplyLine("to get help", "help")] if lines else []


def edit_example(rows: tuple[Row, ...]) -> str:
    """A line below `edit` for one value of this payload, as it is now: a number where there is
    one. Empty where no value is fit to stand as an example."""
    lines = _editable(rows, _SHORT)
    numbers = [line for line in lines if line[-1].isdigit()]
    return next(iter([*numbers, *lines]), "")


def _sayable(verb: Verb, packet: Packet) -> bool:
    return verb != "route" or bool(packet.routes)


def _reply_line(verb: Verb, packet: Packet) -> ReplyLine:
    meaning, line = _MEANINGS[verb]
    if verb == "edit":
        return ReplyLine(meaning, line, example=edit_example(packet.rows))
    if verb == "route":
        names = [one_line(name, 40) for name in packet.routes[:_MOST_NAMES]]
        more = ["…"] if len(packet.routes) > _MOST_NAMES else []
        return ReplyLine(meaning, line, ", ".join([*names, *more]))
    return ReplyLine(meaning, line)


def _choice(verb: Verb, packet: Packet, address: str | None) -> Choice:
    label, body, tone = _LABELS[verb]
    if address is None or not _sayable(verb, packet):
        return Choice(verb, label, None, tone)
    if verb == "edit":
        body += "".join(f"{line}\n" for line in _editable(packet.rows, 4 * _SHORT)[:_MOST_EDITABLE])
    subject = f"Re: [hitl {packet.case}] {one_line(packet.title, 80)}"
    body = body.replace("\n", "\r\n")
    link = f"mailto:{quote(address, safe='@+')}?subject={quote(subject)}&body={quote(body)}"
    return Choice(verb, label, link, tone)


def _editable(rows: tuple[Row, ...], longest: int) -> list[str]:
    """`key = value` in TOML, for values that are short, plain to see and plain to name."""
    found = []
    for row in rows:
        value = _toml(row.value)
        fit = value and len(value) <= longest and visible(value, keep="") == value
        if fit and _KEY.fullmatch(row.key) and row.key.partition(".")[0].lower() not in COMMANDS:
            found.append(f"{row.key} = {value}")
    return found


def _toml(shown: str) -> str:
    """A value as a row shows it, in TOML; empty for what TOML has no word for."""
    try:
        value = json.loads(shown)
    except ValueError:
        return json.dumps(shown, ensure_ascii=False)
    return "" if value is None or isinstance(value, (dict, list)) else shown
