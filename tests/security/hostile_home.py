"""A home through which hostile text goes at every place where somebody may put some.

The agent, its executors, the reviewers' mail programs, strangers, servers and the admin's own files
all speak `marked` words. `live` is the whole life; `outputs` is everything anybody gets to see.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.home import SITE, TestHome, link, until
from tests.security.hostile import ALL, ONE_LINE, marked

TOML = "".join(f"\\U{ord(one):08X}" for one in ONE_LINE)
"""The hostile characters as an admin's file may hold them."""

ADMIN = (
    SITE.replace('admins = ["cleo"]', 'admins = ["cleo", "ada"]')
    .replace('os_user = "{user}"', "")
    .replace('aliases = ["ada@personal.example"]', 'os_user = "{user}"')
    + """
[executors.loud]
type = "command"
argv = ["{python}", "{script}", "{ran}", "4"]
timeout = "10s"

[executors.hook]
type = "http"
url = "{hook}/said"
secret_file = "hook.secret"
timeout = "10s"

[executors.gone]
type = "command"
argv = ["/nonexistent/Mprogram\\u202e\\u001b[31m"]
"""
)

POLICY = """
[policy]
reviewers = ["owner"]
expires = "24h"

[kinds."pay.out"]
title = "Pay {payload.what} of {payload}"
executor = "refund"
effects = ["money"]
[kinds."pay.loud"]
title = "Loud {payload.what}"
executor = "loud"
[kinds."pay.hook"]
title = "Hook {payload.what}"
executor = "hook"
[kinds."pay.gone"]
title = "Gone {payload.what}"
executor = "gone"
[kinds."look.after"]
title = "Look {payload.what}"
reversible = true
executor = "refund"
[kinds."schema.kept"]
title = "Kept {payload.what}"
schema = "kept.json"

[[rules]]
name = "asks"
when = 'kind in ["pay.out", "pay.loud", "pay.hook", "schema.kept"]'
gate = "hard"
reason = "Mreason HOSTILE {payload.what}"
reviewers = ["finance"]
route_to = ["owner"]
on_failure = "review"

[[rules]]
name = "errs"
when = 'kind == "pay.hook" && payload.missing == 1'
gate = "hard"
reviewers = ["finance"]

[[rules]]
name = "doubts"
when = 'kind == "pay.gone"'
gate = "exception"
exceptions = [{ when = 'payload.what != "x"', reason = "Mexception HOSTILE {payload.what}" }]
reviewers = ["finance"]
on_failure = "review"

[[rules]]
name = "after"
when = 'kind == "look.after"'
gate = "sample"
rate = 1.0
reviewers = ["finance"]
""".replace("HOSTILE", TOML)

