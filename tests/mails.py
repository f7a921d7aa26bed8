"""Mails to test with: a composer of a small site, and replies as each mail program writes them.

A client style takes what a person typed and a mail of ours, and gives the bytes that arrive: with
our own text quoted the way that program quotes it.
"""

from __future__ import annotations

import email
import email.policy
import html
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from hitl_mail.core.case import Case, ReceiptRef
from hitl_mail.core.effects import Mail
from hitl_mail.resources import shipped
from hitl_mail.review.compose import Composed, Composer
from hitl_mail.review.facts import Moment, SiteFacts
from hitl_mail.review.links import Links
from hitl_mail.review.parts import mail_templates
from hitl_mail.review.tokens import Tokens

ADDRESS = "approvals@example.com"
KEY, LINK_KEY = b"a" * 32, b"l" * 32
AT = 1_795_341_600.0
"""Sunday 22 November 2026, 11:00 in Berlin."""
TOKENS = Tokens(ADDRESS, [KEY])
LINKS = Links([LINK_KEY])


def site(**fields: Any) -> SiteFacts:
    whole: dict[str, Any] = {
        "name": "Acme approvals",
        "address": ADDRESS,
        "timezone": "Europe/Berlin",
        "base_url": "https://approve.example.com",
        "people": {
            "ada": ("ada@example.com", "ada@personal.example"),
            "bob": ("bob@example.com",),
            "cleo": ("cleo@example.com",),
        },
        "trusted_sources": {"billing": ("crm",)},
    }
    return SiteFacts(**{**whole, **fields})


def composer(newest: ReceiptRef | None = None, **fields: Any) -> Composer:
    templates = mail_templates([shipped("templates")])
    return Composer(site(**fields), TOKENS, LINKS, templates, Moment(newest=lambda: newest))


def mail_to(case: Case, person: str = "ada") -> Mail:
    """The newest mail that a case owes to a person."""
    owed = [
        effect
        for effect in case.pending.values()
        if isinstance(effect, Mail) and effect.to == person
    ]
    return owed[-1]


def composed(case: Case, person: str = "ada", **fields: Any) -> Composed:
    return composer(**fields).compose(case, mail_to(case, person))


