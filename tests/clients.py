"""Replies as the mail programs people use write them: which parts, which encoding, how they quote.

A client takes what a person typed and a mail of ours, in one language, and gives the bytes that
arrive. Written after what these programs send: their markup, attributions and signatures.
"""

from __future__ import annotations

import base64
import html
import quopri
import textwrap
from collections.abc import Callable
from functools import cache

from tests.languages import Words
from tests.mails import parsed, text_of

NAME, US = "Acme approvals", "approvals@example.com"


@cache
def _text(ours: bytes, sort: str = "plain") -> str:
    return text_of(ours, sort)


@cache
def _fields(ours: bytes) -> dict[str, str]:
    return {name: str(value) for name, value in parsed(ours).items()}


Client = Callable[[str, bytes, Words], bytes]


def _attribution(words: Words) -> str:
    return words.attribution.format(date="", name=NAME, mail=US)


def _head(words: Words, to: str = "Ada Lovelace <ada@example.com>") -> list[str]:
    sender, sent, receiver, subject = words.head
    return [
        f"{sender}: {NAME} <{US}>",
        f"{sent}: Sunday, 22 November 2026 11:00",
        f"{receiver}: {to}",
        f"{subject}: [hitl 261122-k3f9ma] Refund 49 EUR to Ada",
    ]


def marked(text: str, width: int = 0) -> str:
    """Quoted with `>`, wrapped as Gmail does where `width` says so."""
    lines = []
    for line in text.splitlines():
        parts = textwrap.wrap(line, width, break_long_words=False) if width else []
        lines += [f"> {part}".rstrip() for part in parts or [line]]
    return "\n".join(lines)


def paragraphs(text: str, tag: str = "div", empty: str = "<br>") -> str:
    """Each line as an element, as editors of HTML write them."""
    return "".join(f"<{tag}>{html.escape(line) or empty}</{tag}>" for line in text.splitlines())


def _whole(page: str) -> str:
    """What is inside a page's body, which is what a program quotes."""
    low = page.lower()
    begin = low.find(">", low.find("<body")) + 1 if "<body" in low else 0
    end = low.rfind("</body>")
    return page[begin : end if end > 0 else len(page)]


def part(body: str, sort: str = "plain", charset: str = "utf-8", coding: str = "quoted") -> str:
    """One MIME part with its header."""
    raw = body.replace("\n", "\r\n").encode(charset, "xmlcharrefreplace")
    if coding == "base64":
        name, shown = "base64", base64.encodebytes(raw).decode()
    elif coding == "8bit":
        name, shown = "8bit", raw.decode("latin-1")
    else:
        name, shown = "quoted-printable", quopri.encodestring(raw).decode("latin-1")
    flowed = "; format=flowed" if coding == "8bit" and sort == "plain" else ""
    return (
        f"Content-Type: text/{sort}; charset={charset}{flowed}\r\n"
        f"Content-Transfer-Encoding: {name}\r\n\r\n{shown}\r\n"
    )


def message(ours: bytes, *parts: str, program: str = "") -> bytes:
    """A reply to one of our mails, of one part or of alternatives."""
    mail = _fields(ours)
    head = [
        "From: Ada Lovelace <ada@example.com>",
        f"To: {mail['Reply-To']}",
        f"Subject: Re: {mail['Subject']}",
        "Message-ID: <reply-1@mail.example.com>",
        f"In-Reply-To: {mail['Message-ID']}",
        "MIME-Version: 1.0",
        *([f"X-Mailer: {program}"] if program else []),
    ]
    if len(parts) == 1:
        return ("\r\n".join(head) + "\r\n" + parts[0]).encode("latin-1")
    body = "".join(f"--=_b\r\n{one}" for one in parts)
    head.append('Content-Type: multipart/alternative; boundary="=_b"')
    return ("\r\n".join(head) + f"\r\n\r\n{body}--=_b--\r\n").encode("latin-1")


def _old_charset(text: str) -> str:
    """What Outlook takes where it can."""
    for charset in ("windows-1252", "iso-8859-2"):
        try:
            text.encode(charset)
        except UnicodeEncodeError:
            continue
        return charset
    return "utf-8"


def gmail_web(typed: str, ours: bytes, words: Words) -> bytes:
    who = "\n".join(textwrap.wrap(_attribution(words), 76, break_long_words=False))
    wrapped = "\n".join(
        "\n".join(textwrap.wrap(line, 75, break_long_words=False)) for line in typed.splitlines()
    )
    plain = f"{wrapped}\n\n{who}\n\n{marked(_text(ours), 74)}\n"
    page = (
        f'<div dir="ltr">{paragraphs(typed)}</div><br><div class="gmail_quote '
        f'gmail_quote_container"><div dir="ltr" class="gmail_attr">'
        f'{html.escape(_attribution(words))}<br></div><blockquote class="gmail_quote" '
        f'style="margin:0px 0px 0px 0.8ex">{_whole(_text(ours, "html"))}</blockquote></div>'
    )
    return message(ours, part(plain), part(page, "html"))