SCRIPT = f"""
import sys
sys.stdin.readline()
open(sys.argv[1], "a").write("ran\\n")
print({marked("stdout", ALL)!a})
print({marked("stderr", ALL)!a}, file=sys.stderr)
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""

FILES = {
    "name": "Mname\u202e\u200b\u009b\u001b]x.json",
    "toml": "Mtoml\u202egpj.toml",
}


def payload(what: str) -> dict[str, Any]:
    return {
        "what": marked(f"value{what}", ALL),
        marked("key", ALL): {"inner": [marked("item", ALL), 1]},
    }


def action(kind: str, what: str, **more: Any) -> dict[str, Any]:
    """An action, hostile in every field that takes text."""
    spoken = {
        "kind": kind,
        "payload": payload(what),
        "summary": marked("summary"),
        "why": marked("why", ALL),
        "run_id": marked("run", ALL),
        "context": [
            {
                "title": marked("title", ALL),
                "text": marked("text", ALL),
                "source": marked("source", ALL),
                "trust": marked("trust", ALL),
            }
        ],
        "attachments": [
            {"name": "plain.txt", "content_type": "text/plain", "base64": encoded("words")}
        ],
        "requested_by": "Mrequester\u202e\u200b@example.com",
        "labels": {marked("label", ALL): marked("labelled", ALL)},
        "confidence": 0.5,
    }
    return spoken | more


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BAD_ACTIONS: dict[str, Any] = {
    "unknown field": action("pay.out", "x") | {marked("field", ALL): 1},
    "kind": action(marked("kind", ALL), "x"),
    "summary": action("pay.out", "x", summary=marked("longsummary", ALL)),
    "id": action("pay.out", "x", id=marked("id", ALL)),
    "effects": action("pay.out", "x", effects=[marked("effect", ALL)]),
    "expires": action("pay.out", "x", expires=marked("expires", ALL)),
    "requester": action("pay.out", "x", requested_by=marked("by", ALL)),
    "supersedes": action("pay.out", "x", supersedes=marked("supersedes", ALL)),
    "attachment": action(
        "pay.out",
        "x",
        attachments=[
            {"name": marked("file", ALL), "content_type": "text/plain", "base64": encoded("x")}
        ],
    ),
    "content type": action(
        "pay.out",
        "x",
        attachments=[
            {"name": "a", "content_type": marked("mediatype", ALL), "base64": encoded("x")}
        ],
    ),
    "base64": action(
        "pay.out",
        "x",
        attachments=[{"name": "a", "content_type": "a/b", "base64": marked("base64", ALL)}],
    ),
    "nan": json.dumps({marked("nan", ALL): 1}).replace(" 1}", " NaN}").encode(),
    "twice": ('{"%s": 1, "%s": 2}' % ((marked("twice").replace("\\", ""),) * 2)).encode(),
    "deep": action("pay.out", "x", payload={marked("deep", ALL): json.loads("[" * 20 + "]" * 20)}),
    "cancel": {"cancel": marked("cancel", ALL)},
    "report": {"report": marked("report", ALL), "permit": marked("permit", ALL), "outcome": {}},
    "report of nothing": {
        "report": marked("nothing", ALL),
        "permit": marked("permit", ALL),
        "outcome": {"ok": True},
    },
    "kept": action("schema.kept", "x", payload={"what": 3}),
    "schema": action("pay.out", "x", context=[{"title": "a", marked("extra", ALL): "b"}]),
}


class HostileHome(TestHome):
    """`asked` maps what was asked to the id of its action; `pages` are addresses to look at."""

    __test__ = False

    def __init__(self, root: Path, port: int, hook: str) -> None:
        super().__init__(root, port, POLICY, ADMIN.replace("{hook}", hook), SCRIPT)
        (root / "kept.json").write_text(
            json.dumps({"type": "object", "properties": {"what": {"enum": [marked("enum", ALL)]}}})
        )
        (root / "hook.secret").write_text("whsec_" + encoded("secret of the hook"))
        (root / "hook.secret").chmod(0o600)
        self.pages: list[str] = []

    def start(self) -> None:
        """With all that it can be made to log."""
        log = (self.root.parent / f"{self.root.name}-daemon.log").open("ab")
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "hitl_mail", "--home", str(self.root), "run", "-v"],
            stdout=log,
            stderr=log,
        )
        log.close()
        until(lambda: self.health() is not None, "the daemon's health")

    def answer(self, mail: EmailMessage, text: str, sender: str, **headers: str) -> None:
        """A reply whose every header is hostile where a mail may be."""
        encoded_words = f"=?utf-8?b?{encoded(marked('header', ALL).replace('@', '.'))}?="
        typed = text.encode()
        lines = [
            f"From: {encoded_words} <{sender}>",
            f"To: {mail['Reply-To']}",
            f"Subject: Re: {encoded_words}",
            f"Message-ID: <{os.urandom(8).hex()}@\u202eMmid.example>",
            f"In-Reply-To: {mail['Message-ID']}",
            f"X-Mailer: {encoded_words}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            *(f"{key.replace('_', '-')}: {value}" for key, value in headers.items()),
        ]
        self.deliver("\r\n".join(lines).encode() + b"\r\n\r\n" + typed + b"\r\n")

    def wait_status(self, action_id: str, *wanted: str) -> str:
        def look() -> str | None:
            for row in self.json("queue"):
                if row["id"] == action_id and row["status"] in wanted:
                    return str(row["case"])
            return None

        return until(
            look, lambda: f"{action_id} {wanted}\n{self.cli('queue').stdout}\n{self.log()}"
        )

    def post(self, url: str, **data: str) -> httpx.Response:
        with httpx.Client(trust_env=False) as client:
            page = client.get(url).text
            found = re.search(r'name="seen" value="([^"]*)"', page)
            seen = found[1] if found else "none"
            agent = "Magent \u202e".encode()
            return client.post(url, data={"seen": seen, **data}, headers={"user-agent": agent})


def live(home: HostileHome) -> dict[str, str]:
    """The whole life; the ids of what was asked, by name."""
    home.start()
    asked = {
        name: home.drop(action(kind, name))
        for name, kind in (
            ("mailed", "pay.out"),
            ("edited", "pay.out"),
            ("linked", "pay.out"),
            ("routed", "pay.out"),
            ("typed", "pay.out"),
            ("loud", "pay.loud"),
            ("hook", "pay.hook"),
            ("gone", "pay.gone"),
            ("sampled", "look.after"),
            ("open", "pay.out"),
            ("bounced", "pay.out"),
            ("away", "pay.out"),
        )
    }
    for number, bad in enumerate(BAD_ACTIONS.values()):
        home.drop(bad, f"bad-{number}.json")
    for name in FILES.values():
        home.drop(b"\x1b not json \xe2\x80\xae", name)
    mails = {name: home.await_mail("ada@example.com", f"Mvalue{name} ") for name in asked}
    reply, ada = home.answer, "ada@example.com"
    reply(mails["mailed"], f"approve: {marked('note')}", ada)
    reply(mails["mailed"], f"{marked('nonsense')} what?", ada)
    edit = json.dumps({"what": marked("edited", ALL), marked("newkey", ALL): marked("new", ALL)})
    reply(mails["edited"], f"edit\n```\n{edit}\n```\n", ada)
    reply(mails["routed"], f"route owner: {marked('routenote')}", ada)
    for name in ("loud", "hook", "gone"):
        reply(mails[name], "approve", ada)
    reply(mails["sampled"], f"flag {marked('flagnote')}", ada)
    reply(
        mails["away"],
        marked("absent"),
        ada,
        Auto_Submitted="auto-replied",
    )
    strange(home, mails["open"])
    bounce(home, mails["bounced"])
    posted = home.post(link(mails["linked"]), verb="reject", note=marked("linknote", ALL))
    assert posted.status_code == 303, posted.text
    refused = home.post(link(mails["open"]), verb="edit", json=marked("badedit", ALL), note="")
    home.pages += [link(mail) for mail in mails.values()]
    (home.root / "page-refused.html").write_text(refused.text)
    home.await_result(asked["mailed"])
    home.await_result(asked["linked"])
    case = home.wait_status(asked["typed"], "pending")
    done = home.cli("route", case, "owner", marked("typednote", ALL.replace("\r", "")))
    assert done.returncode == 0, done.stderr
    for name in ("loud", "hook", "gone"):
        home.wait_status(asked[name], "held", "in_doubt")
    home.await_mail(ada, "Loud Mvalueloud", count=2)
    edited = home.await_mail("bob@example.com", "Pay Medited")
    home.pages.append(link(edited))
    settled = home.wait_status(asked["gone"], "held", "in_doubt")
    assert home.cli("abandon", settled, marked("abandoned", ALL)).returncode == 0
    home.await_result(asked["gone"])
    until(lambda: home.refusal("bad-0.json"), "a refusal")
    return asked


def strange(home: HostileHome, mail: EmailMessage) -> None:
    """Mails of people who have no business here, about a case that is open."""
    home.answer(mail, "approve", "eve@evil.example")
    home.answer(mail, "edit\n" + marked("editkey") + ' = "x"', "ada@example.com")
    home.answer(mail, f"route {marked('nobody')}", "ada@example.com")
    home.deliver(b"From: " + marked("garbage", ALL).encode() + b"\r\n\r\n" + ALL.encode())
    home.deliver(b"\x00\xff" * 50)


def bounce(home: HostileHome, mail: EmailMessage) -> None:
    why = marked("bounce").encode()
    home.deliver(
        f"""From: MAILER-DAEMON@mx.example.com
