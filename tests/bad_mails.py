"""Mails made to be slow to read: what repeats, nests, never ends or looks like everything."""

from __future__ import annotations

_HEAD = "From: Ada <ada@example.com>\nContent-Type: text/{}; charset=utf-8\n\n"


def _plain(text: str) -> bytes:
    return (_HEAD.format("plain") + text).encode()


def _page(text: str) -> bytes:
    return (_HEAD.format("html") + text).encode()


BAD: dict[str, bytes] = {
    "quote marks": _plain("> " * 100_000),
    "attributions that go on": _plain("On a\n" * 60_000),
    "addresses": _plain("a@b " * 80_000),
    "header fields": _plain("From: x\n" * 40_000),
    "rules": _plain("---\n" * 60_000),
    "banners": _plain("CAUTION: external links\n\n" * 9_000),
    "years above our address": _plain("2026\n" * 2_000 + "approvals@example.com wrote:\n> x"),
    "changes": _plain("edit\n" + "".join(f"k{index} = {index}\n" for index in range(20_000))),
    "a string without an end": _plain('edit\nk = "' + "x\n" * 100_000),
    "brackets without an end": _plain("edit\nk = [\n" + "[\n" * 100_000),
    "objects without an end": _plain("edit\n" + '{"a":' * 40_000),
    "a dotted key": _plain("edit\nk = {" + "a." * 60_000 + "b = 1}"),
    "curly quotes": _plain("edit\nk = " + "“a” " * 60_000),
    "links behind words": _plain("edit\nk = " + "a<http://a>" * 20_000),
    "disclaimers": _plain("approve\n\n" + "This e-mail is confidential, privileged.\n\n" * 5_000),
    "one long disclaimer": _plain("approve\n\n" + "This message is confidential. " * 8_000),
    "signatures": _plain("approve\n\nBest\n" + "Ada | +49 30 1234567 | x@y.example\n" * 6_000),
    "thanks": _plain("approve\n\n" + "thanks, " * 30_000),
    "open elements": _page("<div>" * 50_000),
    "open quotes": _page("<blockquote>" * 20_000 + "x"),
    "styles": _page("<p style='display:none'>a</p>" * 9_000),
    "comments in a style": _page("<p style='" + "/*" * 90_000 + "'>a"),
    "links": _page("<a href=x>" * 20_000),
    "paragraphs": _page("<p>approve</p>" * 18_000),
    "tables": _page("<table><tr><td>" * 17_000),
    "ids": _page("<div id=appendonsend></div>" * 9_000),
    "parameters": b"Content-Type: text/plain" + b"; a=b" * 100_000 + b"\n\napprove",
    "parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (index, index)
        for index in range(5_000)
    ),
    "fields": b"A: b\n" * 200_000 + b"\napprove",
    "base64": b"Content-Transfer-Encoding: base64\n\n" + b"YXBw" * 250_000,
    "quoted-printable": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=3D" * 300_000,
    "parameters of a bounce": b"From: MAILER-DAEMON\nContent-Type: multipart/report"
    + b"; a=b" * 100_000
    + b"\n\nAction: failed",
    "spaces above a digest": b"From: a@b\n\nReceipt 1," + b" " * 200_000 + b"\n" + b" \t" * 50_000,
    "flowed lines": b"Content-Type: text/plain; format=flowed\n\n" + b"a \n" * 100_000,
}