def parsed(message: bytes) -> EmailMessage:
    found = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def text_of(message: bytes, sort: str = "plain") -> str:
    """The text or HTML that a mail shows."""
    part = parsed(message).get_body((sort,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


# How programs quote


def marked(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.splitlines())


def gmail(typed: str, ours: str, _: str) -> str:
    who = "On Sun, Nov 22, 2026 at 11:00 AM Acme approvals <\napprovals+x@example.com> wrote:"
    return f"{typed}\n\n{who}\n\n{marked(ours)}\n"


def gmail_german(typed: str, ours: str, _: str) -> str:
    who = "Am So., 22. Nov. 2026 um 11:00 Uhr schrieb Acme approvals <\napprovals+x@example.com>:"
    return f"{typed}\n\n{who}\n\n{marked(ours)}\n"


def gmail_japanese(typed: str, ours: str, _: str) -> str:
    who = "2026年11月22日(日) 11:00 Acme approvals <approvals+x@example.com>:"
    return f"{typed}\n\n{who}\n\n{marked(ours)}\n"


def outlook(typed: str, ours: str, _: str) -> str:
    head = (
        "From: Acme approvals <approvals@example.com>\nSent: Sunday, November 22, 2026 11:00 AM\n"
        "To: Ada <ada@example.com>\nSubject: [hitl 261122-k3f9ma] Refund 49 EUR to Ada\n"
    )
    return f"{typed}\n\n{head}\n{ours}\n"


def outlook_web(typed: str, ours: str, _: str) -> str:
    head = "Von: Acme approvals <approvals@example.com>\nGesendet: Sonntag, 22. November 2026\n"
    return f"{typed}\n________________________________\n{head}An: Ada\nBetreff: x\n\n{ours}\n"


def outlook_old(typed: str, ours: str, _: str) -> str:
    return f"{typed}\n\n-----Original Message-----\nFrom: Acme approvals\nSent: Sunday\n\n{ours}\n"


def apple_mail(typed: str, ours: str, _: str) -> str:
    who = "> On 22 Nov 2026, at 11:00, Acme approvals <approvals@example.com> wrote:"
    return f"{typed}\n\n{who}\n>\n{marked(ours)}\n"


def ios_french(typed: str, ours: str, _: str) -> str:
    who = "Le 22 nov. 2026 à 11:00, Acme approvals <approvals@example.com> a écrit :"
    return f"{typed}\n\nEnvoyé de mon iPhone\n\n> {who}\n>\n{marked(ours)}\n"


def thunderbird(typed: str, ours: str, _: str) -> str:
    return f"{typed}\n\nAm 22.11.26 um 11:00 schrieb Acme approvals:\n{marked(ours)}\n"


def mutt_below(typed: str, ours: str, _: str) -> str:
    who = "On Sun, Nov 22, 2026 at 11:00:00AM +0100, Acme approvals wrote:"
    return f"{who}\n{marked(ours)}\n\n{typed}\n"


def yahoo(typed: str, ours: str, _: str) -> str:
    who = "On Sunday, November 22, 2026 at 11:00:00 AM GMT+1, Acme approvals wrote:"
    quoted = "\n".join(f"  {line}" for line in ours.splitlines())
    return f"{typed}\n\n    {who}  \n \n {quoted}\n"


def proton(typed: str, ours: str, _: str) -> str:
    who = "On Sunday, November 22nd, 2026 at 11:00, Acme approvals <approvals@example.com> wrote:"
    return f"{typed}\n\nSent with Proton Mail secure email.\n\n{who}\n\n{marked(ours)}\n"


def zoho(typed: str, ours: str, _: str) -> str:
    who = "---- On Sun, 22 Nov 2026 11:00:00 +0100 approvals@example.com wrote ----"
    return f"{typed}\n\n{who}\n\n{ours}\n"


def unknown_program(typed: str, ours: str, _: str) -> str:
    """No mark, no attribution: only our own sentinel stands between."""
    return f"{typed}\n\n{ours}\n"


PLAIN: dict[str, Callable[[str, str, str], str]] = {
    style.__name__: style
    for style in (
        gmail, gmail_german, gmail_japanese, outlook, outlook_web, outlook_old, apple_mail,
        ios_french, thunderbird, mutt_below, yahoo, proton, zoho, unknown_program,
    )
}  # fmt: skip


def gmail_html(typed: str, _: str, page: str) -> str:
    who = '<div dir="ltr" class="gmail_attr">On Sun, Nov 22, 2026 Acme wrote:<br></div>'
    return (
        f'<div dir="ltr">{_html(typed)}</div><br><div class="gmail_quote">{who}'
        f'<blockquote class="gmail_quote">{page}</blockquote></div>'
    )


def outlook_html(typed: str, _: str, page: str) -> str:
    head = "<p><b>From:</b> Acme approvals<br><b>Sent:</b> Sunday<br><b>To:</b> Ada<br></p>"
    return f"<html><body><p>{_html(typed)}</p><div><div>{head}</div></div>{page}</body></html>"


def bare_html(typed: str, _: str, page: str) -> str:
    return f"<p>{_html(typed)}</p>{page}"


HTML: dict[str, Callable[[str, str, str], str]] = {
    style.__name__: style for style in (gmail_html, outlook_html, bare_html)
}
STYLES = {**PLAIN, **HTML}


def reply(
    typed: str,
    ours: bytes | None = None,
    style: str = "gmail",
    sender: str | None = "Ada Lovelace <ada@example.com>",
    **fields: str,
) -> bytes:
    """The bytes of a reply: `typed` above (or below) `ours`, quoted in that style.

    `fields` are more header fields, with `_` for `-`.
    """
    text = text_of(ours) if ours else ""
    page = text_of(ours, "html") if ours else ""
    body = STYLES[style](typed, text, page) if ours else typed + "\n"
    message = EmailMessage(policy=email.policy.SMTP)
    message.set_content(body, subtype="html" if style in HTML else "plain", charset="utf-8")
    head = {"To": parsed(ours)["Reply-To"] if ours else ADDRESS, "Subject": "Re: it"}
    if sender is not None:
        head["From"] = sender
    head["Message-ID"] = "<reply-1@mail.example.com>"
    lines = [f"{name}: {value}" for name, value in head.items()]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n" + message.as_bytes()


def _html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