def gmail_android(typed: str, ours: bytes, words: Words) -> bytes:
    plain = f"{typed}\n\n{_attribution(words)}\n\n{marked(_text(ours), 74)}\n"
    page = (
        f'<div dir="auto">{paragraphs(typed)}</div><br><div class="gmail_quote"><div dir="ltr" '
        f'class="gmail_attr">{html.escape(_attribution(words))}<br></div><blockquote '
        f'class="gmail_quote">{_whole(_text(ours, "html"))}</blockquote></div>'
    )
    return message(ours, part(plain, coding="base64"), part(page, "html", coding="base64"))


def gmail_below(typed: str, ours: bytes, words: Words) -> bytes:
    plain = f"{_attribution(words)}\n\n{marked(_text(ours), 74)}\n\n{typed}\n"
    return message(ours, part(plain))


def outlook_desktop(typed: str, ours: bytes, words: Words) -> bytes:
    doubled = "\n\n".join(line for line in _text(ours).splitlines() if line)
    head = "\n".join(_head(words))
    plain = f"{typed}\n\n \n\n{head}\n\n \n\n{doubled}\n"
    fields = "<br>".join(
        f"<b>{name}:</b>{html.escape(value)}"
        for name, _, value in (line.partition(":") for line in _head(words))
    )
    page = (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal '
        "{margin:0cm}</style></head><body lang=EN-GB><div class=WordSection1>"
        + "".join(
            f"<p class=MsoNormal>{html.escape(line) or '<o:p>&nbsp;</o:p>'}<o:p></o:p></p>"
            for line in typed.splitlines()
        )
        + "<p class=MsoNormal><o:p>&nbsp;</o:p></p><div><div style='border:none;border-top:solid "
        f"#E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal>{fields}<o:p></o:p></p>"
        f"</div></div>{_whole(_text(ours, 'html'))}</div></body></html>"
    )
    return message(
        ours, part(plain, charset=_old_charset(plain)), part(page, "html"), program="Outlook 16.0"
    )


def outlook_html_only(typed: str, ours: bytes, words: Words) -> bytes:
    fields = "<br>".join(f"<b>{html.escape(line)}</b>" for line in _head(words))
    page = (
        "<html><body><div class=WordSection1>"
        + "".join(
            f"<p class=MsoNormal>{html.escape(line) or '&nbsp;'}</p>" for line in typed.splitlines()
        )
        + f"<p class=MsoNormal>&nbsp;</p><div><p class=MsoNormal>{fields}</p></div>"
        f"{_whole(_text(ours, 'html'))}</div></body></html>"
    )
    return message(ours, part(page, "html", "windows-1252"))


def outlook_web(typed: str, ours: bytes, words: Words) -> bytes:
    head = "\n".join(_head(words))
    plain = f"{typed}\n________________________________\n{head}\n\n{_text(ours)}\n"
    fields = "<br>".join(html.escape(line) for line in _head(words))
    page = (
        f'<html><body dir="ltr"><div class="elementToProof">{paragraphs(typed)}</div>'
        f'<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">'
        f'<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri">{fields}</font></div>'
        f"<div>{_whole(_text(ours, 'html'))}</div></body></html>"
    )
    return message(ours, part(plain, coding="base64"), part(page, "html", coding="base64"))


def outlook_mobile(typed: str, ours: bytes, words: Words) -> bytes:
    head = "\n".join(_head(words))
    plain = (
        f"{typed}\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n"
        f"________________________________\n{head}\n\n{_text(ours)}\n"
    )
    return message(ours, part(plain, coding="base64"))


def apple_mail(typed: str, ours: bytes, words: Words) -> bytes:
    plain = f"{typed}\n\n> {_attribution(words)}\n> \n{marked(_text(ours))}\n"
    page = (
        f'<html><body style="overflow-wrap: break-word;">{paragraphs(typed)}<div><br><blockquote '
        f'type="cite"><div>{html.escape(_attribution(words))}</div><br>'
        f"{_whole(_text(ours, 'html'))}</blockquote></div></body></html>"
    )
    return message(ours, part(plain), part(page, "html"), program="Apple Mail (2.3826)")


def ios_mail(typed: str, ours: bytes, words: Words) -> bytes:
    plain = f"{typed}\n\n{words.phone}\n\n> {_attribution(words)}\n> \n> {marked(_text(ours))}\n"
    page = (
        f'<html><body dir="auto">{paragraphs(typed)}<br id="lineBreakAtBeginningOfSignature">'
        f'<div dir="ltr">{words.phone}</div><div dir="ltr"><br><blockquote type="cite">'
        f'{html.escape(_attribution(words))}<br><br></blockquote></div><blockquote type="cite">'
        f'<div dir="ltr">{_whole(_text(ours, "html"))}</div></blockquote></body></html>'
    )
    return message(ours, part(plain), part(page, "html"), program="iPhone Mail (22F76)")