To: {mail["Reply-To"]}
Subject: Mail Returned to Sender
Message-ID: <b1@mx.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain; charset=utf-8

""".replace("\n", "\r\n").encode()
        + why
        + b"\r\n--=b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"Reporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; ada@example.com\r\n"
        + b"Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 "
        + why
        + f"\r\n\r\n--=b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {mail['Message-ID']}"
        "\r\nSubject: x\r\n\r\nThe packet.\r\n--=b--\r\n".encode()
    )


# Everything that is shown


def commands(home: HostileHome, asked: dict[str, str]) -> list[tuple[str, ...]]:
    """Every command that prints something of cases, files, mails or what it was given."""
    bad, mail = home.root / "bad-mail.eml", home.root / "hostile.eml"
    mail.write_bytes(
        b"From: " + marked("from").encode() + b" <ada@example.com>\r\nSubject: x\r\n\r\n"
        b"approve: " + marked("mailnote").encode()
    )
    bad.write_bytes(b"\x1b" + ALL.encode())
    file = home.root / "action.json"
    file.write_text(json.dumps(action("pay.out", "explained")))
    wrong = home.root / "wrong.json"
    wrong.write_text(json.dumps(BAD_ACTIONS["unknown field"]))
    rules = home.root / "other.toml"
    rules.write_text(
        (home.root / "rules.toml").read_text().replace("Mreason", "Mother") + "\n[kinds.x]\ntitle=1"
    )
    export = home.root / "forged.jsonl"
    export.write_text(
        json.dumps({"seq": marked("seq", ALL), "digest": marked("digest", ALL)}, ensure_ascii=False)
        + "\n"
    )
    given = marked("given", ALL)
    ids = [*asked.values()]
    shows = [("show", one) for one in ids] + [("receipts", "show", asked["mailed"])]
    plain = [
        ("queue",),
        ("status",),
        ("stats",),
        ("doctor",),
        ("keys", "list"),
        ("receipts", "list"),
        ("receipts", "verify"),
        ("receipts", "export", "--format", "csv"),
        ("rules", "check"),
        ("rules", "test"),
        ("rules", "replay"),
        ("rules", "suggest"),
        ("rules", "explain", str(file)),
        ("rules", "explain", asked["open"]),
        ("wait", asked["mailed"], "--timeout", "0"),
        ("mail", "explain", str(mail)),
        ("mail", "explain", "--text-only", str(mail)),
    ]
    return [
        *shows,
        *plain,
        *(
            (*words, "--json")
            for words in (shows[0], *plain)
            if words[:2] != ("receipts", "export")
        ),
        ("stats", "--html", str(home.root / "stats.html")),
        # What is wrong with what was given
        ("mail", "explain", str(bad)),
        ("mail", "explain", str(home.root / given)),
        ("show", given),
        ("approve", given),
        ("approve", asked["open"], "--timeout", given),
        ("edit", asked["open"], given),
        ("edit", asked["open"], f"{given}=1"),
        ("edit", asked["open"], "--payload", given),
        ("edit", asked["open"], "--payload", str(bad)),
        ("route", asked["open"], given),
        ("reject", asked["mailed"], given),
        ("wait", given, "--timeout", "0"),
        ("wait", asked["mailed"], "--agent", given),
        ("cancel", given),
        ("submit", given),
        ("submit", str(wrong)),
        ("submit", str(file), "--agent", given),
        ("keys", "rotate", given),
        ("keys", "rotate", "links", "--keep", given),
        ("receipts", "list", "--status", given),
        ("receipts", "erase", given),
        ("receipts", "erase", asked["open"], given),
        ("receipts", "export", "--since", given),
        ("receipts", "verify", str(export)),
        ("receipts", "verify", str(home.root / given)),
        ("receipts", "verify", "--anchor", given),
        ("receipts", "verify", str(export), "--key", given),
        ("rules", "explain", given),
        ("rules", "explain", str(wrong)),
        ("rules", "explain", str(file), "--agent", given),
        ("rules", "diff", given, str(rules)),
        ("rules", "diff", str(home.root / "rules.toml"), str(rules)),
        ("rules", "replay", "--rules", str(rules)),
        ("rules", "relax", given),
        ("schema", given),
        ("init", str(home.root / given / "x")),
        (given,),
        ("queue", f"--{given}"),
        ("queue", given),
    ]


DRIVER = """
import importlib, json, os, sys
from hitl_mail.cli import _COMMANDS, main
for name in {*_COMMANDS.values(), "explain", "reader"}:
    importlib.import_module(f"hitl_mail.cli.{name}")