def thunderbird(typed: str, ours: bytes, words: Words) -> bytes:
    plain = f"{typed}\n\n{_attribution(words)}\n{marked(_text(ours))}\n\n-- \nAda Lovelace\n"
    return message(ours, part(plain, coding="8bit"))


def thunderbird_below(typed: str, ours: bytes, words: Words) -> bytes:
    plain = f"{_attribution(words)}\n{marked(_text(ours))}\n\n{typed}\n\n-- \nAda Lovelace\n"
    return message(ours, part(plain, coding="8bit"))


def yahoo(typed: str, ours: bytes, words: Words) -> bytes:
    quoted = "\n".join(f"  {line}" for line in _text(ours).splitlines())
    plain = f" {typed}\n\n    {_attribution(words)}  \n \n {quoted}\n"
    page = (
        f'<html><body><div class="ydp-yahoo-style-wrap">{paragraphs(typed)}</div><div '
        f'id="yahoo_quoted_1" class="yahoo_quoted"><div>{html.escape(_attribution(words))}</div>'
        f"{_whole(_text(ours, 'html'))}</div></body></html>"
    )
    return message(ours, part(plain), part(page, "html"), program="YMailNorrin")


def proton(typed: str, ours: bytes, words: Words) -> bytes:
    plain = (
        f"{typed}\n\nSent with [Proton Mail](https://proton.me/mail/home) secure email.\n\n"
        f"{_attribution(words)}\n\n{marked(_text(ours))}\n"
    )
    return message(ours, part(plain, coding="base64"))


def proton_html(typed: str, ours: bytes, words: Words) -> bytes:
    page = (
        f'{paragraphs(typed, "div")}<div class="protonmail_quote">'
        f'{html.escape(_attribution(words))}<br><blockquote class="protonmail_quote" '
        f'type="cite">{_whole(_text(ours, "html"))}</blockquote></div>'
    )
    return message(ours, part(page, "html"))


def samsung(typed: str, ours: bytes, words: Words) -> bytes:
    head = "\n".join(_head(words))
    plain = f"{typed}\n\n-------- {words.original} --------\n{head}\n\n{_text(ours)}\n"
    page = (
        f'<html><body><div dir="auto">{paragraphs(typed)}</div><div dir="auto"><br></div><div '
        f'align="left" dir="auto"><div>-------- {html.escape(words.original)} --------</div>'
        f"{paragraphs(head)}<div><br></div></div>{_whole(_text(ours, 'html'))}</body></html>"
    )
    return message(ours, part(plain, coding="base64"), part(page, "html", coding="base64"))


def samsung_html_only(typed: str, ours: bytes, words: Words) -> bytes:
    head = "\n".join(_head(words))
    page = (
        f'<html><body><div dir="auto">{paragraphs(typed)}</div><div><div>-------- '
        f"{html.escape(words.original)} --------</div>{paragraphs(head)}</div>"
        f"{_whole(_text(ours, 'html'))}</body></html>"
    )
    return message(ours, part(page, "html", coding="base64"))


def mutt(typed: str, ours: bytes, words: Words) -> bytes:
    plain = f"{_attribution(words)}\n{marked(_text(ours))}\n\n{typed}\n"
    return message(ours, part(plain, coding="8bit"), program="Mutt 2.2")


def mutt_between(typed: str, ours: bytes, words: Words) -> bytes:
    """Below the line it answers, with the rest of the quote underneath."""
    lines = _text(ours).splitlines()
    half = len(lines) // 2
    top, rest = "\n".join(lines[:half]), "\n".join(lines[half:])
    plain = f"{_attribution(words)}\n{marked(top)}\n\n{typed}\n\n{marked(rest)}\n"
    return message(ours, part(plain, coding="8bit"), program="Mutt 2.2")


def through_a_list(typed: str, ours: bytes, words: Words) -> bytes:
    plain = (
        f"{typed}\n\n{_attribution(words)}\n\n{marked(_text(ours))}\n\n"
        f"{'_' * 47}\nfinance mailing list -- finance@lists.example.com\n"
        "To unsubscribe send an email to finance-leave@lists.example.com\n"
    )
    return message(ours, part(plain))


CLIENTS: dict[str, Client] = {
    client.__name__: client
    for client in (
        gmail_web, gmail_android, gmail_below, outlook_desktop, outlook_html_only, outlook_web,
        outlook_mobile, apple_mail, ios_mail, thunderbird, thunderbird_below, yahoo, proton,
        proton_html, samsung, samsung_html_only, mutt, mutt_between, through_a_list,
    )
}  # fmt: skip