import cel, rich.console, rich.table, rich.text
for words in json.load(sys.stdin):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(write, 1), os.dup2(write, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, 256)
        sys.argv = ["hitl-mail", *words]
        try:
            main()
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    print(json.dumps([words, said.decode("latin-1")]))
"""
"""Each command in a process of its own, forked from one that has read all the code."""


def terminal(home: HostileHome, asked: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """What each command writes, on standard output and error; one interpreter for all."""
    told = [["--home", str(home.root), *words] for words in commands(home, asked)]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "COLUMNS": "200"},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(told)
    for words, said in map(json.loads, lines):
        name = ascii(" ".join(words[2:]))
        assert "Traceback" not in said and "a fault of hitl-mail" not in said, (name, said)
        # RFC 4180: the lines of a table end so.
        yield f"$ {name}", said.encode("latin-1").replace(b"\r\n", b"\n")


def on_a_terminal(home: HostileHome, *words: str) -> Iterator[tuple[str, bytes]]:
    """What a command writes where somebody watches."""
    reader, writer = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "hitl_mail", "--home", str(home.root), *words],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    ):
        os.close(writer)
        said = bytearray()
        # Linux answers EIO, not an empty read, once nobody writes any more.
        with contextlib.suppress(OSError):
            while part := os.read(reader, 65536):
                said += part
    os.close(reader)
    yield f"$ {' '.join(words)} on a terminal", bytes(said).replace(b"\r\n", b"\n")


def web(home: HostileHome) -> Iterator[tuple[str, bytes]]:
    """Every page behind a link in a mail, what they link to, and answers to bad requests."""

    def told(name: str, answer: httpx.Response) -> Iterator[tuple[str, bytes]]:
        yield f"page {name} {answer.status_code}", answer.content
        yield (
            f"page {name} header",
            "\n".join(f"{k}: {v}" for k, v in answer.headers.items()).encode(),
        )

    base = f"http://127.0.0.1:{home.port}"
    hostile = urllib.parse.quote(marked("path", ALL))
    with httpx.Client(trust_env=False) as client:
        for number, url in enumerate(home.pages):
            page = client.get(url)
            yield from told(str(number), page)
            for way in ("r", "q"):
                for onward in set(re.findall(rf'href="\.\./({way}/[^"#]+)"', page.text)):
                    found = client.get(f"{base}/{onward}")
                    yield from told(f"{number} {way}", found)
        for path in (f"/{hostile}", f"/d/{hostile}", f"/r/{hostile}", f"/q/{hostile}"):
            yield from told(f"{path[:3]} of nothing", client.get(base + path))
        for data in ({"verb": marked("verb", ALL)}, {"seen": "x", "verb": "approve"}):
            for url in (f"{base}/d/{hostile}", home.pages[0], home.pages[9]):
                yield from told("posted", client.post(url, data=data))
    yield "page refused", (home.root / "page-refused.html").read_bytes()


def mailed(home: HostileHome) -> Iterator[tuple[str, bytes]]:
    """Every header and every text of every mail, decoded as a mail program does."""
    for path in sorted((home.root / "mail/out/new").iterdir()):
        mail = home.read(path)
        name = f"mail {mail['Subject']} to {mail['To']}"
        yield f"{name}: header", path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        for field, value in mail.items():
            yield f"{name}: {field}", str(value).encode("utf-8", "replace")
        for part in mail.walk():
            if part.get_content_maintype() == "multipart":
                continue
            yield f"{name}: file name", (part.get_filename() or "").encode()
            if part.get_filename() != "plain.txt":
                content = part.get_content()
                text = content if isinstance(content, bytes) else content.encode()
                yield f"{name}: {part.get_content_type()}", text.replace(b"\r\n", b"\n")


def files(home: HostileHome) -> Iterator[tuple[str, bytes]]:
    """What agents and admins read with `cat` or `ls`."""
    for place in ("spool/results", "spool/refused", "control/results"):
        for path in (home.root / place).iterdir():
            yield f"file {place}", os.fsencode(path.name)
            if path.name.endswith(".error.json") or place != "spool/refused":
                yield f"file {place}/{path.name!a}", path.read_bytes()
    yield "page of stats", (home.root / "stats.html").read_bytes()
    yield "file health.json", (home.root / "state/health.json").read_bytes()
    yield "log", home.log().encode("utf-8", "surrogateescape")


def outputs(home: HostileHome, asked: dict[str, str]) -> list[tuple[str, bytes]]:
    watched = [
        *on_a_terminal(home, "receipts", "export"),
        *on_a_terminal(home, "receipts", "export", "--json"),
        *on_a_terminal(home, "show", asked["mailed"]),
    ]
    return [*mailed(home), *web(home), *terminal(home, asked), *watched, *files(home)]
